//! The grammar of strategies that call tools.

use std::num::NonZeroU32;

use clap::{Args, ValueEnum};

use super::steps::Draw;
use super::{Run, at_least_one, temperature};
use crate::config::ConfigError;
use crate::spec::{Boundary, Calling, OnFailName, OutputFormat, StrategySpec};

/// Arguments of self-consistency with tool-integrated reasoning. All defaults but those marked are of
/// `kaggle-solution.ipynb` in <https://github.com/project-numina/aimo-progress-prize>.
#[derive(Debug, Args)]
pub struct ScTir {
    /// Paths side by side [default chosen here: a sixth of the source's 48, which run on two GPUs]
    #[arg(long, value_name = "M", default_value = "8", value_parser = at_least_one)]
    pub width: NonZeroU32,
    /// Steps a path samples, at most; each but the last can end with code that is run
    #[arg(long, value_name = "N", default_value = "4", value_parser = at_least_one)]
    pub depth: NonZeroU32,
    /// What becomes of a path that wrote no code that can be run
    #[arg(long, value_enum, default_value_t = OnFailArg::Restart)]
    pub on_fail: OnFailArg,
    /// Answers are whole numbers, and count by their remainder by this; the source's contest takes 1000
    #[arg(long, value_name = "MODULUS", value_parser = at_least_one)]
    pub modulo: Option<NonZeroU32>,
    /// The format in which code and its output stand in the text
    #[arg(long, value_enum, default_value_t = OutputArg::Numina)]
    pub output: OutputArg,
    /// How tokens are drawn.
    #[command(flatten)]
    pub draw: Draw,
    /// What all strategies share.
    #[command(flatten)]
    pub run: Run,
}

impl ScTir {
    pub(super) fn spec(&self) -> StrategySpec {
        let Draw { temperature, seed } = self.draw;
        StrategySpec::ScTir {
            width: self.width.get(),
            depth: self.depth.get(),
            on_fail: match self.on_fail {
                OnFailArg::Prune => OnFailName::Prune,
                OnFailArg::Restart => OnFailName::Restart,
            },
            modulo: self.modulo,
            calling: Calling { output: self.output.into(), temperature, seed },
        }
    }
}

/// Arguments of program-aided language models.
#[derive(Debug, Args)]
pub struct Pal {
    /// Programs, whose answers vote [source of the default: <https://arxiv.org/abs/2211.10435>, section 4]
    #[arg(long, value_name = "N", default_value = "1", value_parser = at_least_one)]
    pub n: NonZeroU32,
    /// How tokens are drawn.
    #[command(flatten)]
    pub draw: Sure,
    /// What all strategies share.
    #[command(flatten)]
    pub run: Run,
}

impl Pal {
    pub(super) fn spec(&self) -> StrategySpec {
        let Sure { temperature, seed } = self.draw;
        let calling = Calling { output: OutputFormat::Numina, temperature, seed };
        StrategySpec::Pal { n: self.n.get(), calling }
    }
}

/// Arguments of tool-integrated reasoning. All defaults are of `src/infer/inference.py` in
/// <https://github.com/microsoft/ToRA>.
#[derive(Debug, Args)]
pub struct ToRa {
    /// Paths, whose answers vote
    #[arg(long, value_name = "N", default_value = "1", value_parser = at_least_one)]
    pub n: NonZeroU32,
    /// Calls of a path, at most; after the last it may still answer
    #[arg(long, value_name = "COUNT", default_value = "4", value_parser = at_least_one)]
    pub calls: NonZeroU32,
    /// The format in which code and its output stand in the text
    #[arg(long, value_enum, default_value_t = OutputArg::Tora)]
    pub output: OutputArg,
    /// How tokens are drawn.
    #[command(flatten)]
    pub draw: Sure,
    /// What all strategies share.
    #[command(flatten)]
    pub run: Run,
}

impl ToRa {
    pub(super) fn spec(&self) -> StrategySpec {
        let Sure { temperature, seed } = self.draw;
        let calling = Calling { output: self.output.into(), temperature, seed };
        StrategySpec::ToRa { n: self.n.get(), calls: self.calls.get(), calling }
    }
}

/// Arguments of ReAct.
#[derive(Debug, Args)]
pub struct ReAct {
    /// Paths, whose answers vote [source of the default: <https://arxiv.org/abs/2210.03629>, section 3]
    #[arg(long, value_name = "N", default_value = "1", value_parser = at_least_one)]
    pub n: NonZeroU32,
    /// Calls of a path, at most; after the last it may still answer [source of the default:
    /// <https://arxiv.org/abs/2210.03629>, section 3.2: seven steps, of which the last answers]
    #[arg(long, value_name = "COUNT", default_value = "6", value_parser = at_least_one)]
    pub calls: NonZeroU32,
    /// How tokens are drawn.
    #[command(flatten)]
    pub draw: Sure,
    /// What all strategies share.
    #[command(flatten)]
    pub run: Run,
}

impl ReAct {
    pub(super) fn spec(&self) -> StrategySpec {
        let Sure { temperature, seed } = self.draw;
        let calling = Calling { output: OutputFormat::Qwen, temperature, seed };
        StrategySpec::ReAct { n: self.n.get(), calls: self.calls.get(), calling }
    }
}

/// How tokens are drawn where the likeliest is the default.
#[derive(Debug, Clone, Copy, Args)]
pub struct Sure {
    /// Divides the logits before a token is drawn; 0 takes the likeliest [default: 0, as all three sources for
    /// one path]
    #[arg(long, value_name = "T", default_value = "0", value_parser = temperature, allow_negative_numbers = true)]
    pub temperature: f32,
    /// Where all randomness comes from, that of the tools included
    #[arg(long, default_value_t = 42)]
    pub seed: u64,
}

/// Whether a search by steps runs code.
#[derive(Debug, Clone, Args)]
pub struct Code {
    /// Run the code with which steps end, and go on from its output, in this format; steps then end where blocks
    /// do, and `--python` is needed [default: no code is run]
    #[arg(long = "code", value_enum, value_name = "FORMAT")]
    pub format: Option<OutputArg>,
}

impl Code {
    /// The format, as data.
    pub(super) fn output(&self) -> Option<OutputFormat> {
        self.format.map(OutputFormat::from)
    }

    /// Checks that steps end where blocks do.
    pub(super) fn check(&self, boundary: Option<Boundary>) -> Result<(), ConfigError> {
        match self.format {
            Some(_) if boundary.is_some() => {
                Err(ConfigError::Unused { flag: "--boundary", with: "--code" })
            }
            _ => Ok(()),
        }
    }
}

/// The values of `--on-fail`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum OnFailArg {
    /// It is pruned
    Prune,
    /// A new path takes its place, with the steps that were left to it
    Restart,
}

/// The values of `--output`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum OutputArg {
    /// That of the AIMO winner: what was printed or the traceback, its first 200 characters
    Numina,
    /// That of ToRA: the last line, 50 characters of either end
    Tora,
    /// That of Qwen2.5-Math: what was printed or the error, 200 characters of either end
    Qwen,
}

impl From<OutputArg> for OutputFormat {
    fn from(arg: OutputArg) -> Self {
        match arg {
            OutputArg::Numina => Self::Numina,
            OutputArg::Tora => Self::Tora,
            OutputArg::Qwen => Self::Qwen,
        }
    }
}
