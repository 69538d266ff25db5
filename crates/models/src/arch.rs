//! Architectures: how a decoder is assembled from a checkpoint's tensors. One file each.

pub mod assembly;
pub(crate) mod heads;
pub mod llama;
pub mod mistral;
pub mod qwen2;
mod stack;

use burn::tensor::Device;

use crate::{
    LoadError, WeightSource,
    config::{Architecture, ModelConfig},
    decoder::Decoder,
};

pub use assembly::{Multiply, Naming};

/// Assembles the decoder a configuration describes.
///
/// # Errors
///
/// [`LoadError`] naming the tensor that is missing, of the wrong shape or of a type that is not read.
pub fn assemble(
    config: &ModelConfig,
    source: &dyn WeightSource,
    naming: Naming,
    device: &Device,
    multiply: Multiply,
) -> Result<Decoder, LoadError> {
    match config.architecture {
        Architecture::Llama => llama::assemble(config, source, naming, device, multiply),
        Architecture::Mistral => mistral::assemble(config, source, naming, device, multiply),
        Architecture::Qwen2 => qwen2::assemble(config, source, naming, device, multiply),
    }
}
