//! The network: the runtime's architectures, once more, as modules that can be differentiated.
//!
//! The runtime computes one token of many branches over a KV tree; training computes whole rows of
//! tokens at once and keeps what the backward pass needs. The weights are the same, named and laid out
//! as Hugging Face does ([`export`](crate::export)), and a test holds the two computations together.
//!
//! Shapes use the letters of the runtime: `B` rows of a batch, `T` tokens of a row, `E` hidden size, `H`
//! query heads, `K` key/value heads, `D` head size, `F` feed-forward size, `V` vocabulary.

pub mod attention;
pub mod block;
pub mod rotation;

use std::sync::Arc;

use burn::module::{Module, Param};
use burn::tensor::{Device, Int, Tensor, TensorData};
use espalier_models::ModelConfig;

pub use attention::Attention;
pub use block::Block;
pub use rotation::Rotation;

use crate::fused::Spans;
use crate::initial::Initial;

/// A decoder that can be trained.
#[derive(Module, Debug)]
pub struct Net {
    /// `[V, E]`; also the output head where the configuration ties them.
    pub embedding: Param<Tensor<2>>,
    /// The layers.
    pub blocks: Vec<Block>,
    /// `[E]`, before the output head.
    pub norm: Param<Tensor<1>>,
    /// `[V, E]`; `None` where the embedding is the head.
    pub head: Option<Param<Tensor<2>>>,
    #[module(skip)]
    epsilon: f64,
}

/// Where each token of a batch looks, and so how a layer is computed: what attention needs beside
/// queries, keys and values.
#[derive(Debug, Clone)]
pub enum Sight {
    /// For fused operations, on the CPU.
    Fused(Arc<Spans>),
    /// For Burn's operations, on any device.
    Composed(Arc<Composed>),
}

/// What attention by Burn's operations needs.
#[derive(Debug)]
pub struct Composed {
    /// The rotations of all positions.
    pub rotation: Rotation,
    /// `[B, 1, T, T]`: 0 where a token may look, a large negative number elsewhere.
    pub mask: Tensor<4>,
}

impl Net {
    /// A network with weights from `initial`, which says how each tensor begins.
    ///
    /// # Errors
    ///
    /// Those of `initial`: a tensor that is missing or of another shape.
    pub fn new<I: Initial>(config: &ModelConfig, initial: &mut I) -> Result<Self, I::Error> {
        let (vocab, hidden) = (config.vocab, config.hidden);
        Ok(Self {
            embedding: initial.matrix("model.embed_tokens.weight", vocab, hidden)?,
            blocks: (0..config.layers)
                .map(|layer| Block::new(layer, config, initial))
                .collect::<Result<_, _>>()?,
            norm: initial.norm("model.norm.weight", hidden)?,
            head: if config.tied {
                None
            } else {
                Some(initial.matrix("lm_head.weight", vocab, hidden)?)
            },
            epsilon: f64::from(config.norm_epsilon),
        })
    }

    /// The logits at some places of a batch.
    ///
    /// # Shapes
    ///
    /// - ids: `[B, T]`
    /// - places: `[M]`, indices into the `B · T` tokens, row by row
    /// - output: `[M, V]`
    #[must_use]
    pub fn logits(&self, ids: Tensor<2, Int>, sight: &Sight, places: Tensor<1, Int>) -> Tensor<2> {
        let [rows, width] = ids.dims();
        let embedding = self.embedding.val();
        let mut stream = embedding.clone().select(0, ids.reshape([rows * width]));
        for block in &self.blocks {
            stream = block.forward(stream, rows, sight);
        }
        let wanted = block::normalize(stream.select(0, places), &self.norm, self.epsilon, sight);
        let head = self.head.as_ref().map_or(embedding, Param::val);
        wanted.matmul(head.transpose())
    }
}

/// Token ids as a tensor.
#[must_use]
pub fn ids(values: Vec<i32>, device: &Device) -> Tensor<1, Int> {
    let len = values.len();
    Tensor::from_data(TensorData::new(values, [len]), device)
}
