//! The `espalier` binary as tests run it.

#![expect(clippy::unwrap_used, reason = "helpers of tests")]

use std::path::Path;
use std::process::{Command, Output, Stdio};

/// The binary in a directory, without a standard input.
pub(crate) fn espalier(dir: &Path, arguments: &[&str]) -> Command {
    #[expect(clippy::disallowed_methods, reason = "the test runs the binary")]
    let mut command = Command::new(env!("CARGO_BIN_EXE_espalier"));
    command.current_dir(dir).args(arguments).stdin(Stdio::null());
    command
}

/// Runs it to its end.
pub(crate) fn run(dir: &Path, arguments: &[&str]) -> Output {
    espalier(dir, arguments).output().unwrap()
}

/// What a command prints that succeeds.
pub(crate) fn said(dir: &Path, arguments: &[&str]) -> String {
    let output = run(dir, arguments);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// Expects exit code 2, no panic, and all of `parts` in the message.
pub(crate) fn refused(dir: &Path, arguments: &[&str], parts: &[&str]) {
    let output = run(dir, arguments);
    let message = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(2), "{arguments:?}: {message}");
    assert!(!message.contains("panicked"), "{message}");
    for part in parts {
        assert!(message.contains(part), "`{part}` is not in: {message}");
    }
}
