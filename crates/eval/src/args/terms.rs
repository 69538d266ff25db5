//! What every run over a dataset has, whoever searches: problems, bounds, device and directory.

use std::num::{NonZeroU32, NonZeroUsize};
use std::path::PathBuf;

use clap::Args;
use espalier_core::Budget;
use espalier_models::{EngineOptions, Kernels, KvPrecision};

use super::DatasetArg;
use super::numbers::{at_least_one, bytes};
use crate::budget_arg::parse_budget;
use crate::config::DatasetSpec;
use crate::dataset::Rows;

/// What every run over a dataset has, whoever searches.
#[derive(Debug, Args)]
pub struct Terms {
    /// Where to compute: `auto`, `cpu`, `cuda` or `cuda:1`; `auto` is a GPU where there is one
    #[arg(long, default_value = "auto", help_heading = "Model")]
    pub device: String,
    /// What multiplies weights: `fastest` (on the CPU quantized weights as they are, with activations of
    /// 8 bits), `f32` (weights widened) or `burn` (the reference)
    #[arg(long, default_value = "fastest", help_heading = "Model")]
    pub kernels: Kernels,
    /// How keys and values are kept, those of a process reward model too: `f32`, or `f16` in half the memory,
    /// rounded
    #[arg(long, default_value = "f32", value_name = "PRECISION", help_heading = "Model")]
    pub kv: KvPrecision,
    /// Tokens sampled on a path, at most; a longer one has no answer [default: 256 for the
    /// built-in problems and puzzles (lm-evaluation-harness, `max_gen_toks`), 1024 for others (REBASE, `max_tokens`)]
    #[arg(long, value_name = "TOKENS", value_parser = at_least_one, help_heading = "Model")]
    pub max_tokens: Option<NonZeroU32>,
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
    /// What each problem may spend: axis=amount, separated by commas
    ///
    /// Axes: tokens (sampled), scored, computed (all tokens run through a model), calls, flops, usd,
    /// seconds. A search ends before it would exceed a bound, and answers with what it has; only
    /// seconds can overshoot. Without bounds, the strategy decides when it ends.
    #[arg(long, value_name = "AXIS=AMOUNT,…", value_parser = parse_budget, help_heading = "Problems")]
    pub budget: Option<Budget>,
    /// Problems searched at a time; results do not depend on it [default: chosen by the
    /// device]
    #[arg(long, value_name = "COUNT", help_heading = "Run")]
    pub in_flight: Option<NonZeroUsize>,
    /// Bytes of keys and values that the policy holds, at most: what no branch goes on from at the moment is
    /// let go of, what was used longest ago first, and computed again when needed, which is counted
    ///
    /// Then requests wait for each other. One that does not fit alone, with all of `--max-tokens`, fails its
    /// problem before anything of it is computed, and says how many bytes it needs. Without a limit, memory that
    /// is available on the machine is not exceeded. A number of bytes, or one with `kB`, `MB`, `GB`, `KiB`, `MiB` or `GiB`. Under a limit, budgets on computed
    /// tokens and FLOPs admit less: each request may have to compute its whole prefix again. A process reward
    /// model keeps its own beside, within the memory of the machine: its scores are paid for as if what they go on
    /// from were held.
    #[arg(long, value_name = "BYTES", value_parser = bytes, help_heading = "Run")]
    pub kv_limit: Option<u64>,
    /// The run's directory, which must not hold a run [default: runs/STRATEGY-TIME]
    #[arg(long, value_name = "DIR", conflicts_with = "resume", help_heading = "Run")]
    pub out: Option<PathBuf>,
    /// Go on with the run in this directory, given the same arguments
    #[arg(long, value_name = "DIR", help_heading = "Run")]
    pub resume: Option<PathBuf>,
    /// End standard output with the summary as one JSON object on its last line
    #[arg(long, help_heading = "Run")]
    pub json: bool,
    /// Print no progress
    #[arg(long, short, help_heading = "Run")]
    pub quiet: bool,
}

impl Terms {
    /// Tokens sampled on a path, at most.
    #[must_use]
    pub fn max_tokens(&self) -> NonZeroU32 {
        self.max_tokens.unwrap_or(self.dataset.max_tokens())
    }

    /// How engines are made; the limit is the policy's.
    #[must_use]
    pub fn engine(&self) -> EngineOptions {
        let (kv_limit, kernels, kv) = (self.kv_limit, self.kernels, self.kv);
        EngineOptions { kv_limit, kernels, kv, ..EngineOptions::default() }
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
