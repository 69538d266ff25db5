//! What every Rust file must and must not hold.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use super::Violation;

const MAX_LINES: usize = 500;

/// File names that say nothing about what is inside.
const NAMELESS: &[&str] = &["utils", "util", "base", "helpers", "helper", "common", "misc"];

/// Folders whose code sees neither a wall clock nor a random iteration order.
const BELOW_EVAL: &[&str] = &[
    "crates/core/",
    "crates/kernels/",
    "crates/models/",
    "crates/search/",
    "crates/prm/",
    "crates/exec/",
];

/// Words that code below `eval` must not contain, with what to do.
const NOT_BELOW_EVAL: &[(&str, &str)] = &[
    ("Instant::now", "no wall clock below `eval`; take a `core::Clock`"),
    ("SystemTime", "no wall clock below `eval`; take a `core::Clock`"),
    ("HashMap", "no hash maps below `eval`, their order is random; use BTreeMap"),
    ("HashSet", "no hash sets below `eval`, their order is random; use BTreeSet"),
];

/// Words that no code may contain. Written in two halves, so that this file passes.
const NOWHERE: &[(&str, &str)] = &[
    (concat!("todo", "!("), "leave out what does not exist yet"),
    (concat!("unimplemented", "!("), "leave out what does not exist yet"),
    (concat!("#[", "ignore"), "assert what happens today, or name a slow test `slow_…`"),
];

/// The word that code has to be sound about by itself. Written in two halves too.
const UNSAFE: &str = concat!("un", "safe");

/// The files that may hold it: their docs argue why it is sound.
const UNSAFE_IN: &[&str] = &[
    "crates/kernels/src/f16c.rs",
    "crates/kernels/src/pages.rs",
    "crates/kernels/src/pinned.rs",
    "crates/kernels/src/vnni.rs",
];

/// Checks every Rust file of the repository at `root`.
pub(super) fn check(root: &Path) -> Result<Vec<Violation>> {
    let mut files = Vec::new();
    for folder in ["crates", "xtask", "benches", "examples"] {
        let folder = root.join(folder);
        if folder.is_dir() {
            rust_files(&folder, &mut files)?;
        }
    }
    let mut violations = Vec::new();
    for path in files {
        let text = fs::read_to_string(&path)
            .with_context(|| format!("could not read `{}`", path.display()))?;
        let file = path.strip_prefix(root).unwrap_or(&path);
        violations.extend(check_file(&file.to_string_lossy().replace('\\', "/"), &text));
    }
    Ok(violations)
}

/// Adds the Rust files under `folder`, build outputs and hidden folders aside.
fn rust_files(folder: &Path, files: &mut Vec<PathBuf>) -> Result<()> {
    let reading = || format!("could not read `{}`", folder.display());
    for entry in fs::read_dir(folder).with_context(reading)? {
        let entry = entry.with_context(reading)?;
        let path = entry.path();
        let name = entry.file_name();
        let name = name.to_string_lossy();
        if entry.file_type().with_context(reading)?.is_dir() {
            if name != "target" && !name.starts_with('.') {
                rust_files(&path, files)?;
            }
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
    Ok(())
}

/// Checks one file; `file` is its path from the root, with forward slashes.
fn check_file(file: &str, text: &str) -> Vec<Violation> {
    let mut violations = Vec::new();
    let mut at = |line: usize, message: String| {
        violations.push(Violation::new(file, line, message));
    };
    if !text.starts_with("//!") {
        at(1, "no `//!` on the first line; say what the module is".to_owned());
    }
    let n_lines = text.lines().count();
    if n_lines > MAX_LINES {
        at(MAX_LINES + 1, format!("{n_lines} lines, at most {MAX_LINES}; split the file by noun"));
    }
    let mut parts = file.trim_end_matches(".rs").rsplit('/').filter(|part| *part != "mod");
    if let Some(name) = parts.next().filter(|name| NAMELESS.contains(name)) {
        at(1, format!("`{name}` names no noun; name the file after what it holds"));
    }
    if file.starts_with("crates/search/src/strategies/")
        && !file.ends_with("/mod.rs")
        && !text.lines().any(|line| is_doc(line) && line.contains("Source:"))
    {
        at(1, "no `Source:` in a doc comment; cite the strategy's primary source".to_owned());
    }
    let below_eval = BELOW_EVAL.iter().any(|folder| file.starts_with(folder));
    for (index, line) in text.lines().enumerate() {
        let code = without_comment(line);
        for (word, what) in NOWHERE {
            if code.contains(word) {
                at(index + 1, format!("`{word}`: {what}"));
            }
        }
        if !UNSAFE_IN.contains(&file) && has_word(code, UNSAFE) {
            at(index + 1, format!("`{UNSAFE}`: `{}` alone may hold it", UNSAFE_IN.join("`, `")));
        }
        for (word, what) in NOT_BELOW_EVAL.iter().filter(|_| below_eval) {
            if has_word(code, word) {
                at(index + 1, format!("`{word}`: {what}"));
            }
        }
    }
    violations
}

/// Returns true if and only if `line` is a doc comment.
fn is_doc(line: &str) -> bool {
    let line = line.trim_start();
    line.starts_with("//!") || line.starts_with("///")
}

/// `line` up to its comment. A `//` inside a string cuts too, which only misses code.
fn without_comment(line: &str) -> &str {
    line.find("//").map_or(line, |at| &line[..at])
}

/// Returns true if and only if `word` stands in `code` and not inside a longer name.
fn has_word(code: &str, word: &str) -> bool {
    let is_name = |c: char| c.is_alphanumeric() || c == '_';
    code.match_indices(word).any(|(at, _)| {
        !code[..at].ends_with(is_name) && !code[at + word.len()..].starts_with(is_name)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn violations(file: &str, text: &str) -> Vec<String> {
        check_file(file, text).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn a_good_file_passes() {
        let text = "//! Beam search.\n//!\n//! Source: arXiv 2408.03314.\n\nfn grow() {}\n";
        assert_eq!(violations("crates/search/src/strategies/beam.rs", text), Vec::<String>::new());
    }

    #[test]
    fn a_module_says_what_it_is() {
        let found = violations("xtask/src/a.rs", "fn a() {}\n");
        assert_eq!(found, ["xtask/src/a.rs:1: no `//!` on the first line; say what the module is"]);
    }

    #[test]
    fn long_files_are_split() {
        let text = format!("//! A.\n{}", "\n".repeat(MAX_LINES - 1));
        assert!(violations("xtask/src/a.rs", &text).is_empty());
        let found = violations("xtask/src/a.rs", &format!("{text}\n"));
        assert!(found[0].starts_with("xtask/src/a.rs:501: 501 lines"), "{found:?}");
    }

    #[test]
    fn files_are_named_after_nouns() {
        for file in ["crates/eval/src/utils.rs", "crates/eval/src/util/mod.rs"] {
            assert!(violations(file, "//! A.\n")[0].contains("names no noun"), "{file}");
        }
        assert!(violations("crates/eval/src/baseline.rs", "//! A.\n").is_empty());
        assert!(violations("crates/eval/src/grade/mod.rs", "//! A.\n").is_empty());
    }

    #[test]
    fn strategies_cite_a_source() {
        let file = "crates/search/src/strategies/beam.rs";
        let found = violations(file, "//! Beam.\n// Source: none\n");
        assert!(found[0].contains("cite"), "{found:?}");
        assert!(violations("crates/search/src/strategies/mod.rs", "//! All.\n").is_empty());
    }

    #[test]
    fn no_clock_and_no_hash_map_below_eval() {
        for line in [
            "let now = std::time::Instant::now();",
            "use std::time::SystemTime;",
            "use std::collections::{BTreeMap, HashMap};",
            "let seen: HashSet<u32> = HashSet::new();",
        ] {
            let text = format!("//! A.\n{line}\n");
            assert!(violations("crates/prm/src/a.rs", &text)[0].contains("rs:2: `"), "{line}");
            assert!(violations("crates/eval/src/a.rs", &text).is_empty(), "{line}");
        }
        let text = "//! Not a HashMap.\n/// No HashMap.\nstruct MyHashMapLike; // HashMap\n";
        assert!(violations("crates/prm/src/a.rs", text).is_empty());
    }

    #[test]
    fn few_files_are_sound_by_argument() {
        let text = format!("//! Not {UNSAFE}.\n\nfn a() {{\n    {UNSAFE} {{ b() }}\n}}\n");
        for file in UNSAFE_IN {
            assert_eq!(violations(file, &text), Vec::<String>::new());
        }
        let found = violations("crates/models/src/a.rs", &text);
        assert_eq!(found.len(), 1, "{found:?}");
        assert!(found[0].starts_with("crates/models/src/a.rs:4: `"), "{found:?}");
        let lint = format!("//! A.\n#![deny({UNSAFE}_code)]\n");
        assert!(violations("crates/models/src/a.rs", &lint).is_empty());
    }

    #[test]
    fn nothing_is_left_for_later() {
        for (word, _) in NOWHERE {
            let found = violations("benches/a.rs", &format!("//! A.\n\n    {word}\n"));
            assert!(found[0].starts_with("benches/a.rs:3: "), "{found:?}");
        }
    }

    #[test]
    fn walks_the_folders_and_names_files_from_the_root() {
        let root = std::env::temp_dir().join(format!("xtask-{}-sources", std::process::id()));
        for (file, text) in
            [("crates/core/src/a.rs", "fn a() {}\n"), ("crates/core/target/b.rs", "fn b() {}\n")]
        {
            let path = root.join(file);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        let found = check(&root).unwrap();
        fs::remove_dir_all(&root).unwrap();
        assert_eq!(found.len(), 1);
        assert_eq!((found[0].file.as_str(), found[0].line), ("crates/core/src/a.rs", 1));
    }
}
