//! The decoder: from token ids to the hidden rows the output head reads.

use std::collections::BTreeSet;

use burn::tensor::{Device, Int, Tensor, TensorData};
use espalier_core::{ModelCost, TokenId};
use espalier_kernels::{Format, Instructions};

use crate::{
    config::ModelConfig,
    nn::{Attend, Between, Block, Embedding, Head, Linear, RmsNorm, Rope, linear::Kernel},
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
    /// What computes between the products.
    pub between: Between,
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
        let rotation = match self.between {
            Between::Burn => self.rope.at(positions, &self.device),
            Between::Kernels => self.rope.on_host(positions),
        };
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
        let config = &self.config;
        ModelCost {
            trunk: 2 * self.linears().map(Linear::parameters).sum::<u64>(),
            attention: (4 * config.layers * config.heads * config.head_dim) as u64,
            head: 2 * self.head.as_ref().map_or(0, |head| head.parameters()),
        }
    }

    /// What multiplies in the linear layers, for reports.
    #[must_use]
    pub fn kernels(&self) -> String {
        let kernels: BTreeSet<Kernel> =
            self.linears().chain(self.head.as_deref()).map(Linear::kernel).collect();
        let mut formats = BTreeSet::new();
        let mut names = Vec::new();
        for kernel in kernels {
            match kernel {
                Kernel::Burn => names.push("Burn".to_owned()),
                Kernel::Packed(precision) => names.push(format!("packed {}", precision.name())),
                Kernel::Quantized(more) => formats.extend(more.into_iter().map(Format::name)),
            }
        }
        if !formats.is_empty() {
            let formats: Vec<&str> = formats.into_iter().collect();
            let instructions = Instructions::best().name();
            names.push(format!("{} by 8-bit activations ({instructions})", formats.join(", ")));
        }
        names.join("; ")
    }

    /// The linear layers of all blocks.
    fn linears(&self) -> impl Iterator<Item = &dyn Linear> {
        self.blocks.iter().flat_map(|block| {
            let Block { attention, mlp, .. } = block;
            [&attention.qkv, &attention.output, &mlp.gate_up, &mlp.down].map(|one| &**one)
        })
    }

    /// Memory the weights hold, in bytes.
    #[must_use]
    pub fn weight_bytes(&self) -> u64 {
        let norms = (2 * self.blocks.len() as u64 + 1) * self.config.hidden as u64 * 4;
        let linears: u64 = self.linears().map(Linear::bytes).sum();
        let head = self.head.as_ref().map_or(0, |head| head.bytes());
        let heads: u64 = self.heads.iter().map(Head::bytes).sum();
        norms + linears + head + heads + self.embedding.bytes()
    }
}
