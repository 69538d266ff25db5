//! One decoder layer.

use burn::tensor::Tensor;
use espalier_kernels::rows::{Turned, add};

use super::{
    Attend, Attention, Mlp, RmsNorm,
    attention::AttendRows,
    rope::{Angles, Tables},
};

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

/// Memory that the layers of a step use one after the other.
#[derive(Debug, Default)]
pub struct Room {
    /// What attention or the feed-forward layer gets.
    pub(super) normed: Vec<f32>,
    /// Queries, keys and values.
    pub(super) projected: Vec<f32>,
    /// The same, apart and turned.
    pub(super) turned: Turned,
    /// What queries attend to.
    pub(super) attended: Vec<f32>,
    /// Gates and what they are for.
    pub(super) gated: Vec<f32>,
    /// What passed them.
    pub(super) passed: Vec<f32>,
    /// What attention or the feed-forward layer gives.
    pub(super) output: Vec<f32>,
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
        rotation: &Tables,
        cache: &mut dyn Attend,
    ) -> Tensor<2> {
        let normed = self.attention_norm.forward(input.clone());
        let stream = input + self.attention.forward(layer, normed, rotation, cache);
        let normed = self.mlp_norm.forward(stream.clone());
        stream + self.mlp.forward(normed)
    }

    /// [`forward`](Self::forward) of `n` rows in host memory, in place.
    pub fn rows(
        &self,
        layer: usize,
        n: usize,
        stream: &mut [f32],
        angles: &Angles,
        cache: &mut dyn AttendRows,
        room: &mut Room,
    ) {
        self.attention_norm.rows(stream, &mut room.normed);
        self.attention.rows(layer, angles, cache, room);
        add(stream, &room.output);
        self.mlp_norm.rows(stream, &mut room.normed);
        self.mlp.rows(n, room);
        add(stream, &room.output);
    }
}
