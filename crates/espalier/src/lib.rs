//! Inference-time search over language models: what a researcher depends on.
//!
//! [`core`] is the vocabulary, [`models`] runs language models, [`search`] grows trees of thoughts with
//! them, [`prm`] scores their steps. Evaluation against gold answers is the `espalier` binary's.
//!
//! The tour, which is also a test:
//!
//! ```text
#![doc = include_str!("../tests/tour.rs")]
//! ```
//!
//! [`guide`] says how to write a strategy of your own.

#[doc = include_str!("../../../docs/write-a-strategy.md")]
pub mod guide {}

pub use espalier_core as core;
pub use espalier_models as models;
pub use espalier_prm as prm;
pub use espalier_search as search;
