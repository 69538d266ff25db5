//! The model runtime on Burn.
//!
//! A checkpoint ([`HfWeights`] or [`GgufFile`]) becomes a [`Decoder`](decoder::Decoder), assembled by
//! one file an architecture over the shared blocks of [`nn`].

pub mod arch;
mod byte_alphabet;
pub mod chat;
mod chat_functions;
pub mod config;
pub mod decoder;
pub mod device;
pub mod distribution;
pub mod engine;
pub mod error;
mod floats;
pub mod gguf;
mod gguf_cursor;
pub mod gguf_value;
pub mod hf_weights;
pub mod json_file;
mod k_quants;
pub mod kv;
pub mod load;
pub mod nn;
mod packed;
mod packed_job;
pub mod panels;
mod pre_tokenizer;
mod quants;
pub mod sampler;
pub mod special_tokens;
pub mod stream_decoder;
mod tensor_file;
mod tensor_type;
pub mod tokenizer;
mod tokenizer_gguf;
pub mod weights;

pub use chat::{ChatTemplate, Message};
pub use chat_functions::Date;
pub use config::{Architecture, ModelConfig};
pub use device::{DeviceChoice, DeviceError};
pub use engine::{
    Available, Engine, EngineOptions, EngineStats, Kernels, LocalPolicy, LocalReader,
    UnknownKernels, least_kv, share,
};
pub use error::LoadError;
pub use espalier_kernels::exp;
pub use gguf::GgufFile;
pub use gguf_value::{FromGguf, GgufValue};
pub use hf_weights::HfWeights;
pub use json_file::JsonFile;
pub use kv::{KvPrecision, UnknownKvPrecision};
pub use load::{Checkpoint, Model, ModelInfo, OpenError, load};
pub use special_tokens::SpecialTokens;
pub use stream_decoder::StreamDecoder;
pub use tokenizer::Tokenizer;
pub use weights::{TensorInfo, WeightSource, read_shaped};
