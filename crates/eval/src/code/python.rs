//! The sandbox of a run, shared by whoever tests functions in it.

use std::cell::RefCell;
use std::rc::Rc;

use espalier_core::{Call, Seed, Tool, ToolError, service::collect, tool::ObservationStatus};

use super::Program;

/// Runs the programs that test functions, one at a time, on a tool that shows all that a program printed.
///
/// Nothing else may call the tool meanwhile.
#[derive(Clone)]
pub struct Python<'a>(Rc<RefCell<&'a mut dyn Tool>>);

impl std::fmt::Debug for Python<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Python").finish_non_exhaustive()
    }
}

impl<'a> Python<'a> {
    /// Runs programs on a tool.
    pub fn new(tool: &'a mut dyn Tool) -> Self {
        Self(Rc::new(RefCell::new(tool)))
    }

    /// What a program said; `None` where it crashed, ended early, or came to a limit.
    ///
    /// # Errors
    ///
    /// [`ToolError`] where the sandbox itself failed, which says nothing of the program.
    pub(super) fn run(&self, program: &Program) -> Result<Option<String>, ToolError> {
        let call = Call { earlier: Vec::new(), input: program.text.clone(), seed: Seed::run(0) };
        let mut tool = self.0.borrow_mut();
        let name = tool.name().to_owned();
        let answer = collect(tool.calls(), [call]).pop();
        let lost = |reason: String| ToolError { tool: name, reason };
        let observation = match answer {
            Some(Ok(observation)) => observation?,
            Some(Err(error)) => return Err(lost(error.to_string())),
            None => return Err(lost("it did not answer".to_owned())),
        };
        let ended = observation.status == ObservationStatus::Ok;
        Ok(program.said(&observation.output).filter(|_| ended).map(str::to_owned))
    }

    /// Whether an answer passes the hidden tests.
    pub(crate) fn passes(&self, program: &Program) -> Result<bool, ToolError> {
        Ok(self.run(program)?.as_deref() == Some("pass"))
    }
}
