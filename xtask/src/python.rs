//! The Python environment: a venv in cargo's target folder, with what model-written code finds ready.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};

use crate::process::{root, target_dir};
use crate::pypi::{find_python, pip_reason};

const WAY_OUT: &str =
    "or name an interpreter that has sympy, numpy and mpmath with `--python PATH`";

/// The interpreter of the environment, which is made first where it is not there or not up to date.
pub(crate) fn environment() -> Result<PathBuf> {
    make(&target_dir()?.join("python"), &["python3", "python"])
        .context("the Python environment could not be made")
}

/// Makes the environment in `dir` from the first usable Python of `names`; of several processes that
/// want it at once, one does.
fn make(dir: &Path, names: &[&str]) -> Result<PathBuf> {
    let pins = root().join("crates/exec/python/requirements.txt");
    let pinned = fs::read_to_string(&pins)
        .with_context(|| format!("could not read `{}`", pins.display()))?;
    let (stamp, python) = (dir.join(".stamp"), dir.join("bin").join("python"));
    // Through the links: the Python it was made from may be gone.
    let ready = || fs::read_to_string(&stamp).is_ok_and(|seen| seen == pinned) && python.exists();
    if ready() {
        return Ok(python);
    }
    let base = find_python(names, WAY_OUT)?;
    let parent = dir.parent().context("the environment has a parent folder")?;
    fs::create_dir_all(parent)
        .with_context(|| format!("could not create `{}`", parent.display()))?;
    let lock = File::create(parent.join(".python-lock"))
        .with_context(|| format!("could not write in `{}`", parent.display()))?;
    // Some network file systems cannot lock; then two at once may fail, and the next run mends it.
    drop(lock.lock());
    if ready() {
        return Ok(python);
    }
    eprintln!("making the Python environment (sympy, numpy, mpmath; 30 MB) in {}", dir.display());
    drop(fs::remove_dir_all(dir));
    let mut venv = Command::new(base);
    venv.args(["-m", "venv"]).arg(dir).stdout(Stdio::from(io::stderr())).stderr(Stdio::piped());
    let output = venv.output().with_context(|| format!("could not start `{base}`"))?;
    if !output.status.success() {
        drop(fs::remove_dir_all(dir));
        bail!(
            "`{base} -m venv` failed: {}; install your system's package `python3-venv` {WAY_OUT}",
            String::from_utf8_lossy(&output.stderr).trim()
        );
    }
    let mut pip = Command::new(&python);
    pip.args(["-m", "pip", "install", "--only-binary=:all:", "--no-input", "--quiet"])
        .args(["--disable-pip-version-check", "--retries", "2", "--timeout", "15", "--requirement"])
        .arg(&pins)
        .stdout(Stdio::from(io::stderr()))
        .stderr(Stdio::piped());
    let output = pip.output().context("could not start the environment's pip")?;
    if !output.status.success() {
        bail!("pip could not install `{}`: {}; {WAY_OUT}", pins.display(), pip_reason(&output));
    }
    fs::write(&stamp, pinned).with_context(|| format!("could not write `{}`", stamp.display()))?;
    Ok(python)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scratch(name: &str) -> PathBuf {
        std::env::temp_dir().join(format!("xtask-{}-{name}", std::process::id())).join("python")
    }

    #[test]
    fn without_python_the_way_out_is_named() {
        let error = make(&scratch("no-python"), &["espalier-no-such-python"]).unwrap_err();
        let error = error.to_string();
        assert!(error.contains("Python 3.10") && error.contains("--python PATH"), "{error}");
    }

    #[test]
    fn an_environment_that_is_up_to_date_is_not_made_again() {
        let dir = scratch("ready");
        fs::create_dir_all(dir.join("bin")).unwrap();
        fs::write(dir.join("bin/python"), "").unwrap();
        let pins = fs::read_to_string(root().join("crates/exec/python/requirements.txt")).unwrap();
        fs::write(dir.join(".stamp"), &pins).unwrap();
        assert_eq!(make(&dir, &[]).unwrap(), dir.join("bin/python"));
        // Other pins: it would have to be made, from a Python that is not there.
        fs::write(dir.join(".stamp"), format!("{pins}more==1\n")).unwrap();
        assert!(make(&dir, &[]).is_err());
        fs::remove_dir_all(dir.parent().unwrap()).unwrap();
    }
}
