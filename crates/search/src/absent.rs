//! Absent: the tool that answers for those there are not.

use espalier_core::{
    Call, ModelError, Observation, ObservationStatus, Service, Ticket, Tool, ToolError,
};

/// Says which tools there are, whatever it is called with: a name that none of them has.
#[derive(Debug, Clone, Default)]
pub struct Absent {
    names: Vec<String>,
    next: u64,
    waiting: Vec<(Ticket, Call)>,
}

impl Absent {
    /// Names these tools.
    #[must_use]
    pub fn new(names: Vec<String>) -> Self {
        Self { names, ..Self::default() }
    }
}

impl Service for Absent {
    type Ask = Call;
    type Reply = Result<Observation, ToolError>;

    fn submit(&mut self, call: Call) -> Ticket {
        let ticket = Ticket(self.next);
        self.next += 1;
        self.waiting.push((ticket, call));
        ticket
    }

    fn poll(&mut self) -> Vec<(Ticket, Result<Self::Reply, ModelError>)> {
        let names = self.names.join(", ");
        let answer = |call: &Call| {
            let output = format!("`{}` is no tool; the tools are: {names}", call.input);
            Observation { status: ObservationStatus::Failed, output, cpu_ns: 0 }
        };
        let waiting = std::mem::take(&mut self.waiting);
        waiting.into_iter().map(|(ticket, call)| (ticket, Ok(Ok(answer(&call))))).collect()
    }

    fn cancel(&mut self, ticket: Ticket) {
        self.waiting.retain(|(waiting, _)| *waiting != ticket);
    }
}

impl Tool for Absent {
    fn name(&self) -> &'static str {
        "absent"
    }

    fn calls(&mut self) -> &mut dyn Service<Ask = Call, Reply = Result<Observation, ToolError>> {
        self
    }
}
