//! Selectors: functions from a tree to its answer.
//!
//! Only nodes at which the model ended its answer count: a text cut by a length cap is not an answer.
//! Every selector sees every ended path of the tree, those a strategy pruned included, in creation
//! order. Answers fall into classes by [`Answers::same`]; the first member represents its class. Ties
//! go to the lowest node id. Nothing is read from the order in which work completed.

use std::cmp::Reverse;

use espalier_core::{Aggregate, Answer, Answers, NodeId, Score, ScorerId};

use crate::Tree;

/// A tree's answer and the node it is read from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Selected {
    /// The end of the path.
    pub node: NodeId,
    /// What the path answers.
    pub answer: Answer,
}

/// The answer of the best-scored ended path among those that hold one; `None` where none does. Paths
/// whose score is unknown are left out.
///
/// Source: Cobbe et al. 2021, <https://arxiv.org/abs/2110.14168>, the section on verification.
#[must_use]
pub fn best(
    tree: &Tree,
    scorer: ScorerId,
    how: Aggregate,
    answers: &dyn Answers,
) -> Option<Selected> {
    let mut ranked: Vec<(Reverse<Score>, NodeId)> = tree
        .finished()
        .filter_map(|node| Some((Reverse(tree.aggregate(node, scorer, how)?), node)))
        .collect();
    ranked.sort_unstable();
    ranked.into_iter().find_map(|(_, node)| read(tree, node, answers))
}

/// The answer that most ended paths give.
///
/// Source: Wang et al. 2022, <https://arxiv.org/abs/2203.11171>, section 2.
#[must_use]
pub fn majority(tree: &Tree, answers: &dyn Answers) -> Option<Selected> {
    vote(tree, answers, |_| Some(1.0))
}

/// The answer that most ended paths give of those for which `counts` says so.
#[must_use]
pub fn majority_of(
    tree: &Tree,
    answers: &dyn Answers,
    counts: impl Fn(NodeId) -> bool,
) -> Option<Selected> {
    vote(tree, answers, |id| counts(id).then_some(1.0))
}

/// The answer whose ended paths have the largest sum of scores. Paths whose score is unknown have no
/// vote. Meaningful for scores that are not negative.
///
/// Source: Li et al. 2022, <https://arxiv.org/abs/2206.02336>, the voting verifier.
#[must_use]
pub fn weighted(
    tree: &Tree,
    scorer: ScorerId,
    how: Aggregate,
    answers: &dyn Answers,
) -> Option<Selected> {
    vote(tree, answers, |node| Some(f64::from(tree.aggregate(node, scorer, how)?.get())))
}

/// # Complexity
///
/// Ended paths × classes comparisons of answers.
fn vote(
    tree: &Tree,
    answers: &dyn Answers,
    weight: impl Fn(NodeId) -> Option<f64>,
) -> Option<Selected> {
    let heaviest = classes(tree, answers, weight).into_iter();
    let heaviest = heaviest.reduce(|best, class| if class.1 > best.1 { class } else { best });
    heaviest.map(|(first, _)| first)
}

/// The classes of answers in order of their first members, and the sum of each one's weights.
pub(crate) fn classes(
    tree: &Tree,
    answers: &dyn Answers,
    weight: impl Fn(NodeId) -> Option<f64>,
) -> Vec<(Selected, f64)> {
    let mut classes: Vec<(Selected, f64)> = Vec::new();
    for node in tree.finished() {
        let (Some(weight), Some(one)) = (weight(node), read(tree, node, answers)) else { continue };
        match classes.iter_mut().find(|(first, _)| answers.same(&first.answer, &one.answer)) {
            Some((_, sum)) => *sum += weight,
            None => classes.push((one, weight)),
        }
    }
    classes
}

fn read(tree: &Tree, node: NodeId, answers: &dyn Answers) -> Option<Selected> {
    answers.extract(&tree.path(node).text()).map(|answer| Selected { node, answer })
}
