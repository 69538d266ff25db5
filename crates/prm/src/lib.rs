//! Scorers: what rates the last step of a path given its prefix.
//!
//! [`StepMarks`] reads a process reward model that says after each step whether it is good.
//! [`Confidence`] and [`GroupConfidence`] make scores of what the policy reported while it sampled;
//! [`Evidence`] asks a verifier. They read no model and cost nothing.

pub mod confidence;
pub mod evidence;
pub mod group_confidence;
mod held;
pub mod step_marks;

pub use confidence::{Confidence, UnknownConfidence};
pub use evidence::Evidence;
pub use group_confidence::{EmptyWindow, GroupConfidence, Groups};
pub use step_marks::{SameMark, StepMarks};
