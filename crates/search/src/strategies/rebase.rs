//! REBASE: each round's continuations are shared out among the paths by the softmax of their scores.

use espalier_core::{Account, Aggregate, NodeId, Round, ScorerId};

use super::{BadStrategy, at_least_one, score_temperature};
use crate::{Strategy, Tree, allocation::shares, ranking::Ranking};

/// Gives the newest paths `n` continuations of one step in all, less one for each path that is over,
/// in proportion to exp(score / temperature), until all are over or `depth` steps long.
///
/// Source: Wu et al. 2024, <https://arxiv.org/abs/2408.00724>, the section on reward balanced search.
///
/// Deviations:
/// - Shares are rounded by largest remainders ([`shares`]), so that they sum to what there is to
///   share. (The paper rounds each by itself; its code rounds up from the best path down, until nothing
///   is left.)
/// - A path that was cut by a length cap is over and takes its continuation with it, as one that ended.
///   (As in the paper's code.)
/// - Any aggregate of the step scores ranks paths; the paper's is the last step's.
#[derive(Debug, Clone)]
pub struct Rebase {
    temperature: f64,
    depth: u32,
    ranking: Ranking,
    /// Rounds asked for.
    rounds: u32,
    /// Nodes seen; the others are the newest.
    seen: usize,
    /// Continuations to share out.
    left: u32,
}

impl Rebase {
    /// `n` continuations a round, shared out at this `temperature` of scores, paths of at most `depth`
    /// steps. The paper's code has a temperature of 0.2 for scores in [0, 1].
    ///
    /// # Errors
    ///
    /// [`BadStrategy`] where `n` or `depth` is 0, or `temperature` is not a finite number above 0.
    pub fn new(
        n: u32,
        temperature: f64,
        depth: u32,
        scorer: ScorerId,
        how: Aggregate,
    ) -> Result<Self, BadStrategy> {
        let left = at_least_one("--n", n)?;
        let depth = at_least_one("--depth", depth)?;
        let temperature = score_temperature(temperature)?;
        let ranking = Ranking { scorer, how };
        Ok(Self { temperature, depth, ranking, rounds: 0, seen: 1, left })
    }
}

impl Strategy for Rebase {
    fn next(&mut self, tree: &Tree, _: &Account) -> Round {
        let growing = if self.rounds == 0 {
            vec![(NodeId::ROOT, self.left)]
        } else {
            let (open, over): (Vec<NodeId>, Vec<NodeId>) =
                tree.ids().skip(self.seen).partition(|&id| tree.expandable(id));
            self.left -= over.len() as u32; // a round makes as many nodes as were left
            let weights = self.ranking.weights(tree, &open, self.temperature);
            let counts = shares(&weights, self.left);
            open.into_iter().zip(counts).filter(|&(_, count)| count > 0).collect()
        };
        self.seen = tree.len();
        if growing.is_empty() || self.rounds == self.depth {
            return Round::end();
        }
        self.rounds += 1;
        self.ranking.round(growing)
    }

    fn name(&self) -> &'static str {
        "rebase"
    }
}
