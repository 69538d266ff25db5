//! Errors of a sandbox: what keeps it from existing, and what makes one run of it fail.

use crate::{Diagnosis, Tier};

/// A pool could not be made; found before any program runs.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The system has no layers to build from.
    #[error(
        "model-written code is executed on Linux only, not on `{0}`; use a remote executor, or search \
         without tools"
    )]
    Unsupported(&'static str),
    /// The interpreter cannot be used.
    #[error("the Python interpreter `{python}` cannot be used: {reason}")]
    Python {
        /// Its path.
        python: String,
        /// Why, and what to do.
        reason: String,
    },
    /// A layer is missing, so nothing is run.
    #[error("no sandbox of tier {}: {reason}", .tiers.iter().map(|tier| format!("`{tier}`")).collect::<Vec<_>>().join(" or "))]
    Unavailable {
        /// The tiers that were tried.
        tiers: Vec<Tier>,
        /// What failed at each, and what to do.
        reason: String,
        /// Each layer, probed by itself.
        diagnosis: Box<Diagnosis>,
    },
    /// The launcher cannot be run.
    #[error("the sandbox launcher `{launcher}` cannot be run: {reason}")]
    Launcher {
        /// Its path.
        launcher: String,
        /// Why, and what to do.
        reason: String,
    },
}

/// The sandbox failed, not what ran in it: it says nothing about the program, is never an observation,
/// and never makes an answer wrong.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the sandbox failed: {reason}")]
pub struct Fault {
    /// What happened.
    pub reason: String,
}

impl Fault {
    /// A fault for `reason`.
    pub fn new(reason: impl Into<String>) -> Self {
        Self { reason: reason.into() }
    }
}
