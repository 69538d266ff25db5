//! Who grades the answers of a run: this crate alone or, where tests must be run, with a sandbox.

use espalier_core::{Answer, ToolError};

use super::{Verdict, grade_item};
use crate::code::{MAX_BYTES, Program, Python, Task};
use crate::dataset::{AnswerForm, DatasetKind};
use crate::problem::Item;

/// Grades the answers of a dataset.
#[derive(Debug, Clone)]
pub struct Grader<'a> {
    kind: DatasetKind,
    python: Option<Python<'a>>,
}

impl Grader<'_> {
    /// Grades without running anything: functions are undecided.
    #[must_use]
    pub fn new(kind: DatasetKind) -> Self {
        Self { kind, python: None }
    }
}

impl<'a> Grader<'a> {
    /// Grades functions by running their hidden tests.
    #[must_use]
    pub fn with_tests(kind: DatasetKind, python: Python<'a>) -> Self {
        Self { kind, python: Some(python) }
    }

    /// The dataset.
    #[must_use]
    pub fn kind(&self) -> DatasetKind {
        self.kind
    }

    /// Grades an answer. A function is right if and only if its hidden tests pass: one that fails them, crashes, ends
    /// the process or comes to a limit is wrong.
    ///
    /// # Errors
    ///
    /// [`ToolError`] where the sandbox failed, which says nothing of the answer.
    pub fn grade(&self, item: &Item, answer: &Answer) -> Result<Verdict, ToolError> {
        let (AnswerForm::Function, Some(python)) = (self.kind.form(), &self.python) else {
            return Ok(grade_item(self.kind, item, answer));
        };
        let Some(task) = Task::parse(&item.problem.question) else { return Ok(Verdict::Undecided) };
        if answer.0.len() > MAX_BYTES {
            return Ok(Verdict::NotEqual);
        }
        let passes = python.passes(&Program::tests(&task, answer, &item.gold))?;
        Ok(if passes { Verdict::Equal } else { Verdict::NotEqual })
    }
}
