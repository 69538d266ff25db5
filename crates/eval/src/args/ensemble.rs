//! The grammar of what `espalier eval` runs: one model's strategy, or an ensemble of models.

use std::num::NonZeroU32;

use clap::{Args, Subcommand};
use espalier_search::{BadWeights, Weights};

use super::numbers::{at_least_one, bytes, share};
use super::steps::Draw;
use super::{Strategy, Terms};
use crate::ensemble::EnsembleSpec;

/// What `eval` runs.
#[derive(Debug, Subcommand)]
#[expect(clippy::large_enum_variant, reason = "there is one, and it is boxed as a whole")]
pub enum Evaluation {
    /// A strategy of one model.
    #[command(flatten)]
    Strategy(Strategy),
    /// Several models answer, each n times; arithmetic checks answers and steps, and what is best supported counts
    ///
    /// Each member samples n chains of thought for a problem in a tree of its own, so members may have different
    /// tokenizers and chat templates. A finished answer weighs a composite: `--answer-weight` × what symbolic
    /// validation says of the answer (1 supported, 0 contradicted, 1/2 nothing to check) + `--step-weight` × the
    /// share of its steps that are supported, of those that can be checked (1/2 where none can). A step is a line.
    /// Puzzles are played again; of word problems, equations are computed again, and an answer is supported that
    /// the last of them comes to. No gold answer is read. The answer with the largest sum of composites counts; of
    /// equal sums, the one that was given more often.
    ///
    /// The budget bounds all members together: each gets an equal share of every axis, and the first ones what is
    /// left over. Every member leaves a run directory of its own in `members/`, which can be looked at like any
    /// other; its row in the table is its own majority vote. A member that fails at a problem costs the others
    /// nothing: it is tried again by `--resume`.
    Ensemble(Ensemble),
}

/// Arguments of an ensemble.
#[derive(Debug, Args)]
pub struct Ensemble {
    /// A model that answers: a Hugging Face directory, a GGUF file, or `hf:org/name`; give it twice or more
    #[arg(long = "member", value_name = "PATH", required = true, help_heading = "Model")]
    pub members: Vec<String>,
    /// Bytes of weights that are held at a time, at most, with `--kv-limit` for each member where given
    ///
    /// A number of bytes, or one with `kB`, `MB`, `GB`, `KiB`, `MiB` or `GiB`. Members that do not fit together are
    /// loaded one after the other, each for all problems: the results are the same. One that does not fit alone is
    /// refused before any weight is read.
    #[arg(long, value_name = "BYTES", value_parser = bytes, help_heading = "Model")]
    pub memory: Option<u64>,
    /// Answers that each member samples [source of the default: search-and-learn, `n`]
    #[arg(long, value_name = "N", default_value = "4", value_parser = at_least_one)]
    pub n: NonZeroU32,
    /// Weight of the answer's validation in the composite, from 0 to 1 [source of the default: the composite of the
    /// ensemble that this project set out to build]
    #[arg(long, value_name = "SHARE", default_value = "0.7", value_parser = share)]
    pub answer_weight: f64,
    /// Weight of the share of steps that are supported; both weights add up to 1 [source of the default: as above]
    #[arg(long, value_name = "SHARE", default_value = "0.3", value_parser = share)]
    pub step_weight: f64,
    /// How tokens are drawn.
    #[command(flatten)]
    pub draw: Draw,
    /// What every run has.
    #[command(flatten)]
    pub terms: Terms,
}

impl Ensemble {
    /// The ensemble, as data.
    ///
    /// # Errors
    ///
    /// [`BadWeights`] where the weights do not add up to 1.
    pub fn spec(&self) -> Result<EnsembleSpec, BadWeights> {
        let weights = Weights::new(self.answer_weight, self.step_weight)?;
        let Draw { temperature, seed } = self.draw;
        Ok(EnsembleSpec { n: self.n.get(), weights, temperature, seed })
    }
}
