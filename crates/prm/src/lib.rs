//! Scorers: what rates the last step of a path given its prefix.
//!
//! [`StepMarks`] reads a process reward model of the house's family, which says after each step whether it
//! is good and has the policy's vocabulary. [`RewardModel`] reads those of the published [`families`], whose
//! texts and tokens are their own. [`Confidence`] and [`GroupConfidence`] make scores of what the policy
//! reported while it sampled; [`Evidence`] asks a verifier. These read no model and cost nothing.

pub mod confidence;
pub mod evidence;
pub mod families;
pub mod group_confidence;
mod held;
pub mod layout;
pub mod readout;
pub mod reward_model;
mod sequences;
pub mod step_marks;
mod wrong_family;

pub use confidence::{Confidence, UnknownConfidence};
pub use evidence::Evidence;
pub use families::Family;
pub use group_confidence::{EmptyWindow, GroupConfidence, Groups};
pub use layout::Layout;
pub use readout::Readout;
pub use reward_model::RewardModel;
pub use sequences::Bounds;
pub use step_marks::{SameMark, StepMarks};
pub use wrong_family::WrongFamily;
