//! Attention over whole rows.

use std::sync::Arc;

use burn::module::{Module, Param};
use burn::tensor::{Tensor, activation::softmax};
use espalier_models::ModelConfig;

use super::{Rotation, Sight};
use crate::fused;
use crate::initial::Initial;

/// Grouped-query attention: a fused query/key/value projection, rotation, attention, projection.
#[derive(Module, Debug)]
pub struct Attention {
    /// `[(H + 2 K) D, E]`: queries, keys, values.
    pub qkv: Param<Tensor<2>>,
    /// `[(H + 2 K) D]`, for architectures that have it.
    pub bias: Option<Param<Tensor<1>>>,
    /// `[E, H D]`.
    pub output: Param<Tensor<2>>,
    #[module(skip)]
    heads: usize,
    #[module(skip)]
    kv_heads: usize,
    #[module(skip)]
    head_dim: usize,
}

impl Attention {
    /// The attention of layer `layer`.
    ///
    /// # Errors
    ///
    /// Those of `initial`.
    pub fn new<I: Initial>(
        layer: usize,
        config: &ModelConfig,
        initial: &mut I,
    ) -> Result<Self, I::Error> {
        let ModelConfig { hidden, heads, kv_heads, head_dim, .. } = *config;
        let name = |part: &str, kind: &str| format!("model.layers.{layer}.self_attn.{part}.{kind}");
        let sizes = [("q_proj", heads), ("k_proj", kv_heads), ("v_proj", kv_heads)];
        let named = |kind: &str| sizes.map(|(part, heads)| (name(part, kind), heads * head_dim));
        let weights = named("weight");
        let parts = weights.each_ref().map(|(name, rows)| (name.as_str(), *rows));
        let biases = named("bias");
        let bias_parts = biases.each_ref().map(|(name, rows)| (name.as_str(), *rows));
        Ok(Self {
            qkv: initial.stacked(&parts, hidden)?,
            bias: initial.biases(config.architecture, &bias_parts)?,
            output: initial.residual(
                &name("o_proj", "weight"),
                hidden,
                heads * head_dim,
                config.layers,
            )?,
            heads,
            kv_heads,
            head_dim,
        })
    }

    /// Attends from every token of every row.
    ///
    /// # Shapes
    ///
    /// - input, output: `[B · T, E]`
    #[must_use]
    pub fn forward(&self, input: Tensor<2>, rows: usize, sight: &Sight) -> Tensor<2> {
        let (heads, kv_heads, dim) = (self.heads, self.kv_heads, self.head_dim);
        let width = input.dims()[0] / rows;
        let mut qkv = input.matmul(self.qkv.val().transpose());
        if let Some(bias) = &self.bias {
            qkv = qkv + bias.val().unsqueeze();
        }
        let attended = match sight {
            Sight::Fused(spans) => fused::attend(qkv, Arc::clone(spans)),
            Sight::Composed(composed) => {
                let parts = qkv.reshape([rows, width, heads + 2 * kv_heads, dim]).swap_dims(1, 2);
                self.attended(parts, &composed.rotation, composed.mask.clone())
            }
        };
        attended.matmul(self.output.val().transpose())
    }

    /// Attention composed of Burn's operations: `[B, H + 2 K, T, D]` to `[B · T, H D]`.
    fn attended(&self, parts: Tensor<4>, rotation: &Rotation, mask: Tensor<4>) -> Tensor<2> {
        let (heads, kv_heads, dim) = (self.heads, self.kv_heads, self.head_dim);
        let [rows, _, width, _] = parts.dims();
        let turned = rotation.apply(parts.clone().narrow(1, 0, heads + kv_heads));
        let queries = turned.clone().narrow(1, 0, heads) * (dim as f64).sqrt().recip();
        let keys = self.for_each_query(turned.narrow(1, heads, kv_heads));
        let values = self.for_each_query(parts.narrow(1, heads + kv_heads, kv_heads));
        let weights = softmax(queries.matmul(keys.swap_dims(2, 3)) + mask, 3);
        weights.matmul(values).swap_dims(1, 2).reshape([rows * width, heads * dim])
    }

    /// Keys or values `[B, K, T, D]`, repeated to `[B, H, T, D]`.
    fn for_each_query(&self, shared: Tensor<4>) -> Tensor<4> {
        let group = self.heads / self.kv_heads;
        if group == 1 {
            return shared;
        }
        let [rows, kv_heads, width, dim] = shared.dims();
        let repeated: Tensor<5> = shared.unsqueeze_dim(2);
        repeated.expand([rows, kv_heads, group, width, dim]).reshape([
            rows,
            kv_heads * group,
            width,
            dim,
        ])
    }
}
