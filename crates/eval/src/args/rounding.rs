//! The grammar of `model rounding`.

use std::num::NonZeroU32;

use clap::Args;

use super::{ModelArgs, at_least_one};

/// What is held against the weights widened to `f32`.
#[derive(Debug, Args)]
pub struct RoundingArgs {
    /// The model.
    #[command(flatten)]
    pub model: ModelArgs,
    /// Tokens of a window; the second half of each counts, as with `llama-perplexity -c`
    #[arg(long, value_name = "TOKENS", default_value = "512", value_parser = at_least_one)]
    pub window: NonZeroU32,
}
