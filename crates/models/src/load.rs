//! Loading: from a path to an engine that is ready to run.

use std::{path::Path, sync::Arc};

use espalier_kernels::Format;
use serde::Serialize;

use crate::{
    ChatTemplate, Date, DeviceChoice, DeviceError, Engine, EngineOptions, GgufFile, HfWeights,
    JsonFile, Kernels, LoadError, ModelConfig, TensorInfo, Tokenizer, WeightSource,
    arch::{Multiply, Naming, assemble, heads},
    engine::memory::available,
    panels::Precision,
};

/// Why a model is not there to run.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// The checkpoint cannot be loaded.
    #[error(transparent)]
    Load(#[from] LoadError),
    /// The device cannot be had.
    #[error(transparent)]
    Device(#[from] DeviceError),
}

/// What a loaded model is, for reports and run records.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ModelInfo {
    /// File or directory name.
    pub name: String,
    /// `gguf` or `hugging_face`.
    pub format: &'static str,
    /// Its shape.
    pub config: ModelConfig,
    /// Weights a token is multiplied with, the output head included.
    pub parameters: u64,
    /// Memory the weights hold.
    pub weight_bytes: u64,
    /// The device it runs on.
    pub device: String,
    /// What multiplies in its linear layers, e.g. `Q4_1, Q8_0 by 8-bit activations (avx2)`.
    pub kernels: String,
    /// Ids that end a sequence.
    pub eos: Vec<u32>,
    /// Whether it has a chat template.
    pub chat: bool,
}

/// A model that is ready to run.
#[derive(Debug)]
pub struct Model {
    /// The engine.
    pub engine: Engine,
    /// How a conversation becomes a prompt; `None` for models without a template.
    pub chat: Option<ChatTemplate>,
    /// What it is.
    pub info: ModelInfo,
}

/// A checkpoint that is open, its weights not yet read.
#[derive(Debug)]
pub struct Checkpoint {
    /// The tensors.
    pub source: Box<dyn WeightSource>,
    /// Their naming.
    pub naming: Naming,
    /// The decoder's shape.
    pub config: ModelConfig,
    /// The tokenizer, which fits the vocabulary.
    pub tokenizer: Tokenizer,
    /// How a conversation becomes a prompt. The day it is told is [`Date::TOLD`].
    pub chat: Option<ChatTemplate>,
}

impl Checkpoint {
    /// Opens a GGUF file or a Hugging Face directory.
    ///
    /// # Errors
    ///
    /// [`LoadError`] saying what is missing, broken or not implemented, before any weight is read.
    pub fn open(path: &Path) -> Result<Self, LoadError> {
        let checkpoint = if path.is_dir() { Self::open_dir(path)? } else { Self::open_gguf(path)? };
        let (tokenizer, model) = (checkpoint.tokenizer.vocab_size(), checkpoint.config.vocab);
        if tokenizer > model {
            return Err(LoadError::VocabMismatch { tokenizer, model });
        }
        let chat = checkpoint.chat.map(|chat| chat.with_date(Date::TOLD));
        Ok(Self { chat, ..checkpoint })
    }

    /// Memory that its weights will hold on a device of this name, in bytes, as far as its header tells: those
    /// that are multiplied as they are stored as many bytes as there, all others four a value. The rows that pad
    /// packed matrices come to it.
    #[must_use]
    pub fn weight_bytes(&self, kernels: Kernels, device_name: &str) -> u64 {
        let quantized = multiply(kernels, device_name) == Multiply::Quantized;
        let held = |info: TensorInfo| {
            let half = Precision::of_type(&info.dtype) != Precision::F32 && info.shape.len() == 2;
            if quantized && (half || Format::from_name(&info.dtype).is_some()) {
                info.bytes
            } else {
                info.values() as u64 * size_of::<f32>() as u64
            }
        };
        let names = self.source.names();
        names.iter().filter_map(|name| self.source.info(name)).map(held).sum()
    }

    fn open_dir(path: &Path) -> Result<Self, LoadError> {
        let json = JsonFile::open(&path.join("config.json"))?;
        let config = ModelConfig::from_json(&json)?;
        let source = HfWeights::open(path)?;
        heads::check(&json, &source)?;
        Ok(Self {
            config,
            source: Box::new(source),
            naming: Naming::HuggingFace,
            tokenizer: Tokenizer::from_file(path.join("tokenizer.json"))?,
            chat: ChatTemplate::from_dir(path)?,
        })
    }

    fn open_gguf(path: &Path) -> Result<Self, LoadError> {
        let file = GgufFile::open(path)?;
        let config = ModelConfig::from_gguf(&file)?;
        let tokenizer = Tokenizer::from_gguf(&file)?;
        let chat = ChatTemplate::from_gguf(&file, &tokenizer)?;
        Ok(Self { config, source: Box::new(file), naming: Naming::Gguf, tokenizer, chat })
    }
}

/// What multiplies on a device of this name.
fn multiply(kernels: Kernels, device_name: &str) -> Multiply {
    match kernels {
        Kernels::Fastest if device_name == "cpu" => Multiply::Quantized,
        Kernels::F32 if device_name == "cpu" => Multiply::Packed,
        Kernels::Fastest | Kernels::F32 | Kernels::Burn => Multiply::Burn,
    }
}

/// Loads a GGUF file or a Hugging Face directory onto a device.
///
/// # Errors
///
/// [`OpenError`] where the device cannot be had (found out first) or the checkpoint cannot be loaded.
pub fn load(path: &Path, device: DeviceChoice, options: EngineOptions) -> Result<Model, OpenError> {
    let (device, device_name) = device.open()?;
    let Checkpoint { source, naming, config, tokenizer, chat } = Checkpoint::open(path)?;
    let name = path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned();
    let multiply = multiply(options.kernels, &device_name);
    let decoder = assemble(&config, source.as_ref(), naming, &device, multiply)?;
    let cost = decoder.cost();
    let info = ModelInfo {
        name: name.clone(),
        format: match naming {
            Naming::Gguf => "gguf",
            Naming::HuggingFace => "hugging_face",
        },
        config: decoder.config.clone(),
        parameters: cost.trunk.midpoint(cost.head),
        weight_bytes: decoder.weight_bytes(),
        kernels: decoder.kernels(),
        device: device_name,
        eos: tokenizer.eos().to_vec(),
        chat: chat.is_some(),
    };
    let engine = Engine::new(name, decoder, Arc::new(tokenizer), options)?;
    // The memory of another device is not the system's to tell.
    let engine = if info.device == "cpu" { engine.with_memory(available) } else { engine };
    Ok(Model { engine, chat, info })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_tells_what_the_weights_will_hold() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../assets/house/policy");
        let told = Checkpoint::open(&path).unwrap().weight_bytes(Kernels::Fastest, "cpu");
        let model = load(&path, DeviceChoice::Cpu, EngineOptions::default()).unwrap();
        let held = model.info.weight_bytes;
        assert!(told <= held && held - told < held / 50, "{told} told, {held} held");
    }
}
