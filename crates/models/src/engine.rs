//! The local engine: many continuations of many problems, decoded together over one KV tree.
//!
//! Work is done in steps. A step frees what was released, admits waiting requests (computing at most
//! one chunk of prompt while others decode), computes one token of every row of the front, samples one
//! token for every branch, and turns rows that ended into segments. A *row* is a distinct token
//! sequence; several *branches* (requests) share one for as long as their tokens agree, so that no token
//! is computed twice.

pub mod branch;
pub mod core_loop;
pub mod feed;
pub mod local;
pub mod memory;
pub mod options;
pub mod prefill;
pub mod read;
pub mod room;
pub mod runs;
pub mod sample_step;
pub mod stages;
pub mod stats;
pub mod tree_attention;
pub mod waiting;

pub use core_loop::Engine;
pub use local::{LocalPolicy, LocalReader, share};
pub use memory::Available;
pub use options::{EngineOptions, Kernels, UnknownKernels};
pub use room::least_kv;
pub use stages::Stages;
pub use stats::EngineStats;
