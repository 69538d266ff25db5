//! Ensembles: several models answer, and what symbolic validation supports best counts.
//!
//! Each member is a run of its own, by self-consistency, with its own prompts, trees and directory; what they have
//! in common is made of their traces afterwards. So members need not be resident at the same time, a member that
//! fails loses nothing of the others, and each can be looked at and compared like any other run.

mod pool;
mod searching;

use espalier_core::{Answer, Budget, NodeId};
use espalier_search::{Validation, Weights};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::budget_arg::write_budget;
use crate::dataset::Dataset;
use crate::spec::StrategySpec;

pub use pool::{PoolError, pool};
pub use searching::{Chunks, EnsembleError, MEMBERS, Stores, member_dir, search};

/// The numbers of an ensemble, as data.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct EnsembleSpec {
    /// Answers that each member samples.
    pub n: u32,
    /// What an answer's validation and that of its steps weigh.
    pub weights: Weights,
    /// How tokens are drawn.
    pub temperature: f32,
    /// The source of all randomness, of each member.
    pub seed: u64,
}

impl EnsembleSpec {
    /// The name of the strategy in `run.json`.
    pub const NAME: &'static str = "ensemble";

    /// What each member does.
    #[must_use]
    pub fn member(&self) -> StrategySpec {
        let Self { n, temperature, seed, .. } = *self;
        StrategySpec::SelfConsistency { n, temperature, seed }
    }

    /// The part of the ensemble's `run.json` that decides what is generated. `members` are those parts of the
    /// members' own.
    #[must_use]
    pub fn generation(
        &self,
        dataset: &Dataset,
        members: &[Value],
        max_tokens: u32,
        budget: &Budget,
    ) -> Value {
        let mut strategy = json!({ "name": Self::NAME, "members": members.len() });
        if let (Some(strategy), Ok(Value::Object(numbers))) =
            (strategy.as_object_mut(), serde_json::to_value(self))
        {
            strategy.extend(numbers);
        }
        json!({
            "strategy": strategy,
            "dataset": {
                "kind": dataset.kind,
                "sha256": dataset.sha256,
                "problems": dataset.items.len(),
            },
            "members": members,
            "max_tokens": max_tokens,
            "budget": write_budget(budget),
        })
    }
}

/// How an ensemble came to its answer of one problem.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Pooled {
    /// The member whose path was selected, from 1, as in the names of the members' directories; `None` where no
    /// member has a finished path.
    pub member: Option<usize>,
    /// Members that answer so by their own majority.
    pub agreeing: usize,
    /// All members, those that failed included.
    pub members: usize,
    /// The sum of the composites of all paths that give the answer; `None` where there is no answer.
    pub weight: Option<f64>,
    /// The finished paths with an answer, by member and node.
    pub voices: Vec<Spoken>,
    /// Why members failed, by their numbers from 1.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub failed: Vec<(usize, String)>,
}

/// A finished path of a member: its answer, and what supports it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Spoken {
    /// The member, from 1.
    pub member: usize,
    /// The end of the path in its tree.
    pub node: NodeId,
    /// What it answers.
    pub answer: Answer,
    /// What symbolic validation says.
    pub validation: Validation,
    /// What it weighs.
    pub composite: f64,
}

#[cfg(test)]
mod tests;
