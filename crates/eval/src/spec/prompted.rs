//! The numbers of strategies that ask with prompts.

use serde::{Deserialize, Serialize};

use super::Selection;

/// How next steps are made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum GenerateName {
    /// Each is sampled by itself.
    Sample,
    /// One prompt asks for several.
    Propose,
}

/// How the policy judges steps.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum EvaluateName {
    /// Each by itself.
    Value,
    /// By naming the best of all.
    Vote,
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
    /// Judgements of each step, or votes.
    pub judgements: u32,
    /// Tokens of a step, at most.
    pub max_step_tokens: u32,
    /// How a path is chosen.
    pub select: Selection,
    /// How tokens are drawn.
    pub temperature: f32,
    /// The source of all randomness.
    pub seed: u64,
}
