//! `cargo xtask sandbox`: the sandbox of model-written Python, checked or used for one file.

use std::ffi::OsString;
use std::process::{Command, ExitCode};

use anyhow::Result;

use crate::{binary, python};

/// Builds `espalier-sandbox` and runs it with `args`, and with the environment's interpreter where none
/// is named.
pub(crate) fn run(args: &[OsString]) -> Result<ExitCode> {
    let mut command = Command::new(binary::build_of("espalier-exec", "espalier-sandbox", &[])?);
    command.args(args);
    if needs_python(args) {
        command.arg("--python").arg(python::environment()?);
    }
    binary::replace(command)
}

/// Returns true if and only if `args` run or check something and name no interpreter.
fn needs_python(args: &[OsString]) -> bool {
    let words: Vec<_> = args.iter().map(|arg| arg.to_string_lossy()).collect();
    let says =
        |flag: &str| words.iter().any(|word| word == flag || word.starts_with(&format!("{flag}=")));
    let command = words.first().map(|word| &**word);
    matches!(command, Some("check" | "run"))
        && !["--python", "--help", "-h", "--version", "-V"].iter().any(|flag| says(flag))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_environment_is_made_only_when_it_is_used() {
        let needs =
            |line: &str| needs_python(&line.split(' ').map(OsString::from).collect::<Vec<_>>());
        assert!(needs("check") && needs("run main.py --tier full --json"));
        for line in ["", "--help", "run --help", "check --python p", "run main.py --python=p"] {
            assert!(!needs(line), "{line}");
        }
    }
}
