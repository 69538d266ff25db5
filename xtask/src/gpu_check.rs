//! `cargo xtask gpu-check`: golden logits and throughput on a CUDA device, in one command.

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::{Command, ExitCode};

use anyhow::{Context, Result};

use crate::{Usage, binary};

/// Builds the binary with CUDA, or takes the one given, and runs its `gpu-check` with `args`.
pub(crate) fn run(args: &[OsString]) -> Result<ExitCode> {
    let (given, rest) = split_binary(args)?;
    let program = match given {
        Some(path) if path.is_file() => path,
        Some(path) => {
            return Err(Usage(format!(
                "`--binary {}`: no such file; give an `espalier` built with the feature `cuda`",
                path.display()
            ))
            .into());
        }
        None => binary::build(&["cuda"]).context(
            "the CUDA build failed; its bindings follow the newest CUDA unless \
             `CUDARC_CUDA_VERSION` says otherwise (13000 for CUDA 13.0), and its code generator \
             needs LLVM, which Burn's build script downloads",
        )?,
    };
    let mut command = Command::new(program);
    command.arg("gpu-check").args(rest);
    binary::replace(command)
}

/// Takes `--binary PATH` or `--binary=PATH` out of `args`.
fn split_binary(args: &[OsString]) -> Result<(Option<PathBuf>, Vec<OsString>)> {
    let mut given = None;
    let mut rest = Vec::new();
    let mut args = args.iter();
    while let Some(arg) = args.next() {
        let text = arg.to_string_lossy();
        if text == "--binary" {
            let path = args.next().ok_or_else(|| {
                Usage("`--binary` needs the path of an `espalier` binary".to_owned())
            })?;
            given = Some(PathBuf::from(path));
        } else if let Some(path) = text.strip_prefix("--binary=") {
            given = Some(PathBuf::from(path));
        } else {
            rest.push(arg.clone());
        }
    }
    Ok((given, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_binary_is_ours_and_the_rest_is_passed_on() {
        let args: Vec<OsString> =
            ["--json", "--binary", "a/espalier", "--tokens", "8"].map(OsString::from).to_vec();
        let (given, rest) = split_binary(&args).unwrap();
        assert_eq!(given, Some(PathBuf::from("a/espalier")));
        assert_eq!(rest, ["--json", "--tokens", "8"]);
        assert!(split_binary(&["--binary".into()]).unwrap_err().is::<Usage>());
    }

    #[test]
    fn a_missing_binary_is_bad_input() {
        let error = run(&["--binary=no/such/espalier".into()]).unwrap_err();
        assert!(error.is::<Usage>());
        assert!(error.to_string().contains("no/such/espalier"));
    }
}
