//! Assembly: named tensors of either checkpoint format into the shared blocks.

use std::sync::Arc;

use burn::tensor::Device;

use super::{
    heads,
    stack::{Part, Rows},
};
use crate::{
    LoadError, WeightSource,
    config::ModelConfig,
    decoder::Decoder,
    nn::{
        Attention, Between, Block, Dense, Embedding, Linear, Mlp, PackedLinear, QuantizedLinear,
        RmsNorm, Rope, linear::Matrix,
    },
    packed::Packed,
    read_shaped,
};

/// Which names a checkpoint gives its tensors.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Naming {
    /// `model.layers.0.self_attn.q_proj.weight`.
    HuggingFace,
    /// `blk.0.attn_q.weight`.
    Gguf,
}

impl Naming {
    /// The name of one layer's tensor: `part` is one of `attention_norm`, `q`, `k`, `v`, `o`,
    /// `mlp_norm`, `gate`, `up`, `down`; `kind` is `weight` or `bias`.
    #[must_use]
    pub fn layer(self, layer: usize, part: &str, kind: &str) -> String {
        let (prefix, names) = match self {
            Self::HuggingFace => ("model.layers", HUGGING_FACE),
            Self::Gguf => ("blk", GGUF),
        };
        let name = PARTS.iter().position(|known| *known == part).map_or(part, |at| names[at]);
        format!("{prefix}.{layer}.{name}.{kind}")
    }

    fn embedding(self) -> &'static str {
        match self {
            Self::HuggingFace => "model.embed_tokens.weight",
            Self::Gguf => "token_embd.weight",
        }
    }

    fn norm(self) -> &'static str {
        match self {
            Self::HuggingFace => "model.norm.weight",
            Self::Gguf => "output_norm.weight",
        }
    }

    fn head(self) -> &'static str {
        match self {
            Self::HuggingFace => "lm_head.weight",
            Self::Gguf => "output.weight",
        }
    }
}

const PARTS: [&str; 9] = ["attention_norm", "q", "k", "v", "o", "mlp_norm", "gate", "up", "down"];
const HUGGING_FACE: [&str; 9] = [
    "input_layernorm",
    "self_attn.q_proj",
    "self_attn.k_proj",
    "self_attn.v_proj",
    "self_attn.o_proj",
    "post_attention_layernorm",
    "mlp.gate_proj",
    "mlp.up_proj",
    "mlp.down_proj",
];
const GGUF: [&str; 9] = [
    "attn_norm",
    "attn_q",
    "attn_k",
    "attn_v",
    "attn_output",
    "ffn_norm",
    "ffn_gate",
    "ffn_up",
    "ffn_down",
];

/// What multiplies in linear layers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Multiply {
    /// Burn's matrix product, on any device.
    Burn,
    /// Packed `f32` weights and their own kernel, on the CPU.
    Packed,
    /// Quantized weights as they are, and their own kernel, on the CPU; those of 16 bits as they are; others
    /// as [`Packed`](Self::Packed).
    Quantized,
}

impl Multiply {
    /// What computes between such products.
    fn between(self) -> Between {
        match self {
            Self::Burn => Between::Burn,
            Self::Packed | Self::Quantized => Between::Kernels,
        }
    }
}

/// How the two numbers of a rotated pair lie in a head's rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PairLayout {
    /// `D / 2` apart, as the blocks want them.
    Halves,
    /// Side by side.
    Interleaved,
}

/// One assembly at work.
#[derive(Debug)]
pub(super) struct Assembly<'a> {
    pub(super) config: &'a ModelConfig,
    pub(super) source: &'a dyn WeightSource,
    pub(super) naming: Naming,
    pub(super) device: &'a Device,
    pub(super) multiply: Multiply,
    pub(super) pairs: PairLayout,
}

impl Assembly<'_> {
    /// The whole decoder, the largest tensors first so that loading peaks below the final size.
    pub(super) fn decoder(&self) -> Result<Decoder, LoadError> {
        let config = self.config;
        let (embedding, head) = self.vocabulary()?;
        let heads = self.heads()?;
        let blocks: Result<Vec<Block>, LoadError> =
            (0..config.layers).map(|layer| self.block(layer)).collect();
        let norm = read_shaped(self.source, self.naming.norm(), &[config.hidden])?;
        Ok(Decoder {
            embedding,
            blocks: blocks?,
            norm: RmsNorm::new(norm, config.norm_epsilon, self.device),
            head,
            heads,
            rope: Rope::new(config.head_dim, config.rope_theta, &config.rope_scaling),
            between: self.multiply.between(),
            device: self.device.clone(),
            config: config.clone(),
        })
    }

    /// The embedding, and the vocabulary's head. A checkpoint with a head of another kind may lack that.
    fn vocabulary(&self) -> Result<(Embedding, Option<Box<dyn Linear>>), LoadError> {
        let (hidden, outputs) = (self.config.hidden, self.config.vocab);
        let part = |name: &str| Part { name: name.to_owned(), outputs, rows: Rows::AsWanted };
        let table = part(self.naming.embedding());
        let quantized = self.quantized(hidden, std::slice::from_ref(&table))?;
        let read = || read_shaped(self.source, &table.name, &[outputs, hidden]);
        if !self.config.tied {
            let embedding = if let Some(table) = quantized.and_then(|mut table| table.pop()) {
                Embedding::Quantized(table)
            } else {
                let precision = self.precision(std::slice::from_ref(&table));
                Embedding::rows(read()?, hidden, precision, self.device)
            };
            let name = self.naming.head();
            if self.source.info(name).is_none() && heads::any(self.source) {
                return Ok((embedding, None));
            }
            return Ok((embedding, Some(self.linear(hidden, &[part(name)], None)?)));
        }
        let (embedding, head): (_, Box<dyn Linear>) = match (quantized, self.multiply) {
            (Some(weights), _) => {
                let embedding = Embedding::TiedQuantized(Arc::clone(&weights[0]));
                (embedding, Box::new(QuantizedLinear::new(weights, None)))
            }
            (None, Multiply::Burn) => {
                let matrix = Matrix { values: read()?, outputs };
                let head = Dense::stack(hidden, &[matrix], None, self.device);
                (Embedding::Tied(head.weight().clone()), Box::new(head))
            }
            (None, Multiply::Packed | Multiply::Quantized) => {
                let precision = self.precision(std::slice::from_ref(&table));
                let weight = Arc::new(Packed::stack(hidden, &[(&read()?, outputs)], precision));
                let head = PackedLinear::new(Arc::clone(&weight), None);
                (Embedding::TiedPacked(weight), Box::new(head))
            }
        };
        Ok((embedding, Some(head)))
    }

    fn block(&self, layer: usize) -> Result<Block, LoadError> {
        let ModelConfig { hidden, intermediate, heads, kv_heads, head_dim, .. } = *self.config;
        let norm = |part: &str| {
            let weight = read_shaped(self.source, &self.name(layer, part), &[hidden])?;
            let epsilon = self.config.norm_epsilon;
            Ok::<_, LoadError>(RmsNorm::new(weight, epsilon, self.device))
        };
        let query = heads * head_dim;
        let part = |part: &str, outputs: usize| Part {
            name: self.name(layer, part),
            outputs,
            rows: Rows::AsWanted,
        };
        let rotated = |name: &str, heads: usize| Part {
            rows: match self.pairs {
                PairLayout::Halves => Rows::AsWanted,
                PairLayout::Interleaved => Rows::Paired(head_dim),
            },
            ..part(name, heads * head_dim)
        };
        let qkv = [("q", heads), ("k", kv_heads), ("v", kv_heads)];
        let bias = self.biases(layer, qkv)?;
        let qkv = [rotated("q", heads), rotated("k", kv_heads), part("v", kv_heads * head_dim)];
        let gate_up = [part("gate", intermediate), part("up", intermediate)];
        Ok(Block {
            attention_norm: norm("attention_norm")?,
            attention: Attention {
                qkv: self.linear(hidden, &qkv, bias)?,
                output: self.linear(query, &[part("o", hidden)], None)?,
                heads,
                kv_heads,
                head_dim,
            },
            mlp_norm: norm("mlp_norm")?,
            mlp: Mlp {
                gate_up: self.linear(hidden, &gate_up, None)?,
                down: self.linear(intermediate, &[part("down", hidden)], None)?,
            },
        })
    }

    fn name(&self, layer: usize, part: &str) -> String {
        self.naming.layer(layer, part, "weight")
    }

    /// The three biases one after the other, zeros where a checkpoint leaves one out; `None` where it
    /// has none.
    fn biases(
        &self,
        layer: usize,
        parts: [(&str, usize); 3],
    ) -> Result<Option<Vec<f32>>, LoadError> {
        let name = |part: &str| self.naming.layer(layer, part, "bias");
        if parts.iter().all(|(part, _)| self.source.info(&name(part)).is_none()) {
            return Ok(None);
        }
        let mut all = Vec::new();
        for (part, heads) in parts {
            let outputs = heads * self.config.head_dim;
            if self.source.info(&name(part)).is_none() {
                all.resize(all.len() + outputs, 0.0);
                continue;
            }
            let stored = read_shaped(self.source, &name(part), &[outputs])?;
            match (self.pairs, part) {
                (PairLayout::Interleaved, "q" | "k") => {
                    all.extend(unpair(&stored, self.config.head_dim, 1));
                }
                _ => all.extend(stored),
            }
        }
        Ok(Some(all))
    }
}

/// Rows of `width` values, from side-by-side pairs to halves, head by head.
pub(super) fn unpair<T: Copy>(stored: &[T], head_dim: usize, width: usize) -> Vec<T> {
    let mut values = Vec::with_capacity(stored.len());
    for head in stored.chunks_exact(head_dim * width) {
        for half in 0..2 {
            for pair in 0..head_dim / 2 {
                let row = 2 * pair + half;
                values.extend_from_slice(&head[row * width..(row + 1) * width]);
            }
        }
    }
    values
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pairs_become_halves() {
        let stored = [0.0, 1.0, 2.0, 3.0, 10.0, 11.0, 12.0, 13.0];
        assert_eq!(unpair(&stored, 4, 1), [0.0, 2.0, 1.0, 3.0, 10.0, 12.0, 11.0, 13.0]);
    }

    #[test]
    fn names_of_both_formats() {
        let name = |naming: Naming| naming.layer(3, "mlp_norm", "weight");
        assert_eq!(name(Naming::HuggingFace), "model.layers.3.post_attention_layernorm.weight");
        assert_eq!(name(Naming::Gguf), "blk.3.ffn_norm.weight");
    }
}
