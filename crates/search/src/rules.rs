//! Rules: which paths with tools count.

use espalier_core::{NodeId, ObservationStatus, Profile};

use crate::Tree;

/// Returns true if and only if a tool was called on the path to `id`.
#[must_use]
pub fn has_called(tree: &Tree, id: NodeId) -> bool {
    tree.ancestors(id).any(|id| tree.observed(id).is_some())
}

/// Returns true if and only if a sampled step on the path to `id` makes an observation up.
#[must_use]
pub fn has_forged(tree: &Tree, id: NodeId, profile: &dyn Profile) -> bool {
    let sampled = |id: &NodeId| tree.observed(*id).is_none();
    let mut steps = tree.ancestors(id).filter(sampled).filter_map(|id| tree.node(id).step.as_ref());
    steps.any(|step| profile.forges(step))
}

/// Returns true if and only if the answer that ends at `id` says something: its last step does, or that step is
/// blank and follows what a call left that ran to its end. A path that ends on an error says nothing.
#[must_use]
pub fn says_something(tree: &Tree, id: NodeId) -> bool {
    let blank = tree.node(id).step.as_ref().is_none_or(|step| step.text.trim().is_empty());
    let before = tree.parent(id).and_then(|parent| tree.observed(parent));
    !blank || before.is_some_and(|observed| observed.status == ObservationStatus::Ok)
}
