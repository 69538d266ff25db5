//! The grammar of the training command line.

use std::num::NonZeroU32;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use espalier_eval::{Boundary, DatasetKind, Rows};

use crate::house::Size;
use crate::recipe::Recipe;
use crate::rollouts::Estimate;

/// Training: supervised fine-tuning, reward models, step labels, and the house model.
#[derive(Debug, Parser)]
#[command(
    name = "espalier-train",
    bin_name = "cargo xtask train",
    version,
    arg_required_else_help = true
)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// What the binary does.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Train a model to continue prompts: JSON lines of `prompt` and `completion`, or those of `collect`
    ///
    /// Of a line of `cargo xtask collect`, what the policy wrote is learned, and what tools left is only read.
    Sft(Train),
    /// Train a model to mark steps: JSON lines of `prompt`, `steps` and `labels`
    Reward(Train),
    /// Label the steps of sampled solutions by how often rollouts from them get to the answer
    ///
    /// The labels are those of Math-Shepherd (<https://arxiv.org/abs/2312.08935>), made by the search
    /// driver; `reward` trains on the file.
    Labels(Labels),
    /// Train the house model: data, three policies, a process reward model, a reviser, scores and model
    /// card
    HouseModel(HouseModel),
}

/// Arguments of `labels`.
#[derive(Debug, Args)]
pub struct Labels {
    /// The policy that samples: a Hugging Face directory or a GGUF file
    #[arg(long, value_name = "PATH")]
    pub model: PathBuf,
    /// The problems' layout
    #[arg(long, value_enum)]
    pub dataset: Layout,
    /// The problems' file
    #[arg(long, value_name = "FILE")]
    pub data: PathBuf,
    /// Only these rows, counted from 1, both ends included
    #[arg(long, value_name = "FIRST-LAST")]
    pub rows: Option<Rows>,
    /// Where the labelled steps go, one solution a line, problem by problem in the file's order; a file that
    /// is there is not overwritten
    #[arg(long, value_name = "FILE")]
    pub out: PathBuf,
    /// Solutions to label for each problem [source of the default: Math-Shepherd, section 4.1]
    #[arg(long, value_name = "N", default_value = "15")]
    pub solutions: NonZeroU32,
    /// Rollouts from each step [source of the default: Math-Shepherd, section 4.1]
    #[arg(long, value_name = "N", default_value = "8")]
    pub rollouts: NonZeroU32,
    /// Whether a step counts as good if any rollout is right, or by the share of them
    #[arg(long, value_enum)]
    pub estimate: EstimateArg,
    /// Divides the logits before a token is drawn [source of the default: search-and-learn]
    #[arg(long, value_name = "T", default_value = "0.8")]
    pub temperature: f32,
    /// Tokens sampled on a path, at most
    #[arg(long, value_name = "TOKENS")]
    pub max_tokens: NonZeroU32,
    /// What ends a step: `newline`, `blank-line`, `fence`, `tokens:COUNT` or `entropy:NATS`
    /// [default: as in `eval`, a line break for puzzles and a blank line for others]
    #[arg(long, value_name = "WHAT")]
    pub boundary: Option<Boundary>,
    /// Where to compute: `auto`, `cpu`, `cuda` or `cuda:1`
    #[arg(long, default_value = "auto")]
    pub device: String,
    /// Where all randomness comes from
    #[arg(long, default_value_t = 42)]
    pub seed: u64,
}

/// The values of `--dataset`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Layout {
    /// JSON lines of `question` and `answer`
    Gsm8k,
    /// JSON lines of `problem` and `answer`
    Math500,
    /// The tree-of-thoughts paper's CSV
    Game24,
    /// JSON lines of `numbers` and `target`
    Countdown,
}

impl From<Layout> for DatasetKind {
    fn from(layout: Layout) -> Self {
        match layout {
            Layout::Gsm8k => Self::Gsm8k,
            Layout::Math500 => Self::Math500,
            Layout::Game24 => Self::Game24,
            Layout::Countdown => Self::Countdown,
        }
    }
}

/// The values of `--estimate`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum EstimateArg {
    /// 1 if any rollout got to the answer, else 0
    Hard,
    /// The share of rollouts that got to the answer
    Soft,
}

impl From<EstimateArg> for Estimate {
    fn from(arg: EstimateArg) -> Self {
        match arg {
            EstimateArg::Hard => Self::Hard,
            EstimateArg::Soft => Self::Soft,
        }
    }
}

/// Arguments of `sft` and `reward`.
#[derive(Debug, Args)]
pub struct Train {
    /// The model to begin with: a Hugging Face directory
    #[arg(long, value_name = "DIR")]
    pub model: PathBuf,
    /// The training file, one JSON object a line
    #[arg(long, value_name = "FILE")]
    pub data: PathBuf,
    /// A file of the same kind to measure the loss on, never learned from
    #[arg(long, value_name = "FILE")]
    pub held_out: Option<PathBuf>,
    /// The run's folder: loss curve, checkpoints, and the trained model in `model/`; a run that was
    /// stopped goes on
    #[arg(long, value_name = "DIR")]
    pub out: PathBuf,
    /// Where to compute: `auto`, `cpu`, `cuda` or `cuda:1`
    #[arg(long, default_value = "auto")]
    pub device: String,
    /// The token that marks a good step (`reward` only)
    #[arg(long, value_name = "TOKEN", default_value = "+")]
    pub good: String,
    /// The token that marks a bad step (`reward` only)
    #[arg(long, value_name = "TOKEN", default_value = "-", allow_hyphen_values = true)]
    pub bad: String,
    /// The recipe.
    #[command(flatten)]
    pub recipe: RecipeArgs,
}

/// The recipe, number by number; what is left out is that of [`Recipe::small`].
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Recipe")]
pub struct RecipeArgs {
    /// Optimizer steps
    #[arg(long)]
    pub steps: Option<u64>,
    /// Rows of a step
    #[arg(long)]
    pub rows: Option<usize>,
    /// Tokens of a row
    #[arg(long)]
    pub width: Option<usize>,
    /// Parts of a step, computed at the same time on as many cores
    #[arg(long)]
    pub accumulation: Option<usize>,
    /// Learning rate after the warm-up
    #[arg(long)]
    pub peak_rate: Option<f64>,
    /// Learning rate at the end
    #[arg(long)]
    pub final_rate: Option<f64>,
    /// Steps of the warm-up
    #[arg(long)]
    pub warm_up: Option<u64>,
    /// Steps between checkpoints
    #[arg(long)]
    pub checkpoint_every: Option<u64>,
    /// Where the order of the data comes from
    #[arg(long)]
    pub seed: Option<u64>,
}

impl RecipeArgs {
    /// The recipe, based on `base`.
    #[must_use]
    pub fn recipe(&self, base: Recipe) -> Recipe {
        Recipe {
            steps: self.steps.unwrap_or(base.steps),
            rows: self.rows.unwrap_or(base.rows),
            width: self.width.unwrap_or(base.width),
            accumulation: self.accumulation.unwrap_or(base.accumulation),
            peak_rate: self.peak_rate.unwrap_or(base.peak_rate),
            final_rate: self.final_rate.unwrap_or(base.final_rate),
            warm_up: self.warm_up.unwrap_or(base.warm_up),
            checkpoint_every: self.checkpoint_every.unwrap_or(base.checkpoint_every),
            seed: self.seed.unwrap_or(base.seed),
            ..base
        }
    }
}

/// Arguments of `house-model`.
#[derive(Debug, Args)]
pub struct HouseModel {
    /// The run's folder; a run that was stopped goes on
    #[arg(long, value_name = "DIR", default_value = "runs/house-model")]
    pub out: PathBuf,
    /// Only this part [default: all of them, in this order]
    #[arg(long, value_enum)]
    pub only: Option<Part>,
    /// Where to compute: `auto`, `cpu`, `cuda` or `cuda:1`
    #[arg(long, default_value = "auto")]
    pub device: String,
    /// Run the whole pipeline small, in minutes, into the folder's own copy of everything
    #[arg(long)]
    pub smoke: bool,
}

/// Parts of the house model's training.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Part {
    /// The training files
    Data,
    /// The small policy
    Small,
    /// The medium policy
    Medium,
    /// The large policy
    Large,
    /// The process reward model
    Prm,
    /// The policy that revises and merges answers
    Reviser,
    /// Scores of what is trained, and the model card
    Card,
}

impl Part {
    /// The part that trains the policy of a size; `None` for one that is always trained.
    #[must_use]
    pub fn of(size: Size) -> Option<Self> {
        match size {
            Size::Smoke => None,
            Size::Small => Some(Self::Small),
            Size::Medium => Some(Self::Medium),
            Size::Large => Some(Self::Large),
        }
    }
}
