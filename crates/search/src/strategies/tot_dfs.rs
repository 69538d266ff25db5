//! Tree of thoughts, depth first: the most promising step first, and back where none promises enough.

use espalier_core::{Account, NodeId, Round, ScorerId};

use super::{BadStrategy, at_least_one};
use crate::{
    Strategy, Tree,
    thoughts::{Evaluate, Generate, Thoughts},
};

/// Visits a node: makes its next steps, has them judged, and visits those that are worth more than
/// `threshold`, the best first, each with all that is below it before the next. Ends after `visits`, or
/// where nothing is left to visit.
///
/// Source: Yao et al. 2023, <https://arxiv.org/abs/2305.10601>, section 3, algorithm 2.
///
/// Deviations:
/// - Visits are bounded, as in the paper's crosswords; all answers of the tree stand for selection.
/// - A step none of whose judgements can be read is visited after its siblings: nothing speaks against it.
/// - Steps cut by a length cap lead nowhere and are not judged; those `depth` steps deep are judged and
///   not visited.
#[derive(Debug, Clone)]
pub struct TotDfs {
    visits: u32,
    depth: u32,
    threshold: f64,
    thoughts: Thoughts,
    /// Nodes seen; the others are the newest steps.
    seen: usize,
    /// Nodes to visit, the next one last.
    stack: Vec<NodeId>,
    /// The newest steps that lead somewhere, while they are judged.
    judging: Vec<NodeId>,
}

impl TotDfs {
    /// At most `visits`, to steps worth more than `threshold`, paths of at most `depth` steps. Judgements
    /// are kept as scores of `scorer`, an id that none of the driver's scorers has; with
    /// [`Evaluate::Score`], one that one of them has.
    ///
    /// # Errors
    ///
    /// [`BadStrategy`] where a whole number is 0 or `threshold` is not finite.
    pub fn new(
        visits: u32,
        depth: u32,
        threshold: f64,
        generate: Generate,
        evaluate: Evaluate,
        scorer: ScorerId,
    ) -> Result<Self, BadStrategy> {
        let visits = at_least_one("--visits", visits)?;
        let depth = at_least_one("--depth", depth)?;
        if !threshold.is_finite() {
            let (flag, wanted) = ("--threshold", "a finite number");
            return Err(BadStrategy::OutOfRange { flag, value: threshold, wanted });
        }
        let thoughts = Thoughts::new(generate, evaluate, scorer)?;
        let (stack, judging) = (vec![NodeId::ROOT], Vec::new());
        Ok(Self { visits, depth, threshold, thoughts, seen: 1, stack, judging })
    }

    fn promises(&self, tree: &Tree, id: NodeId) -> bool {
        let node = tree.node(id);
        let worth = node.score(self.thoughts.scorer);
        let enough = worth.is_none_or(|worth| f64::from(worth.get()) > self.threshold);
        enough && tree.expandable(id) && node.depth < self.depth
    }
}

impl Strategy for TotDfs {
    fn next(&mut self, tree: &Tree, _: &Account) -> Round {
        let fresh = tree.ids().skip(self.seen).filter(|&id| tree.stands(id));
        let fresh: Vec<NodeId> = fresh.collect();
        self.seen = tree.len();
        if !fresh.is_empty() {
            self.judging = fresh;
            if let Some(round) = self.thoughts.judge(&self.judging) {
                return round;
            }
        }
        let mut judged = std::mem::take(&mut self.judging);
        judged.retain(|&id| self.promises(tree, id));
        judged.sort_by_key(|&id| self.thoughts.key(tree, id));
        self.stack.extend(judged.into_iter().rev());
        match self.stack.pop() {
            Some(node) if self.visits > 0 => {
                self.visits -= 1;
                self.thoughts.grow(vec![node])
            }
            _ => Round::end(),
        }
    }

    fn name(&self) -> &'static str {
        "tot-dfs"
    }
}
