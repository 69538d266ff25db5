//! Trees: every step a search has taken, pruned branches included.

use std::{collections::BTreeMap, sync::Arc};

use espalier_core::{
    Aggregate, Finish, NodeId, Observed, Path, Prompt, Score, ScorerId, Seed, Step, TokenId,
};
use petgraph::graph::{DiGraph, NodeIndex};

/// One node of a [`Tree`]: a step and what is known of it.
#[derive(Debug, Clone)]
pub struct Node {
    /// What was sampled, or what a tool left; `None` at the root.
    pub step: Option<Arc<Step>>,
    /// Steps between the root and this node, this one included.
    pub depth: u32,
    /// Tokens between the prompt and the end of this node.
    pub below: u64,
    /// The step score of each scorer that has scored this node.
    pub scores: BTreeMap<ScorerId, Score>,
    /// The seed it was sampled with; `None` at the root. Steps proposed in one reply share theirs, and so do
    /// all observations.
    pub seed: Option<Seed>,
    /// The nodes it was made from beside its parent: those it merges, as a graph of thoughts does, or the
    /// one it revises.
    pub merged: Vec<NodeId>,
    parent: Option<NodeId>,
    children: Vec<NodeId>,
}

impl Node {
    /// The tool whose observation it is, and how the call ended; `None` where it was sampled.
    #[must_use]
    pub fn observed(&self) -> Option<Observed> {
        self.step.as_ref().and_then(|step| step.observed)
    }

    /// Why its step ended; `None` at the root.
    #[must_use]
    pub fn finish(&self) -> Option<Finish> {
        self.step.as_ref().map(|step| step.finish)
    }

    /// This scorer's score of the step; `None` where it has not scored it.
    #[must_use]
    pub fn score(&self, scorer: ScorerId) -> Option<Score> {
        self.scores.get(&scorer).copied()
    }
}

/// What an edge says of its target.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Edge {
    /// It continues the source.
    Child,
    /// It merges the source.
    Merged,
}

/// A tree of steps. Nodes are added by the driver and never removed; ids are positions in creation
/// order, so a parent's id is always lower than its children's.
///
/// # Panics
///
/// Methods that take an id panic where it is another tree's and this tree has no such node.
#[derive(Debug, Clone)]
pub struct Tree {
    prompt: Arc<Prompt>,
    room: u64,
    graph: DiGraph<Node, Edge>,
}

impl Tree {
    /// A tree of one node, whose paths may hold `room` tokens below the prompt.
    #[must_use]
    pub(crate) fn new(prompt: Arc<Prompt>, room: u64) -> Self {
        let mut graph = DiGraph::new();
        graph.add_node(Node {
            step: None,
            depth: 0,
            below: 0,
            scores: BTreeMap::new(),
            seed: None,
            merged: Vec::new(),
            parent: None,
            children: Vec::new(),
        });
        Self { prompt, room, graph }
    }

    /// Adds a child that continues `parent` and merges `merged`.
    pub(crate) fn add(
        &mut self,
        parent: NodeId,
        step: Arc<Step>,
        seed: Seed,
        merged: Vec<NodeId>,
    ) -> NodeId {
        let above = self.node(parent);
        let node = Node {
            depth: above.depth + 1,
            below: above.below + step.tokens.len() as u64,
            step: Some(step),
            scores: BTreeMap::new(),
            seed: Some(seed),
            merged: merged.clone(),
            parent: Some(parent),
            children: Vec::new(),
        };
        let index = self.graph.add_node(node);
        let id = NodeId(index.index() as u32);
        self.graph.add_edge(at(parent), index, Edge::Child);
        for other in merged {
            self.graph.add_edge(at(other), index, Edge::Merged);
        }
        self.graph[at(parent)].children.push(id);
        id
    }

    /// Records a score; the node must not have one of this scorer.
    pub(crate) fn set_score(&mut self, id: NodeId, scorer: ScorerId, score: Score) {
        let before = self.graph[at(id)].scores.insert(scorer, score);
        debug_assert!(before.is_none(), "the driver refuses to score a node twice");
    }

    /// What the tree grows from.
    #[must_use]
    pub fn prompt(&self) -> &Arc<Prompt> {
        &self.prompt
    }

    /// Number of nodes, the root included.
    #[must_use]
    #[expect(clippy::len_without_is_empty, reason = "a tree always has its root")]
    pub fn len(&self) -> usize {
        self.graph.node_count()
    }

    /// Returns true if and only if this tree has a node with this id.
    #[must_use]
    pub fn contains(&self, id: NodeId) -> bool {
        id.index() < self.len()
    }

    /// The node with this id.
    #[must_use]
    pub fn node(&self, id: NodeId) -> &Node {
        &self.graph[at(id)]
    }

    /// The parent; `None` at the root.
    #[must_use]
    pub fn parent(&self, id: NodeId) -> Option<NodeId> {
        self.node(id).parent
    }

    /// The children in creation order.
    #[must_use]
    pub fn children(&self, id: NodeId) -> &[NodeId] {
        &self.node(id).children
    }

    /// The nodes that merge or revise `id`, in creation order.
    #[must_use]
    pub fn merged_into(&self, id: NodeId) -> Vec<NodeId> {
        let edges = self.graph.edges(at(id)).filter(|edge| *edge.weight() == Edge::Merged);
        let mut targets: Vec<NodeId> = edges
            .map(|edge| NodeId(petgraph::visit::EdgeRef::target(&edge).index() as u32))
            .collect();
        targets.sort_unstable(); // petgraph's neighbours come newest first
        targets
    }

    /// Every node's id, in creation order.
    pub fn ids(&self) -> impl DoubleEndedIterator<Item = NodeId> + use<> {
        (0..self.len() as u32).map(NodeId)
    }

    /// From `id` up to the root, both included.
    pub fn ancestors(&self, id: NodeId) -> impl Iterator<Item = NodeId> + '_ {
        std::iter::successors(Some(id), |&id| self.parent(id))
    }

    /// The nodes at which an answer [ended](Self::ended), in creation order.
    pub fn finished(&self) -> impl Iterator<Item = NodeId> + '_ {
        self.ids().filter(|&id| self.ended(id))
    }

    /// The tool whose observation `id` is, and how the call ended; `None` where it was sampled.
    #[must_use]
    pub fn observed(&self, id: NodeId) -> Option<Observed> {
        self.node(id).observed()
    }

    /// The observation of the call with which the step of `id` ends; `None` where no tool was called.
    #[must_use]
    pub fn observation(&self, id: NodeId) -> Option<NodeId> {
        self.children(id).iter().copied().find(|&child| self.observed(child).is_some())
    }

    /// Tokens that a path may still hold below `id`.
    #[must_use]
    pub fn room(&self, id: NodeId) -> u64 {
        self.room.saturating_sub(self.node(id).below)
    }

    /// Returns true if and only if `id` can be continued: it is the root or an unfinished step, and its
    /// path has room left.
    #[must_use]
    pub fn expandable(&self, id: NodeId) -> bool {
        self.open(id) && self.room(id) > 0
    }

    /// Returns true if and only if the answer ended at `id`. A text cut by a length cap is not an answer,
    /// and neither is one that called a tool: the path goes on from the observation.
    #[must_use]
    pub fn ended(&self, id: NodeId) -> bool {
        self.node(id).finish() == Some(Finish::Eos) && self.observation(id).is_none()
    }

    /// Returns true if and only if the path to `id` leads somewhere: it is an answer or can be
    /// continued. A step that a length cap has cut, or that fills its path, leads nowhere.
    #[must_use]
    pub fn stands(&self, id: NodeId) -> bool {
        self.ended(id) || self.expandable(id)
    }

    /// Returns true if and only if `id` is the root or a step that neither ended the answer nor was cut.
    #[must_use]
    pub fn open(&self, id: NodeId) -> bool {
        matches!(self.node(id).finish(), None | Some(Finish::Step))
    }

    /// For each node, whether it leads to an ended answer, as a step of the path or merged into it.
    pub(crate) fn kept(&self) -> Vec<bool> {
        let mut kept: Vec<bool> = self.ids().map(|id| self.ended(id)).collect();
        for id in self.ids().rev() {
            if kept[id.index()] {
                for from in self.parent(id).iter().chain(&self.node(id).merged) {
                    kept[from.index()] = true;
                }
            }
        }
        kept
    }

    /// The path from the root to `id`.
    ///
    /// # Complexity
    ///
    /// Linear in the node's depth; steps are shared, not copied.
    #[must_use]
    pub fn path(&self, id: NodeId) -> Path {
        let mut steps: Vec<Arc<Step>> =
            self.ancestors(id).filter_map(|id| self.node(id).step.clone()).collect();
        steps.reverse();
        Path { prompt: Arc::clone(&self.prompt), steps }
    }

    /// All token ids from the prompt's first to the last of `id`.
    #[must_use]
    pub fn tokens(&self, id: NodeId) -> Vec<TokenId> {
        self.path(id).tokens()
    }

    /// This scorer's step scores from the root to `id`, in path order; unscored steps are left out.
    #[must_use]
    pub fn scores_on_path(&self, id: NodeId, scorer: ScorerId) -> Vec<Score> {
        let mut scores: Vec<Score> =
            self.ancestors(id).filter_map(|id| self.node(id).score(scorer)).collect();
        scores.reverse();
        scores
    }

    /// The score of the path to `id`. `None` at the root, where a step that counts has no score of this
    /// scorer ([`Aggregate::Last`] counts the last step, the others every step; observations do not count),
    /// and where the step scores' product or sum is not finite.
    ///
    /// # Complexity
    ///
    /// Constant for [`Aggregate::Last`], otherwise linear in the node's depth.
    #[must_use]
    pub fn aggregate(&self, id: NodeId, scorer: ScorerId, how: Aggregate) -> Option<Score> {
        let steps = || self.ancestors(id).filter(|&id| self.observed(id).is_none());
        let own = self.node(steps().next()?).score(scorer)?;
        if how == Aggregate::Last {
            return Some(own);
        }
        let scores = self.scores_on_path(id, scorer);
        let whole = scores.len() + 1 == steps().count(); // the root has no score
        how.fold(&scores).filter(|_| whole)?.ok()
    }
}

fn at(id: NodeId) -> NodeIndex {
    NodeIndex::new(id.index())
}
