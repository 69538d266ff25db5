//! Scorers: what rates the last step of a path given its prefix.
//!
//! [`StepMarks`] reads a process reward model that says after each step whether it is good.
//! [`Confidence`] makes scores of what the policy reported while it sampled; it reads no model and
//! costs nothing.

pub mod confidence;
mod held;
pub mod step_marks;

pub use confidence::{Confidence, UnknownConfidence};
pub use step_marks::{SameMark, StepMarks};
