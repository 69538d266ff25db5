//! The grammar of the command line.

mod calling;
mod collect;
mod compute_optimal;
mod ensemble;
mod grade;
mod looking;
mod numbers;
mod prm_family;
mod prompted;
mod rounding;
mod sandbox;
mod steps;
mod strategies;
mod sweep;
mod terms;

use std::num::NonZeroU32;
use std::path::{Path, PathBuf};

use clap::{Args, Parser, Subcommand, ValueEnum};
use espalier_core::{Aggregate, Spend};
use espalier_models::{Kernels, KvPrecision};

use crate::config::DatasetSpec;
use crate::dataset::DatasetKind;
use crate::spec::{ScorerName, Selection};

use numbers::{at_least_one, finite, not_negative, positive, temperature};

pub use collect::Collect;
pub use compute_optimal::{ComputeOptimal, Table};
pub use ensemble::{Ensemble, Evaluation};
pub use grade::Grade;
pub use looking::{Compare, Format, Regrade, Report, Trace};
pub use prm_family::PrmFamilyArg;
pub use rounding::RoundingArgs;
pub use sandbox::Sandbox;
pub use strategies::Strategy;
pub use sweep::{SeriesArg, Sweep};
pub use terms::Terms;

/// Inference-time search over language models, measured against compute budgets.
#[derive(Debug, Parser)]
#[command(name = "espalier", version, propagate_version = true, arg_required_else_help = true)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// What the binary does.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Run a strategy over a dataset and print what it solved and what it cost
    ///
    /// Every problem is searched under the same budget, its answer read and graded. The run leaves a
    /// directory with all records, traces and a summary; Ctrl-C stops it cleanly, and `--resume` goes
    /// on where it stopped.
    #[command(subcommand, arg_required_else_help = true)]
    Eval(Box<Evaluation>),
    /// Run several strategies at growing budgets and draw their accuracy against compute
    ///
    /// Greedy runs first, once: it is the reference, and its answers' lengths decide which sizes fit.
    /// Then every series runs at each budget, with the largest size that the budget admits, once for each
    /// seed. The budget bounds the tokens that policy and scorer compute for one problem. The sweep leaves
    /// a directory with all runs (`cells/`), the points (`sweep.json`), a table (`sweep.txt`) and the picture
    /// (`sweep.svg`, `sweep.png`); given the same `--out`, it goes on where it stopped.
    Sweep(Box<Sweep>),
    /// Print the accuracy a finished run would have had at smaller budgets, from its traces
    ///
    /// One run of a strategy that does not read its budget tells its accuracy at every smaller one: what it
    /// would have answered is read and graded after each of its rounds. No model is needed.
    Anytime(Anytime),
    /// Learn from finished runs which option goes on for problems of each difficulty
    ///
    /// The runs are of `eval compute-optimal --then OPTION`, each with another option and otherwise alike. Their
    /// problems are parted by the mean score of their first answers, and each part takes the option that has
    /// most of it right. What is learned must be judged on other problems: `eval compute-optimal --table`
    /// refuses those it was learned on.
    Table(Table),
    /// Collect the finished paths of runs as trajectories to train on, with what the grader says of them
    ///
    /// Each line is a path from the prompt to an answer, the policy's words and those of tools apart, so that
    /// `train sft` learns the former alone. Rounds go on from each other: `--append` adds to a file,
    /// `--unsolved` writes the problems that the next round samples. No model is needed.
    Collect(Collect),
    /// List the problems of a run, or export the tree of one as text, DOT, JSON or HTML
    ///
    /// Without a problem, it prints a line for each: what became of it, its nodes and tokens, its answer. With one,
    /// it replays the problem's trace, without any model. `--format html` is a page that needs nothing
    /// else: the tree with folds and filters, each node's text, scores and spend, and the keys and values held in
    /// each round; `--beside` puts another run's tree of the same problem next to it.
    Trace(Trace),
    /// Make one HTML file of a run: its accuracy and spend, its problems, and their trees
    Report(Report),
    /// Compare two runs problem by problem: the difference, its interval, and whether it can be told from none
    ///
    /// Both must have searched the same problems of the same dataset. The test is the exact one of `McNemar`.
    Compare(Compare),
    /// Read and grade the answers of a run anew, without any model
    Regrade(Regrade),
    /// Grade pairs of a gold answer and a text, and hold the verdicts to what is expected
    ///
    /// The pairs are a grader's own tests, or answers on a dataset that were judged before. No model is needed.
    Grade(Grade),
    /// Look at a model: its configuration, tokens, logits and samples
    #[command(subcommand, arg_required_else_help = true)]
    Model(ModelCommand),
    /// Hold a device's numbers against the reference, then print its throughput
    GpuCheck(GpuCheck),
}

/// Arguments of `gpu-check`.
#[derive(Debug, Args)]
pub struct GpuCheck {
    /// The device: `auto`, `cpu`, `cuda` or `cuda:1`
    #[arg(long, default_value = "cuda")]
    pub device: String,
    /// The folder of the golden fixtures
    #[arg(long, value_name = "DIR", default_value = "crates/models/tests/fixtures")]
    pub fixtures: PathBuf,
    /// A model to measure: a GGUF file or a Hugging Face directory
    #[arg(long, value_name = "PATH")]
    pub model: Option<PathBuf>,
}

/// Arguments of `anytime`.
#[derive(Debug, Args)]
pub struct Anytime {
    /// The run's directory
    #[arg(value_name = "DIR")]
    pub dir: PathBuf,
    /// The dataset's file, where the run was given one
    #[arg(long, value_name = "FILE")]
    pub data: Option<PathBuf>,
    /// What a problem's budget counts
    #[arg(long, value_enum, default_value_t = AxisArg::Computed)]
    pub axis: AxisArg,
    /// The budgets, separated by commas [default: half as much again each time, from the cheapest first
    /// round to the dearest search]
    #[arg(long, value_name = "AMOUNT,…", value_delimiter = ',')]
    pub budgets: Vec<u64>,
    /// End standard output with one JSON object on its last line
    #[arg(long)]
    pub json: bool,
}

/// The values of `--axis`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum AxisArg {
    /// Tokens sampled
    Tokens,
    /// Tokens run through policy and scorer
    Computed,
    /// FLOPs
    Flops,
}

impl AxisArg {
    /// How much of it was spent.
    #[must_use]
    pub fn of(self, spend: &Spend) -> u128 {
        match self {
            Self::Tokens => spend.generated.into(),
            Self::Computed => spend.computed.into(),
            Self::Flops => spend.flops,
        }
    }

    /// Its name in tables.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Tokens => "tokens",
            Self::Computed => "computed",
            Self::Flops => "FLOPs",
        }
    }
}

/// What all strategies share.
#[derive(Debug, Args)]
pub struct Run {
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
    /// What they share with whatever runs several models.
    #[command(flatten)]
    pub terms: Terms,
    /// What runs the Python that models write.
    #[command(flatten)]
    pub sandbox: Sandbox,
    /// Run this too, with the same model on the same problems, and print its row beside the strategy's;
    /// its records are in a directory of that name within the run's
    #[arg(long, value_enum, value_name = "STRATEGY", help_heading = "Run")]
    pub beside: Option<Beside>,
    /// Print what the run would cost, and compute nothing
    ///
    /// The strategy runs under its budget on a stand-in for the models. Steps and answers are taken to
    /// be as long as is allowed, unless `--like` says how long they are.
    #[arg(long, conflicts_with_all = ["out", "resume", "beside", "kv_limit"], help_heading = "Run")]
    pub dry_run: bool,
    /// With `--dry-run`: take steps and answers to be as long as in this run, such as a short one of
    /// `greedy` with the same model
    #[arg(long, value_name = "DIR", requires = "dry_run", help_heading = "Run")]
    pub like: Option<PathBuf>,
}

impl Run {
    /// Tokens sampled on a path, at most.
    #[must_use]
    pub fn max_tokens(&self) -> NonZeroU32 {
        self.terms.max_tokens()
    }

    /// The problems, as data.
    #[must_use]
    pub fn dataset(&self) -> DatasetSpec {
        self.terms.dataset()
    }
}

/// The values of `--beside`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Beside {
    /// One answer, the likeliest token at every place
    Greedy,
}

/// What can be seen of a model.
#[derive(Debug, Subcommand)]
pub enum ModelCommand {
    /// Print the architecture, sizes, weight types, special tokens and chat template
    Inspect(ModelArgs),
    /// Print the tokens of a text, with their ids
    Tokenize(TextArgs),
    /// Print the log-probabilities of the next token at every position of a text
    Logits(LogitsArgs),
    /// Continue a text
    Generate(GenerateArgs),
    /// Print the log-probability of every token of a text, given those before it
    Score(TextArgs),
    /// Measure prefill, and decoding of branches over a shared prefix
    Throughput(ThroughputArgs),
    /// Measure what the kernels cost in accuracy on a text, against the same weights widened to f32
    ///
    /// Standard input is the text: one JSON string a line, put together. It is cut into windows as llama.cpp's
    /// `llama-perplexity` cuts it, so that both perplexities compare.
    Rounding(RoundingArgs),
}

/// A model and how to print.
#[derive(Debug, Args)]
pub struct ModelArgs {
    /// A Hugging Face directory, a GGUF file, or `hf:org/name`
    pub model: String,
    /// Where to compute: `auto`, `cpu`, `cuda` or `cuda:1`
    #[arg(long, default_value = "auto")]
    pub device: String,
    /// What multiplies weights: `fastest` (on the CPU quantized weights as they are, with activations of
    /// 8 bits), `f32` (weights widened) or `burn` (the reference)
    #[arg(long, default_value = "fastest")]
    pub kernels: Kernels,
    /// How keys and values are kept: `f32`, or `f16` in half the memory, rounded
    #[arg(long, default_value = "f32", value_name = "PRECISION")]
    pub kv: KvPrecision,
    /// Print one JSON object
    #[arg(long)]
    pub json: bool,
}

/// What is measured of a model.
#[derive(Debug, Args)]
pub struct ThroughputArgs {
    /// The model.
    #[command(flatten)]
    pub model: ModelArgs,
    /// Branches decoded together: one row for each count
    #[arg(long, value_name = "COUNT,…", value_delimiter = ',', default_value = "1,16,64", value_parser = at_least_one)]
    pub branches: Vec<NonZeroU32>,
    /// Tokens of the prefix that branches share: one row for each length
    #[arg(long, value_name = "TOKENS,…", value_delimiter = ',', default_value = "512", value_parser = at_least_one)]
    pub prefix: Vec<NonZeroU32>,
    /// Tokens decoded in each branch
    #[arg(long, value_name = "TOKENS", default_value = "32", value_parser = at_least_one)]
    pub tokens: NonZeroU32,
    /// Measurements, of which the median counts; one more comes before them
    #[arg(long, value_name = "COUNT", default_value = "3", value_parser = at_least_one)]
    pub repeats: NonZeroU32,
}

/// A model and a text.
#[derive(Debug, Args)]
pub struct TextArgs {
    /// The model.
    #[command(flatten)]
    pub model: ModelArgs,
    /// The text [default: standard input, one JSON string a line]
    #[arg(long, value_name = "TEXT")]
    pub text: Option<String>,
    /// Put the text to the model as a user's message, through its chat template
    #[arg(long)]
    pub chat: bool,
}

/// Arguments of `logits`.
#[derive(Debug, Args)]
pub struct LogitsArgs {
    /// The model and the text.
    #[command(flatten)]
    pub text: TextArgs,
    /// Only the COUNT likeliest tokens at each position [default: with `--json` the whole vocabulary in
    /// the order of its ids, else 10]
    #[arg(long, value_name = "COUNT", value_parser = at_least_one)]
    pub top: Option<NonZeroU32>,
}

/// Arguments of `generate`.
#[derive(Debug, Args)]
pub struct GenerateArgs {
    /// The model and the text.
    #[command(flatten)]
    pub text: TextArgs,
    /// Divides the logits before a token is drawn; 0 takes the likeliest
    #[arg(long, value_name = "T", default_value = "0", value_parser = temperature, allow_negative_numbers = true)]
    pub temperature: f32,
    /// Where all randomness comes from
    #[arg(long, default_value_t = 42)]
    pub seed: u64,
    /// Tokens to sample, at most
    #[arg(long, value_name = "TOKENS", default_value = "64", value_parser = at_least_one)]
    pub max_tokens: NonZeroU32,
}

/// The values of `--scorer`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ScorerArg {
    /// Mean log-probability of the likeliest token
    TopLogprob,
    /// Mean log-probability of the sampled token
    ChosenLogprob,
    /// Negative mean entropy of the next-token distribution
    Entropy,
    /// Mean divergence of the next-token distribution from the uniform one (self-certainty)
    SelfCertainty,
    /// The dataset's verifier, which checks by what the problem says: 1 for a correct answer of `game24`
    /// or `countdown`, 0 for unsound arithmetic, else 1/2; of `humaneval`, 1 where the examples of the docstring
    /// hold, 0 where one does not, 1/2 where there are none
    Verifier,
    /// A process reward model, which `--prm` gives
    Prm,
}

impl ScorerArg {
    /// What was asked for, or what there is: a process reward model, else the policy's confidence.
    fn or_default(asked: Option<Self>, prm: Option<&Path>) -> ScorerName {
        let default = if prm.is_some() { Self::Prm } else { Self::ChosenLogprob };
        asked.unwrap_or(default).into()
    }
}

impl From<ScorerArg> for ScorerName {
    fn from(arg: ScorerArg) -> Self {
        match arg {
            ScorerArg::TopLogprob => Self::TopLogprob,
            ScorerArg::ChosenLogprob => Self::ChosenLogprob,
            ScorerArg::Entropy => Self::Entropy,
            ScorerArg::SelfCertainty => Self::SelfCertainty,
            ScorerArg::Verifier => Self::Verifier,
            ScorerArg::Prm => Self::Prm,
        }
    }
}

/// The values of `--aggregate`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum AggregateArg {
    /// The last step's score
    Last,
    /// The lowest step's score
    Min,
    /// The product of the scores, which must not be negative
    Prod,
    /// The mean of the scores
    Mean,
}

impl From<AggregateArg> for Aggregate {
    fn from(arg: AggregateArg) -> Self {
        match arg {
            AggregateArg::Last => Self::Last,
            AggregateArg::Min => Self::Min,
            AggregateArg::Prod => Self::Prod,
            AggregateArg::Mean => Self::Mean,
        }
    }
}

/// The values of `--select`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum SelectArg {
    /// The answer of the best-scored path
    Best,
    /// The most frequent answer
    Majority,
    /// The answer with the largest sum of scores, which must not be negative
    Weighted,
}

impl From<SelectArg> for Selection {
    fn from(arg: SelectArg) -> Self {
        match arg {
            SelectArg::Best => Self::Best,
            SelectArg::Majority => Self::Majority,
            SelectArg::Weighted => Self::Weighted,
        }
    }
}

/// The values of `--dataset`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum DatasetArg {
    /// Word problems of three levels
    Builtin,
    /// The layout of GSM8K: `question`, and `answer` ending in `#### 18`
    Gsm8k,
    /// The layout of MATH-500: `problem`, `answer` in LaTeX, `level`
    Math500,
    /// The Game of 24, rows such as `901,4 5 6 10,…`; without a file, the puzzles held out for testing
    Game24,
    /// Countdown: `numbers` and `target`
    Countdown,
    /// The layout of `HumanEval`: `task_id`, `prompt`, `entry_point` and `test`. Answers are Python functions, which are
    /// right where their tests pass in a sandbox; needs `--python`
    #[value(name = "humaneval")]
    HumanEval,
}

impl DatasetArg {
    /// Tokens sampled on a path, at most, where nothing else is said.
    fn max_tokens(self) -> NonZeroU32 {
        match self {
            Self::Builtin | Self::Game24 | Self::Countdown => {
                const { NonZeroU32::new(256).expect("256 is not 0") }
            }
            Self::Gsm8k | Self::Math500 | Self::HumanEval => {
                const { NonZeroU32::new(1024).expect("1024 is not 0") }
            }
        }
    }
}

impl From<DatasetArg> for DatasetKind {
    fn from(arg: DatasetArg) -> Self {
        match arg {
            DatasetArg::Builtin => Self::Builtin,
            DatasetArg::Gsm8k => Self::Gsm8k,
            DatasetArg::Math500 => Self::Math500,
            DatasetArg::Game24 => Self::Game24,
            DatasetArg::Countdown => Self::Countdown,
            DatasetArg::HumanEval => Self::HumanEval,
        }
    }
}

#[cfg(test)]
mod tests;
