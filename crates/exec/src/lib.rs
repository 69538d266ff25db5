//! Execution of model-written Python: a pool of warm interpreters, one fork a run, behind layers that
//! each deny what the program has no need of.
//!
//! A [`Program`] is the code of one call and the blocks before it on its path; an [`Executor`] runs
//! programs and answers each with an [`Outcome`], or with a [`Fault`] where the sandbox itself failed.
//! The local executor is [`Pool`]; it exists on Linux only and stands on the highest [`Tier`] the
//! machine has. [`Replay`] remembers the blocks of paths; [`PythonTool`] makes any executor a [`Tool`](espalier_core::Tool) of core.
//!
//! A program that embeds this crate calls [`intercept`] first thing in `main`: workers are started by
//! running the program again.
//!
//! Read in this order: [`program`], [`outcome`], [`executor`], [`tier`], [`limits`], [`tool`], then
//! `linux/launcher.rs`, which builds the sandbox.

pub mod diagnosis;
#[cfg(not(target_os = "linux"))]
mod elsewhere;
pub mod error;
pub mod executor;
pub mod interpreter;
pub mod limits;
#[cfg(target_os = "linux")]
mod linux;
pub mod outcome;
pub mod output;
pub mod program;
pub mod replay;
pub mod show;
pub mod tier;
pub mod tool;

#[cfg(not(target_os = "linux"))]
pub use elsewhere::{Pool, diagnose, intercept};
#[cfg(target_os = "linux")]
pub use linux::{Pool, diagnose, intercept};

pub use diagnosis::{Diagnosis, Layer};
pub use error::{Error, Fault};
pub use executor::{Executor, Health, Isolation, Launcher, PoolConfig};
pub use interpreter::Interpreter;
pub use limits::Limits;
pub use outcome::{Outcome, Status};
pub use output::Excerpt;
pub use program::{Echo, Program};
pub use replay::{Replay, ReplayLimits};
pub use tier::{Tier, TierChoice};
pub use tool::PythonTool;
