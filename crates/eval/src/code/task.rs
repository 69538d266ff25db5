//! Tasks: what the beginning of a file says of the function it asks for.

use crate::code::{MAX_BYTES, STOPS, blocks::blocks};
use crate::extract::{Extracted, Rule};
use espalier_core::Answer;

/// A function that is asked for: the last that the question begins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Task {
    name: String,
    question: String,
    /// Where the function begins in `question`.
    start: usize,
}

impl Task {
    /// Reads a question; `None` where it begins no function.
    ///
    /// ```
    /// use espalier_eval::code::Task;
    /// let question = "import math\n\ndef area(r):\n    \"\"\"Of a circle.\"\"\"\n";
    /// assert_eq!(Task::parse(question).unwrap().name(), "area");
    /// assert_eq!(Task::parse("How much is it?"), None);
    /// ```
    #[must_use]
    pub fn parse(question: &str) -> Option<Self> {
        let mut at = 0;
        let mut last = None;
        for line in question.split_inclusive('\n') {
            if let Some(name) = defined(line) {
                last = Some((name.to_owned(), at));
            }
            at += line.len();
        }
        let (name, start) = last?;
        Some(Self { name, question: question.to_owned(), start })
    }

    /// The function's name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The whole question.
    #[must_use]
    pub fn question(&self) -> &str {
        &self.question
    }

    /// What stands before the function: imports, and functions that it may call.
    #[must_use]
    pub fn preamble(&self) -> &str {
        &self.question[..self.start]
    }

    /// Whether there can be examples in the docstring.
    #[must_use]
    pub fn has_examples(&self) -> bool {
        self.question[self.start..].contains(">>>")
    }

    /// The function in a text: the last block of code that defines it or, where the text has no block and begins
    /// with an indented line, the signature and the text up to one of [`STOPS`]. A longer one than [`MAX_BYTES`]
    /// is no answer.
    ///
    /// # Complexity
    ///
    /// Linear in the text.
    #[must_use]
    pub fn extract(&self, text: &str) -> Option<Extracted> {
        let found = blocks(text);
        let defines =
            |block: &&String| block.lines().any(|line| defined(line) == Some(self.name()));
        let (code, rule) = if found.is_empty() {
            (self.completed(text)?, Rule::Completion)
        } else {
            (found.iter().rev().find(defines)?.clone(), Rule::Block)
        };
        let code = code.trim_end();
        (code.len() <= MAX_BYTES).then(|| Extracted { answer: Answer(code.to_owned()), rule })
    }

    fn completed(&self, text: &str) -> Option<String> {
        let first = text.lines().find(|line| !line.trim().is_empty())?;
        if !first.starts_with([' ', '\t']) {
            return None;
        }
        let end = STOPS.iter().filter_map(|stop| text.find(stop)).min();
        let body = &text[..end.unwrap_or(text.len())];
        Some(format!("{}\n{body}", self.question[self.start..].trim_end()))
    }
}

/// The name of the function that a line begins to define, if it is not inside of anything.
fn defined(line: &str) -> Option<&str> {
    let line = line.strip_prefix("async ").map_or(line, str::trim_start);
    let rest = line.strip_prefix("def ")?.trim_start();
    let end = rest.find(|c: char| !(c.is_alphanumeric() || c == '_')).unwrap_or(rest.len());
    (end > 0).then(|| &rest[..end])
}
