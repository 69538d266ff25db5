//! What strategies share that go step by step, or draw at all.

use std::num::NonZeroU32;

use clap::Args;
use espalier_core::Aggregate;

use super::{AggregateArg, Run, ScorerArg, SelectArg, at_least_one, temperature};
use crate::spec::{Boundary, Stepwise};

/// Arguments of all strategies that go step by step.
#[derive(Debug, Args)]
pub struct Steps {
    /// Steps of a path, at most [source of the default: search-and-learn, `num_iterations`]
    #[arg(long, value_name = "STEPS", default_value = "40", value_parser = at_least_one)]
    pub depth: NonZeroU32,
    /// Tokens of a step, at most; a longer step leads nowhere [source of the default: REBASE,
    /// `max_step_tokens`]
    #[arg(long, value_name = "TOKENS", default_value = "256", value_parser = at_least_one)]
    pub max_step_tokens: NonZeroU32,
    /// What ends a step: `newline`, `blank-line`, `fence` (what closes a block of code),
    /// `tokens:COUNT`, or `entropy:NATS` (before a token whose distribution has more entropy than that)
    /// [default: a line break for puzzles (<https://arxiv.org/abs/2305.10601>), a blank line for others
    /// (search-and-learn)]
    #[arg(long, value_name = "WHAT")]
    pub boundary: Option<Boundary>,
    /// What scores a step; if not given, `prm` where `--prm` gives one, else `chosen-logprob`, the
    /// average log-probability of <https://arxiv.org/abs/2502.18581>
    #[arg(long, value_enum)]
    pub scorer: Option<ScorerArg>,
    /// How the answer is chosen [source of the default: <https://arxiv.org/abs/2110.14168>]
    #[arg(long, value_enum, default_value_t = SelectArg::Best)]
    pub select: SelectArg,
    /// How tokens are drawn.
    #[command(flatten)]
    pub draw: Draw,
    /// What all strategies share.
    #[command(flatten)]
    pub run: Run,
}

impl Steps {
    pub(super) fn numbers(&self, aggregate: AggregateArg) -> Stepwise {
        Stepwise {
            depth: self.depth.get(),
            max_step_tokens: self.max_step_tokens.get(),
            boundary: self.boundary,
            scorer: ScorerArg::or_default(self.scorer, self.run.prm.as_deref()),
            aggregate: Aggregate::from(aggregate),
            select: self.select.into(),
            temperature: self.draw.temperature,
            seed: self.draw.seed,
        }
    }
}

/// How tokens are drawn.
#[derive(Debug, Clone, Copy, Args)]
pub struct Draw {
    /// Divides the logits before a token is drawn [source of the default: search-and-learn,
    /// `temperature`]
    #[arg(long, value_name = "T", default_value = "0.8", value_parser = temperature, allow_negative_numbers = true)]
    pub temperature: f32,
    /// Where all randomness comes from: the same seed gives the same run, whatever the device's load
    /// [source of the default: search-and-learn, `seed`]
    #[arg(long, default_value_t = 42)]
    pub seed: u64,
}
