//! `cargo xtask tidy`: the house rules a compiler does not check.
//!
//! Each rule is a function from what it reads to a list of violations; nothing is fixed or printed by
//! a rule.

mod dependencies;
mod documents;
mod licences;
mod sources;
mod spdx;

use std::ffi::OsString;
use std::fmt;
use std::process::ExitCode;

use anyhow::{Context, Result, bail};
use cargo_metadata::{CargoOpt, Metadata, MetadataCommand};

use crate::Usage;
use crate::process::root;

/// One broken rule, at one place.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Violation {
    /// Relative to the repository's root.
    file: String,
    /// From 1.
    line: usize,
    /// What is wrong and what to do.
    message: String,
}

impl Violation {
    fn new(file: impl Into<String>, line: usize, message: impl Into<String>) -> Self {
        Self { file: file.into(), line, message: message.into() }
    }
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", self.file, self.line, self.message)
    }
}

/// The command.
pub(crate) fn run(args: &[OsString]) -> Result<ExitCode> {
    if !args.is_empty() {
        return Err(Usage("`tidy` takes no arguments".to_owned()).into());
    }
    check()?;
    println!("tidy: no violations");
    Ok(ExitCode::SUCCESS)
}

/// Checks this repository; prints each violation.
pub(crate) fn check() -> Result<()> {
    let violations = violations()?;
    for violation in &violations {
        println!("{violation}");
    }
    if !violations.is_empty() {
        bail!("tidy: {} violations", violations.len());
    }
    Ok(())
}

/// Every violation in this repository, by file and line.
fn violations() -> Result<Vec<Violation>> {
    let root = root();
    let metadata: Metadata = MetadataCommand::new()
        .current_dir(&root)
        .features(CargoOpt::AllFeatures)
        .exec()
        .context("`cargo metadata` failed")?;
    let crates = dependencies::workspace(&metadata)?;
    let mut violations = dependencies::check(&crates);
    violations.extend(licences::check(&licences::packages(&metadata)));
    violations.extend(sources::check(&root)?);
    violations.extend(documents::check(&root, &crates)?);
    violations.sort();
    Ok(violations)
}
