//! How an engine works. No option but [`Kernels`] and [`KvPrecision`] changes a result.

use std::str::FromStr;

use serde::Serialize;

use crate::kv::KvPrecision;

/// What multiplies in linear layers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Kernels {
    /// The fastest the device has. On the CPU quantized weights are multiplied as they are, with
    /// activations rounded to 8 bits by blocks of 32, and all others as [`F32`](Self::F32) does;
    /// elsewhere it is [`Burn`](Self::Burn).
    #[default]
    Fastest,
    /// Weights widened to `f32` and packed, and their own kernel, on the CPU; Burn elsewhere.
    F32,
    /// Plain Burn operations everywhere: the reference.
    Burn,
}

/// A name that is none of [`Kernels`].
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("unknown kernels `{0}`: use `fastest`, `f32` or `burn`")]
pub struct UnknownKernels(String);

impl FromStr for Kernels {
    type Err = UnknownKernels;

    fn from_str(name: &str) -> Result<Self, UnknownKernels> {
        match name {
            "fastest" => Ok(Self::Fastest),
            "f32" => Ok(Self::F32),
            "burn" => Ok(Self::Burn),
            _ => Err(UnknownKernels(name.to_owned())),
        }
    }
}

/// How an engine is made and what its limits are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EngineOptions {
    /// Tokens of a prompt computed at a time: bounds the memory of prefill and how long decoding waits
    /// for it. 512 is llama.cpp's default `ubatch`.
    pub prefill_chunk: usize,
    /// Branches decoded together; more wait.
    pub max_branches: usize,
    /// Bytes of keys and values that are never exceeded. Leased but idle runs are evicted, those used longest
    /// ago first, and computed again when needed. A request waits until what it and the active ones may come
    /// to hold, all their `max_tokens` sampled, fits; one that does not fit alone is refused with
    /// [`ModelError::KvLimit`](espalier_core::ModelError::KvLimit) before anything is computed.
    ///
    /// `None` leaves it to the memory there is, on the CPU: see [`Engine::with_memory`](super::Engine::with_memory).
    pub kv_limit: Option<u64>,
    /// What multiplies in linear layers.
    pub kernels: Kernels,
    /// How keys and values are kept.
    pub kv: KvPrecision,
}

impl Default for EngineOptions {
    fn default() -> Self {
        Self {
            prefill_chunk: 512,
            max_branches: 128,
            kv_limit: None,
            kernels: Kernels::default(),
            kv: KvPrecision::default(),
        }
    }
}
