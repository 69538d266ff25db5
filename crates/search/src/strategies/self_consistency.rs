//! Self-consistency: independent answers; the selector takes a majority vote.

use espalier_core::{Account, Ask, NodeId, Round, Until};

use super::{BadStrategy, at_least_one};
use crate::{Strategy, Tree};

/// Samples `n` answers and scores none.
///
/// Source: Wang et al. 2022, <https://arxiv.org/abs/2203.11171>, section 2. No deviations: the vote is
/// [`majority`](crate::select::majority).
#[derive(Debug, Clone, Copy)]
pub struct SelfConsistency {
    n: u32,
}

impl SelfConsistency {
    /// `n` answers.
    ///
    /// # Errors
    ///
    /// [`BadStrategy::Zero`] for no answers.
    pub fn new(n: u32) -> Result<Self, BadStrategy> {
        Ok(Self { n: at_least_one("--n", n)? })
    }
}

impl Strategy for SelfConsistency {
    fn next(&mut self, tree: &Tree, _: &Account) -> Round {
        if tree.len() > 1 {
            return Round::end();
        }
        Round::last(vec![Ask::sample(NodeId::ROOT, self.n, Until::End)])
    }

    fn name(&self) -> &'static str {
        "self-consistency"
    }
}
