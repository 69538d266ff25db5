//! The decoder: from token ids to the hidden rows the output head reads.

use std::collections::BTreeSet;

use burn::tensor::{Device, Int, Tensor, TensorData};
use espalier_core::{ModelCost, TokenId};
use espalier_kernels::{Format, Instructions};

use crate::{
    config::ModelConfig,
    nn::{
        Attend, AttendRows, Between, Block, Embedding, Head, Linear, RmsNorm, Room, Rope,
        host::to_host, linear::Kernel,
    },
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
    /// Runs tokens at these positions through all layers and the final norm, by Burn's operations.
    ///
    /// The residual stream after the embedding and after each layer goes to `stages`, where there is one.
    ///
    /// # Shapes
    ///
    /// - ids, positions: `N` each
    /// - output: `[N, E]`
    pub fn trunk(
        &self,
        ids: &[TokenId],
        positions: &[usize],
        cache: &mut dyn Attend,
        mut stages: Option<&mut Vec<Vec<f32>>>,
    ) -> Tensor<2> {
        let rotation = self.rope.at(positions, &self.device);
        let mut stream = self.embedded(ids);
        let mut watch = |stream: &Tensor<2>| {
            if let Some(stages) = &mut stages {
                stages.push(to_host(stream.clone()));
            }
        };
        watch(&stream);
        for (layer, block) in self.blocks.iter().enumerate() {
            stream = block.forward(layer, stream, &rotation, cache);
            watch(&stream);
        }
        self.norm.forward(stream)
    }

    /// [`trunk`](Self::trunk) by kernels, in host memory.
    pub fn trunk_rows(
        &self,
        ids: &[TokenId],
        positions: &[usize],
        cache: &mut dyn AttendRows,
        mut stages: Option<&mut Vec<Vec<f32>>>,
    ) -> Vec<f32> {
        let angles = self.rope.angles(positions);
        let mut stream = to_host(self.embedded(ids));
        let mut watch = |stream: &[f32]| {
            if let Some(stages) = &mut stages {
                stages.push(stream.to_vec());
            }
        };
        watch(&stream);
        let mut room = Room::default();
        for (layer, block) in self.blocks.iter().enumerate() {
            block.rows(layer, ids.len(), &mut stream, &angles, cache, &mut room);
            watch(&stream);
        }
        let mut hidden = Vec::new();
        self.norm.rows(&stream, &mut hidden);
        hidden
    }

    fn embedded(&self, ids: &[TokenId]) -> Tensor<2> {
        let raw: Vec<i32> = ids.iter().map(|&id| id as i32).collect();
        let raw = Tensor::<1, Int>::from_data(TensorData::new(raw, [ids.len()]), &self.device);
        self.embedding.forward(raw)
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
        let beside =
            self.head.as_deref().into_iter().chain(self.heads.iter().flat_map(Head::layers));
        let kernels: BTreeSet<Kernel> = self.linears().chain(beside).map(Linear::kernel).collect();
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
