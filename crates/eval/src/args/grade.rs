//! The grammar of `grade`.

use std::num::NonZeroU32;
use std::path::PathBuf;

use clap::Args;

use super::{DatasetArg, at_least_one};

/// Arguments of `grade`.
#[derive(Debug, Args)]
pub struct Grade {
    /// The pairs, one JSON object a line: `gold`, `pred` (a text that answers), `expected` (whether they are equal),
    /// and, where it is so, `question`, `source` and the `options` of a grader's test
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
    /// Read and compare as in an evaluation on this dataset [default: as in a grader's test, by its options]
    #[arg(long, value_enum)]
    pub dataset: Option<DatasetArg>,
    /// Print the pairs whose verdict is not what is expected, one JSON object a line
    #[arg(long)]
    pub wrong: bool,
    /// Measure how many are graded in a second on one core, so often; the median counts
    #[arg(long, value_name = "COUNT", value_parser = at_least_one)]
    pub rounds: Option<NonZeroU32>,
    /// End standard output with one JSON object on its last line
    #[arg(long)]
    pub json: bool,
}
