//! Failures: how a command can end other than well.

/// Why a command did not succeed.
#[derive(Debug)]
pub(super) enum Failure {
    /// What was asked for makes no sense or is not there. Exit code 2; nothing was computed.
    BadInput(anyhow::Error),
    /// Something went wrong on the way. Exit code 1.
    Failed(anyhow::Error),
    /// The user stopped it. Exit code 130.
    Interrupted {
        /// The command that goes on.
        resume: String,
    },
}

impl Failure {
    /// Bad input, by its error.
    pub(super) fn bad(error: impl Into<anyhow::Error>) -> Self {
        Self::BadInput(error.into())
    }

    /// Bad input, by its boxed error.
    pub(super) fn bad_box(error: Box<dyn std::error::Error + Send + Sync>) -> Self {
        Self::BadInput(anyhow::Error::from_boxed(error))
    }
}

impl<E: Into<anyhow::Error>> From<E> for Failure {
    fn from(error: E) -> Self {
        Self::Failed(error.into())
    }
}
