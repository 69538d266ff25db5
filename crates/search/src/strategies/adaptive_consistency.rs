//! Adaptive consistency: self-consistency that stops as soon as the vote is decided.

use std::sync::Arc;

use espalier_core::{Account, Answers, Ask, NodeId, Retain, Round, Until};

use super::{BadStrategy, at_least_one, share};
use crate::{
    Strategy, Tree,
    agreement::{Reader, lead},
};

/// Samples answers, `batch` at a time, until the probability that the most frequent stays ahead of the
/// next ([`lead`]) is at least `confidence`, or there are `n`. None is scored.
///
/// Source: Aggarwal et al. 2023, <https://arxiv.org/abs/2305.11860>, the Beta stopping criterion. The
/// paper's confidence is 0.95, its `n` 40, its batch 1.
///
/// Deviations: answers can be sampled several at a time, which costs fewer rounds and more answers. The
/// vote is [`majority`](crate::select::majority).
#[derive(Debug, Clone)]
pub struct AdaptiveConsistency {
    n: u32,
    batch: u32,
    confidence: f64,
    answers: Reader,
    /// Answers asked for.
    asked: u32,
}

impl AdaptiveConsistency {
    /// At most `n` answers, `batch` at a time, until the vote is decided with this `confidence`.
    ///
    /// # Errors
    ///
    /// [`BadStrategy`] where a whole number is 0, or `confidence` is not above 0 and at most 1.
    pub fn new(
        n: u32,
        batch: u32,
        confidence: f64,
        answers: Arc<dyn Answers>,
    ) -> Result<Self, BadStrategy> {
        let (n, batch) = (at_least_one("--n", n)?, at_least_one("--batch", batch)?);
        let confidence = share("--confidence", confidence)?;
        Ok(Self { n, batch, confidence, answers: Reader(answers), asked: 0 })
    }
}

impl Strategy for AdaptiveConsistency {
    fn next(&mut self, tree: &Tree, _: &Account) -> Round {
        let (first, second) = self.answers.leaders(tree);
        let decided = first > 0 && lead(first, second) >= self.confidence;
        if decided || self.asked >= self.n {
            return Round::end();
        }
        let count = self.batch.min(self.n - self.asked);
        self.asked += count;
        let asks = vec![Ask::sample(NodeId::ROOT, count, Until::End)];
        // The first answer's KV holds the prompt.
        Round { asks, score: None, retain: Retain::New(vec![NodeId(1)]) }
    }

    fn name(&self) -> &'static str {
        "adaptive-consistency"
    }
}
