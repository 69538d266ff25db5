//! Answers: what search needs in order to vote, without gold.

use serde::{Deserialize, Serialize};

/// A final answer as read from a path's text.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Answer(pub String);

/// Reads answers and tells whether two are the same. Implemented by `eval`, which keeps gold to itself.
pub trait Answers {
    /// The final answer in `text`; `None` where there is none to be found.
    fn extract(&self, text: &str) -> Option<Answer>;

    /// Returns true if and only if the two answers are the same: reflexive and symmetric.
    fn same(&self, one: &Answer, other: &Answer) -> bool;
}
