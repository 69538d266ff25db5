//! UCT: Monte-Carlo tree search that visits siblings by their upper confidence bounds.

use espalier_core::{Account, Round, ScorerId};

use super::{BadStrategy, exploration};
use crate::{
    Coding, Strategy, Tree,
    simulations::Simulations,
    visits::{Ucb1, Visits},
};

/// Runs `simulations` one after the other. Each follows the child with the largest mean value +
/// `exploration` × √(ln N / n) to a leaf, samples `width` steps there, and backs their scores up.
///
/// The value of a node is the scorer's; nothing is rolled out, unless [`with_rollouts`] says so. Values are compared as they come, so
/// `exploration` is in their units: for scores in [0, 1] the source's is √2.
///
/// Source: Kocsis, Szepesvári 2006, <https://doi.org/10.1007/11871842_29>, the UCT algorithm.
///
/// Deviations:
/// - A step's score takes the place of the return of a rollout. A leaf is expanded by `width` sampled
///   steps at once, each of which counts as one visit, so that no child is ever unvisited.
/// - The value of a node is the mean of its own score and those of all steps below it; there are no
///   rewards on the way.
/// - An answer that is selected is visited again by its score, which costs nothing but the simulation.
///   The search ends early where no step is left that can be continued.
/// - Steps cut by a length cap, and those that are `depth` steps deep and no answers, lead nowhere: they
///   are not visited, and a node with no others below it is not visited again.
/// - A step that says the same as a sibling sampled with it is that one again, and is not visited.
/// - With rollouts, several are averaged, and their answers are not visited themselves.
/// - All of the tree's answers stand for selection; the source takes the best first action.
///
/// [`with_rollouts`]: Self::with_rollouts
#[derive(Debug, Clone)]
pub struct Uct {
    rule: Ucb1,
    simulations: Simulations,
}

impl Uct {
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
        let rule = Ucb1 { exploration: self::exploration(exploration)? };
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

impl Strategy for Uct {
    fn next(&mut self, tree: &Tree, _: &Account) -> Round {
        self.simulations.next(tree, &self.rule, |_, _| 0.0)
    }

    fn name(&self) -> &'static str {
        "uct"
    }
}
