//! What the documents must say of the code.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};

use super::Violation;
use super::dependencies::Crate;

const CODE_MAP: &str = "ARCHITECTURE.md";

/// Checks that the code map names every crate, by its folder.
pub(super) fn check(root: &Path, crates: &[Crate]) -> Result<Vec<Violation>> {
    let text = fs::read_to_string(root.join(CODE_MAP))
        .with_context(|| format!("could not read `{CODE_MAP}`"))?;
    Ok(check_code_map(&text, crates))
}

fn check_code_map(text: &str, crates: &[Crate]) -> Vec<Violation> {
    let heading = text.lines().position(|line| line.trim() == "## Code map");
    let Some(start) = heading else {
        return vec![Violation::new(CODE_MAP, 1, "no section `## Code map`; add it")];
    };
    let map: Vec<&str> =
        text.lines().skip(start + 1).take_while(|line| !line.starts_with("## ")).collect();
    crates
        .iter()
        .filter(|krate| !map.iter().any(|line| line.contains(&format!("`{}`", krate.folder))))
        .map(|krate| {
            let message = format!("the code map does not name `{}`; describe it", krate.folder);
            Violation::new(CODE_MAP, start + 1, message)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn krate(folder: &str) -> Crate {
        Crate {
            name: folder.to_owned(),
            folder: folder.to_owned(),
            manifest: String::new(),
            dependencies: Vec::new(),
        }
    }

    #[test]
    fn every_crate_is_on_the_map() {
        let text = "# A\n\n## Code map\n\n### `crates/core`\n\nCore.\n\n## Rest\n\n`xtask`\n";
        let found = check_code_map(text, &[krate("crates/core"), krate("xtask")]);
        assert_eq!(
            found,
            [Violation::new(CODE_MAP, 3, "the code map does not name `xtask`; describe it")]
        );
    }

    #[test]
    fn there_is_a_map() {
        assert!(check_code_map("# A\n", &[])[0].message.contains("Code map"));
    }
}
