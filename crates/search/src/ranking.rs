//! Rankings: how a strategy orders paths by what a scorer says of them.

use std::cmp::Reverse;

use espalier_core::{Aggregate, Ask, NodeId, Retain, Round, Score, ScorerId, Until};

use crate::{Tree, allocation::softmax};

/// Whose scores order paths, and how those of a path become one.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Ranking {
    pub(crate) scorer: ScorerId,
    pub(crate) how: Aggregate,
}

impl Ranking {
    /// Sorts the best path first, ties to the lowest id, paths without a score last.
    pub(crate) fn key(self, tree: &Tree, id: NodeId) -> (Reverse<Option<Score>>, NodeId) {
        (Reverse(tree.aggregate(id, self.scorer, self.how)), id)
    }

    /// Each path's share by the softmax of its score.
    pub(crate) fn weights(self, tree: &Tree, ids: &[NodeId], temperature: f64) -> Vec<f64> {
        let score = |&id| Some(f64::from(tree.aggregate(id, self.scorer, self.how)?.get()));
        let scores: Vec<Option<f64>> = ids.iter().map(score).collect();
        softmax(&scores, temperature)
    }

    /// The round that continues each path so many times by one step. The next round continues none but
    /// what this one makes.
    pub(crate) fn round(self, growing: Vec<(NodeId, u32)>) -> Round {
        let (score, retain) = (Some(self.scorer), Retain::New(Vec::new()));
        Round { asks: one_step(growing), score, retain }
    }
}

/// Asks to continue each path so many times by one step.
pub(crate) fn one_step(growing: Vec<(NodeId, u32)>) -> Vec<Ask> {
    let ask = |(parent, count)| Ask::sample(parent, count, Until::Boundary);
    growing.into_iter().map(ask).collect()
}
