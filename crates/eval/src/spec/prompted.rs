//! The numbers of strategies that ask with prompts.

use serde::{Deserialize, Serialize};

use super::{ScorerName, Selection};

/// How next steps are made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum GenerateName {
    /// Each is sampled by itself.
    Sample,
    /// One prompt asks for several.
    Propose,
}

/// How the next step of a path is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum NextName {
    /// The path is continued as it stands.
    #[default]
    Continue,
    /// A prompt shows the path and asks for its next step.
    Prompt,
}

/// How steps are judged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum EvaluateName {
    /// By the policy, each by itself, so many times.
    Value(u32),
    /// By the policy, which names the best of all, so many times.
    Vote(u32),
    /// By a scorer.
    Score(ScorerName),
}

impl EvaluateName {
    /// The scorer that judges; `None` where the policy does.
    #[must_use]
    pub fn scorer(self) -> Option<ScorerName> {
        match self {
            Self::Score(scorer) => Some(scorer),
            Self::Value(_) | Self::Vote(_) => None,
        }
    }
}

/// What trees of thoughts share.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Thinking {
    /// Steps of a path, at most.
    pub depth: u32,
    /// How next steps are made.
    pub generate: GenerateName,
    /// Steps sampled of a path, or proposed at most.
    pub n: u32,
    /// How they are judged.
    pub evaluate: EvaluateName,
    /// Tokens of a step, at most.
    pub max_step_tokens: u32,
    /// How a path is chosen.
    pub select: Selection,
    /// How tokens are drawn.
    pub temperature: f32,
    /// The source of all randomness.
    pub seed: u64,
}

impl Thinking {
    /// Whether steps are made or judged by prompts.
    #[must_use]
    pub fn is_prompted(&self) -> bool {
        self.generate == GenerateName::Propose || self.evaluate.scorer().is_none()
    }
}
