//! Tree of thoughts, breadth first: the policy itself judges which steps to go on from.

use espalier_core::{Account, NodeId, Round, ScorerId};

use super::{BadStrategy, at_least_one};
use crate::{
    Strategy, Tree,
    thoughts::{Evaluate, Generate, Thoughts},
};

/// Makes next steps of every kept path, has all of them judged, and keeps the best `breadth`, until every
/// kept path has ended or is `depth` steps long.
///
/// Source: Yao et al. 2023, <https://arxiv.org/abs/2305.10601>, section 3, algorithm 1.
///
/// Deviations:
/// - Paths that have ended stay, hold a place and compete with the judgement they got, also with shares
///   of later votes. (In the paper all paths end at the last step.)
/// - A step's value is the mean of its judgements, which ranks as their sum does where all can be read;
///   a step none of whose judgements can be read ranks last. (The authors' code takes such for worth
///   nothing.)
/// - A step cut by a length cap leads nowhere and is not judged.
/// - All answers of the tree stand for selection, by the judgements where they are to be the best.
#[derive(Debug, Clone)]
pub struct TotBfs {
    breadth: u32,
    depth: u32,
    thoughts: Thoughts,
    /// Rounds of steps asked for.
    rounds: u32,
    /// Nodes seen; the others are the newest steps.
    seen: usize,
    /// The newest steps that lead somewhere, while they are judged.
    judging: Vec<NodeId>,
    /// Kept paths that have ended.
    ended: Vec<NodeId>,
}

impl TotBfs {
    /// Keeps `breadth` paths of at most `depth` steps. Judgements are kept as scores of `scorer`, an id
    /// that none of the driver's scorers has; with [`Evaluate::Score`], one that one of them has.
    ///
    /// # Errors
    ///
    /// [`BadStrategy`] where a number is 0.
    pub fn new(
        breadth: u32,
        depth: u32,
        generate: Generate,
        evaluate: Evaluate,
        scorer: ScorerId,
    ) -> Result<Self, BadStrategy> {
        let breadth = at_least_one("--breadth", breadth)?;
        let depth = at_least_one("--depth", depth)?;
        let thoughts = Thoughts::new(generate, evaluate, scorer)?;
        let (judging, ended) = (Vec::new(), Vec::new());
        Ok(Self { breadth, depth, thoughts, rounds: 0, seen: 1, judging, ended })
    }
}

impl Strategy for TotBfs {
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
        let growing = if self.rounds == 0 {
            vec![NodeId::ROOT]
        } else {
            let mut kept = std::mem::take(&mut self.ended);
            kept.append(&mut self.judging);
            kept.sort_by_key(|&id| self.thoughts.key(tree, id));
            kept.truncate(self.breadth as usize);
            self.ended = kept.iter().copied().filter(|&id| tree.ended(id)).collect();
            kept.retain(|&id| tree.expandable(id));
            kept
        };
        if growing.is_empty() || self.rounds == self.depth {
            return Round::end();
        }
        self.rounds += 1;
        self.thoughts.grow(growing)
    }

    fn name(&self) -> &'static str {
        "tot-bfs"
    }
}
