//! Examples: what the question itself says of a function, as evidence.

use espalier_core::{Finish, Path, ToolError, Verdict, Verifier};

use super::{Program, Python, Task};

/// Checks finished answers by the examples in the docstring of the question: lines after `>>>`, and the output below
/// them. All must hold for an answer to pass. Outputs are compared as Python's `doctest` does, and otherwise as values.
///
/// It is unknown what a path is worth that is not finished, or of a question without such examples. It never sees the
/// hidden tests.
#[derive(Debug, Clone)]
pub struct Examples<'a> {
    python: Python<'a>,
}

impl<'a> Examples<'a> {
    /// Checks in this sandbox.
    #[must_use]
    pub fn new(python: Python<'a>) -> Self {
        Self { python }
    }
}

impl Verifier for Examples<'_> {
    fn verify(&mut self, path: &Path) -> Result<Verdict, ToolError> {
        let finished = path.last().is_some_and(|step| step.finish == Finish::Eos);
        let task = Task::parse(&path.prompt.problem).filter(Task::has_examples);
        let Some(task) = task.filter(|_| finished) else { return Ok(Verdict::Unknown) };
        let Some(found) = task.extract(&path.text()) else { return Ok(Verdict::Fail) };
        let said = self.python.run(&Program::examples(&task, &found.answer))?;
        Ok(match said.as_deref() {
            Some("pass") => Verdict::Pass,
            Some("unknown") => Verdict::Unknown,
            _ => Verdict::Fail,
        })
    }
}
