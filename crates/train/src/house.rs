//! The house model: a policy, a process reward model and a reviser for Countdown and the Game of 24.

pub mod attempts;
pub mod card;
pub mod data;
pub mod endings;
pub mod growth;
pub mod judgement;
pub mod on_policy;
pub mod pipeline;
pub mod plan;
pub mod scores;
pub mod shape;
pub mod vocabulary;
pub mod walks;

pub use card::Circumstances;
pub use judgement::Judgement;
pub use pipeline::Pipeline;
pub use plan::{Plan, Stage};
pub use scores::Scores;
pub use shape::Size;
