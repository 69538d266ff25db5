//! The house model: a policy and a process reward model for Countdown and the Game of 24.

pub mod data;
pub mod judgement;
pub mod pipeline;
pub mod plan;
pub mod shape;
pub mod vocabulary;

pub use judgement::Judgement;
pub use pipeline::Pipeline;
pub use plan::Plan;
pub use shape::Size;
