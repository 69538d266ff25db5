//! Tool-integrated reasoning: rationale and code in turn, until the answer.

use std::{fmt, sync::Arc};

use espalier_core::{Account, Finish, Profile, Round, ToolId};

use super::{BadStrategy, at_least_one};
use crate::{
    Strategy, Tree,
    turns::{Then, Turns},
};

/// Samples `n` paths in which rationale and code alternate: a step ends with its block, the output follows, and
/// the path goes on until the model ends its answer or has made `calls` calls; after the last it may still
/// write one step. One path at temperature 0 is the source's setting; several vote.
///
/// An answer counts whether or not it called: the source prunes nothing.
///
/// Source: Gou et al. 2023, <https://arxiv.org/abs/2309.17452>, section 2.1, algorithm 1; the authors' code,
/// `src/infer/inference.py` of <https://github.com/microsoft/ToRA>, makes four calls (`max_func_call`) at
/// temperature 0.
///
/// Deviations:
/// - A path may write after its last call; in the authors' code it ends with the output, unsolved.
/// - A block is run after the earlier blocks of its path, as section 2.1 has it; in the authors' code, by itself.
#[derive(Clone)]
pub struct ToRa {
    turns: Turns,
    tool: ToolId,
    profile: Arc<dyn Profile>,
}

impl fmt::Debug for ToRa {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ToRa").field("turns", &self.turns).finish_non_exhaustive()
    }
}

impl ToRa {
    /// `n` paths of `calls` calls of `tool` each, at most, read by its `profile`.
    ///
    /// # Errors
    ///
    /// [`BadStrategy::Zero`] for no paths or no calls.
    pub fn new(
        n: u32,
        calls: u32,
        tool: ToolId,
        profile: Arc<dyn Profile>,
    ) -> Result<Self, BadStrategy> {
        let (n, calls) = (at_least_one("--n", n)?, at_least_one("--calls", calls)?);
        Ok(Self { turns: Turns::new(n, calls.saturating_add(1)), tool, profile })
    }
}

impl Strategy for ToRa {
    fn next(&mut self, tree: &Tree, _: &Account) -> Round {
        let (last, tool, profile) = (self.turns.is_last(), self.tool, &*self.profile);
        self.turns.next(tree, |id| {
            let step = tree.node(id).step.as_ref().filter(|step| step.finish != Finish::Length);
            let calls = step.is_some_and(|step| profile.call(step).is_some());
            if calls && !last { Then::Call(tool) } else { Then::End }
        })
    }

    fn name(&self) -> &'static str {
        "tora"
    }
}
