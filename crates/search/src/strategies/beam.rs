//! Beam search over steps: keep the best paths, continue each.

use espalier_core::{Account, Aggregate, NodeId, Retain, Round, ScorerId};

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
/// - With [redraws](Self::with_redraws), a step that says the same as a sibling is no candidate and is drawn
///   anew. (search-and-learn's recipes leave duplicates out, `filter_duplicates`, and draw none anew.)
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
    /// How often a round's duplicates are drawn anew; they compete where that is 0.
    redraws: u32,
    /// The newest candidates that lead somewhere.
    fresh: Vec<NodeId>,
    /// Continuations of each path that are wanted in this round, and redraws that are left of it.
    wanted: (Vec<(NodeId, u32)>, u32),
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
        let (ended, fresh, wanted) = (Vec::new(), Vec::new(), (Vec::new(), 0));
        Ok(Self { n, width, depth, ranking, rounds: 0, seen: 1, ended, redraws: 0, fresh, wanted })
    }

    /// Leaves out candidates that say the same as a sibling, and draws as many anew, up to `redraws` times
    /// a round, so that the beam keeps paths that differ; 0 keeps duplicates, as without this.
    #[must_use]
    pub fn with_redraws(mut self, redraws: u32) -> Self {
        self.redraws = redraws;
        self
    }

    /// Takes in the newest nodes: those that lead somewhere are candidates, duplicates aside.
    fn take(&mut self, tree: &Tree) {
        for id in tree.ids().skip(self.seen) {
            let parent = tree.parent(id);
            let text = |id: NodeId| tree.node(id).step.as_ref().map(|step| step.text.as_str());
            let same = |&other: &NodeId| tree.parent(other) == parent && text(other) == text(id);
            let duplicate = self.redraws > 0 && self.fresh.iter().any(same);
            if duplicate {
                continue;
            }
            let wanted = self.wanted.0.iter_mut().find(|(from, _)| Some(*from) == parent);
            if let Some((_, count)) = wanted {
                *count = count.saturating_sub(1);
            }
            if tree.stands(id) {
                self.fresh.push(id);
            }
        }
        self.seen = tree.len();
    }

    /// The round that draws what duplicates left wanting; `None` where nothing is or no redraw is left.
    fn redraw(&mut self) -> Option<Round> {
        let missing = self.wanted.0.iter().copied().filter(|(_, count)| *count > 0);
        let missing: Vec<(NodeId, u32)> = missing.collect();
        self.wanted.1 = self.wanted.1.checked_sub(1).filter(|_| !missing.is_empty())?;
        let retain = Retain::New(self.fresh.clone());
        Some(Round { retain, ..self.ranking.round(missing) })
    }
}

impl Strategy for Beam {
    fn next(&mut self, tree: &Tree, _: &Account) -> Round {
        let growing = if self.rounds == 0 {
            self.seen = tree.len();
            vec![(NodeId::ROOT, self.n)]
        } else {
            self.take(tree);
            if let Some(round) = self.redraw() {
                return round;
            }
            let mut kept = std::mem::take(&mut self.ended);
            kept.append(&mut self.fresh);
            kept.sort_by_key(|&id| self.ranking.key(tree, id));
            kept.truncate((self.n / self.width) as usize);
            self.ended = kept.iter().copied().filter(|&id| tree.ended(id)).collect();
            kept.retain(|&id| tree.expandable(id));
            kept.into_iter().map(|id| (id, self.width)).collect()
        };
        if growing.is_empty() || self.rounds == self.depth {
            return Round::end();
        }
        self.rounds += 1;
        self.wanted = (growing.clone(), self.redraws);
        self.ranking.round(growing)
    }

    fn name(&self) -> &'static str {
        "beam"
    }
}
