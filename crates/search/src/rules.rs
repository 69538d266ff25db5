//! Rules: which paths with tools count.

use espalier_core::{NodeId, Profile};

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
