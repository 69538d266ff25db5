//! Rewriting forms: one answer made better, several made one.

use std::fmt::Write as _;
use std::sync::Arc;

use espalier_core::{Merging, ModelError, Path, Policy, Query, Revising};

use super::{Asking, shown};

/// Answers of a chain that a revision sees, the newest ones.
///
/// Source: Snell et al. 2024, <https://arxiv.org/abs/2408.03314>, section 6.1: up to four.
pub const SHOWN: usize = 4;

/// Asks for a better answer than the last. The wording is ours; the source trains a model to revise.
pub(super) struct Revise(pub(super) Arc<Asking>);

impl Revising for Revise {
    fn query(&self, attempts: &[Path], policy: &dyn Policy) -> Result<Query, ModelError> {
        let question = attempts.first().map_or("", |path| &path.prompt.problem);
        let mut message =
            format!("{}\n\n---\nEarlier attempts, the newest last:\n", self.0.task(question));
        let from = attempts.len().saturating_sub(SHOWN);
        for (at, path) in attempts[from..].iter().enumerate() {
            let _ = write!(message, "\nAttempt {}:\n{}\n", at + 1, shown(path));
        }
        message.push_str(
            "\nThe newest attempt may be wrong. Check it line by line, then write a complete solution in \
             the form asked for above, with what was wrong put right.",
        );
        self.0.query(&message, policy)
    }
}

/// Asks for one answer made of several.
///
/// Source: Besta et al. 2023, <https://arxiv.org/abs/2308.09687>, section 3.2, aggregation. The wording is
/// ours.
pub(super) struct Merge(pub(super) Arc<Asking>);

impl Merging for Merge {
    fn query(
        &self,
        parent: &Path,
        merged: &[Path],
        policy: &dyn Policy,
    ) -> Result<Query, ModelError> {
        let mut message = format!(
            "{}\n\n---\nHere are {} solutions.\n",
            self.0.task(&parent.prompt.problem),
            merged.len()
        );
        for (at, path) in merged.iter().enumerate() {
            let _ = write!(message, "\nSolution {}:\n{}\n", at + 1, shown(path));
        }
        message.push_str(
            "\nThey may be wrong, and differ. Take what is right in each, and write one complete solution \
             in the form asked for above.",
        );
        self.0.query(&message, policy)
    }
}
