//! Simulations: select a leaf, expand it, score its children, back their scores up.

use espalier_core::{Ask, NodeId, Retain, Round, ScorerId, Until};

use crate::{
    BadStrategy, Tree,
    allocation::softmax,
    candidates::says_again,
    coding::{Coding, is_due, onward},
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
    /// Answers that a child is rolled out to; its own score counts where there are none.
    rollouts: u32,
    /// Nodes there were when that was asked.
    seen: usize,
    /// The leaf whose children the last round asked for.
    expanding: Option<NodeId>,
    /// The leaf whose children the last round rolled out.
    rolling: Option<Rolling>,
    coding: Option<Coding>,
    /// The leaf whose call the last round made.
    calling: Option<NodeId>,
}

/// Children whose rollouts have been asked for.
#[derive(Debug, Clone)]
struct Rolling {
    parent: NodeId,
    /// The children, rolled out or not.
    children: Vec<NodeId>,
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
        let visits = Visits::new();
        let (rollouts, seen, expanding, rolling) = (0, 1, None, None);
        let (coding, calling) = (None, None);
        Ok(Self {
            width,
            depth,
            scorer,
            visits,
            left,
            rollouts,
            seen,
            expanding,
            rolling,
            coding,
            calling,
        })
    }

    /// Values children by so many answers that are sampled from each.
    pub(crate) fn roll_out(&mut self, rollouts: u32) {
        self.rollouts = rollouts;
    }

    /// Runs the code with which the step of a leaf ends, before the leaf is expanded.
    pub(crate) fn run(&mut self, coding: Coding) {
        self.coding = Some(coding);
    }

    /// Backs up what the last round found, then simulates until a leaf is to be expanded. `likelihood`
    /// is the logarithm of a child's prior, before it is normalized over its siblings.
    pub(crate) fn next(
        &mut self,
        tree: &Tree,
        rule: &impl Rule,
        likelihood: impl Fn(&Tree, NodeId) -> f64,
    ) -> Round {
        if let Some(leaf) = self.calling.take() {
            self.visits.pass_over(tree.len());
            if tree.expandable(onward(tree, leaf)) {
                return self.expand(tree, leaf);
            }
            self.visits.expand(leaf, Vec::new());
        } else if let Some(parent) = self.expanding.take() {
            let children = tree.children(onward(tree, parent));
            // An open leaf has no children but those of earlier rollouts, which are answers.
            let made = children.iter().copied().filter(|&id| id.index() >= self.seen);
            let rolling = Rolling { parent, children: made.collect() };
            let open = self.leaves(tree, &rolling.children).into_iter();
            // What comes of a step whose call is not made is made up.
            let due = |id| is_due(self.coding.as_ref(), tree, id);
            let open = open.filter(|one| one.1 == Leaf::Open && !due(one.0)).map(|one| one.0);
            let open: Vec<NodeId> = open.collect();
            if self.rollouts > 0 && !open.is_empty() {
                self.rolling = Some(rolling);
                let ask = |id| Ask::sample(id, self.rollouts, Until::End);
                let asks = open.into_iter().map(ask).collect();
                return Round { asks, score: Some(self.scorer), retain: Retain::All };
            }
            self.visits.expand(parent, self.made(tree, &rolling, likelihood));
        } else if let Some(rolling) = self.rolling.take() {
            self.visits.expand(rolling.parent, self.made(tree, &rolling, likelihood));
            self.visits.pass_over(tree.len());
        }
        while self.left > 0 && self.visits.open() > 0 {
            let Some(leaf) = self.visits.descend(rule) else { break };
            self.left -= 1;
            if self.visits.is_open(leaf) {
                let coding = self.coding.as_ref();
                if let Some(coding) = coding.filter(|_| is_due(coding, tree, leaf)) {
                    self.calling = Some(leaf);
                    let asks = vec![coding.ask(leaf)];
                    return Round { asks, score: None, retain: Retain::All };
                }
                return self.expand(tree, leaf);
            }
            self.visits.revisit(leaf);
        }
        Round::end()
    }

    /// Samples the children of a leaf, or of the observation of its call.
    fn expand(&mut self, tree: &Tree, leaf: NodeId) -> Round {
        self.expanding = Some(leaf);
        self.seen = tree.len();
        let asks = vec![Ask::sample(onward(tree, leaf), self.width, Until::Boundary)];
        Round { asks, score: Some(self.scorer), retain: Retain::All }
    }

    fn made(
        &self,
        tree: &Tree,
        rolling: &Rolling,
        likelihood: impl Fn(&Tree, NodeId) -> f64,
    ) -> Vec<Child> {
        let leaves = self.leaves(tree, &rolling.children);
        let logit =
            |&(id, leaf): &(NodeId, Leaf)| (leaf != Leaf::Dead).then(|| likelihood(tree, id));
        let logits: Vec<Option<f64>> = leaves.iter().map(logit).collect();
        let child = |((id, leaf), prior): ((NodeId, Leaf), f64)| {
            let value = self.value(tree, id);
            Child { value, prior, leaf }
        };
        leaves.into_iter().zip(softmax(&logits, 1.0)).map(child).collect()
    }

    /// What can become of the children of one expansion. One that says the same as another before it is that
    /// one again, and leads nowhere by itself.
    fn leaves(&self, tree: &Tree, children: &[NodeId]) -> Vec<(NodeId, Leaf)> {
        let leaf = |(place, &id): (usize, &NodeId)| {
            let again = says_again(tree, id, &children[..place]);
            (id, if again { Leaf::Dead } else { self.leaf(tree, id) })
        };
        children.iter().enumerate().map(leaf).collect()
    }

    /// The mean score of the answers a child was rolled out to, of the child itself where there are none.
    fn value(&self, tree: &Tree, id: NodeId) -> f64 {
        let score = |id: NodeId| {
            let score = tree.node(id).score(self.scorer).expect("every round was scored");
            f64::from(score.get())
        };
        let ends = tree.children(id).iter();
        let ended = ends.filter(|&&end| tree.ended(end));
        let answers: Vec<f64> = ended.map(|&end| score(end)).collect();
        if answers.is_empty() {
            score(id)
        } else {
            answers.iter().sum::<f64>() / answers.len() as f64
        }
    }

    /// A step at the greatest depth that is not an answer leads nowhere.
    fn leaf(&self, tree: &Tree, id: NodeId) -> Leaf {
        let due = is_due(self.coding.as_ref(), tree, id);
        if tree.ended(id) && !due {
            Leaf::Ended
        } else if (due || tree.expandable(id)) && tree.node(id).depth < self.depth {
            Leaf::Open
        } else {
            Leaf::Dead
        }
    }
}
