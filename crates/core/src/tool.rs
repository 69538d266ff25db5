//! Tools: what a path may call, and what it sees of the result.

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};

use crate::{Finish, ModelError, Seed, Service, Step, Ticket, ToolError, ToolId};

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

impl Observation {
    /// What a call left that ran to its end, in no CPU time worth telling.
    #[must_use]
    pub fn ok(output: String) -> Self {
        Self { status: ObservationStatus::Ok, output, cpu_ns: 0 }
    }

    /// What a call left that failed, in no CPU time worth telling: what went wrong, so that the model can mend it.
    #[must_use]
    pub fn failed(output: String) -> Self {
        Self { status: ObservationStatus::Failed, output, cpu_ns: 0 }
    }
}

/// A tool: [`Call`]s in, [`Observation`]s out. A fault of the tool itself (not of what it ran) is a
/// [`ToolError`] and never an observation.
pub trait Tool {
    /// What the model calls it.
    fn name(&self) -> &str;

    /// The calls in flight; the reply carries the tool's own fault apart from the service's.
    fn calls(&mut self) -> &mut dyn Service<Ask = Call, Reply = Result<Observation, ToolError>>;
}

/// Makes a [`Tool`] of a function: every call is answered at the next poll, in the order of the calls.
///
/// ```
/// use espalier_core::{Call, ImmediateTool, Observation, Seed, Tool, collect};
/// let mut shout = ImmediateTool::new("shout", |call: &Call| {
///     Ok(Observation::ok(call.input.to_uppercase()))
/// });
/// let call = Call { earlier: Vec::new(), input: "more".to_owned(), seed: Seed::run(1) };
/// let answers = collect(shout.calls(), [call]);
/// assert_eq!(answers[0].as_ref().unwrap().as_ref().unwrap().output, "MORE");
/// assert_eq!(shout.name(), "shout");
/// ```
pub struct ImmediateTool<F> {
    name: String,
    answer: F,
    next: u64,
    waiting: VecDeque<(Ticket, Call)>,
}

impl<F: FnMut(&Call) -> Result<Observation, ToolError>> ImmediateTool<F> {
    /// A tool that the model calls `name`. What goes wrong by the model's doing is an [`Observation`] that it may
    /// read; only a fault of the tool itself is an error, which ends the problem.
    pub fn new(name: impl Into<String>, answer: F) -> Self {
        Self { name: name.into(), answer, next: 0, waiting: VecDeque::new() }
    }
}

impl<F> std::fmt::Debug for ImmediateTool<F> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let waiting = self.waiting.len();
        let mut of = f.debug_struct("ImmediateTool");
        of.field("name", &self.name).field("waiting", &waiting).finish_non_exhaustive()
    }
}

impl<F: FnMut(&Call) -> Result<Observation, ToolError>> Service for ImmediateTool<F> {
    type Ask = Call;
    type Reply = Result<Observation, ToolError>;

    fn submit(&mut self, call: Call) -> Ticket {
        let ticket = Ticket(self.next);
        self.next += 1;
        self.waiting.push_back((ticket, call));
        ticket
    }

    fn poll(&mut self) -> Vec<(Ticket, Result<Self::Reply, ModelError>)> {
        let answer = &mut self.answer;
        self.waiting.drain(..).map(|(ticket, call)| (ticket, Ok(answer(&call)))).collect()
    }

    fn cancel(&mut self, ticket: Ticket) {
        self.waiting.retain(|(waiting, _)| *waiting != ticket);
    }
}

impl<F: FnMut(&Call) -> Result<Observation, ToolError>> Tool for ImmediateTool<F> {
    fn name(&self) -> &str {
        &self.name
    }

    fn calls(&mut self) -> &mut dyn Service<Ask = Call, Reply = Result<Observation, ToolError>> {
        self
    }
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
