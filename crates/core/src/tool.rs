//! Tools: what a path may call, and what it sees of the result.

use serde::{Deserialize, Serialize};

use crate::{Seed, Service, ToolError};

/// One call.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Call {
    /// Earlier inputs on the path, oldest first, that the call builds on.
    pub earlier: Vec<String>,
    /// The input: code for an interpreter, an expression for a calculator.
    pub input: String,
    /// The source of all randomness of the call.
    pub seed: Seed,
}

/// How a call ended. Each is something the model may see and repair from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum ObservationStatus {
    /// It ran to its end.
    Ok,
    /// The called code failed.
    Failed,
    /// It used up its time.
    Timeout,
    /// It used up its memory.
    OutOfMemory,
    /// It wrote more than it may.
    OutputLimit,
}

/// What a call left.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Observation {
    /// How it ended.
    pub status: ObservationStatus,
    /// What it wrote, cut by the tool's own rule and marked where cut.
    pub output: String,
    /// CPU time.
    ///
    /// # Units
    ///
    /// Nanoseconds.
    pub cpu_ns: u64,
}

/// A tool: [`Call`]s in, [`Observation`]s out. A fault of the tool itself (not of what it ran) is a
/// [`ToolError`] and never an observation.
pub trait Tool {
    /// What the model calls it.
    fn name(&self) -> &str;

    /// The calls in flight; the reply carries the tool's own fault apart from the service's.
    fn calls(&mut self) -> &mut dyn Service<Ask = Call, Reply = Result<Observation, ToolError>>;
}
