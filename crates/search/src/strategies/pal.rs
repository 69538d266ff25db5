//! Program-aided language models: a program is the reasoning, what it prints is the answer.

use std::{fmt, sync::Arc};

use espalier_core::{Account, Finish, NodeId, Profile, Round, ToolId};

use super::{BadStrategy, at_least_one};
use crate::{
    Strategy, Tree,
    turns::{Then, Turns},
};

/// Samples `n` programs and runs each; what a program prints last is an answer, and the answers vote. One
/// program is the source's own setting, several its self-consistency.
///
/// The profile says what of the output is the answer: [`Printed`](crate::profiles::Printed) ends the path with
/// it. Only answers that a tool gave [count](Self::counts).
///
/// Source: Gao et al. 2022, <https://arxiv.org/abs/2211.10435>, section 3.
///
/// Deviation: programs stand in fenced blocks, as chat models write them; there, the whole completion is code.
#[derive(Clone)]
pub struct Pal {
    turns: Turns,
    tool: ToolId,
    profile: Arc<dyn Profile>,
}

impl fmt::Debug for Pal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pal").field("turns", &self.turns).finish_non_exhaustive()
    }
}

impl Pal {
    /// `n` programs, run by `tool`, whose `profile` reads them.
    ///
    /// # Errors
    ///
    /// [`BadStrategy::Zero`] for no programs.
    pub fn new(n: u32, tool: ToolId, profile: Arc<dyn Profile>) -> Result<Self, BadStrategy> {
        Ok(Self { turns: Turns::new(at_least_one("--n", n)?, 1), tool, profile })
    }

    /// Returns true if and only if the answer at `id` is what a program printed.
    #[must_use]
    pub fn counts(tree: &Tree, id: NodeId) -> bool {
        tree.observed(id).is_some()
    }
}

impl Strategy for Pal {
    fn next(&mut self, tree: &Tree, _: &Account) -> Round {
        let (tool, profile) = (self.tool, &*self.profile);
        self.turns.next(tree, |id| {
            let step = tree.node(id).step.as_ref().filter(|step| step.finish != Finish::Length);
            let calls = step.is_some_and(|step| profile.call(step).is_some());
            if calls { Then::Call(tool) } else { Then::End }
        })
    }

    fn name(&self) -> &'static str {
        "pal"
    }
}
