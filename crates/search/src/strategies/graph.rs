//! Graph of thoughts: answers are merged, and what was merged is merged again.

use espalier_core::{
    Account, Ask, FormId, NodeId, PolicyId, Retain, Round, Score, ScorerId, Until,
};

use super::{BadStrategy, at_least_one};
use crate::{Strategy, Tree};

/// Samples `n` answers, then merges them in groups of `group`, `attempts` times each, and goes on with
/// the best attempt of each group until one is left. Everything is scored.
///
/// Source: Besta et al. 2023, <https://arxiv.org/abs/2308.09687>, section 3: generation, aggregation,
/// and keeping the best.
///
/// Deviations:
/// - The graph of operations is this one; the paper's is the user's to write. Thoughts are not refined
///   between merges.
/// - First thoughts are whole answers to the problem; in the paper's tasks a first step splits it.
/// - Where all attempts at a group lead nowhere (cut by a length cap), the best of the group goes on. A
///   group of one goes on as it is.
/// - A merged thought is a child of the root; whether it is an answer is its form's to say. All answers
///   of the tree stand for selection.
#[derive(Debug, Clone)]
pub struct GraphOfThoughts {
    n: u32,
    group: u32,
    attempts: u32,
    form: FormId,
    scorer: ScorerId,
    /// Nodes seen; the others are the newest thoughts.
    seen: usize,
    /// The groups that are being merged, in order.
    groups: Vec<Vec<NodeId>>,
    started: bool,
}

impl GraphOfThoughts {
    /// `n` answers, merged `group` at a time, `attempts` times, by a form that merges.
    ///
    /// # Errors
    ///
    /// [`BadStrategy`] where a number is 0 or `group` is 1.
    pub fn new(
        n: u32,
        group: u32,
        attempts: u32,
        form: FormId,
        scorer: ScorerId,
    ) -> Result<Self, BadStrategy> {
        let (n, attempts) = (at_least_one("--n", n)?, at_least_one("--attempts", attempts)?);
        if group < 2 {
            let (flag, wanted) = ("--group", "at least 2");
            return Err(BadStrategy::OutOfRange { flag, value: group.into(), wanted });
        }
        let groups = Vec::new();
        Ok(Self { n, group, attempts, form, scorer, seen: 1, groups, started: false })
    }

    /// The thoughts to go on with: the newest answers, or the best attempt at each group.
    fn thoughts(&self, tree: &Tree) -> Vec<NodeId> {
        let mut fresh = tree.ids().skip(self.seen);
        if self.groups.is_empty() {
            return fresh.filter(|&id| tree.stands(id)).collect();
        }
        let score = |id: NodeId| -> Option<Score> { tree.node(id).score(self.scorer) };
        let best = |ids: Vec<NodeId>| {
            ids.into_iter().reduce(|best, id| if score(id) > score(best) { id } else { best })
        };
        let winner = |group: &Vec<NodeId>| {
            let count = if group.len() > 1 { self.attempts as usize } else { 0 };
            let attempts: Vec<NodeId> = fresh.by_ref().take(count).collect();
            best(attempts.into_iter().filter(|&id| tree.stands(id)).collect())
                .or_else(|| best(group.clone()))
        };
        self.groups.iter().filter_map(winner).collect()
    }
}

impl Strategy for GraphOfThoughts {
    fn next(&mut self, tree: &Tree, _: &Account) -> Round {
        let (score, retain) = (Some(self.scorer), Retain::All);
        if !self.started {
            self.started = true;
            let asks = vec![Ask::sample(NodeId::ROOT, self.n, Until::End)];
            return Round { asks, score, retain };
        }
        let thoughts = self.thoughts(tree);
        self.seen = tree.len();
        if thoughts.len() < 2 {
            return Round::end();
        }
        self.groups = thoughts.chunks(self.group as usize).map(<[NodeId]>::to_vec).collect();
        let (policy, form, parent) = (PolicyId::default(), self.form, NodeId::ROOT);
        let merge = |merged: &Vec<NodeId>| {
            let ask = Ask::Merge { parent, merged: merged.clone(), policy, form };
            std::iter::repeat_n(ask, self.attempts as usize)
        };
        let merging = self.groups.iter().filter(|group| group.len() > 1);
        Round { asks: merging.flat_map(merge).collect(), score, retain }
    }

    fn name(&self) -> &'static str {
        "graph-of-thoughts"
    }
}
