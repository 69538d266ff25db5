//! What an engine has done and holds.

use serde::Serialize;

/// Counts since the engine was made, and bytes held.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct EngineStats {
    /// Tokens run through the layers.
    pub computed_tokens: u64,
    /// Tokens sampled.
    pub sampled_tokens: u64,
    /// Decode steps.
    pub steps: u64,
    /// Tokens of held runs that were evicted.
    pub evicted_tokens: u64,
    /// Bytes of keys, values and hidden rows held now.
    pub kv_bytes: u64,
    /// The most bytes of them held at once.
    pub kv_peak_bytes: u64,
    /// Bytes of weights.
    pub weight_bytes: u64,
}
