//! Simulations: select a leaf, expand it, score its children, back their scores up.

use espalier_core::{Ask, NodeId, Retain, Round, ScorerId, Until};

use crate::{
    BadStrategy, Tree,
    allocation::softmax,
    strategies::at_least_one,
    visits::{Child, Leaf, Rule, Visits},
};

/// The simulations of a Monte-Carlo tree search, whatever rule selects.
#[derive(Debug, Clone)]
pub(crate) struct Simulations {
    width: u32,
    depth: u32,
    scorer: ScorerId,
    pub(crate) visits: Visits,
    /// Simulations to come.
    left: u32,
    /// The leaf whose children the last round asked for.
    expanding: Option<NodeId>,
}

impl Simulations {
    pub(crate) fn new(
        width: u32,
        simulations: u32,
        depth: u32,
        scorer: ScorerId,
    ) -> Result<Self, BadStrategy> {
        let width = at_least_one("--width", width)?;
        let left = at_least_one("--simulations", simulations)?;
        let depth = at_least_one("--depth", depth)?;
        Ok(Self { width, depth, scorer, visits: Visits::new(), left, expanding: None })
    }

    /// Backs up what the last round found, then simulates until a leaf is to be expanded. `likelihood`
    /// is the logarithm of a child's prior, before it is normalized over its siblings.
    pub(crate) fn next(
        &mut self,
        tree: &Tree,
        rule: &impl Rule,
        likelihood: impl Fn(&Tree, NodeId) -> f64,
    ) -> Round {
        if let Some(parent) = self.expanding.take() {
            let made = self.made(tree, parent, likelihood);
            self.visits.expand(parent, made);
        }
        while self.left > 0 && self.visits.open() > 0 {
            let Some(leaf) = self.visits.descend(rule) else { break };
            self.left -= 1;
            if self.visits.is_open(leaf) {
                self.expanding = Some(leaf);
                let asks = vec![Ask::sample(leaf, self.width, Until::Boundary)];
                return Round { asks, score: Some(self.scorer), retain: Retain::All };
            }
            self.visits.revisit(leaf);
        }
        Round::end()
    }

    fn made(
        &self,
        tree: &Tree,
        parent: NodeId,
        likelihood: impl Fn(&Tree, NodeId) -> f64,
    ) -> Vec<Child> {
        let children = tree.children(parent);
        let leaf = |&id: &NodeId| self.leaf(tree, id);
        let logit = |id: &NodeId| (leaf(id) != Leaf::Dead).then(|| likelihood(tree, *id));
        let logits: Vec<Option<f64>> = children.iter().map(logit).collect();
        let child = |(id, prior): (&NodeId, f64)| {
            let score = tree.node(*id).score(self.scorer).expect("every round was scored");
            Child { value: score.get().into(), prior, leaf: leaf(id) }
        };
        children.iter().zip(softmax(&logits, 1.0)).map(child).collect()
    }

    /// A step at the greatest depth that is not an answer leads nowhere.
    fn leaf(&self, tree: &Tree, id: NodeId) -> Leaf {
        if tree.ended(id) {
            Leaf::Ended
        } else if tree.expandable(id) && tree.node(id).depth < self.depth {
            Leaf::Open
        } else {
            Leaf::Dead
        }
    }
}
