//! AB-MCTS: a tree search that decides by Thompson sampling whether to go wider or deeper.

use espalier_core::{Account, Ask, NodeId, Retain, Round, ScorerId, Seed, Until};

use super::{BadStrategy, at_least_one};
use crate::{
    Strategy, Tree,
    belief::{Belief, Draws, Prior},
};

/// Sets the draws of Thompson sampling apart from those of the step whose seed they are derived from.
const THOMPSON: u64 = u64::from_be_bytes(*b"thompson");

/// Samples `n` steps one after the other. Each is a child of a node that is found from the root down: at
/// a node, a draw of what a new child is worth and a draw of what going on below the children is worth
/// decide between wider and deeper; where it is deeper, draws of what each child is worth choose one.
///
/// A new step's score is an observation of that step and of "wider" at its parent, and at each step above it
/// one of that step and of "deeper" at that step's parent.
///
/// Source: Inoue et al. 2025, <https://arxiv.org/abs/2503.04412>, AB-MCTS-A (node aggregation), as in
/// the authors' code, <https://github.com/SakanaAI/treequest>.
///
/// Deviations:
/// - Nodes are steps, and deeper continues a step; the paper's are whole answers, and deeper refines one.
/// - Answers, steps cut by a length cap and steps `depth` deep cannot be gone below; a node with no
///   other children goes wider.
/// - Cut steps lead nowhere and are no observations.
/// - There is one policy, so no choice among several.
#[derive(Debug, Clone)]
pub struct AbMcts {
    depth: u32,
    prior: Prior,
    scorer: ScorerId,
    /// Steps to sample.
    left: u32,
    /// What is believed at each node.
    beliefs: Vec<Beliefs>,
}

#[derive(Debug, Clone, Copy, Default)]
struct Beliefs {
    /// What a new child is worth.
    wider: Belief,
    /// What a step below the children is worth.
    deeper: Belief,
    /// What this node and the steps below it are worth.
    own: Belief,
}

impl AbMcts {
    /// `n` steps, paths of at most `depth`.
    ///
    /// # Errors
    ///
    /// [`BadStrategy`] where a whole number is 0, or a number of the prior is not finite or, the mean
    /// aside, not above 0.
    pub fn new(n: u32, depth: u32, prior: Prior, scorer: ScorerId) -> Result<Self, BadStrategy> {
        let (left, depth) = (at_least_one("--n", n)?, at_least_one("--depth", depth)?);
        Ok(Self { depth, prior: prior.check()?, scorer, left, beliefs: Vec::new() })
    }

    /// Backs the newest step's score up.
    fn observe(&mut self, tree: &Tree, newest: NodeId) {
        self.beliefs.resize(tree.len(), Beliefs::default());
        let (true, Some(score)) = (tree.stands(newest), tree.node(newest).score(self.scorer))
        else {
            return;
        };
        let score = f64::from(score.get());
        self.beliefs[newest.index()].own.observe(score);
        for (above, id) in tree.ancestors(newest).skip(1).enumerate() {
            let below = &mut self.beliefs[id.index()];
            let wider = if above == 0 { &mut below.wider } else { &mut below.deeper };
            wider.observe(score);
            below.own.observe(score);
        }
    }

    /// The node to give a new child.
    fn descend(&self, tree: &Tree, draws: &mut Draws) -> NodeId {
        let mut draw = |belief: &Belief| belief.draw(self.prior, draws);
        let mut at = NodeId::ROOT;
        loop {
            let grows = |id: &NodeId| tree.expandable(*id) && tree.node(*id).depth < self.depth;
            let mut children = tree.children(at).iter().copied().filter(grows).peekable();
            let beliefs = &self.beliefs[at.index()];
            if children.peek().is_none() || draw(&beliefs.wider) >= draw(&beliefs.deeper) {
                return at;
            }
            let drawn = children.map(|id| (draw(&self.beliefs[id.index()].own), id));
            let best = drawn.reduce(|best, one| if one.0 > best.0 { one } else { best });
            at = best.expect("a child grows").1;
        }
    }
}

impl Strategy for AbMcts {
    fn next(&mut self, tree: &Tree, _: &Account) -> Round {
        let newest = NodeId(tree.len() as u32 - 1);
        self.observe(tree, newest);
        if self.left == 0 {
            return Round::end();
        }
        self.left -= 1;
        let seed = tree.node(newest).seed.unwrap_or_else(|| Seed::run(THOMPSON));
        let parent = self.descend(tree, &mut Draws::new(seed.fold(THOMPSON)));
        let asks = vec![Ask::sample(parent, 1, Until::Boundary)];
        Round { asks, score: Some(self.scorer), retain: Retain::All }
    }

    fn name(&self) -> &'static str {
        "ab-mcts"
    }
}
