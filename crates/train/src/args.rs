//! The grammar of the training command line.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::house::Size;
use crate::recipe::Recipe;

/// Training: supervised fine-tuning, reward models, step labels, and the house model.
#[derive(Debug, Parser)]
#[command(name = "espalier-train", bin_name = "cargo xtask train", version, arg_required_else_help = true)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// What the binary does.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Train a model to continue prompts: JSON lines of `prompt` and `completion`
    Sft(Train),
    /// Train a model to mark steps: JSON lines of `prompt`, `steps` and `labels`
    Reward(Train),
    /// Train the house model: data, three policies, a process reward model
    HouseModel(HouseModel),
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
