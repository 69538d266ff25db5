//! Self-consistency with tool-integrated reasoning: many paths that run code, and a vote.

use std::{fmt, sync::Arc};

use espalier_core::{Account, Finish, NodeId, Profile, Round, ToolId};

use super::{BadStrategy, at_least_one};
use crate::{
    Strategy, Tree,
    blocks::blocks,
    rules::{has_called, has_forged, says_something},
    turns::{Then, Turns},
};

/// What becomes of a path that wrote no code that can be run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OnFail {
    /// It is pruned.
    Prune,
    /// A new path takes its place and has the steps that were left to it.
    Restart,
}

/// Samples `width` paths side by side. A path's step ends with its block of code; the last block is run, the
/// output follows, and the path goes on, for `depth` sampled steps at most. Paths are pruned that
///
/// - wrote no code at all, or ended a step, by length or at another boundary, without code to run: they restart,
///   where that is asked for;
/// - ended their answer without a call: what it rests on is made up;
/// - made an observation up.
///
/// Only paths that [count](Self::counts) vote.
///
/// Source: the solution of Project Numina, winner of the first AIMO progress prize,
/// `kaggle-solution.ipynb` of <https://github.com/project-numina/aimo-progress-prize>, "Tree search control
/// flow"; there, width is `num_samples`, depth `num_generations`, and restarts are on.
///
/// Deviations:
/// - A path that ended its answer is over; there, it is sampled further until the last step.
/// - A block is run after the earlier blocks of its path, and not by itself.
/// - An answer counts only where the model ended it; there, a text that is cut counts if its last hundred
///   characters hold one. What is an answer is for whoever reads answers to say; there, `answer is` or a box.
/// - The code is isolated by the tool; there, a list of words is refused.
#[derive(Clone)]
pub struct ScTir {
    turns: Turns,
    on_fail: OnFail,
    tool: ToolId,
    profile: Arc<dyn Profile>,
}

impl fmt::Debug for ScTir {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ScTir").field("turns", &self.turns).finish_non_exhaustive()
    }
}

impl ScTir {
    /// `width` paths of `depth` sampled steps, whose calls of `tool` are read by its `profile`.
    ///
    /// # Errors
    ///
    /// [`BadStrategy::Zero`] for no paths or no steps.
    pub fn new(
        width: u32,
        depth: u32,
        on_fail: OnFail,
        tool: ToolId,
        profile: Arc<dyn Profile>,
    ) -> Result<Self, BadStrategy> {
        let (width, depth) = (at_least_one("--width", width)?, at_least_one("--depth", depth)?);
        Ok(Self { turns: Turns::new(width, depth), on_fail, tool, profile })
    }

    /// Returns true if and only if the answer at `id` votes: its path has called, made nothing up, and does not end
    /// on an error without another word.
    #[must_use]
    pub fn counts(tree: &Tree, id: NodeId, profile: &dyn Profile) -> bool {
        has_called(tree, id) && !has_forged(tree, id, profile) && says_something(tree, id)
    }
}

impl Strategy for ScTir {
    fn next(&mut self, tree: &Tree, _: &Account) -> Round {
        let (last, tool, profile) = (self.turns.is_last(), self.tool, &*self.profile);
        let failed = match self.on_fail {
            OnFail::Prune => Then::End,
            OnFail::Restart => Then::Restart,
        };
        self.turns.next(tree, |id| {
            let Some(step) = &tree.node(id).step else { return Then::End };
            if last || profile.forges(step) {
                return Then::End;
            }
            let cut = step.finish == Finish::Length;
            if !cut && profile.call(step).is_some() {
                return Then::Call(tool);
            }
            let wrote_code = || blocks(&tree.path(id).text()).next().is_some();
            let ended = step.finish == Finish::Eos;
            if ended && (has_called(tree, id) || wrote_code()) { Then::End } else { failed }
        })
    }

    fn name(&self) -> &'static str {
        "sc-tir"
    }
}
