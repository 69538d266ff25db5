//! One decoder layer.

use burn::tensor::Tensor;

use super::{Attend, Attention, Mlp, RmsNorm, rope::Rotation};

/// Attention and feed-forward, each normalized before and added to the residual stream after.
#[derive(Debug)]
pub struct Block {
    /// Before attention.
    pub attention_norm: RmsNorm,
    /// Attention.
    pub attention: Attention,
    /// Before the feed-forward layer.
    pub mlp_norm: RmsNorm,
    /// The feed-forward layer.
    pub mlp: Mlp,
}

impl Block {
    /// The residual stream after this layer.
    ///
    /// # Shapes
    ///
    /// - input, output: `[N, E]`
    pub fn forward(
        &self,
        layer: usize,
        input: Tensor<2>,
        rotation: &Rotation,
        cache: &mut dyn Attend,
    ) -> Tensor<2> {
        let normed = self.attention_norm.forward(input.clone());
        let stream = input + self.attention.forward(layer, normed, rotation, cache);
        let normed = self.mlp_norm.forward(stream.clone());
        stream + self.mlp.forward(normed)
    }
}
