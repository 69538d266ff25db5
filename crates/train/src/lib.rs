//! Training on Burn autodiff: supervised fine-tuning and reward models of the runtime's architectures.
//!
//! A file of [`examples`] becomes [`Sequence`]s; a [`Training`] runs a [`Recipe`] over them in packed
//! batches, leaves a loss curve and checkpoints, and can be stopped and resumed without a trace;
//! [`export`] writes what the runtime loads.

pub mod args;
pub mod checkpoint;
pub mod cli;
pub mod collected;
pub mod error;
pub mod examples;
pub mod export;
pub mod fused;
pub mod house;
pub mod initial;
mod labels;
pub mod learner;
pub mod net;
pub mod packing;
mod progress;
pub mod recipe;
pub mod rollouts;
pub mod sequence;
pub mod training;

pub use checkpoint::State;
pub use collected::Lesson;
pub use error::TrainError;
pub use examples::{Arrangement, Example, Labelled, Supervised};
pub use export::Storage;
pub use initial::{Draw, Fresh, Initial, Loaded};
pub use learner::{Learner, StepReport};
pub use net::Net;
pub use packing::Batch;
pub use recipe::Recipe;
pub use rollouts::{Estimate, Labelling, Rollouts, label};
pub use sequence::{Marks, Sequence, Target};
pub use training::{Point, Training};
