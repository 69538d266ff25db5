//! `cargo xtask bench`: the Criterion benchmarks.

use std::ffi::OsString;
use std::process::ExitCode;

use anyhow::Result;

use crate::process::{cargo, run as run_process};

/// Runs the benchmarks; `args` go to Criterion (a name filters).
pub(crate) fn run(args: &[OsString]) -> Result<ExitCode> {
    let mut command = cargo(&["bench", "-p", "espalier-benches"]);
    if !args.is_empty() {
        command.arg("--").args(args);
    }
    run_process(&mut command)?;
    Ok(ExitCode::SUCCESS)
}
