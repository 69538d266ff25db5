//! Scorers: what rates the last step of a path given its prefix.
//!
//! [`Confidence`] makes scores of what the policy reported while it sampled; it reads no model and
//! costs nothing.

pub mod confidence;

pub use confidence::{Confidence, UnknownConfidence};
