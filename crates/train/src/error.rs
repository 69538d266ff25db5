//! The error of training: what was wrong, where, and what to do.

use std::path::{Path, PathBuf};

use espalier_models::{DeviceError, LoadError};

/// Why something was not trained, labelled or written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TrainError {
    /// A file cannot be read.
    #[error("cannot read `{}`", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why not.
        source: std::io::Error,
    },
    /// A file cannot be written; what was there before is as it was.
    #[error("cannot write `{}`; free space there or give another folder, then resume", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// Why not.
        source: std::io::Error,
    },
    /// A line of a training file is not an example.
    #[error("`{}` line {line}: {problem}", path.display())]
    Row {
        /// The file.
        path: PathBuf,
        /// Line number, from 1.
        line: usize,
        /// What is wrong, and what was expected.
        problem: String,
    },
    /// A training file without examples.
    #[error("`{}` has no examples: give a file with one JSON object a line", path.display())]
    Empty {
        /// The file.
        path: PathBuf,
    },
    /// A number of the recipe cannot be.
    #[error("`{field}` {reason}")]
    Recipe {
        /// The number's name.
        field: &'static str,
        /// What is wrong with it, to be read after the name.
        reason: String,
    },
    /// A checkpoint cannot be gone on from.
    #[error("checkpoint `{}` cannot be resumed: {reason}", path.display())]
    Checkpoint {
        /// The checkpoint.
        path: PathBuf,
        /// What is wrong and what to do.
        reason: String,
    },
    /// The loss or its gradient is not a number.
    #[error(
        "the loss at step {step} is not finite: the batch is in `{}`, the network as it was before \
         that step in the last checkpoint; lower `peak_rate` or look at the batch", batch.display()
    )]
    Diverged {
        /// The step, from 0.
        step: u64,
        /// Where the batch was saved.
        batch: PathBuf,
    },
    /// A model cannot be loaded.
    #[error(transparent)]
    Load(#[from] LoadError),
    /// A model cannot be opened.
    #[error(transparent)]
    Open(#[from] espalier_models::OpenError),
    /// The device cannot be had.
    #[error(transparent)]
    Device(#[from] DeviceError),
    /// A search that was to make labels failed.
    #[error("problem `{problem}` was not searched: {reason}")]
    Search {
        /// The problem.
        problem: String,
        /// What happened.
        reason: String,
    },
}

impl TrainError {
    pub(crate) fn read(path: &Path, source: std::io::Error) -> Self {
        Self::Read { path: path.to_owned(), source }
    }

    pub(crate) fn write(path: &Path, source: std::io::Error) -> Self {
        Self::Write { path: path.to_owned(), source }
    }

    pub(crate) fn checkpoint(path: &Path, reason: impl Into<String>) -> Self {
        Self::Checkpoint { path: path.to_owned(), reason: reason.into() }
    }
}
