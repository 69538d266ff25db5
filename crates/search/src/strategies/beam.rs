//! Beam search over steps: keep the best paths, continue each.

use std::cmp::Reverse;

use espalier_core::{
    Account, Aggregate, Ask, Finish, NodeId, Retain, Round, Score, ScorerId, Until,
};

use super::{BadStrategy, at_least_one};
use crate::{Strategy, Tree};

/// Keeps the best n / `width` paths by score and gives each `width` continuations of one step, until
/// every kept path has ended or is `depth` steps long.
///
/// Source: Snell et al. 2024, <https://arxiv.org/abs/2408.03314>, section 5.2.
///
/// Deviations:
/// - Paths that have ended stay, hold a place and compete with the unfinished; they are not refilled.
///   (The paper does not say.)
/// - A step cut by a length cap, or one that fills its path, leads nowhere and is no candidate.
/// - Any aggregate of the step scores ranks paths; the paper's is the last step's.
#[derive(Debug, Clone)]
pub struct Beam {
    n: u32,
    width: u32,
    depth: u32,
    scorer: ScorerId,
    how: Aggregate,
    /// Rounds asked for.
    rounds: u32,
    /// Nodes seen; the others are the newest candidates.
    seen: usize,
    /// Kept paths that have ended.
    ended: Vec<NodeId>,
}

impl Beam {
    /// A beam of `n` candidates a round (`width`² where none is given), paths of at most `depth` steps.
    ///
    /// # Errors
    ///
    /// [`BadStrategy`] where a number is 0 or `n` is not a multiple of `width`.
    pub fn new(
        width: u32,
        n: Option<u32>,
        depth: u32,
        scorer: ScorerId,
        how: Aggregate,
    ) -> Result<Self, BadStrategy> {
        let width = at_least_one("--width", width)?;
        let depth = at_least_one("--depth", depth)?;
        let n = match n {
            Some(n) => at_least_one("--n", n)?,
            None => width.checked_mul(width).ok_or(BadStrategy::TooWide { width })?,
        };
        if !n.is_multiple_of(width) {
            return Err(BadStrategy::NotMultiple { n, width });
        }
        Ok(Self { n, width, depth, scorer, how, rounds: 0, seen: 1, ended: Vec::new() })
    }

    fn rank(&self, tree: &Tree, id: NodeId) -> (Reverse<Option<Score>>, NodeId) {
        (Reverse(tree.aggregate(id, self.scorer, self.how)), id)
    }
}

impl Strategy for Beam {
    fn next(&mut self, tree: &Tree, _: &Account) -> Round {
        let growing = if self.rounds == 0 {
            vec![(NodeId::ROOT, self.n)]
        } else {
            let ended = |id: &NodeId| tree.node(*id).finish() == Some(Finish::Eos);
            let mut kept = std::mem::take(&mut self.ended);
            let fresh = tree.ids().skip(self.seen);
            kept.extend(fresh.filter(|id| ended(id) || tree.expandable(*id)));
            kept.sort_by_key(|&id| self.rank(tree, id));
            kept.truncate((self.n / self.width) as usize);
            self.ended = kept.iter().copied().filter(ended).collect();
            kept.retain(|&id| tree.expandable(id));
            kept.into_iter().map(|id| (id, self.width)).collect()
        };
        self.seen = tree.len();
        if growing.is_empty() || self.rounds == self.depth {
            return Round::end();
        }
        self.rounds += 1;
        let ask = |(parent, count)| Ask::sample(parent, count, Until::Boundary);
        Round {
            asks: growing.into_iter().map(ask).collect(),
            score: Some(self.scorer),
            retain: Retain::New(Vec::new()),
        }
    }

    fn name(&self) -> &'static str {
        "beam"
    }
}
