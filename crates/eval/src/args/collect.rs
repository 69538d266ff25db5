//! The grammar of `collect`.

use std::num::NonZeroU32;
use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::at_least_one;
use crate::collect::Keep;

/// Arguments of `collect`.
#[derive(Debug, Args)]
pub struct Collect {
    /// The directories of finished runs on one dataset
    #[arg(value_name = "RUN_DIR", required = true)]
    pub runs: Vec<PathBuf>,
    /// Where the trajectories go, one JSON object a line
    #[arg(long, value_name = "FILE")]
    pub out: PathBuf,
    /// Add to the file what it lacks, if it is there
    #[arg(long)]
    pub append: bool,
    /// Which trajectories [source of the default: ToRA, <https://arxiv.org/abs/2309.17452>, section 2.2]
    #[arg(long, value_enum, default_value_t = KeepArg::Right)]
    pub keep: KeepArg,
    /// Distinct trajectories of a problem, at most, those in the file among them; ToRA trains on up to 4
    /// [default: all]
    #[arg(long, value_name = "K", value_parser = at_least_one)]
    pub most: Option<NonZeroU32>,
    /// Write the rows of the problems that no trajectory has right, for the `--data` of the next round
    #[arg(long, value_name = "FILE")]
    pub unsolved: Option<PathBuf>,
    /// The dataset's file, where the runs do not know where it is; problems are found in it by their questions
    #[arg(long, value_name = "FILE")]
    pub data: Option<PathBuf>,
    /// The model whose chat template makes the prompts, for runs that do not hold theirs
    #[arg(long, value_name = "PATH")]
    pub model: Option<String>,
    /// End standard output with one JSON object on its last line
    #[arg(long)]
    pub json: bool,
}

/// The values of `--keep`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum KeepArg {
    /// Those with a right answer, in which the policy made no output of a tool up
    Right,
    /// All, each with what the grader says of it
    All,
}

impl From<KeepArg> for Keep {
    fn from(arg: KeepArg) -> Self {
        match arg {
            KeepArg::Right => Self::Right,
            KeepArg::All => Self::All,
        }
    }
}
