//! Diverse verifier tree search: several beams of one path, side by side.

use espalier_core::{Account, Aggregate, NodeId, Round, ScorerId};

use super::{BadStrategy, at_least_one, candidates};
use crate::{Strategy, Tree, ranking::Ranking};

/// Grows n / `width` independent subtrees: each keeps the best of its `width` candidates and gives it
/// `width` continuations of one step, until that path has ended or is `depth` steps long.
///
/// Source: Beeching, Tunstall, Rush 2024,
/// <https://huggingface.co/spaces/HuggingFaceH4/blogpost-scaling-test-time-compute>, the section on
/// DVTS.
///
/// Deviations:
/// - The first `width` of the n first steps are the first subtree's candidates, and so on.
/// - A subtree whose best path has ended is over, and so is one whose candidates all lead nowhere.
/// - The answers are the paths that ended, wherever in the tree; the authors' code emits the last
///   candidates of each subtree, unfinished ones included.
/// - Any aggregate of the step scores ranks paths.
#[derive(Debug, Clone)]
pub struct Dvts {
    n: u32,
    width: u32,
    depth: u32,
    ranking: Ranking,
    /// Rounds asked for.
    rounds: u32,
    /// Children that the root had before; they are none of the candidates.
    before: usize,
    /// The path each subtree continues, of those that go on.
    tips: Vec<NodeId>,
}

impl Dvts {
    /// `n` / `width` subtrees (`width` of them where no `n` is given), paths of at most `depth` steps.
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
        Ok(Self { n, width, depth, ranking, rounds: 0, before: 0, tips: Vec::new() })
    }

    /// The best of one subtree's candidates that leads somewhere.
    fn best(&self, tree: &Tree, group: &[NodeId]) -> Option<NodeId> {
        let standing = group.iter().copied().filter(|&id| tree.stands(id));
        standing.min_by_key(|&id| self.ranking.key(tree, id))
    }
}

impl Strategy for Dvts {
    fn next(&mut self, tree: &Tree, _: &Account) -> Round {
        let first = tree.children(NodeId::ROOT);
        let groups: Vec<&[NodeId]> = match self.rounds {
            0 => Vec::new(),
            1 => first[self.before..].chunks(self.width as usize).collect(),
            _ => self.tips.iter().map(|&tip| tree.children(tip)).collect(),
        };
        let best = groups.into_iter().filter_map(|group| self.best(tree, group));
        self.tips = best.filter(|&id| tree.expandable(id)).collect();
        if self.rounds == self.depth || (self.rounds > 0 && self.tips.is_empty()) {
            return Round::end();
        }
        let growing = match self.rounds {
            0 => {
                self.before = first.len();
                vec![(NodeId::ROOT, self.n)]
            }
            _ => self.tips.iter().map(|&tip| (tip, self.width)).collect(),
        };
        self.rounds += 1;
        self.ranking.round(growing)
    }

    fn name(&self) -> &'static str {
        "dvts"
    }
}
