//! Licences of everything that can end up in a build, on any platform, with any feature.

use std::collections::BTreeSet;

use cargo_metadata::Metadata;

use super::Violation;
use super::spdx::{Malformed, satisfiable};

/// A third-party package, as far as this rule reads it.
#[derive(Debug)]
pub(super) struct Package {
    pub(super) name: String,
    pub(super) version: String,
    pub(super) licence: Option<String>,
}

/// Licences that ask for no more than keeping a notice.
const PERMISSIVE: &[&str] = &[
    "0BSD",
    "Apache-2.0",
    "BSD-2-Clause",
    "BSD-3-Clause",
    "BSL-1.0",
    "CC0-1.0",
    // For data, here the root certificates of `webpki-roots`.
    "CDLA-Permissive-2.0",
    "ISC",
    "MIT",
    "NCSA",
    "Unicode-3.0",
    "Unicode-DFS-2016",
    "Unlicense",
    "Zlib",
];

/// Packages whose licence is not on the list, and why they are fine: the name, the licence they must
/// still have, the reason.
const EXCEPTIONS: &[(&str, Option<&str>, &str)] = &[
    ("buildid", Some("MPL-2.0"), "copyleft by file, used unmodified; only with GPU features"),
    ("colored", Some("MPL-2.0"), "copyleft by file, used unmodified; burn-tensor needs it"),
    ("option-ext", Some("MPL-2.0"), "copyleft by file, used unmodified; only a build script's"),
    ("cfg_block", None, "its LICENSE file is the notice of Apache-2.0; in the lock file only"),
];

/// The third-party packages of the resolved graph.
pub(super) fn packages(metadata: &Metadata) -> Vec<Package> {
    let resolved: BTreeSet<_> =
        metadata.resolve.iter().flat_map(|resolve| &resolve.nodes).map(|node| &node.id).collect();
    metadata
        .packages
        .iter()
        .filter(|package| package.source.is_some() && resolved.contains(&package.id))
        .map(|package| Package {
            name: package.name.to_string(),
            version: package.version.to_string(),
            licence: package.license.clone(),
        })
        .collect()
}

/// Checks each package, and that each exception is still needed.
pub(super) fn check(packages: &[Package]) -> Vec<Violation> {
    let mut violations = Vec::new();
    let mut used = BTreeSet::new();
    for package in packages {
        let Err(why) = judge(package.licence.as_deref()) else { continue };
        let excepted = EXCEPTIONS.iter().find(|(name, licence, _)| {
            package.name == *name && package.licence.as_deref() == *licence
        });
        if let Some((name, ..)) = excepted {
            used.insert(*name);
            continue;
        }
        violations.push(Violation::new(
            "Cargo.lock",
            1,
            format!(
                "`{}` {} {why}; take another crate, or add an exception with its reason to \
                 xtask/src/tidy/licences.rs",
                package.name, package.version
            ),
        ));
    }
    for (name, ..) in EXCEPTIONS.iter().filter(|(name, ..)| !used.contains(name)) {
        violations.push(Violation::new(
            "xtask/src/tidy/licences.rs",
            1,
            format!("the licence exception for `{name}` is no longer needed; remove it"),
        ));
    }
    violations
}

/// Says why a licence is not permissive.
fn judge(licence: Option<&str>) -> Result<(), String> {
    let Some(licence) = licence else {
        return Err("names no licence in its manifest".to_owned());
    };
    match satisfiable(licence, &|name| PERMISSIVE.contains(&name)) {
        Ok(true) => Ok(()),
        Ok(false) => Err(format!("has the licence `{licence}`, which is not permissive")),
        Err(Malformed(word)) => {
            Err(format!("has the licence expression `{licence}`, which makes no sense at `{word}`"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn package(name: &str, licence: Option<&str>) -> Package {
        Package {
            name: name.to_owned(),
            version: "1.0.0".to_owned(),
            licence: licence.map(str::to_owned),
        }
    }

    /// The exceptions, all in use, and one more package.
    fn violations(name: &str, licence: Option<&str>) -> Vec<String> {
        let mut packages: Vec<Package> =
            EXCEPTIONS.iter().map(|(name, licence, _)| package(name, *licence)).collect();
        packages.push(package(name, licence));
        check(&packages).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn permissive_licences_pass() {
        for licence in ["MIT OR Apache-2.0", "Apache-2.0 AND ISC", "MIT OR LGPL-2.1-or-later"] {
            assert_eq!(violations("a", Some(licence)), Vec::<String>::new());
        }
    }

    #[test]
    fn others_are_named() {
        for (licence, why) in [
            (Some("GPL-3.0-only"), "`GPL-3.0-only`, which is not permissive"),
            (Some("MIT AND AGPL-3.0"), "not permissive"),
            (Some("MIT OR"), "makes no sense at `the end`"),
            (None, "names no licence"),
        ] {
            let violations = violations("bad", licence);
            assert_eq!(violations.len(), 1);
            assert!(violations[0].starts_with("Cargo.lock:1: `bad` 1.0.0"), "{violations:?}");
            assert!(violations[0].contains(why), "{violations:?}");
        }
    }

    #[test]
    fn exceptions_hold_for_one_licence_and_only_while_needed() {
        assert!(violations("colored", Some("GPL-3.0"))[0].contains("`colored`"));
        assert_eq!(check(&[]).len(), EXCEPTIONS.len());
    }
}
