//! Processes: other programs, with failures that name them.

use std::io::{BufRead, BufReader, Read};
use std::path::PathBuf;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};

/// The repository's root.
pub(crate) fn root() -> PathBuf {
    // Cargo sets it when it runs us; the compiled-in value serves a binary started by hand.
    let here = std::env::var_os("CARGO_MANIFEST_DIR")
        .map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")), PathBuf::from);
    here.parent().map_or_else(|| here.clone(), PathBuf::from)
}

/// The cargo that runs us, in the repository's root.
pub(crate) fn cargo(args: &[&str]) -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.args(args).current_dir(root());
    command
}

/// Cargo's target folder.
pub(crate) fn target_dir() -> Result<PathBuf> {
    let metadata = cargo_metadata::MetadataCommand::new()
        .current_dir(root())
        .no_deps()
        .exec()
        .context("`cargo metadata` failed")?;
    Ok(metadata.target_directory.into())
}

/// Runs `command` to its end; anything but success is an error.
pub(crate) fn run(command: &mut Command) -> Result<()> {
    let status =
        command.status().with_context(|| format!("could not start `{}`", show(command)))?;
    if !status.success() {
        bail!("`{}` failed: {status}", show(command));
    }
    Ok(())
}

/// Runs `command` to its end, hands each line of its output (stdout, then stderr where `stderr` says
/// so) to `line`, and passes the other stream through.
pub(crate) fn run_lines(
    command: &mut Command,
    stderr: bool,
    mut line: impl FnMut(&str),
) -> Result<()> {
    if stderr {
        command.stderr(Stdio::piped());
    } else {
        command.stdout(Stdio::piped());
    }
    let mut child =
        command.spawn().with_context(|| format!("could not start `{}`", show(command)))?;
    let stream: Option<Box<dyn Read>> = if stderr {
        child.stderr.take().map(|stream| Box::new(stream) as _)
    } else {
        child.stdout.take().map(|stream| Box::new(stream) as _)
    };
    let stream = stream.context("a piped stream is there")?;
    for bytes in BufReader::new(stream).split(b'\n') {
        line(&String::from_utf8_lossy(&bytes?));
    }
    let status = child.wait()?;
    if !status.success() {
        bail!("`{}` failed: {status}", show(command));
    }
    Ok(())
}

/// `command` as one would type it, without the folder of the program.
pub(crate) fn show(command: &Command) -> String {
    let program = PathBuf::from(command.get_program());
    let program = program.file_name().unwrap_or(command.get_program());
    std::iter::once(program)
        .chain(command.get_args())
        .map(|word| word.to_string_lossy())
        .collect::<Vec<_>>()
        .join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn root_is_the_workspace() {
        assert!(root().join("Cargo.toml").is_file());
        assert!(root().join("xtask/src/main.rs").is_file());
    }

    #[test]
    fn failures_name_the_command() {
        let error = run(&mut cargo(&["no-such-command-here", "--quiet"])).unwrap_err();
        assert!(error.to_string().contains("`cargo no-such-command-here --quiet` failed"));
        let error = run(&mut Command::new("espalier-no-such-program")).unwrap_err();
        assert!(error.to_string().contains("could not start `espalier-no-such-program`"));
    }

    #[test]
    fn run_lines_reads_the_chosen_stream() {
        let mut lines = Vec::new();
        run_lines(&mut cargo(&["--version"]), false, |line| lines.push(line.to_owned())).unwrap();
        assert_eq!(lines.len(), 1);
        assert!(lines[0].starts_with("cargo "));
    }
}
