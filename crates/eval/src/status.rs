//! Statuses: what became of a problem, in one word.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::grade::Verdict;
use crate::record::Record;

/// What became of a problem.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Status {
    /// The answer is right.
    Right,
    /// The answer is wrong.
    Wrong,
    /// The grader could not tell.
    Undecided,
    /// There is no answer.
    NoAnswer,
    /// The search failed.
    Failed,
}

impl Status {
    /// The status that a record tells.
    #[must_use]
    pub fn of(record: &Record) -> Self {
        if record.error.is_some() { Self::Failed } else { Self::of_verdict(record.verdict) }
    }

    /// The status of an answer that the grader says this of; of none where there is no answer.
    #[must_use]
    pub fn of_verdict(verdict: Option<Verdict>) -> Self {
        match verdict {
            Some(Verdict::Equal) => Self::Right,
            Some(Verdict::NotEqual) => Self::Wrong,
            Some(Verdict::Undecided) => Self::Undecided,
            None => Self::NoAnswer,
        }
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Right => "right",
            Self::Wrong => "wrong",
            Self::Undecided => "undecided",
            Self::NoAnswer => "no answer",
            Self::Failed => "failed",
        })
    }
}
