//! The interpreter: a Python with what programs find ready, and the folders it lives in.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use crate::Error;

const QUERY: &str = include_str!("../python/interpreter.py");

/// What `python/requirements.txt` pins: for whoever makes the environment.
pub const REQUIREMENTS: &str = include_str!("../python/requirements.txt");

/// A Python 3.10 or newer that has sympy, numpy and mpmath.
#[derive(Debug, Clone)]
pub struct Interpreter {
    /// Its path; a virtual environment's stays inside the environment.
    pub executable: PathBuf,
    /// Where its files lie: the environment, the Python it was made from, and the search path.
    pub folders: BTreeSet<PathBuf>,
}

#[derive(Deserialize)]
struct Answer {
    executable: PathBuf,
    version: (u32, u32, u32),
    folders: BTreeSet<PathBuf>,
    missing: Vec<String>,
}

impl Interpreter {
    /// Asks the interpreter at `python` what it is.
    ///
    /// # Errors
    ///
    /// [`Error::Python`] if it is not there, is no Python, is too old or lacks a library.
    pub fn find(python: &Path) -> Result<Self, Error> {
        let error = |reason: String| Error::Python { python: python.display().to_string(), reason };
        #[expect(clippy::disallowed_methods, reason = "this crate runs processes")]
        let output = std::process::Command::new(python)
            .args(["-s", "-B", "-c", QUERY])
            .output()
            .map_err(|why| error(format!("{why}; `cargo xtask sandbox check` makes one")))?;
        let text = String::from_utf8_lossy(&output.stderr);
        let last = text.lines().last().unwrap_or("it says nothing");
        let answer: Answer = serde_json::from_slice(&output.stdout).map_err(|_| {
            error(format!("it does not work ({last}); take a Python 3.10 or newer"))
        })?;
        let (major, minor, patch) = answer.version;
        if (major, minor) < (3, 10) {
            let reason = format!("it is {major}.{minor}.{patch}; take a Python 3.10 or newer");
            return Err(error(reason));
        }
        if !answer.missing.is_empty() {
            let missing = answer.missing.join("`, `");
            let install =
                format!("`{} -m pip install {}`", python.display(), answer.missing.join(" "));
            return Err(error(format!("it has no `{missing}`; install it with {install}")));
        }
        Ok(Self { executable: answer.executable, folders: answer.folders })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_interpreter_is_named() {
        let error = Interpreter::find(Path::new("/no/python")).unwrap_err().to_string();
        assert!(error.contains("`/no/python`") && error.contains("sandbox check"), "{error}");
    }

    #[test]
    fn a_program_that_is_no_python_is_named() {
        let error = Interpreter::find(Path::new("/bin/true")).unwrap_err().to_string();
        assert!(error.contains("`/bin/true`") && error.contains("Python 3.10"), "{error}");
    }
}
