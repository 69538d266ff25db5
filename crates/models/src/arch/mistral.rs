//! Mistral.
//!
//! Source: Jiang et al. 2023, <https://arxiv.org/abs/2310.06825>, section 2; layout as in Hugging Face
//! transformers' `MistralForCausalLM`: Llama's blocks. Deviation: attention sees all tokens before it. A
//! sliding window has no effect on sequences that fit it, so that the context ends where the window does
//! ([`ModelConfig::context`]).

use burn::tensor::Device;

use super::{
    assembly::{Multiply, Naming},
    llama,
};
use crate::{LoadError, WeightSource, config::ModelConfig, decoder::Decoder};

/// Assembles a Mistral decoder.
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
    llama::assemble(config, source, naming, device, multiply)
}
