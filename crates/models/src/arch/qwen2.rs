//! Qwen2 and Qwen2.5 text models.
//!
//! Source: Qwen team 2024, <https://arxiv.org/abs/2407.10671>, section 2.2; layout as in Hugging Face
//! transformers' `Qwen2ForCausalLM`: Llama's blocks, with biases on query, key and value.

use burn::tensor::Device;

use super::assembly::{Assembly, Multiply, Naming, PairLayout};
use crate::{LoadError, WeightSource, config::ModelConfig, decoder::Decoder};

/// Assembles a Qwen2 decoder.
///
/// # Errors
///
/// Those of [`assemble`](super::assemble); [`LoadError::MissingTensor`] where a bias is missing.
pub fn assemble(
    config: &ModelConfig,
    source: &dyn WeightSource,
    naming: Naming,
    device: &Device,
    multiply: Multiply,
) -> Result<Decoder, LoadError> {
    let bias = naming.layer(0, "q", "bias");
    if source.info(&bias).is_none() {
        let path = source.path().to_owned();
        return Err(LoadError::MissingTensor { path, tensor: bias });
    }
    Assembly { config, source, naming, device, multiply, pairs: PairLayout::Halves }.decoder()
}
