//! Costs: what a token costs a model, in FLOPs and in money.

use serde::{Deserialize, Serialize};

/// The FLOPs of one model, from its shape.
///
/// A token at context length t (itself included) costs `2 N + 4 L h d t` with N the weights it meets
/// outside embedding and output head, L layers, h heads of size d; the output head costs `2 E V` where
/// its result is used.
///
/// Source: Kaplan et al. 2020, <https://arxiv.org/abs/2001.08361>, section 2.1 (with both the scores and
/// the weighted sum counted in the attention term).
///
/// ```
/// use espalier_core::ModelCost;
/// let cost = ModelCost { trunk: 200, attention: 12, head: 1000 };
/// assert_eq!(cost.forward(0, 3), 3 * 200 + 12 * (1 + 2 + 3));
/// assert_eq!(cost.forward(2, 3), 200 + 12 * 3);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct ModelCost {
    /// FLOPs of one token outside attention scores and output head.
    pub trunk: u64,
    /// FLOPs of one token for each token it attends to.
    pub attention: u64,
    /// FLOPs of the output head at one position.
    pub head: u64,
}

impl ModelCost {
    /// FLOPs to run the tokens at positions `from..to` through the trunk, given those before.
    #[must_use]
    pub fn forward(&self, from: u64, to: u64) -> u128 {
        let triangle = |n: u64| u128::from(n) * (u128::from(n) + 1) / 2;
        let tokens = u128::from(to.saturating_sub(from));
        let attended = triangle(to.max(from)) - triangle(from);
        tokens * u128::from(self.trunk) + attended * u128::from(self.attention)
    }
}

/// What an engine charges. All zero for one's own machine.
///
/// # Units
///
/// 10⁻⁹ US dollars a token.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Price {
    /// A prefix token computed.
    pub prefill: u64,
    /// A prefix token found in the cache.
    pub cached: u64,
    /// A token sampled.
    pub sampled: u64,
}
