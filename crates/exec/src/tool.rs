//! The tool `python`: an executor as core's `Tool`.

use std::time::Duration;

use espalier_core::{Call, ModelError, Observation, Service, Ticket, Tool, ToolError};

use crate::{Echo, Executor, Fault, Outcome, Program};

/// What of an outcome a model sees.
pub type Show = fn(&Outcome) -> String;

/// A tool that runs Python on an executor, most often a [`Replay`](crate::Replay) of a pool.
///
/// The calls of one path share its state if they share their seed.
#[derive(Debug)]
pub struct PythonTool<E> {
    executor: E,
    echo: Echo,
    show: Show,
}

impl<E: Executor> PythonTool<E> {
    /// A tool on `executor`; `show` makes of an outcome what the model sees.
    pub fn new(executor: E, echo: Echo, show: Show) -> Self {
        Self { executor, echo, show }
    }

    /// The executor.
    pub fn executor(&self) -> &E {
        &self.executor
    }
}

impl<E: Executor> Service for PythonTool<E> {
    type Ask = Call;
    type Reply = Result<Observation, ToolError>;

    fn submit(&mut self, call: Call) -> Ticket {
        let Call { earlier, input: code, seed } = call;
        self.executor.submit(Program {
            earlier,
            code,
            seed,
            echo: self.echo,
            replay: Duration::ZERO,
        })
    }

    fn poll(&mut self) -> Vec<(Ticket, Result<Self::Reply, ModelError>)> {
        let show = self.show;
        let observe = |answer: Result<Outcome, Fault>| {
            answer
                .map(|outcome| Observation {
                    status: outcome.status.observed(),
                    output: show(&outcome),
                    cpu_ns: outcome.cpu_ns,
                })
                .map_err(|why| ToolError { tool: "python".to_owned(), reason: why.reason })
        };
        let answers = self.executor.poll().into_iter();
        answers.map(|(ticket, answer)| (ticket, answer.map(observe))).collect()
    }

    fn cancel(&mut self, ticket: Ticket) {
        self.executor.cancel(ticket);
    }
}

impl<E: Executor> Tool for PythonTool<E> {
    fn name(&self) -> &'static str {
        "python"
    }

    fn calls(&mut self) -> &mut dyn Service<Ask = Call, Reply = Result<Observation, ToolError>> {
        self
    }
}
