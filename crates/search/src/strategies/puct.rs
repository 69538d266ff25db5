//! PUCT: Monte-Carlo tree search that visits first what the policy finds likely.

use espalier_core::{Account, NodeId, Round, ScorerId};

use super::{BadStrategy, exploration};
use crate::{
    Coding, Strategy, Tree,
    simulations::Simulations,
    visits::{Pucb, Visits},
};

/// Runs `simulations` one after the other. Each follows the child with the largest mean value +
/// `exploration` × prior × √N / (1 + n) to a leaf, samples `width` steps there, and backs their scores
/// up.
///
/// The prior of a step is the exponential of the mean log-probability of its tokens, normalized over its
/// siblings that lead somewhere. The value of a node is the scorer's; nothing is rolled out, unless
/// [`with_rollouts`](Self::with_rollouts) says so. Values are compared as they come, so `exploration` is in
/// their units.
///
/// Source: Silver et al. 2017, <https://doi.org/10.1038/nature24270>, methods, search algorithm.
///
/// Deviations, beside those of [`Uct`](super::Uct):
/// - The prior is of sampled steps, not of all actions, and per token, so that long steps are not held
///   to be unlikely. A step that no policy sampled (a tool's output) is taken as certain.
/// - N counts the visits of the parent, its own included.
/// - No noise is added at the root.
#[derive(Debug, Clone)]
pub struct Puct {
    rule: Pucb,
    simulations: Simulations,
}

impl Puct {
    /// At most `simulations`, each of `width` new steps, paths of at most `depth` steps.
    ///
    /// # Errors
    ///
    /// [`BadStrategy`] where a whole number is 0, or `exploration` is negative or not finite.
    pub fn new(
        width: u32,
        simulations: u32,
        depth: u32,
        exploration: f64,
        scorer: ScorerId,
    ) -> Result<Self, BadStrategy> {
        let rule = Pucb { exploration: self::exploration(exploration)? };
        Ok(Self { rule, simulations: Simulations::new(width, simulations, depth, scorer)? })
    }

    /// Values each new step by the mean score of `answers` answers sampled from it instead of by its own
    /// score; 0 for that one. The answers stay in the tree and can be selected.
    #[must_use]
    pub fn with_rollouts(mut self, answers: u32) -> Self {
        self.simulations.roll_out(answers);
        self
    }

    /// Runs the code with which steps end: a leaf whose step ends with a call is expanded from what that left. An
    /// observation is as deep as a step.
    #[must_use]
    pub fn with_code(mut self, coding: Coding) -> Self {
        self.simulations.run(coding);
        self
    }

    /// What has been backed up so far.
    #[must_use]
    pub fn visits(&self) -> &Visits {
        &self.simulations.visits
    }
}

/// Mean log-probability of the tokens, nats.
fn likelihood(tree: &Tree, id: NodeId) -> f64 {
    let stats = tree.node(id).step.as_ref().map_or(&[][..], |step| &step.stats);
    let sum: f64 = stats.iter().map(|stat| f64::from(stat.logprob)).sum();
    sum / stats.len().max(1) as f64
}

impl Strategy for Puct {
    fn next(&mut self, tree: &Tree, _: &Account) -> Round {
        self.simulations.next(tree, &self.rule, likelihood)
    }

    fn name(&self) -> &'static str {
        "puct"
    }
}
