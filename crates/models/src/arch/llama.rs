//! Llama 1 to 3, SmolLM2, TinyLlama.
//!
//! Source: Touvron et al. 2023, <https://arxiv.org/abs/2302.13971>, section 2.2; layout as in Hugging
//! Face transformers' `LlamaForCausalLM`. Query, key and value projections have biases only where the
//! checkpoint has them.

use burn::tensor::Device;

use super::assembly::{Assembly, Multiply, Naming, PairLayout};
use crate::{LoadError, WeightSource, config::ModelConfig, decoder::Decoder};

/// Assembles a Llama decoder.
///
/// # Errors
///
/// Those of [`assemble`](super::assemble).
pub fn assemble(
    config: &ModelConfig,
    source: &dyn WeightSource,
    naming: Naming,
    device: &Device,
    multiply: Multiply,
) -> Result<Decoder, LoadError> {
    // llama.cpp's converter stores the rotated pairs of this architecture side by side.
    let pairs = match naming {
        Naming::HuggingFace => PairLayout::Halves,
        Naming::Gguf => PairLayout::Interleaved,
    };
    Assembly { config, source, naming, device, multiply, pairs }.decoder()
}
