//! The house model: a policy and a process reward model for Countdown and the Game of 24.

pub mod card;
pub mod data;
pub mod judgement;
pub mod pipeline;
pub mod plan;
pub mod scores;
pub mod shape;
pub mod vocabulary;

pub use card::Circumstances;
pub use judgement::Judgement;
pub use pipeline::Pipeline;
pub use plan::Plan;
pub use scores::Scores;
pub use shape::Size;
