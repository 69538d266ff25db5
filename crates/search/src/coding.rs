//! Coding: blocks of code in a search that goes step by step.

use std::{fmt, sync::Arc};

use espalier_core::{Ask, Finish, NodeId, Profile, ToolId};

use crate::Tree;

/// Who runs the code of a step, and how it is read. A path whose step ends with a call goes on from the
/// observation, and is no answer before, even where the model has ended its turn.
///
/// Steps should end where blocks do ([`Stops::fence`](espalier_core::Stops)).
#[derive(Clone)]
pub struct Coding {
    /// What is called.
    pub tool: ToolId,
    /// How its calls are read.
    pub profile: Arc<dyn Profile>,
}

impl fmt::Debug for Coding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Coding").field("tool", &self.tool).finish_non_exhaustive()
    }
}

impl Coding {
    /// Returns true if and only if the step of `id` ends with a call that has not been made.
    #[must_use]
    pub fn is_due(&self, tree: &Tree, id: NodeId) -> bool {
        let step = tree.node(id).step.as_ref();
        let step = step.filter(|step| step.observed.is_none() && step.finish != Finish::Length);
        step.is_some_and(|step| self.profile.call(step).is_some()) && tree.observation(id).is_none()
    }

    /// The call that the step of `id` ends with.
    pub(crate) fn ask(&self, node: NodeId) -> Ask {
        Ask::Tool { node, tool: self.tool }
    }
}

/// Returns true if and only if a call is due at `id`, where there is someone to make it.
pub(crate) fn is_due(coding: Option<&Coding>, tree: &Tree, id: NodeId) -> bool {
    coding.is_some_and(|coding| coding.is_due(tree, id))
}

/// Where a path goes on: at the observation, if a call was made at `id`.
pub(crate) fn onward(tree: &Tree, id: NodeId) -> NodeId {
    tree.observation(id).unwrap_or(id)
}
