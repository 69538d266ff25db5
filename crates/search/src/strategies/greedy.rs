//! Greedy: one path, from the prompt to the end of the answer.

use espalier_core::{Account, Ask, NodeId, Round, Until};

use crate::{Strategy, Tree};

/// Samples one answer. With temperature 0, which is the caller's to set, it is the greedy one.
///
/// Source: Wang et al. 2022, <https://arxiv.org/abs/2203.11171>, whose baseline it is. No
/// deviations.
#[derive(Debug, Clone, Copy, Default)]
pub struct Greedy;

impl Strategy for Greedy {
    fn next(&mut self, tree: &Tree, _: &Account) -> Round {
        if tree.len() > 1 {
            return Round::end();
        }
        Round::last(vec![Ask::sample(NodeId::ROOT, 1, Until::End)])
    }

    fn name(&self) -> &'static str {
        "greedy"
    }
}
