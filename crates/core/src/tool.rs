//! Tools: what a path may call, and what it sees of the result.

use serde::{Deserialize, Serialize};

use crate::{Finish, Seed, Service, Step, ToolError, ToolId};

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

/// What a step that is an observation says of itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Observed {
    /// The tool that was called.
    pub tool: ToolId,
    /// How the call ended.
    pub status: ObservationStatus,
}

/// An observation as the model reads it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shown {
    /// What follows the call in the text: cut to the profile's limit, and marked where cut.
    pub text: String,
    /// [`Finish::Step`] where the path goes on, [`Finish::Eos`] where the observation is its answer.
    pub finish: Finish,
}

/// How calls are read from a model's text, and how observations are written into it: the format that the
/// model was trained on, or is shown.
pub trait Profile {
    /// The input of the call that ends `step`; `None` where there is none.
    fn call(&self, step: &Step) -> Option<String>;

    /// What follows `step` in the text, given what its call left.
    fn show(&self, step: &Step, observation: &Observation) -> Shown;

    /// Returns true if and only if `step` makes an observation up, instead of waiting for one.
    fn forges(&self, step: &Step) -> bool;
}
