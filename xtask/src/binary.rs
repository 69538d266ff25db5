//! The `espalier` binary: built when it must be, then run in our place.

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::{Command, ExitCode, Stdio};

use anyhow::{Context, Result, bail};
use cargo_metadata::Message;

use crate::get_model;
use crate::process::{cargo, show};

/// The commands that are the binary's own.
pub(crate) const COMMANDS: &[&str] = &["eval", "sweep", "model"];

/// Builds the binary, finds a model where `eval` or `sweep` names none, and runs it with `args`.
pub(crate) fn run(args: &[OsString]) -> Result<ExitCode> {
    let program = build(&features(args))?;
    let mut command = Command::new(program);
    command.args(args);
    if wants_default_model(args) {
        command.arg("--model").arg(get_model::default_model()?);
    }
    replace(command)
}

/// Builds the `espalier` binary with cargo features and returns where it is.
pub(crate) fn build(features: &[&str]) -> Result<PathBuf> {
    build_of("espalier-eval", "espalier", features)
}

/// Builds a package's binary with cargo features and returns where it is.
pub(crate) fn build_of(package: &str, name: &str, features: &[&str]) -> Result<PathBuf> {
    let mut command = cargo(&["build", "--release", "-p", package, "--bin", name]);
    if !features.is_empty() {
        command.args(["--features", &features.join(",")]);
    }
    command.arg("--message-format=json-render-diagnostics").stdout(Stdio::piped());
    let mut child =
        command.spawn().with_context(|| format!("could not start `{}`", show(&command)))?;
    let stdout = child.stdout.take().context("a piped stream is there")?;
    let mut program = None;
    for message in Message::parse_stream(std::io::BufReader::new(stdout)) {
        if let Message::CompilerArtifact(artifact) = message?
            && artifact.target.name == name
            && let Some(executable) = artifact.executable
        {
            program = Some(executable.into_std_path_buf());
        }
    }
    if !child.wait()?.success() {
        bail!("the `{name}` binary did not build: see cargo's messages above");
    }
    program.with_context(|| format!("cargo built no `{name}` binary; is its Cargo.toml intact?"))
}

/// The features of the binary that `args` need.
pub(crate) fn features(args: &[OsString]) -> Vec<&'static str> {
    let args: Vec<_> = args.iter().map(|arg| arg.to_string_lossy()).collect();
    let hub = args.iter().any(|arg| arg.starts_with("hf:") || arg.contains("=hf:"));
    let cuda = args.iter().any(|arg| arg.starts_with("--device=cuda"))
        || args.windows(2).any(|pair| pair[0] == "--device" && pair[1].starts_with("cuda"));
    [(hub, "hub"), (cuda, "cuda")].iter().filter(|(is, _)| *is).map(|(_, name)| *name).collect()
}

/// Returns true if and only if this is a run of `eval` or `sweep` that names no model.
fn wants_default_model(args: &[OsString]) -> bool {
    let command = args.first().map(|command| command.to_string_lossy());
    let says_enough = args.iter().map(|arg| arg.to_string_lossy()).any(|arg| {
        matches!(&*arg, "--model" | "--help" | "-h" | "--version") || arg.starts_with("--model=")
    });
    // `eval` alone is a usage error, which needs no model.
    let runs = match command.as_deref() {
        Some("eval") => args.len() > 1,
        Some("sweep") => true,
        _ => false,
    };
    runs && !says_enough
}

/// Becomes `command`, so that signals and the exit code are its own.
#[cfg(unix)]
pub(crate) fn replace(mut command: Command) -> Result<ExitCode> {
    use std::os::unix::process::CommandExt;
    let error = command.exec();
    Err(error).with_context(|| format!("could not start `{}`", show(&command)))
}

/// Runs `command` and ends with its exit code.
#[cfg(not(unix))]
pub(crate) fn replace(mut command: Command) -> Result<ExitCode> {
    let status =
        command.status().with_context(|| format!("could not start `{}`", show(&command)))?;
    Ok(ExitCode::from(status.code().and_then(|code| u8::try_from(code).ok()).unwrap_or(1)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn args(line: &str) -> Vec<OsString> {
        line.split(' ').map(OsString::from).collect()
    }

    #[test]
    fn a_search_without_a_model_gets_the_default_one() {
        assert!(wants_default_model(&args("eval beam --width 4")));
        assert!(!wants_default_model(&args("eval beam --model m.gguf")));
        assert!(!wants_default_model(&args("eval beam --model=m.gguf")));
        assert!(!wants_default_model(&args("eval beam --help")));
        assert!(!wants_default_model(&args("eval")));
        assert!(wants_default_model(&args("sweep")));
        assert!(wants_default_model(&args("sweep --budgets 100,200")));
        assert!(!wants_default_model(&args("sweep --model=m.gguf")));
        assert!(!wants_default_model(&args("model inspect m.gguf")));
    }

    #[test]
    fn features_follow_from_the_arguments() {
        assert_eq!(features(&args("eval beam --device cpu")), Vec::<&str>::new());
        assert_eq!(features(&args("eval beam --device cuda:1")), ["cuda"]);
        assert_eq!(features(&args("eval beam --device=cuda")), ["cuda"]);
        assert_eq!(features(&args("eval beam --model hf:org/name")), ["hub"]);
        assert_eq!(features(&args("model inspect hf:org/name --device cuda")), ["hub", "cuda"]);
        assert_eq!(features(&args("eval beam --model=hf:org/name")), ["hub"]);
    }
}
