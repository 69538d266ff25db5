//! Prompts: how a question is put to a model.

mod manner;

pub use manner::Manner;

use crate::code;
use crate::dataset::{AnswerForm, DatasetKind};

/// What stands for the question in a template.
pub(crate) const QUESTION: &str = "{question}";

/// The instruction for answers that are one number. The answer goes in a box, as chat models trained on
/// mathematics write it.
pub const NUMBER_CHAT: &str = "{question}\n\nSolve the problem step by step, one step a line. \
    Put only the final number in \\boxed{}.";

/// The instruction for the built-in problems: they are what a first run shows, with a model too small to
/// gain from long answers, and brevity makes that run short.
pub const BRIEF_CHAT: &str = "{question}\n\nThink step by step and be brief. \
    End with \"The answer is\" and the number.";

/// The instruction for answers in LaTeX.
///
/// Source: the wording of Qwen2.5-Math, <https://arxiv.org/abs/2409.12122>, as a user message.
pub const LATEX_CHAT: &str = "{question}\n\nPlease reason step by step, and put your final answer \
    within \\boxed{}.";

/// What a base model without a chat template is shown, for answers that are one number: GSM8K's own
/// layout, with one worked example.
pub const NUMBER_PLAIN: &str = "Question: A shelf holds 4 boxes with 6 pens each. Nine pens are sold. \
    How many pens are left?\n\
    Answer: The boxes hold 4 * 6 = 24 pens.\n\
    After the sale there are 24 - 9 = 15 pens.\n\
    #### 15\n\n\
    Question: {question}\n\
    Answer:";

/// What a base model without a chat template is shown, for answers in LaTeX.
pub const LATEX_PLAIN: &str = "Problem: What is $\\frac{1}{2} + \\frac{1}{3}$?\n\
    Solution: With the common denominator 6, $\\frac{1}{2} + \\frac{1}{3} = \\frac{3}{6} + \\frac{2}{6}$.\n\
    The answer is $\\boxed{\\frac{5}{6}}$.\n\n\
    Problem: {question}\n\
    Solution:";

/// The instruction for puzzles; the question is the last line.
pub const PUZZLE_CHAT: &str = "Reach the target with the numbers, using each of them exactly once, with \
    + - * / and parentheses. Write one operation a line, followed by all numbers that are left, as in\n\
    8 - 5 = 3 left 3 3 4\n\
    and, when one number is left, a last line with the whole expression, as in\n\
    #ANSWER: 4 * ((8 - 5) + 3)\n\n\
    {question}";

/// What a base model without a chat template is shown, for puzzles: one worked example.
pub const PUZZLE_PLAIN: &str = "Reach 24 with 3 4 5 8\n\
    8 - 5 = 3 left 3 3 4\n\
    3 + 3 = 6 left 4 6\n\
    4 * 6 = 24 left 24\n\
    #ANSWER: 4 * ((8 - 5) + 3)\n\n\
    {question}\n";

/// The instruction for functions.
pub const FUNCTION_CHAT: &str = "Complete this Python function. Write all of it, with the imports it needs, in one block \
    that begins with ```python, and nothing after the block.\n\n```python\n{question}\n```";

/// What a base model without a chat template is shown, for functions: the question, which it continues.
pub const FUNCTION_PLAIN: &str = "{question}\n";

/// The texts that begin another question: a base model that writes one has finished its answer.
pub const PLAIN_STOPS: [&str; 2] = ["\nQuestion:", "\nProblem:"];

/// The text that begins another puzzle. Its newline ended the step before.
pub const PUZZLE_PLAIN_STOPS: [&str; 1] = ["Reach "];

/// What ends a step, but of puzzles.
///
/// Source: search-and-learn's beam search, <https://github.com/huggingface/search-and-learn>.
pub const STEP_BOUNDARY: &str = "\n\n";

/// What ends a step of a puzzle: one operation a line.
///
/// Source: Yao et al. 2023, section 4.1, <https://arxiv.org/abs/2305.10601>.
pub const PUZZLE_BOUNDARY: &str = "\n";

/// What ends a step of an answer to a question of this kind.
#[must_use]
pub fn step_boundary(kind: DatasetKind) -> &'static str {
    match kind.form() {
        AnswerForm::Number | AnswerForm::Latex | AnswerForm::Function => STEP_BOUNDARY,
        AnswerForm::Expression => PUZZLE_BOUNDARY,
    }
}

/// The texts that begin another question of this kind: a base model that writes one has finished its
/// answer.
#[must_use]
pub fn plain_stops(kind: DatasetKind) -> &'static [&'static str] {
    match kind.form() {
        AnswerForm::Number | AnswerForm::Latex => &PLAIN_STOPS,
        AnswerForm::Expression => &PUZZLE_PLAIN_STOPS,
        AnswerForm::Function => &code::STOPS,
    }
}

/// Who speaks in a [`Message`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// Whoever asks.
    User,
    /// The model.
    Assistant,
}

impl Role {
    /// Its name in chat templates.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::Assistant => "assistant",
        }
    }
}

/// One turn of a conversation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// Who speaks.
    pub role: Role,
    /// What is said.
    pub content: String,
}

/// The conversation that asks `question` of a chat model.
///
/// No system message: some templates refuse one, and some put their own.
#[must_use]
pub fn chat(kind: DatasetKind, question: &str) -> Vec<Message> {
    let template = match kind {
        DatasetKind::Builtin => BRIEF_CHAT,
        DatasetKind::Gsm8k => NUMBER_CHAT,
        DatasetKind::Math500 => LATEX_CHAT,
        DatasetKind::Game24 | DatasetKind::Countdown => PUZZLE_CHAT,
        DatasetKind::HumanEval => FUNCTION_CHAT,
    };
    vec![Message { role: Role::User, content: fill(template, question) }]
}

/// The text that asks `question` of a model without a chat template.
#[must_use]
pub fn plain(kind: DatasetKind, question: &str) -> String {
    let template = match kind.form() {
        AnswerForm::Number => NUMBER_PLAIN,
        AnswerForm::Latex => LATEX_PLAIN,
        AnswerForm::Expression => PUZZLE_PLAIN,
        AnswerForm::Function => FUNCTION_PLAIN,
    };
    fill(template, question)
}

pub(crate) fn fill(template: &str, question: &str) -> String {
    template.replacen(QUESTION, question.trim(), 1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::countdown::{Puzzle, Solver, StepLine, path_truth, poses_test_puzzle, render};
    use crate::extract::extract;

    #[test]
    fn the_question_stands_in_every_prompt_once() {
        // A question may itself contain the placeholder: it is not filled in twice.
        let question = "What is {question}?";
        let puzzles = [DatasetKind::Game24, DatasetKind::Countdown];
        let others = [DatasetKind::Gsm8k, DatasetKind::Math500, DatasetKind::HumanEval];
        for kind in [DatasetKind::Builtin].into_iter().chain(others).chain(puzzles) {
            let [message] = &chat(kind, question)[..] else { panic!("one message") };
            for text in [&message.content, &plain(kind, question)] {
                assert_eq!(text.matches(question).count(), 1, "{text}");
                assert_eq!(text.matches(QUESTION).count(), 1, "{text}");
            }
        }
    }

    #[test]
    fn worked_examples_are_written_as_answers_are_read() {
        let example = |kind: DatasetKind| {
            let prompt = plain(kind, "?");
            let end = prompt.rfind("\n\n").unwrap();
            extract(&prompt[..end], kind.form()).unwrap().answer.0
        };
        assert_eq!(example(DatasetKind::Gsm8k), "15");
        assert_eq!(example(DatasetKind::Math500), r"\frac{5}{6}");
        assert_eq!(example(DatasetKind::Game24), "4 * ((8 - 5) + 3)");
    }

    #[test]
    fn the_worked_puzzle_is_true_and_no_test_puzzle() {
        let prompt = plain(DatasetKind::Game24, "Reach 24 with 4 5 6 10");
        let (example, question) = prompt.split_once("\n\n").unwrap();
        assert_eq!(question, "Reach 24 with 4 5 6 10\n");
        let (question, steps) = example.split_once('\n').unwrap();
        let puzzle = Puzzle::parse(question).unwrap();
        assert!(!poses_test_puzzle(&puzzle.start(), puzzle.target()));
        assert_eq!(path_truth(&mut Solver::new(), &puzzle, steps), [true; 4]);
        let read: Result<Vec<_>, _> = steps.lines().take(3).map(StepLine::parse).collect();
        let moves: Vec<_> = read.unwrap().into_iter().map(|line| line.made).collect();
        assert_eq!(render(&puzzle, &moves).unwrap().concat(), steps);
        let [message] = &chat(DatasetKind::Game24, question)[..] else { panic!("one message") };
        assert_eq!(message.content.lines().last(), Some(question));
        assert!(
            ["8 - 5 = 3 left 3 3 4", "#ANSWER: 4 * ((8 - 5) + 3)"]
                .iter()
                .all(|line| message.content.contains(line) && steps.contains(line))
        );
        assert_eq!(step_boundary(DatasetKind::Game24), "\n");
        assert_eq!(step_boundary(DatasetKind::Gsm8k), "\n\n");
    }
}
