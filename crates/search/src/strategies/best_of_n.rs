//! Best-of-N: independent answers, each scored; the selector takes the best.

use espalier_core::{Account, Ask, NodeId, Retain, Round, ScorerId, Until};

use super::{BadStrategy, at_least_one};
use crate::{Strategy, Tree};

/// Samples `n` answers and scores each, beside those that a tree already holds.
///
/// Source: Cobbe et al. 2021, <https://arxiv.org/abs/2110.14168>, the section on verification.
///
/// Deviations: the answer is sampled as one step, so a process reward model scores its whole text once.
#[derive(Debug, Clone)]
pub struct BestOfN {
    n: u32,
    scorer: ScorerId,
    /// Rounds asked for.
    rounds: u32,
}

impl BestOfN {
    /// `n` answers, scored by `scorer`.
    ///
    /// # Errors
    ///
    /// [`BadStrategy::Zero`] for no answers.
    pub fn new(n: u32, scorer: ScorerId) -> Result<Self, BadStrategy> {
        Ok(Self { n: at_least_one("--n", n)?, scorer, rounds: 0 })
    }
}

impl Strategy for BestOfN {
    fn next(&mut self, _: &Tree, _: &Account) -> Round {
        if self.rounds > 0 {
            return Round::end();
        }
        self.rounds += 1;
        let asks = vec![Ask::sample(NodeId::ROOT, self.n, Until::End)];
        Round { asks, score: Some(self.scorer), retain: Retain::Nothing }
    }

    fn name(&self) -> &'static str {
        "best-of-n"
    }
}
