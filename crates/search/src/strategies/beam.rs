//! Beam search over steps: keep the best paths, continue each.

use espalier_core::{Account, Aggregate, NodeId, Round, ScorerId};

use super::{BadStrategy, at_least_one, candidates};
use crate::{Strategy, Tree, ranking::Ranking};

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
    ranking: Ranking,
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
        let (width, n) = candidates(width, n)?;
        let depth = at_least_one("--depth", depth)?;
        let ranking = Ranking { scorer, how };
        Ok(Self { n, width, depth, ranking, rounds: 0, seen: 1, ended: Vec::new() })
    }
}

impl Strategy for Beam {
    fn next(&mut self, tree: &Tree, _: &Account) -> Round {
        let growing = if self.rounds == 0 {
            vec![(NodeId::ROOT, self.n)]
        } else {
            let mut kept = std::mem::take(&mut self.ended);
            kept.extend(tree.ids().skip(self.seen).filter(|&id| tree.stands(id)));
            kept.sort_by_key(|&id| self.ranking.key(tree, id));
            kept.truncate((self.n / self.width) as usize);
            self.ended = kept.iter().copied().filter(|&id| tree.ended(id)).collect();
            kept.retain(|&id| tree.expandable(id));
            kept.into_iter().map(|id| (id, self.width)).collect()
        };
        self.seen = tree.len();
        if growing.is_empty() || self.rounds == self.depth {
            return Round::end();
        }
        self.rounds += 1;
        self.ranking.round(growing)
    }

    fn name(&self) -> &'static str {
        "beam"
    }
}
