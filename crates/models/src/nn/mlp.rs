//! The gated feed-forward layer.

use burn::tensor::{Tensor, activation::silu};
use espalier_kernels::rows::swiglu;

use super::{
    Between, Linear,
    host::{from_host, to_host},
};

/// `down(silu(gate x) · up x)`, gate and up fused into one projection.
///
/// Source: Shazeer 2020 (`SwiGLU`), <https://arxiv.org/abs/2002.05202>, equation 6.
#[derive(Debug)]
pub struct Mlp {
    /// `[E, 2 F]`: the gate's outputs first.
    pub gate_up: Box<dyn Linear>,
    /// `[F, E]`.
    pub down: Box<dyn Linear>,
    /// What computes the gate.
    pub between: Between,
}

impl Mlp {
    /// Applies the layer to every row.
    ///
    /// # Shapes
    ///
    /// - input, output: `[N, E]`
    pub fn forward(&self, input: Tensor<2>) -> Tensor<2> {
        let both = self.gate_up.forward(input);
        let [rows, size] = [both.dims()[0], both.dims()[1] / 2];
        if self.between == Between::Kernels {
            let device = both.device();
            let gated = from_host(swiglu(&to_host(both), size), [rows, size], &device);
            return self.down.forward(gated);
        }
        let gate = silu(both.clone().narrow(1, 0, size));
        self.down.forward(gate * both.narrow(1, size, size))
    }
}
