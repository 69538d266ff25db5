//! Configs: what a search is run with, as data.

use std::{
    num::{NonZeroU32, NonZeroUsize},
    sync::Arc,
};

use espalier_core::{Budget, Forms, Policy, Profile, Prompt, Sampling, Scorer, Stops, Tool};

use crate::Strategy;

/// How every problem of a run is searched.
#[derive(Debug, Clone)]
pub struct Config {
    /// How tokens are drawn.
    pub sampling: Sampling,
    /// Where steps and answers end.
    pub stops: Arc<Stops>,
    /// The most tokens a step to a boundary may have; a longer one is cut and leads nowhere.
    pub max_step_tokens: NonZeroU32,
    /// The most tokens sampled on a path; a longer one is cut and leads nowhere.
    pub max_path_tokens: NonZeroU32,
    /// The prompt forms that strategies name.
    pub forms: Forms,
    /// What each problem may spend.
    pub budget: Budget,
    /// The run's seed.
    pub seed: u64,
    /// Problems searched at a time. Results do not depend on it.
    pub in_flight: NonZeroUsize,
}

impl Config {
    /// A config without stops, forms or bounds, with seed 0, one problem at a time.
    #[must_use]
    pub fn new(
        sampling: Sampling,
        max_step_tokens: NonZeroU32,
        max_path_tokens: NonZeroU32,
    ) -> Self {
        Self {
            sampling,
            stops: Arc::new(Stops::default()),
            max_step_tokens,
            max_path_tokens,
            forms: Forms::default(),
            budget: Budget::default(),
            seed: 0,
            in_flight: NonZeroUsize::MIN,
        }
    }
}

/// One problem to search.
pub struct Task {
    /// What the search starts from.
    pub prompt: Arc<Prompt>,
    /// Hash of the problem's content: with the run's seed, all randomness of its search.
    pub hash: u64,
    /// Who decides which nodes grow.
    pub strategy: Box<dyn Strategy>,
}

impl std::fmt::Debug for Task {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Task")
            .field("hash", &self.hash)
            .field("strategy", &self.strategy.name())
            .finish_non_exhaustive()
    }
}

/// The models a search may ask. The driver must be alone with them while it runs: it takes every reply
/// they give.
pub struct Models<'a> {
    /// Policy 0, who samples.
    pub policy: &'a mut dyn Policy,
    /// The scorers, by [`ScorerId`](espalier_core::ScorerId).
    pub scorers: Vec<&'a mut dyn Scorer>,
    /// The tools, by [`ToolId`](espalier_core::ToolId).
    pub tools: Vec<Equipped<'a>>,
}

/// A tool, and how it stands in the policy's text.
pub struct Equipped<'a> {
    /// What is called.
    pub tool: &'a mut dyn Tool,
    /// How its calls are read and its observations written.
    pub profile: Arc<dyn Profile>,
}

impl std::fmt::Debug for Equipped<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Equipped").field("tool", &self.tool.name()).finish_non_exhaustive()
    }
}

impl std::fmt::Debug for Models<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Models")
            .field("scorers", &self.scorers.len())
            .field("tools", &self.tools)
            .finish_non_exhaustive()
    }
}
