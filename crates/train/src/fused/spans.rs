//! Spans: which tokens of its row each token attends to.

use espalier_models::ModelConfig;

use crate::net::rotation;

/// What a token attends to, as places in its row: what its sequence's branches share, and its own branch
/// up to itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span {
    /// Where its sequence begins.
    pub start: usize,
    /// How many tokens from there are shared.
    pub shared: usize,
    /// Where its own branch begins; the span ends with the token itself.
    pub own: usize,
}

/// The spans and rotations of all tokens of a batch, and the shape of the heads.
#[derive(Debug)]
pub struct Spans {
    /// Tokens of a row.
    pub(super) width: usize,
    /// Query heads.
    pub(super) heads: usize,
    /// Key and value heads.
    pub(super) kv_heads: usize,
    /// Size of a head.
    pub(super) dim: usize,
    /// Row by row.
    pub(super) each: Vec<Span>,
    /// `[B · T, D / 2]`.
    pub(super) cos: Vec<f32>,
    /// `[B · T, D / 2]`.
    pub(super) sin: Vec<f32>,
}

impl Spans {
    /// The spans of rows of `width` tokens, with each token's position.
    ///
    /// # Panics
    ///
    /// If there are not as many positions as spans, in whole rows, or a span does not lie before its
    /// token.
    #[must_use]
    pub fn new(config: &ModelConfig, width: usize, spans: Vec<Span>, positions: &[u32]) -> Self {
        assert_eq!(spans.len(), positions.len(), "a position for each span");
        assert!(spans.len().is_multiple_of(width), "whole rows of {width}");
        for (at, Span { start, shared, own }) in spans.iter().enumerate() {
            assert!(start + shared <= *own && *own <= at % width, "a span before token {at}");
        }
        let [cos, sin] = rotation::tables(config, positions);
        let ModelConfig { heads, kv_heads, head_dim: dim, .. } = *config;
        Self { width, heads, kv_heads, dim, each: spans, cos, sin }
    }
}
