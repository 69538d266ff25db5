//! Collected files: trajectories on disk, extended as a whole or not at all.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use super::{CollectError, FinishedRun, Trajectory};
use crate::dataset::DatasetKind;
use crate::store::write_whole;

/// A file of trajectories, as it was read.
#[derive(Debug)]
pub struct CollectedFile {
    path: PathBuf,
    /// Its bytes, which stay as they are.
    bytes: Vec<u8>,
    /// What it holds.
    pub trajectories: Vec<Trajectory>,
}

impl CollectedFile {
    /// A file that is not there yet.
    ///
    /// # Errors
    ///
    /// [`CollectError::Exists`] where it is.
    pub fn create(path: &Path) -> Result<Self, CollectError> {
        if path.exists() {
            let instead = "add to it with `--append`, or name another";
            return Err(CollectError::Exists { path: path.to_owned(), instead });
        }
        Ok(Self { path: path.to_owned(), bytes: Vec::new(), trajectories: Vec::new() })
    }

    /// Reads a file to add to it; one that is not there is empty.
    ///
    /// # Errors
    ///
    /// [`CollectError::Line`] names the first line that is no trajectory; [`CollectError::File`].
    pub fn open(path: &Path) -> Result<Self, CollectError> {
        let bytes = match fs::read(path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == ErrorKind::NotFound => return Self::create(path),
            Err(source) => return Err(file_error("read", path, source)),
        };
        let wrong = |line: usize, problem: String| CollectError::Line {
            path: path.to_owned(),
            line: line + 1,
            problem,
        };
        let mut trajectories = Vec::new();
        for (line, text) in bytes.split(|&byte| byte == b'\n').enumerate() {
            if text.trim_ascii().is_empty() {
                continue;
            }
            let read = serde_json::from_slice(text);
            trajectories.push(read.map_err(|error| wrong(line, error.to_string()))?);
        }
        Ok(Self { path: path.to_owned(), bytes, trajectories })
    }

    /// Checks that all of it and all runs are of one dataset.
    ///
    /// # Errors
    ///
    /// [`CollectError::Mixed`].
    pub fn check(&self, runs: &[FinishedRun]) -> Result<(), CollectError> {
        let own = self.trajectories.iter().map(|one| (&*self.path, one.dataset));
        let of_runs = runs.iter().map(|run| (&*run.dir, run.kind));
        let Some((whose, kind)) = own.chain(of_runs).next() else { return Ok(()) };
        let mixed = |path: &Path, other: DatasetKind| CollectError::Mixed {
            whose: format!("`{}`", whose.display()),
            kind,
            dir: path.to_owned(),
            other,
        };
        if let Some(one) = self.trajectories.iter().find(|one| one.dataset != kind) {
            return Err(mixed(&self.path, one.dataset));
        }
        match runs.iter().find(|run| run.kind != kind) {
            Some(run) => Err(mixed(&run.dir, run.kind)),
            None => Ok(()),
        }
    }

    /// Writes the file with `new` added: readers see the old one or the new one.
    ///
    /// # Errors
    ///
    /// [`CollectError::File`]; what was there is as it was.
    pub fn extend(mut self, new: &[Trajectory]) -> Result<(), CollectError> {
        if !self.bytes.is_empty() && !self.bytes.ends_with(b"\n") {
            self.bytes.push(b'\n');
        }
        for one in new {
            serde_json::to_writer(&mut self.bytes, one)
                .map_err(|error| file_error("write", &self.path, error.into()))?;
            self.bytes.push(b'\n');
        }
        write(&self.path, &self.bytes)
    }
}

/// Writes a file whole.
pub(super) fn write(path: &Path, bytes: &[u8]) -> Result<(), CollectError> {
    let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty());
    write_whole(parent.unwrap_or(Path::new(".")), path, bytes)
        .map_err(|source| file_error("write", path, source))
}

pub(super) fn file_error(verb: &'static str, path: &Path, source: std::io::Error) -> CollectError {
    CollectError::File { verb, path: path.to_owned(), source }
}
