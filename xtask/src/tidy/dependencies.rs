//! Who may depend on whom.

use anyhow::{Context, Result};
use cargo_metadata::{DependencyKind, Metadata};

use super::Violation;

/// A crate of the workspace, as far as these rules read it.
#[derive(Debug, Clone)]
pub(super) struct Crate {
    pub(super) name: String,
    /// Folder relative to the root: `crates/core`.
    pub(super) folder: String,
    /// The text of its Cargo.toml.
    pub(super) manifest: String,
    pub(super) dependencies: Vec<Dependency>,
}

/// One line of a dependency table.
#[derive(Debug, Clone)]
pub(super) struct Dependency {
    pub(super) name: String,
    pub(super) dev: bool,
}

/// The crates of the workspace in `metadata`.
pub(super) fn workspace(metadata: &Metadata) -> Result<Vec<Crate>> {
    metadata
        .workspace_packages()
        .into_iter()
        .map(|package| {
            let folder = package.manifest_path.parent().unwrap_or(&package.manifest_path);
            let folder = folder.strip_prefix(&metadata.workspace_root).unwrap_or(folder);
            Ok(Crate {
                name: package.name.to_string(),
                folder: folder.as_str().replace('\\', "/"),
                manifest: std::fs::read_to_string(&package.manifest_path)
                    .with_context(|| format!("could not read `{}`", package.manifest_path))?,
                dependencies: package
                    .dependencies
                    .iter()
                    .map(|dependency| Dependency {
                        name: dependency.name.clone(),
                        dev: dependency.kind == DependencyKind::Development,
                    })
                    .collect(),
            })
        })
        .collect()
}

const LIBRARIES: &[&str] =
    &["espalier-core", "espalier-models", "espalier-search", "espalier-prm", "espalier-exec"];

/// What only the model runtime may name.
const KERNELS: &str = "espalier-kernels";

/// The crates of the workspace that the crate `name` may name, in any table; `None` where the rules do
/// not know the crate.
fn allowed_siblings(name: &str) -> Option<Vec<&'static str>> {
    let with = |more: &[&'static str]| Some([LIBRARIES, more].concat());
    match name {
        "espalier-core" | KERNELS | "xtask" => Some(vec![]),
        "espalier-models" => Some(vec!["espalier-core", KERNELS]),
        "espalier-search" | "espalier-prm" | "espalier-exec" => Some(vec!["espalier-core"]),
        "espalier-eval" => with(&[]),
        "espalier-train" => with(&["espalier-eval"]),
        "espalier" => with(&["espalier-eval", "espalier-train"]),
        "espalier-benches" => with(&["espalier-eval", "espalier-train", "espalier"]),
        _ => None,
    }
}

/// Third-party crates that only some crates may name: a prefix, who may, and why.
const RESERVED: &[(&str, &[&str], &str)] = &[
    ("burn", &["espalier-models", "espalier-train"], "other crates speak core's traits"),
    ("cubecl", &["espalier-models", "espalier-train"], "other crates speak core's traits"),
    ("petgraph", &["espalier-search"], "the graph is private to the tree of thoughts"),
];

/// All that `espalier-core` may be built from.
const CORE: &[&str] = &["serde", "thiserror"];

/// Checks every dependency table.
pub(super) fn check(crates: &[Crate]) -> Vec<Violation> {
    let mut violations = Vec::new();
    for krate in crates {
        let file = format!("{}/Cargo.toml", krate.folder);
        let mut at = |needle: &str, message: String| {
            violations.push(Violation::new(&file, line_of(&krate.manifest, needle), message));
        };
        let name = &krate.name;
        if !has_workspace_lints(&krate.manifest) {
            at("[package]", format!("`{name}` has no `[lints] workspace = true`; add it"));
        }
        let Some(siblings) = allowed_siblings(name) else {
            at(
                "name",
                format!(
                    "the dependency rules do not know `{name}`; add it to \
                     xtask/src/tidy/dependencies.rs and to ARCHITECTURE.md"
                ),
            );
            continue;
        };
        for dependency in &krate.dependencies {
            let other = &dependency.name;
            let is_sibling = crates.iter().any(|krate| krate.name == *other);
            if is_sibling && other != name && !siblings.contains(&&**other) {
                at(other, format!("`{name}` must not depend on `{other}`; see ARCHITECTURE.md"));
            }
            if name == "espalier-core" && !dependency.dev && !CORE.contains(&&**other) {
                at(
                    other,
                    format!("`{name}` may depend on serde and thiserror only, not `{other}`"),
                );
            }
            for (prefix, users, why) in RESERVED {
                if other.starts_with(prefix) && !users.contains(&&**name) {
                    let users = users.join("` and `");
                    at(other, format!("only `{users}` may name `{other}`: {why}"));
                }
            }
        }
    }
    violations
}

/// Returns true if and only if the manifest takes the workspace's lints.
fn has_workspace_lints(manifest: &str) -> bool {
    let mut lines = manifest.lines().map(str::trim).skip_while(|line| *line != "[lints]").skip(1);
    lines.next().is_some_and(|line| line.replace(' ', "") == "workspace=true")
}

/// The first line that starts with `needle`, from 1; 1 where there is none.
fn line_of(text: &str, needle: &str) -> usize {
    text.lines().position(|line| line.trim_start().starts_with(needle)).map_or(1, |index| index + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn krate(name: &str, dependencies: &[(&str, bool)]) -> Crate {
        let lines: Vec<String> =
            dependencies.iter().map(|(name, _)| format!("{name}.workspace = true")).collect();
        let lines = lines.join(
            "
",
        );
        Crate {
            name: name.to_owned(),
            folder: format!("crates/{}", name.trim_start_matches("espalier-")),
            manifest: format!("[package]\nname = \"{name}\"\n{lines}\n[lints]\nworkspace = true\n"),
            dependencies: dependencies
                .iter()
                .map(|(name, dev)| Dependency { name: (*name).to_owned(), dev: *dev })
                .collect(),
        }
    }

    /// The violations of a workspace with all the crates, one of them with these dependencies.
    fn violations(name: &str, dependencies: &[(&str, bool)]) -> Vec<String> {
        let mut crates: Vec<Crate> = LIBRARIES
            .iter()
            .chain(&[
                KERNELS,
                "espalier-eval",
                "espalier-train",
                "espalier",
                "espalier-benches",
                "xtask",
            ])
            .filter(|other| **other != name)
            .map(|name| krate(name, &[]))
            .collect();
        crates.push(krate(name, dependencies));
        check(&crates).iter().map(ToString::to_string).collect()
    }

    fn refused(name: &str, other: &str) -> bool {
        !violations(name, &[(other, false)]).is_empty()
    }

    #[test]
    fn core_is_built_from_two_crates() {
        assert_eq!(
            violations("espalier-core", &[("serde", false), ("rand", false), ("proptest", true)]),
            [
                "crates/core/Cargo.toml:4: `espalier-core` may depend on serde and thiserror only, not `rand`"
            ]
        );
    }

    #[test]
    fn siblings_do_not_see_each_other() {
        for name in &LIBRARIES[1..] {
            assert!(!refused(name, "espalier-core"));
            for other in LIBRARIES[1..].iter().filter(|other| *other != name) {
                assert!(refused(name, other), "{name} -> {other}");
            }
            assert!(refused(name, "espalier-eval"));
        }
        assert!(!violations("espalier-search", &[("espalier-models", true)]).is_empty());
        assert!(violations("espalier-search", &[("espalier-search", true)]).is_empty());
        assert!(refused("espalier-core", "espalier-search"));
        assert!(refused("espalier-eval", "espalier"));
        assert!(!refused("espalier-eval", "espalier-models"));
        assert!(!refused("espalier", "espalier-search"));
        assert!(refused("xtask", "espalier-core"));
        assert!(!refused("espalier-models", KERNELS));
        assert!(refused("espalier-search", KERNELS));
        assert!(refused(KERNELS, "espalier-core"));
    }

    #[test]
    fn burn_and_petgraph_have_one_home() {
        assert!(!refused("espalier-models", "burn-flex"));
        assert!(!refused("espalier-train", "burn"));
        assert!(refused("espalier-prm", "burn"));
        assert!(!violations("espalier-benches", &[("burn-flex", true)]).is_empty());
        assert!(!refused("espalier-search", "petgraph"));
        assert!(refused("espalier-eval", "petgraph"));
    }

    #[test]
    fn an_unknown_crate_needs_a_rule() {
        assert!(violations("espalier-extra", &[])[0].contains("do not know `espalier-extra`"));
    }

    #[test]
    fn lints_are_taken_from_the_workspace() {
        let mut bare = krate("espalier-prm", &[]);
        bare.manifest = "[package]\nname = \"espalier-prm\"\n".to_owned();
        assert!(check(&[bare])[0].message.contains("[lints]"));
    }
}
