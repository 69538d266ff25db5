//! Verifiers: what checks a path by evidence, without the gold answer.

use serde::{Deserialize, Serialize};

use crate::{Path, ToolError};

/// What the evidence says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// The evidence supports the path.
    Pass,
    /// The evidence contradicts the path.
    Fail,
    /// There is no evidence either way.
    Unknown,
}

/// Checks a path by evidence the problem itself provides: its arithmetic, its visible tests.
pub trait Verifier {
    /// What the evidence says of `path`.
    ///
    /// # Errors
    ///
    /// [`ToolError`] where the check itself could not be carried out; never a verdict.
    fn verify(&mut self, path: &Path) -> Result<Verdict, ToolError>;
}
