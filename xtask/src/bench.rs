//! `cargo xtask bench`: the Criterion benchmarks.

use std::ffi::OsString;
use std::process::ExitCode;

use anyhow::Result;

use crate::process::{cargo, run as run_process};
use crate::python;

/// Runs the benchmarks; `args` go to Criterion (a name filters).
pub(crate) fn run(args: &[OsString]) -> Result<ExitCode> {
    let mut command = cargo(&["bench", "-p", "espalier-benches", "-p", "espalier-exec"]);
    command.env("ESPALIER_PYTHON", python::environment()?);
    if !args.is_empty() {
        command.arg("--").args(args);
    }
    run_process(&mut command)?;
    Ok(ExitCode::SUCCESS)
}
