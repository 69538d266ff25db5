//! Programs: an answer and what tests it, as one text that a sandbox runs.

use espalier_core::Answer;

use super::Task;
use crate::problem::{Gold, content_hash};

/// Runs the hidden tests.
const TESTS: &str = include_str!("../../python/tests.py");

/// Runs the examples.
const EXAMPLES: &str = include_str!("../../python/examples.py");

/// A program that says on its last line, after a word, what it found.
///
/// The word is not known before what is tested is, and whatever ends before it is said has not passed. That is
/// against programs which end early or print much, not against one that sets out to find its own caller.
#[derive(Debug)]
pub(crate) struct Program {
    pub(crate) text: String,
    pub(crate) word: String,
}

impl Program {
    /// Runs the answer and then the hidden tests, in one namespace and after what the question has before the
    /// function.
    ///
    /// Source: `check_program` in `human_eval/execution.py` of <https://github.com/openai/human-eval>. Deviation:
    /// each part is compiled by itself, so that no part can change how another reads.
    pub(crate) fn tests(task: &Task, answer: &Answer, gold: &Gold) -> Self {
        let word = word(&[&answer.0, gold.text()]);
        let (before, answer, test) =
            (literal(task.preamble()), literal(&answer.0), literal(gold.text()));
        let parts = format!("(('question', {before}), ('answer', {answer}), ('tests', {test}))");
        Self { text: format!("PARTS = {parts}\nWORD = {word:?}\n{TESTS}"), word }
    }

    /// Runs the answer and then the examples of the question.
    pub(crate) fn examples(task: &Task, answer: &Answer) -> Self {
        let word = word(&[&answer.0, task.question()]);
        let (before, answer) = (literal(task.preamble()), literal(&answer.0));
        let parts = format!("(('question', {before}), ('answer', {answer}))");
        let (name, prompt) = (literal(task.name()), literal(task.question()));
        let given = format!("NAME = {name}\nPROMPT = {prompt}\nPARTS = {parts}\nWORD = {word:?}");
        Self { text: format!("{given}\n{EXAMPLES}"), word }
    }

    /// What it said after the word, on the last line of `output`; `None` where it did not come so far.
    pub(crate) fn said<'a>(&self, output: &'a str) -> Option<&'a str> {
        output.trim_end().lines().next_back()?.strip_prefix(&self.word)?.strip_prefix(' ')
    }
}

fn word(of: &[&str]) -> String {
    format!("{:016x}", content_hash(&of.concat()))
}

/// A text as Python writes it: JSON's strings are Python's.
fn literal(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}
