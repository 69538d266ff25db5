//! The grammar of the commands that look at runs that are over.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::Sandbox;

/// Arguments of `trace`.
#[derive(Debug, Args)]
pub struct Trace {
    /// The run's directory
    #[arg(value_name = "RUN_DIR")]
    pub dir: PathBuf,
    /// The problem whose tree is wanted, by its name
    #[arg(value_name = "PROBLEM")]
    pub problem: Option<String>,
    /// As what
    #[arg(long, value_enum, default_value_t = Format::Text)]
    pub format: Format,
    /// Show the same problem in this run, too; for `--format html`
    #[arg(long, value_name = "RUN_DIR")]
    pub beside: Option<PathBuf>,
    /// Where to write it [default: standard output]
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,
    /// The dataset's file, to grade all branches, where the run does not know where it is
    #[arg(long, value_name = "FILE")]
    pub data: Option<PathBuf>,
}

/// The values of `--format`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// A line a node
    Text,
    /// Graphviz, for `dot -Tsvg`
    Dot,
    /// One JSON object: every node and every round
    Json,
    /// A page that needs nothing else
    Html,
}

/// Arguments of `report`.
#[derive(Debug, Args)]
pub struct Report {
    /// The run's directory
    #[arg(value_name = "RUN_DIR")]
    pub dir: PathBuf,
    /// Show another run's trees of the same problems beside
    #[arg(long, value_name = "RUN_DIR")]
    pub beside: Option<PathBuf>,
    /// Where to write it [default: report.html in the run's directory]
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,
    /// Megabytes of trees in the file, at most; the others are left out, and the page says how to see them
    #[arg(long, value_name = "MB", default_value_t = 50)]
    pub max_size: usize,
    /// The dataset's file, to grade all branches, where the run does not know where it is
    #[arg(long, value_name = "FILE")]
    pub data: Option<PathBuf>,
}

/// Arguments of `compare`.
#[derive(Debug, Args)]
pub struct Compare {
    /// The first run's directory
    #[arg(value_name = "RUN_A")]
    pub first: PathBuf,
    /// The second run's directory
    #[arg(value_name = "RUN_B")]
    pub second: PathBuf,
    /// End standard output with one JSON object on its last line
    #[arg(long)]
    pub json: bool,
}

/// Arguments of `regrade`.
#[derive(Debug, Args)]
pub struct Regrade {
    /// The run's directory
    #[arg(value_name = "RUN_DIR")]
    pub dir: PathBuf,
    /// The dataset's file, where the run does not know where it is
    #[arg(long, value_name = "FILE")]
    pub data: Option<PathBuf>,
    /// What runs functions that are answers.
    #[command(flatten)]
    pub sandbox: Sandbox,
}
