//! The gated feed-forward layer.

use burn::tensor::{Tensor, activation::silu};
use espalier_kernels::rows::swiglu;

use super::{Linear, block::Room};

/// `down(silu(gate x) · up x)`, gate and up fused into one projection.
///
/// Source: Shazeer 2020 (`SwiGLU`), <https://arxiv.org/abs/2002.05202>, equation 6.
#[derive(Debug)]
pub struct Mlp {
    /// `[E, 2 F]`: the gate's outputs first.
    pub gate_up: Box<dyn Linear>,
    /// `[F, E]`.
    pub down: Box<dyn Linear>,
}

impl Mlp {
    /// Applies the layer to every row.
    ///
    /// # Shapes
    ///
    /// - input, output: `[N, E]`
    pub fn forward(&self, input: Tensor<2>) -> Tensor<2> {
        let both = self.gate_up.forward(input);
        let size = both.dims()[1] / 2;
        let gate = silu(both.clone().narrow(1, 0, size));
        self.down.forward(gate * both.narrow(1, size, size))
    }

    /// [`forward`](Self::forward) of the `n` rows of `room.normed`, to `room.output`.
    pub(super) fn rows(&self, n: usize, room: &mut Room) {
        self.gate_up.multiply(&room.normed, &mut room.gated);
        let size = room.gated.len() / (2 * n);
        swiglu(&room.gated, size, &mut room.passed);
        self.down.multiply(&room.passed, &mut room.output);
    }
}
