//! The grammar of the compute-optimal choice, and of the table that it is made by.

use std::num::{NonZeroU32, NonZeroUsize};
use std::path::{Path, PathBuf};

use clap::Args;

use super::steps::Steps;
use super::{AggregateArg, at_least_one};
use crate::learned::{LearnedTable, TableError};
use crate::spec::{Bin, StrategySpec, Then};

/// Arguments of the compute-optimal choice.
#[derive(Debug, Args)]
pub struct ComputeOptimal {
    /// Answers whose mean score says how hard a problem is [default chosen here: as many as a beam is
    /// wide]
    #[arg(long, value_name = "COUNT", default_value = "4", value_parser = at_least_one)]
    pub first: NonZeroU32,
    /// What goes on for problems of each difficulty: a file that `espalier table` has learned, on other
    /// problems
    #[arg(long, value_name = "FILE", value_parser = read, required_unless_present = "then")]
    pub table: Option<LearnedTable>,
    /// What goes on for every problem, as a table is learned from: `stop`, `best-of-n:N` (N more answers),
    /// `beam:WIDTH`, `beam:WIDTH:N`, `dvts:WIDTH` or `dvts:WIDTH:N`
    #[arg(long, value_name = "OPTION", conflicts_with = "table")]
    pub then: Option<Then>,
    /// How the scores of a path's steps become the path's [source of the default: search-and-learn,
    /// `agg_strategy`]
    #[arg(long, value_enum, default_value_t = AggregateArg::Last)]
    pub aggregate: AggregateArg,
    /// What step by step strategies share.
    #[command(flatten)]
    pub steps: Steps,
}

impl ComputeOptimal {
    pub(super) fn spec(&self) -> StrategySpec {
        let learned = self.table.iter().flat_map(LearnedTable::bins);
        let always = self.then.map(|then| Bin { below: None, then });
        StrategySpec::ComputeOptimal {
            first: self.first.get(),
            table: learned.chain(always).collect(),
            steps: self.steps.numbers(self.aggregate),
        }
    }
}

fn read(path: &str) -> Result<LearnedTable, TableError> {
    LearnedTable::read(Path::new(path))
}

/// Arguments of `table`.
#[derive(Debug, Args)]
pub struct Table {
    /// Finished runs of `eval compute-optimal --then OPTION`, each with another option and otherwise alike
    #[arg(value_name = "RUN_DIR", required = true)]
    pub runs: Vec<PathBuf>,
    /// Bins of equally many problems, at most [default chosen here: one fewer than
    /// <https://arxiv.org/abs/2408.03314>, which has more problems to learn from]
    #[arg(long, value_name = "COUNT", default_value = "4", value_parser = bins)]
    pub bins: NonZeroUsize,
    /// Where to write the table
    #[arg(long, value_name = "FILE")]
    pub out: PathBuf,
    /// End standard output with the table as one JSON object on its last line
    #[arg(long)]
    pub json: bool,
}

fn bins(text: &str) -> Result<NonZeroUsize, String> {
    text.parse().map_err(|_| "give a whole number of at least 1".to_owned())
}
