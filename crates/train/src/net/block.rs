//! One layer: attention and the gated feed-forward, each normalized before and added after.

use burn::module::{Module, Param};
use burn::tensor::{Tensor, activation::silu};
use espalier_models::ModelConfig;

use super::{Attention, Sight};
use crate::fused;
use crate::initial::Initial;

/// One decoder layer.
///
/// Source: Touvron et al. 2023, <https://arxiv.org/abs/2302.13971>, section 2.2.
#[derive(Module, Debug)]
pub struct Block {
    /// `[E]`, before attention.
    pub attention_norm: Param<Tensor<1>>,
    /// Attention.
    pub attention: Attention,
    /// `[E]`, before the feed-forward.
    pub mlp_norm: Param<Tensor<1>>,
    /// `[2 F, E]`: the gate's outputs first.
    pub gate_up: Param<Tensor<2>>,
    /// `[E, F]`.
    pub down: Param<Tensor<2>>,
    #[module(skip)]
    epsilon: f64,
}

impl Block {
    /// Layer `layer` of a network.
    ///
    /// # Errors
    ///
    /// Those of `initial`.
    pub fn new<I: Initial>(
        layer: usize,
        config: &ModelConfig,
        initial: &mut I,
    ) -> Result<Self, I::Error> {
        let (hidden, inner) = (config.hidden, config.intermediate);
        let name = |part: &str| format!("model.layers.{layer}.{part}.weight");
        let gate_up = [name("mlp.gate_proj"), name("mlp.up_proj")];
        Ok(Self {
            attention_norm: initial.norm(&name("input_layernorm"), hidden)?,
            attention: Attention::new(layer, config, initial)?,
            mlp_norm: initial.norm(&name("post_attention_layernorm"), hidden)?,
            gate_up: initial.stacked(&[(&gate_up[0], inner), (&gate_up[1], inner)], hidden)?,
            down: initial.residual(&name("mlp.down_proj"), hidden, inner, config.layers)?,
            epsilon: f64::from(config.norm_epsilon),
        })
    }

    /// The residual stream after this layer.
    ///
    /// # Shapes
    ///
    /// - stream, output: `[B · T, E]`
    #[must_use]
    pub fn forward(&self, stream: Tensor<2>, rows: usize, sight: &Sight) -> Tensor<2> {
        let normed = normalize(stream.clone(), &self.attention_norm, self.epsilon, sight);
        let stream = stream + self.attention.forward(normed, rows, sight);
        let normed = normalize(stream.clone(), &self.mlp_norm, self.epsilon, sight);
        let both = normed.matmul(self.gate_up.val().transpose());
        let inner = match sight {
            Sight::Fused(_) => fused::swiglu(both),
            Sight::Composed(_) => {
                let size = both.dims()[1] / 2;
                silu(both.clone().narrow(1, 0, size)) * both.narrow(1, size, size)
            }
        };
        stream + inner.matmul(self.down.val().transpose())
    }
}

/// `x / sqrt(mean(x²) + ε) · w`, row by row.
///
/// # Shapes
///
/// - input, output: `[N, E]`
///
/// Source: Zhang and Sennrich 2019, <https://arxiv.org/abs/1910.07467>, equation 4.
pub(super) fn normalize(
    input: Tensor<2>,
    weight: &Param<Tensor<1>>,
    epsilon: f64,
    sight: &Sight,
) -> Tensor<2> {
    if let Sight::Fused(_) = sight {
        return fused::rms_norm(input, weight.val(), epsilon as f32);
    }
    let square = input.clone() * input.clone();
    let scale = square.mean_dim(1).add_scalar(epsilon).sqrt().recip();
    input * scale * weight.val().unsqueeze()
}
