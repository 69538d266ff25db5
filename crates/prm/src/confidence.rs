//! Confidence: scores made of the policy's own distribution over each token it sampled.

use espalier_core::{Immediate, ModelError, Path, PathScorer, Score, TokenStat};

/// A score that says how sure the policy was of its step: the mean, over the step's tokens, of one
/// number of the policy's distribution (temperature 1, nothing cut off). Larger is surer.
///
/// The definitions:
///
/// - mean chosen log-probability: 1/T Σₜ ln p(xₜ), the negative logarithm of the step's perplexity;
/// - mean top log-probability: 1/T Σₜ maxᵥ ln p(v), the same of the likeliest token instead of the
///   sampled one, so that a draw of the tail does not count against the distribution;
/// - negative mean entropy: 1/T Σₜ Σᵥ p(v) ln p(v), with p at position t;
/// - self-certainty: 1/T Σₜ KL(U ‖ p) = −1/(T V) Σₜ Σᵥ ln(V p(v)), with U uniform over the vocabulary of V.
///
/// # Units
///
/// Nats a token; never positive, but self-certainty, which is never negative.
///
/// Source: Kang et al. 2025, <https://arxiv.org/abs/2502.18581>, which compares such averages over a
/// response as scores for best-of-N and defines self-certainty in section 3. Deviations: the average is over one step, of which a whole answer
/// is the special case; the mean top log-probability is defined here.
///
/// ```
/// use std::sync::Arc;
/// use espalier_core::{Finish, Path, PathScorer, Prompt, Step, TokenStat, token::Entropy};
/// use espalier_prm::Confidence;
///
/// // Two tokens: one drawn at 1/2 of (1/2, 1/2), one drawn at 1/4 of (3/4, 1/4).
/// let stat = |chosen: f32, top: f32, nats: f32, certainty: f32| TokenStat {
///     logprob: chosen.ln(),
///     top_logprob: top.ln(),
///     entropy: Some(Entropy::Exact(nats)),
///     self_certainty: Some(certainty),
/// };
/// let step = Step {
///     tokens: [7, 8].into(),
///     text: "ab".to_owned(),
///     stats: vec![stat(0.5, 0.5, 0.6931, 0.0), stat(0.25, 0.75, 0.5623, 0.1438)],
///     alternatives: Vec::new(),
///     observed: None,
///     finish: Finish::Step,
/// };
/// let prompt = Prompt { problem: String::new(), tokens: [].into() };
/// let path = Path { prompt: Arc::new(prompt), steps: vec![Arc::new(step)] };
/// let score = |of: Confidence| of.score(&path).unwrap().get();
/// assert!((score(Confidence::MeanChosenLogprob) - (-0.6931 - 1.3863) / 2.0).abs() < 1e-4);
/// assert!((score(Confidence::MeanTopLogprob) - (-0.6931 - 0.2877) / 2.0).abs() < 1e-4);
/// assert!((score(Confidence::NegativeMeanEntropy) - (-0.6931 - 0.5623) / 2.0).abs() < 1e-4);
/// // KL of (1/2, 1/2) from (3/4, 1/4) is 1/2 ln(2/3) + 1/2 ln 2.
/// let divergence = 0.5 * (2.0_f32 / 3.0).ln() + 0.5 * 2.0_f32.ln();
/// assert!((score(Confidence::SelfCertainty) - divergence / 2.0).abs() < 1e-4);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Confidence {
    /// Mean log-probability of the likeliest token.
    MeanTopLogprob,
    /// Mean log-probability of the sampled token.
    MeanChosenLogprob,
    /// Negative mean entropy. Where an engine knows only its likeliest tokens, of its estimate.
    NegativeMeanEntropy,
    /// Mean divergence of the distribution from the uniform one.
    SelfCertainty,
}

/// No confidence score has this name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("no confidence score `{name}`; take one of {}", names())]
pub struct UnknownConfidence {
    /// The name that was asked for.
    pub name: String,
}

fn names() -> String {
    Confidence::ALL.map(|one| format!("`{}`", one.name())).join(", ")
}

impl Confidence {
    /// Every confidence score.
    pub const ALL: [Self; 4] = [
        Self::MeanTopLogprob,
        Self::MeanChosenLogprob,
        Self::NegativeMeanEntropy,
        Self::SelfCertainty,
    ];

    /// The name on the command line and in reports.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::MeanTopLogprob => "mean-top-logprob",
            Self::MeanChosenLogprob => "mean-chosen-logprob",
            Self::NegativeMeanEntropy => "negative-mean-entropy",
            Self::SelfCertainty => "self-certainty",
        }
    }

    /// The score with this [`name`](Self::name).
    ///
    /// # Errors
    ///
    /// [`UnknownConfidence`], which lists the names there are.
    pub fn by_name(name: &str) -> Result<Self, UnknownConfidence> {
        Self::ALL
            .into_iter()
            .find(|one| one.name() == name)
            .ok_or_else(|| UnknownConfidence { name: name.to_owned() })
    }

    /// The scorer that applies it.
    #[must_use]
    pub fn scorer(self) -> Immediate<Self> {
        Immediate::new(self)
    }

    fn of(self, stat: &TokenStat) -> Option<f32> {
        match self {
            Self::MeanTopLogprob => Some(stat.top_logprob),
            Self::MeanChosenLogprob => Some(stat.logprob),
            Self::NegativeMeanEntropy => stat.entropy.map(|entropy| -entropy.nats()),
            Self::SelfCertainty => stat.self_certainty,
        }
    }
}

impl PathScorer for Confidence {
    /// # Errors
    ///
    /// [`ModelError`] at the root, for a step with no tokens or with tokens whose statistics the engine
    /// did not report, and where the mean is not finite. What is not known is never scored 0.
    fn score(&self, path: &Path) -> Result<Score, ModelError> {
        let lacks = |what: &str| ModelError::BadRequest {
            reason: format!(
                "`{}` needs {what}; take another scorer or an engine that reports it",
                self.name()
            ),
        };
        let step = path.last().ok_or_else(|| lacks("a step"))?;
        if step.stats.is_empty() || step.stats.len() != step.tokens.len() {
            return Err(lacks("the log-probabilities of every token of the step"));
        }
        let mut sum = 0.0;
        for stat in &step.stats {
            sum += f64::from(
                self.of(stat).ok_or_else(|| lacks("what every token's whole distribution says"))?,
            );
        }
        Ok(Score::new((sum / step.stats.len() as f64) as f32)?)
    }
}
