//! Tools of the toy world: one that counts letters, or answers as it is told to, in any order; and profiles of
//! letters.

use std::collections::VecDeque;

use espalier_core::{
    Call, Finish, ModelError, Observation, ObservationStatus, Profile, Service, Shown, Step,
    Ticket, Tool, ToolError,
};
use espalier_search::profiles::{Cut, React, Reads};

/// What a call leaves.
pub(crate) type Leaves = fn(&Call) -> Observation;

/// Answers calls, as many a poll as it is told to, last first where it is told so; fails on demand.
pub(crate) struct Abacus {
    pub(crate) leaves: Leaves,
    pub(crate) at_once: usize,
    pub(crate) reversed: bool,
    /// The call with this number fails.
    pub(crate) fails: Option<u64>,
    /// All calls, in order.
    pub(crate) calls: Vec<Call>,
    pub(crate) waiting: VecDeque<(Ticket, Call)>,
}

impl Abacus {
    pub(crate) fn new(leaves: Leaves) -> Self {
        let (calls, waiting) = (Vec::new(), VecDeque::new());
        Self { leaves, at_once: 4, reversed: false, fails: None, calls, waiting }
    }
}

impl Service for Abacus {
    type Ask = Call;
    type Reply = Result<Observation, ToolError>;

    fn submit(&mut self, call: Call) -> Ticket {
        let ticket = Ticket(self.calls.len() as u64);
        self.calls.push(call.clone());
        self.waiting.push_back((ticket, call));
        ticket
    }

    fn poll(&mut self) -> Vec<(Ticket, Result<Self::Reply, ModelError>)> {
        let n = self.at_once.max(1).min(self.waiting.len());
        let now: Vec<(Ticket, Call)> = if self.reversed {
            self.waiting.drain(self.waiting.len() - n..).rev().collect()
        } else {
            self.waiting.drain(..n).collect()
        };
        let answer = |(ticket, call): (Ticket, Call)| {
            let broken =
                || ToolError { tool: "abacus".to_owned(), reason: "told to fail".to_owned() };
            let fails = self.fails == Some(ticket.0);
            (ticket, Ok(if fails { Err(broken()) } else { Ok((self.leaves)(&call)) }))
        };
        now.into_iter().map(answer).collect()
    }

    fn cancel(&mut self, ticket: Ticket) {
        self.waiting.retain(|(waiting, _)| *waiting != ticket);
    }
}

impl Tool for Abacus {
    fn name(&self) -> &'static str {
        "abacus"
    }

    fn calls(&mut self) -> &mut dyn Service<Ask = Call, Reply = Result<Observation, ToolError>> {
        self
    }
}

/// Counts the letters of all inputs on the path; a `b` in the input is a mistake.
pub(crate) fn count(call: &Call) -> Observation {
    let len = call.earlier.iter().chain([&call.input]).map(String::len).sum::<usize>();
    let failed = call.input.contains('b');
    let status = if failed { ObservationStatus::Failed } else { ObservationStatus::Ok };
    Observation { status, output: len.to_string(), cpu_ns: 100 * call.input.len() as u64 }
}

/// A step of letters that has a `c` in it and does not end its answer calls with them; the observation stands
/// in angle brackets. Steps with two `a` in a row make something up.
#[derive(Clone, Copy)]
pub(crate) struct Marks(pub(crate) Finish);

impl Profile for Marks {
    fn call(&self, step: &Step) -> Option<String> {
        let input = step.text.strip_suffix('.')?;
        input.contains('c').then(|| input.to_owned())
    }

    fn show(&self, _: &Step, observation: &Observation) -> Shown {
        Shown { text: format!("<{}>", observation.output), finish: self.0 }
    }

    fn forges(&self, step: &Step) -> bool {
        step.text.contains("aa")
    }
}

/// Has the steps that call by [`Marks`] name a tool in [`Acts`]' words: the abacus where there is an `a`, and one
/// there is not elsewhere.
pub(crate) fn act(step: &mut Step) {
    if let Some(input) = Marks(Finish::Step).call(step) {
        let name = if input.contains('a') { "Abacus" } else { "ghost" };
        step.text = format!("Action: {name}\nAction Input: {input}");
    }
}

/// Calls in the words of [`React`], observations in angle brackets.
#[derive(Clone)]
pub(crate) struct Acts(pub(crate) Reads);

impl Profile for Acts {
    fn call(&self, step: &Step) -> Option<String> {
        React { reads: self.0, cut: Cut::Ends(9, ""), turn: None }.call(step)
    }

    fn show(&self, step: &Step, observation: &Observation) -> Shown {
        Marks(Finish::Step).show(step, observation)
    }

    fn forges(&self, step: &Step) -> bool {
        Marks(Finish::Step).forges(step)
    }
}

/// Python of one line each: prints of numbers and of sums of two, an assignment that a later block sees, and what
/// goes wrong.
pub(crate) fn python(call: &Call) -> Observation {
    let observation =
        |status, output: &str| Observation { status, output: output.to_owned(), cpu_ns: 1000 };
    let ok = |output: &str| observation(ObservationStatus::Ok, output);
    let line = call.input.lines().map(str::trim).rfind(|line| !line.is_empty());
    let line = line.unwrap_or_default();
    let set = call.earlier.iter().chain([&call.input]).any(|code| code.contains("x = 7"));
    match line.strip_prefix("print(").and_then(|rest| rest.strip_suffix(')')) {
        Some("x") if set => ok("7"),
        Some("x") => observation(ObservationStatus::Failed, "NameError: name 'x' is not defined"),
        Some("1/0") => {
            observation(ObservationStatus::Failed, "ZeroDivisionError: division by zero")
        }
        Some("spam") => ok(&"1234567890".repeat(100)),
        Some(sum) if let Some((one, other)) = sum.split_once(" + ") => {
            let sum = one.parse::<u32>().unwrap_or(0) + other.parse::<u32>().unwrap_or(0);
            ok(&sum.to_string())
        }
        Some(value) => ok(value),
        None if line == "while True: pass" => {
            observation(ObservationStatus::Timeout, "Timeout Error")
        }
        None => ok(""),
    }
}
