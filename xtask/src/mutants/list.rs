//! Lists of mutants: faults to inject, each an exact replacement in one file, and tests that then fail.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use serde_json::Value;

/// One fault.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Mutant {
    pub(super) name: String,
    /// Path from the repository's root.
    pub(super) file: PathBuf,
    /// Stands in the file exactly once.
    pub(super) find: String,
    pub(super) replace: String,
    /// Tests of the list's package, each of which fails.
    pub(super) killed_by: Vec<String>,
}

/// The mutants of one crate.
#[derive(Debug)]
pub(super) struct List {
    /// The crate's folder under `crates`.
    pub(super) folder: String,
    pub(super) mutants: Vec<Mutant>,
}

/// Every list of the repository at `root`, with the mutants whose name or file contains one of
/// `wanted`; with all where nothing is.
pub(super) fn read(root: &Path, wanted: &[String]) -> Result<Vec<List>> {
    let crates = root.join("crates");
    let mut lists = Vec::new();
    for entry in
        fs::read_dir(&crates).with_context(|| format!("could not read `{}`", crates.display()))?
    {
        let folder = entry?.file_name().to_string_lossy().into_owned();
        let path = crates.join(&folder).join("tests/mutants.json");
        if !path.is_file() {
            continue;
        }
        let text = fs::read_to_string(&path)?;
        let mut mutants =
            parse(&text).with_context(|| format!("`{}` is no list of mutants", path.display()))?;
        for mutant in &mutants {
            let file = root.join(&mutant.file);
            let source = fs::read_to_string(&file)
                .with_context(|| format!("could not read `{}`", file.display()))?;
            mutate(mutant, &source)?;
        }
        mutants.retain(|mutant| {
            let file = mutant.file.to_string_lossy();
            let has = |part: &String| mutant.name.contains(part) || file.contains(part);
            wanted.is_empty() || wanted.iter().any(has)
        });
        lists.push(List { folder, mutants });
    }
    lists.sort_by(|one, other| one.folder.cmp(&other.folder));
    Ok(lists)
}

/// The file's text with the fault in it.
pub(super) fn mutate(mutant: &Mutant, source: &str) -> Result<String> {
    let Mutant { name, file, find, replace, .. } = mutant;
    match source.matches(find).count() {
        1 if find != replace => Ok(source.replacen(find, replace, 1)),
        1 => bail!("mutant `{name}` changes nothing; give another `replace`"),
        n => bail!(
            "`find` of mutant `{name}` stands {n} times in `{}`; give text that stands there once",
            file.display()
        ),
    }
}

fn parse(text: &str) -> Result<Vec<Mutant>> {
    let Value::Array(items) = serde_json::from_str(text)? else { bail!("it is not an array") };
    let mutant = |(index, item): (usize, &Value)| -> Result<Mutant> {
        let text = |key: &str| {
            let value = item.get(key).and_then(Value::as_str);
            value.map(str::to_owned).with_context(|| format!("mutant {index} has no text `{key}`"))
        };
        let tests = item.get("killed_by").and_then(Value::as_array).cloned().unwrap_or_default();
        let killed_by: Vec<String> =
            tests.iter().filter_map(Value::as_str).map(str::to_owned).collect();
        if killed_by.is_empty() {
            bail!("mutant {index} names no test in `killed_by`");
        }
        let (name, file) = (text("name")?, text("file")?.into());
        Ok(Mutant { name, file, find: text("find")?, replace: text("replace")?, killed_by })
    };
    items.iter().enumerate().map(mutant).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mutant(find: &str, replace: &str) -> Mutant {
        let list = format!(
            r#"[{{"name": "m", "file": "a.rs", "find": "{find}", "replace": "{replace}", "killed_by": ["a::b"]}}]"#
        );
        parse(&list).unwrap().remove(0)
    }

    #[test]
    fn a_mutant_replaces_one_place() {
        assert_eq!(mutate(&mutant("a + b", "a - b"), "x = a + b;").unwrap(), "x = a - b;");
        let error = |find, replace, source| mutate(&mutant(find, replace), source).unwrap_err();
        assert!(error("a", "b", "a a").to_string().contains("stands 2 times in `a.rs`"));
        assert!(error("a", "b", "").to_string().contains("stands 0 times"));
        assert!(error("a", "a", "a").to_string().contains("changes nothing"));
    }

    #[test]
    fn lists_that_lack_something_are_refused() {
        let error = |text| parse(text).unwrap_err().to_string();
        assert_eq!(error("{}"), "it is not an array");
        assert_eq!(error(r#"[{"killed_by": ["a"]}]"#), "mutant 0 has no text `name`");
        assert_eq!(error(r#"[{"name": "m"}]"#), "mutant 0 names no test in `killed_by`");
    }

    #[test]
    fn every_mutant_of_the_repository_fits_its_file() {
        let lists = read(&crate::process::root(), &[]).unwrap();
        assert!(lists.iter().any(|list| list.folder == "search" && list.mutants.len() > 50));
    }

    #[test]
    fn every_test_that_a_mutant_names_is_where_its_name_says() {
        let crates = crate::process::root().join("crates");
        for list in read(&crate::process::root(), &[]).unwrap() {
            let folder = crates.join(&list.folder);
            for test in list.mutants.iter().flat_map(|mutant| &mutant.killed_by) {
                let (modules, name) = test.rsplit_once("::").unwrap_or(("", test));
                let has = |path: &Path| {
                    let text = fs::read_to_string(path).unwrap_or_default();
                    text.contains(&format!("fn {name}("))
                };
                let found = match modules.strip_suffix("tests") {
                    // Of the library.
                    Some(module) => {
                        let module = module.trim_end_matches("::").replace("::", "/");
                        has(&folder.join("src").join(module).with_extension("rs"))
                    }
                    // Of a program of tests, or of one of its modules.
                    None => fs::read_dir(folder.join("tests")).unwrap().any(|entry| {
                        let path = entry.unwrap().path();
                        let module = path.join(modules.replace("::", "/")).with_extension("rs");
                        if modules.is_empty() { has(&path) } else { has(&module) }
                    }),
                };
                assert!(found, "{}: `{test}` is not there", list.folder);
            }
        }
    }
}
