//! `cargo xtask …`: builds what is needed and runs it.
//!
//! One module a command. xtask depends on no crate of the workspace: it shells out to `cargo`, to the
//! binaries it builds, and to Python's pip, which fetches the model that tests run on and makes the
//! environment of model-written Python.

#![expect(
    clippy::disallowed_methods,
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "xtask runs other programs, reads the environment, times its steps and talks to a terminal"
)]

mod bench;
mod binary;
mod count;
mod get_model;
mod gpu_check;
mod json_keys;
mod mutants;
mod process;
mod pypi;
mod python;
mod sandbox;
mod test;
mod tidy;
mod train;

use std::ffi::OsString;
use std::process::ExitCode;

use anyhow::Result;

const HELP: &str = include_str!("help.txt");

/// The command line makes no sense; exit code 2.
#[derive(Debug)]
struct Usage(String);

impl std::fmt::Display for Usage {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Usage {}

fn main() -> ExitCode {
    let args: Vec<OsString> = std::env::args_os().skip(1).collect();
    dispatch(&args).unwrap_or_else(|error| {
        eprintln!("error: {error:#}");
        ExitCode::from(if error.is::<Usage>() { 2 } else { 1 })
    })
}

fn dispatch(args: &[OsString]) -> Result<ExitCode> {
    let Some((command, rest)) = args.split_first() else {
        eprint!("{HELP}");
        return Ok(ExitCode::from(2));
    };
    let command = command.to_string_lossy();
    let own_help = rest.iter().any(|arg| arg == "--help" || arg == "-h");
    match &*command {
        "--help" | "-h" | "help" => Ok(help()),
        name if binary::COMMANDS.contains(&name) => binary::run(args),
        "test" | "ci" | "tidy" | "gpu-check" | "mutants" if own_help => Ok(help()),
        "test" | "ci" => test::run(rest),
        "tidy" => tidy::run(rest),
        "gpu-check" => gpu_check::run(rest),
        "bench" => bench::run(rest),
        "mutants" => mutants::run(rest),
        "train" => train::run(rest),
        "sandbox" => sandbox::run(rest),
        unknown => Err(Usage(format!(
            "unknown command `{unknown}`; `cargo xtask --help` lists the commands"
        ))
        .into()),
    }
}

fn help() -> ExitCode {
    print!("{HELP}");
    ExitCode::SUCCESS
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_command_is_a_usage_error_that_names_it() {
        let error = dispatch(&["grow".into()]).unwrap_err();
        assert!(error.is::<Usage>());
        assert!(error.to_string().contains("`grow`"));
    }

    #[test]
    fn help_names_every_command() {
        for command in ["test", "ci", "tidy", "gpu-check", "bench", "mutants", "train", "sandbox"] {
            assert!(HELP.contains(&format!("\n  {command}")), "{command}");
        }
        for command in binary::COMMANDS {
            assert!(HELP.contains(&format!("\n  {command}")), "{command}");
        }
    }
}
