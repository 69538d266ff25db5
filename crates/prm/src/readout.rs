//! Readouts: what is read of a reward model at a position, and the score it makes.

use espalier_core::{Head, ModelError, Reader, Score, TokenId, Want};

use crate::{WrongFamily, step_marks::good_share};

/// What is read at the last token of a sequence.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Readout {
    /// The share of the good mark in what follows.
    Marks {
        /// The good mark.
        good: TokenId,
        /// The bad one.
        bad: TokenId,
    },
    /// A head of two classes, bad and good: the probability of the second.
    Classes(Head),
    /// A head whose output is the logit of "good": its logistic function.
    Logit(Head),
    /// A head whose output is the score.
    Value(Head),
}

impl Readout {
    /// What to ask the reader for at a position.
    pub(crate) fn want(&self, position: u32) -> Want {
        let positions = vec![position];
        match self {
            Self::Marks { good, bad } => Want::NextOf { positions, ids: vec![*good, *bad] },
            Self::Classes(head) | Self::Logit(head) | Self::Value(head) => {
                Want::Head { name: head.name.clone(), positions }
            }
        }
    }

    /// FLOPs of one position beside the trunk's.
    pub(crate) fn flops(&self, reader: &impl Reader) -> u64 {
        match self {
            Self::Marks { .. } => reader.cost().head,
            Self::Classes(head) | Self::Logit(head) | Self::Value(head) => head.flops,
        }
    }

    /// The score that what was read makes.
    ///
    /// # Errors
    ///
    /// [`ModelError`] where as many numbers were not read as there must be, or one is not finite.
    pub(crate) fn score(&self, read: &[Vec<f32>]) -> Result<Score, ModelError> {
        let bad = |reason: String| ModelError::BadRequest { reason };
        let [row] = read else {
            return Err(bad(format!("the model read `{}` positions of 1", read.len())));
        };
        match (self, &row[..]) {
            // A softmax of two depends on their difference alone, as the share of two marks does.
            (Self::Marks { .. }, &[good, bad]) | (Self::Classes(_), &[bad, good]) => {
                good_share(good, bad)
            }
            (Self::Logit(_), &[logit]) => good_share(logit, 0.0),
            (Self::Value(_), &[value]) => Ok(Score::new(value)?),
            (Self::Marks { .. } | Self::Classes(_), _) => {
                Err(bad(format!("the model read `{}` numbers of 2", row.len())))
            }
            (Self::Logit(_) | Self::Value(_), _) => {
                Err(bad(format!("the model read `{}` numbers of 1", row.len())))
            }
        }
    }
}

/// The head with this name and so many outputs.
///
/// # Errors
///
/// [`WrongFamily::NoHead`] where the model has none such.
pub(crate) fn head(
    family: &'static str,
    reader: &impl Reader,
    name: &str,
    outputs: u32,
) -> Result<Head, WrongFamily> {
    let heads = reader.heads();
    let found = heads.iter().find(|head| head.name == name && head.outputs == outputs);
    found.cloned().ok_or_else(|| WrongFamily::no_head(family, name, outputs, &heads))
}
