//! The grammar of `espalier sweep`.

use std::num::{NonZeroU32, NonZeroUsize};
use std::path::PathBuf;

use clap::{Args, ValueEnum};
use espalier_models::{EngineOptions, Kernels, KvPrecision};

use super::{AggregateArg, DatasetArg, PrmFamilyArg, ScorerArg, at_least_one, temperature};
use crate::budget_arg::parse_budget;
use crate::config::DatasetSpec;
use crate::dataset::Rows;
use crate::sweep::{Draw, Series};

/// Arguments of `sweep`.
#[derive(Debug, Args)]
pub struct Sweep {
    /// The policy: a Hugging Face directory, a GGUF file, or `hf:org/name`
    #[arg(long, value_name = "PATH", help_heading = "Model")]
    pub model: String,
    /// A process reward model, which then scores: a directory trained with `cargo xtask train`, or a
    /// checkpoint of one of the families of `--prm-family`
    #[arg(long, value_name = "PATH", help_heading = "Model")]
    pub prm: Option<PathBuf>,
    /// How the process reward model is read [default: auto]
    #[arg(long, value_enum, requires = "prm", help_heading = "Model")]
    pub prm_family: Option<PrmFamilyArg>,
    /// Where to compute: `auto`, `cpu`, `cuda` or `cuda:1`; `auto` is a GPU where there is one
    #[arg(long, default_value = "auto", help_heading = "Model")]
    pub device: String,
    /// What multiplies weights, as in `eval`: `fastest`, `f32` or `burn`
    #[arg(long, default_value = "fastest", help_heading = "Model")]
    pub kernels: Kernels,
    /// How keys and values are kept, as in `eval`: `f32`, or `f16` in half the memory, rounded
    #[arg(long, default_value = "f32", value_name = "PRECISION", help_heading = "Model")]
    pub kv: KvPrecision,
    /// Tokens sampled on a path, at most; a longer one has no answer [default: greedy answers get what
    /// `eval` gives them, the others 1.5 times the 95th percentile of the greedy ones]
    #[arg(long, value_name = "TOKENS", value_parser = at_least_one, help_heading = "Model")]
    pub max_tokens: Option<NonZeroU32>,
    /// Tokens of a step, at most; a longer step leads nowhere [default: 1.5 times the 95th percentile
    /// of the greedy answers' longest steps]
    #[arg(long, value_name = "TOKENS", value_parser = at_least_one, help_heading = "Model")]
    pub max_step_tokens: Option<NonZeroU32>,
    /// The strategies beside greedy, which always runs [default: all that the scorer allows; votes
    /// weighted by scores need scores that are not negative, and `revision`, `hybrid` and `graph` a model that
    /// can make use of its own answers: name them]; not those that run code, whose cost at a size depends on
    /// what the model writes
    #[arg(long, value_enum, value_delimiter = ',', help_heading = "Strategies")]
    pub series: Vec<SeriesArg>,
    /// What scores answers and steps; if not given, `prm` where `--prm` gives one, else `chosen-logprob`, the
    /// average log-probability of <https://arxiv.org/abs/2502.18581>
    #[arg(long, value_enum, help_heading = "Strategies")]
    pub scorer: Option<ScorerArg>,
    /// How the scores of a beam's steps become a path's [source of the default: search-and-learn,
    /// `agg_strategy`]
    #[arg(long, value_enum, default_value_t = AggregateArg::Last, help_heading = "Strategies")]
    pub aggregate: AggregateArg,
    /// Divides the logits before a token is drawn [source of the default: search-and-learn,
    /// `temperature`]
    #[arg(long, value_name = "T", default_value = "0.8", value_parser = temperature, allow_negative_numbers = true, help_heading = "Strategies")]
    pub temperature: f32,
    /// Tokens that policy and scorer may compute for a problem, the prompt included, separated by commas
    /// [default: six, at which the dearest strategy has sizes 1, 2, 4, 8, 16 and 32]
    #[arg(long, value_name = "TOKENS,…", value_delimiter = ',', value_parser = budget, help_heading = "Strategies")]
    pub budgets: Vec<u64>,
    /// The seeds, separated by commas: each cell runs once for each [default: 1,2,3; three are the
    /// fewest that show how much chance moves a result]
    #[arg(
        long,
        value_name = "SEED,…",
        value_delimiter = ',',
        default_value = "1,2,3",
        hide_default_value = true,
        help_heading = "Strategies"
    )]
    pub seeds: Vec<u64>,
    /// The problems: `game24` (its test split) and `builtin` (word problems) need no file
    #[arg(long, value_enum, default_value_t = DatasetArg::Game24, help_heading = "Problems")]
    pub dataset: DatasetArg,
    /// The dataset's file, one problem a line
    #[arg(long, value_name = "FILE", help_heading = "Problems")]
    pub data: Option<PathBuf>,
    /// Only these rows, counted from 1, both ends included
    #[arg(long, value_name = "FIRST-LAST", help_heading = "Problems")]
    pub rows: Option<Rows>,
    /// Only the first COUNT problems, of `--rows` where given
    #[arg(long, value_name = "COUNT", help_heading = "Problems")]
    pub limit: Option<NonZeroUsize>,
    /// Problems searched at a time; results do not depend on it [default: chosen by the
    /// device]
    #[arg(long, value_name = "COUNT", help_heading = "Run")]
    pub in_flight: Option<NonZeroUsize>,
    /// The sweep's directory; one that holds a sweep is gone on with, and more seeds and budgets are
    /// added to it [default: runs/sweep-TIME]
    #[arg(long, value_name = "DIR", help_heading = "Run")]
    pub out: Option<PathBuf>,
    /// End standard output with all points as one JSON object on its last line
    #[arg(long, help_heading = "Run")]
    pub json: bool,
    /// Print no progress
    #[arg(long, short, help_heading = "Run")]
    pub quiet: bool,
}

impl Sweep {
    /// Tokens sampled on a greedy path, at most.
    #[must_use]
    pub fn greedy_tokens(&self) -> NonZeroU32 {
        self.max_tokens.unwrap_or(self.dataset.max_tokens())
    }

    /// How the engines are made.
    #[must_use]
    pub fn engine(&self) -> EngineOptions {
        EngineOptions { kernels: self.kernels, kv: self.kv, ..EngineOptions::default() }
    }

    /// The strategies, each once.
    #[must_use]
    pub fn series(&self) -> Vec<Series> {
        let mut series: Vec<Series> = self.series.iter().copied().map(Series::from).collect();
        if series.is_empty() {
            let all = SeriesArg::value_variants().iter().copied().map(Series::from);
            let draw = self.draw();
            series = all
                .filter(|one| {
                    !one.is_prompted() && one.spec(1, NonZeroU32::MIN, draw, 0).check().is_ok()
                })
                .collect();
        }
        series.sort_unstable();
        series.dedup();
        series
    }

    /// The budgets, each once, small ones first.
    #[must_use]
    pub fn budgets(&self) -> Vec<u64> {
        let mut budgets = self.budgets.clone();
        budgets.sort_unstable();
        budgets.dedup();
        budgets
    }

    /// The seeds, each once.
    #[must_use]
    pub fn seeds(&self) -> Vec<u64> {
        let mut seeds = self.seeds.clone();
        seeds.sort_unstable();
        seeds.dedup();
        seeds
    }

    /// What all strategies share.
    #[must_use]
    pub fn draw(&self) -> Draw {
        Draw {
            temperature: self.temperature,
            scorer: ScorerArg::or_default(self.scorer, self.prm.as_deref()),
            aggregate: self.aggregate.into(),
        }
    }

    /// The problems, as data.
    #[must_use]
    pub fn dataset(&self) -> DatasetSpec {
        DatasetSpec {
            kind: self.dataset.into(),
            path: self.data.clone(),
            rows: self.rows,
            limit: self.limit.map(NonZeroUsize::get),
        }
    }
}

/// The values of `--series`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum SeriesArg {
    /// n answers; the most frequent one counts
    Majority,
    /// n answers at most, until it is clear which is the most frequent
    AdaptiveConsistency,
    /// n answers, scored; the best one counts
    BestOfN,
    /// n answers, scored; the one with the largest sum of scores counts
    Weighted,
    /// Step by step: the best quarter of n candidates is kept, each continued four times
    Beam,
    /// Step by step in n / 4 subtrees that do not compete, each continued four times
    Dvts,
    /// A beam of n candidates, each scored by where the likeliest step leads from it
    Lookahead,
    /// A vote of four answers; where they differ, a beam of n candidates
    Gate,
    /// Step by step: n continuations are shared out by score
    Rebase,
    /// Step by step: n paths are drawn again by score
    ParticleFilter,
    /// Monte-Carlo tree search by upper confidence bounds
    Uct,
    /// Monte-Carlo tree search that visits first what the policy finds likely
    Puct,
    /// n steps, each wider or deeper by Thompson sampling
    AbMcts,
    /// Tree of thoughts, breadth first: n thoughts a round, sampled and scored
    #[value(name = "tot-bfs")]
    TotBfs,
    /// Tree of thoughts, depth first: n visits of four thoughts, sampled and scored
    #[value(name = "tot-dfs")]
    TotDfs,
    /// One answer, revised until there are n; the best one counts
    Revision,
    /// n answers in four chains of revisions side by side; the best one counts
    Hybrid,
    /// Graph of thoughts: n answers, merged two at a time, twice each; the best one counts
    Graph,
}

impl From<SeriesArg> for Series {
    fn from(arg: SeriesArg) -> Self {
        match arg {
            SeriesArg::Majority => Self::Majority,
            SeriesArg::AdaptiveConsistency => Self::AdaptiveConsistency,
            SeriesArg::BestOfN => Self::BestOfN,
            SeriesArg::Weighted => Self::Weighted,
            SeriesArg::Beam => Self::Beam,
            SeriesArg::Dvts => Self::Dvts,
            SeriesArg::Lookahead => Self::Lookahead,
            SeriesArg::Gate => Self::Gate,
            SeriesArg::Rebase => Self::Rebase,
            SeriesArg::ParticleFilter => Self::ParticleFilter,
            SeriesArg::Uct => Self::Uct,
            SeriesArg::Puct => Self::Puct,
            SeriesArg::AbMcts => Self::AbMcts,
            SeriesArg::TotBfs => Self::TotBfs,
            SeriesArg::TotDfs => Self::TotDfs,
            SeriesArg::Revision => Self::Revision,
            SeriesArg::Hybrid => Self::Hybrid,
            SeriesArg::Graph => Self::Graph,
        }
    }
}

/// One amount of `--budgets`, written as in `--budget`.
fn budget(text: &str) -> Result<u64, String> {
    let budget = parse_budget(&format!("computed={text}")).map_err(|error| error.to_string())?;
    budget.computed.ok_or_else(|| "give a number of tokens".to_owned())
}
