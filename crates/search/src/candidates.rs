//! Candidates: the newest steps that lead somewhere, duplicates drawn anew.

use espalier_core::NodeId;

use crate::Tree;

/// The candidates of one round, and what of them is still wanted.
#[derive(Debug, Clone, Default)]
pub(crate) struct Candidates {
    /// How often a round's duplicates are drawn anew; they compete where that is 0.
    pub(crate) redraws: u32,
    /// The newest steps that lead somewhere.
    pub(crate) fresh: Vec<NodeId>,
    /// Nodes seen; the others are the newest steps.
    seen: usize,
    /// Continuations of each path that are wanted in this round.
    wanted: Vec<(NodeId, u32)>,
    /// Redraws that are left of it.
    left: u32,
}

impl Candidates {
    /// Begins a round that continues each path so many times.
    pub(crate) fn begin(&mut self, tree: &Tree, growing: &[(NodeId, u32)]) {
        (self.seen, self.left) = (tree.len(), self.redraws);
        self.wanted = growing.to_vec();
    }

    /// Takes in the newest nodes: those that lead somewhere are candidates, duplicates of siblings aside.
    pub(crate) fn take(&mut self, tree: &Tree) {
        for id in tree.ids().skip(self.seen) {
            let parent = tree.parent(id);
            if self.redraws > 0 && says_again(tree, id, &self.fresh) {
                continue;
            }
            let wanted = self.wanted.iter_mut().find(|(from, _)| Some(*from) == parent);
            if let Some((_, count)) = wanted {
                *count = count.saturating_sub(1);
            }
            if tree.stands(id) {
                self.fresh.push(id);
            }
        }
        self.seen = tree.len();
    }

    /// What duplicates left wanting; `None` where nothing is or no redraw is left.
    pub(crate) fn missing(&mut self) -> Option<Vec<(NodeId, u32)>> {
        let missing = self.wanted.iter().copied().filter(|(_, count)| *count > 0);
        let missing: Vec<(NodeId, u32)> = missing.collect();
        self.left = self.left.checked_sub(1).filter(|_| !missing.is_empty())?;
        Some(missing)
    }
}

/// Returns true if and only if a step says the same as one of these that is its sibling.
pub(crate) fn says_again(tree: &Tree, id: NodeId, others: &[NodeId]) -> bool {
    let text = |id: NodeId| tree.node(id).step.as_ref().map(|step| step.text.as_str());
    let same = |&other: &NodeId| tree.parent(other) == tree.parent(id) && text(other) == text(id);
    others.iter().any(same)
}
