//! Tokens: what models read and write, and what a model said of each one it wrote.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

/// A vocabulary index.
pub type TokenId = u32;

/// An immutable run of token ids, shared by reference.
pub type Tokens = Arc<[TokenId]>;

/// What the model's distribution looked like where one token was sampled.
///
/// All values are of the model's own distribution (temperature 1, no truncation), whatever the
/// sampling settings were.
///
/// # Units
///
/// Nats.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct TokenStat {
    /// Log-probability of the sampled token.
    pub logprob: f32,
    /// Log-probability of the likeliest token.
    pub top_logprob: f32,
    /// Entropy of the distribution, `−Σ p ln p`; `None` where the engine cannot know it.
    pub entropy: Option<Entropy>,
    /// How far the distribution is from the uniform one over all V tokens: the divergence of it from the
    /// uniform one, `−ln V − (1/V) Σ ln p`; `None` where the engine cannot know it.
    pub self_certainty: Option<f32>,
}

/// An entropy and how it was obtained.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Entropy {
    /// Summed over the whole vocabulary.
    Exact(f32),
    /// Estimated from the k likeliest tokens a remote engine reports.
    Estimated(f32),
}

impl Entropy {
    /// The value in nats, however it was obtained.
    #[must_use]
    pub fn nats(self) -> f32 {
        match self {
            Self::Exact(nats) | Self::Estimated(nats) => nats,
        }
    }
}
