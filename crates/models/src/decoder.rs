//! The decoder: from token ids to the hidden rows the output head reads.

use burn::tensor::{Device, Int, Tensor, TensorData};
use espalier_core::{ModelCost, TokenId};

use crate::{
    config::ModelConfig,
    nn::{Attend, Block, Embedding, Head, Linear, RmsNorm, Rope},
};

/// A decoder-only transformer, whatever its architecture: architectures differ in how they assemble it.
#[derive(Debug)]
pub struct Decoder {
    /// The shape it was assembled to.
    pub config: ModelConfig,
    /// From ids to rows.
    pub embedding: Embedding,
    /// The layers, in order.
    pub blocks: Vec<Block>,
    /// After the last layer.
    pub norm: RmsNorm,
    /// From hidden rows to logits, `[E, V]`; `None` for reward models that predict no tokens.
    pub head: Option<Box<dyn Linear>>,
    /// The heads beside it.
    pub heads: Vec<Head>,
    /// Rotations of queries and keys.
    pub rope: Rope,
    /// Where it runs.
    pub device: Device,
}

impl Decoder {
    /// Runs tokens at these positions through all layers and the final norm.
    ///
    /// # Shapes
    ///
    /// - ids, positions: `N` each
    /// - output: `[N, E]`
    pub fn trunk(&self, ids: &[TokenId], positions: &[usize], cache: &mut dyn Attend) -> Tensor<2> {
        self.trunk_with(ids, positions, cache, |_, _| {})
    }

    /// [`trunk`](Self::trunk), showing the residual stream to `watch` after the embedding (stage 0) and
    /// after each layer (stages 1 to L).
    pub fn trunk_with(
        &self,
        ids: &[TokenId],
        positions: &[usize],
        cache: &mut dyn Attend,
        mut watch: impl FnMut(usize, &Tensor<2>),
    ) -> Tensor<2> {
        let raw: Vec<i32> = ids.iter().map(|&id| id as i32).collect();
        let raw = Tensor::<1, Int>::from_data(TensorData::new(raw, [ids.len()]), &self.device);
        let rotation = self.rope.at(positions, &self.device);
        let mut stream = self.embedding.forward(raw);
        watch(0, &stream);
        for (layer, block) in self.blocks.iter().enumerate() {
            stream = block.forward(layer, stream, &rotation, cache);
            watch(layer + 1, &stream);
        }
        self.norm.forward(stream)
    }

    /// Logits of hidden rows; `None` where the model predicts no tokens.
    ///
    /// # Shapes
    ///
    /// - hidden: `[N, E]`
    /// - output: `[N, V]`
    pub fn logits(&self, hidden: Tensor<2>) -> Option<Tensor<2>> {
        self.head.as_ref().map(|head| head.forward(hidden))
    }

    /// What a token costs.
    #[must_use]
    pub fn cost(&self) -> ModelCost {
        let weights = |block: &Block| {
            [&block.attention.qkv, &block.attention.output, &block.mlp.gate_up, &block.mlp.down]
                .iter()
                .map(|linear| linear.parameters())
                .sum::<u64>()
        };
        let config = &self.config;
        ModelCost {
            trunk: 2 * self.blocks.iter().map(weights).sum::<u64>(),
            attention: (4 * config.layers * config.heads * config.head_dim) as u64,
            head: 2 * self.head.as_ref().map_or(0, |head| head.parameters()),
        }
    }

    /// Memory the weights hold, in bytes.
    #[must_use]
    pub fn weight_bytes(&self) -> u64 {
        let norms = (2 * self.blocks.len() as u64 + 1) * self.config.hidden as u64 * 4;
        let linears = self.blocks.iter().flat_map(|block| {
            [&block.attention.qkv, &block.attention.output, &block.mlp.gate_up, &block.mlp.down]
        });
        let linears: u64 = linears.map(|linear| linear.bytes()).sum();
        let head = self.head.as_ref().map_or(0, |head| head.bytes());
        let heads: u64 = self.heads.iter().map(Head::bytes).sum();
        norms + linears + head + heads + self.embedding.bytes()
    }
}
