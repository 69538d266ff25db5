//! Manners: how a model is asked to work, with tools or without.

use espalier_core::Stops;

use super::{Message, Role, fill};
use crate::dataset::{AnswerForm, DatasetKind};

/// How a model is asked to work.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Manner {
    /// It reasons in words.
    Reason,
    /// It reasons in words and blocks of Python in turn, whose output it sees.
    Code,
    /// It writes one program.
    Program,
    /// It thinks, names a tool and its input, and sees what the tool says.
    Act,
}

/// Words and code in turn.
///
/// Source: the first sentence is the instruction of Qwen2.5-Math for tool-integrated reasoning,
/// <https://arxiv.org/abs/2409.12122>, section 5.1; the format is ToRA's, <https://arxiv.org/abs/2309.17452>,
/// figure 2. The rest is ours, for models that were not trained on it.
const CODE: &str = "{question}

Please integrate natural language reasoning with programs to solve the problem above. Write one short \
program at a time, as a block that begins with ```python and prints what you want to know. What it prints is \
shown to you in a block that begins with ```output; do not write that block yourself. When you know the answer, \
{answer}.";

/// One program.
///
/// Source: Gao et al. 2022, <https://arxiv.org/abs/2211.10435>, section 3 and figure 3, whose programs define
/// `solution` with a variable for each quantity. The example is ours.
const PROGRAM: &str =
    "Write a Python function `solution()` that computes the answer to the question and \
{returns}. Write the program alone, in a block that begins with ```python.

{example}Question: {question}";

/// Thoughts, actions and observations.
///
/// Source: Yao et al. 2022, <https://arxiv.org/abs/2210.03629>, section 2, in the words of
/// <https://github.com/langchain-ai/langchain>, `agents/mrkl/prompt.py`. The tools are ours.
const ACT: &str = "Answer the question. You have these tools:

python: runs Python code and shows what it prints
calculator: computes an expression exactly, such as (3 + 4) * 5 / 2

Use this format:

Question: the question you must answer
Thought: what to do next
Action: the tool to use, one of python, calculator
Action Input: the code or the expression
Observation: what the tool says
(Thought, Action, Action Input and Observation can repeat)
Thought: I now know the final answer
Final Answer: {answer}

{example}Question: {question}";

impl Manner {
    /// The conversation that asks `question` of a chat model so.
    #[must_use]
    pub fn chat(self, kind: DatasetKind, question: &str) -> Vec<Message> {
        match self {
            Self::Reason => super::chat(kind, question),
            _ => vec![Message { role: Role::User, content: self.text(kind, question) }],
        }
    }

    /// The text that asks `question` so of a model without a chat template.
    #[must_use]
    pub fn plain(self, kind: DatasetKind, question: &str) -> String {
        let opens = match self {
            Self::Reason => return super::plain(kind, question),
            Self::Code => "\n\n",
            Self::Program => "\n",
            Self::Act => "\nThought:",
        };
        format!("{}{opens}", self.text(kind, question))
    }

    fn text(self, kind: DatasetKind, question: &str) -> String {
        let template = match self {
            Self::Code => CODE.replace("{answer}", answer(kind)),
            Self::Program => {
                PROGRAM.replace("{returns}", returns(kind)).replace("{example}", program(kind))
            }
            Self::Act => ACT.replace("{answer}", last(kind)).replace("{example}", act(kind)),
            Self::Reason => String::from("{question}"),
        };
        fill(&template, question)
    }

    /// Where text stops; `None` where the dataset says that.
    #[must_use]
    pub fn stops(self, of: &Stops) -> Option<Stops> {
        let boundary = |text: &str| vec![text.to_owned()];
        let end = of.end.clone();
        let fence = Some("```".to_owned());
        match self {
            Self::Reason => None,
            Self::Code => {
                Some(Stops { boundary: boundary("```output"), fence, end, ..Stops::default() })
            }
            Self::Program => Some(Stops { fence, end, ..Stops::default() }),
            Self::Act => {
                // A question of its own is the model's next, not its answer.
                let end = [end, boundary("\nQuestion:")].concat();
                Some(Stops { boundary: boundary("Observation:"), end, ..Stops::default() })
            }
        }
    }
}

fn answer(kind: DatasetKind) -> &'static str {
    match kind.form() {
        AnswerForm::Number => "put the final number within \\boxed{}",
        AnswerForm::Latex => "put your final answer within \\boxed{}",
        AnswerForm::Expression => {
            "write a last line with the whole expression, as in #ANSWER: 4 * ((8 - 5) + 3)"
        }
        AnswerForm::Function => "write the whole function in a last block",
    }
}

fn returns(kind: DatasetKind) -> &'static str {
    match kind.form() {
        AnswerForm::Number | AnswerForm::Latex | AnswerForm::Function => "returns it",
        AnswerForm::Expression => {
            "returns it as a string: an expression that uses each number once, with + - * / and \
             parentheses, and has the target as its value"
        }
    }
}

fn last(kind: DatasetKind) -> &'static str {
    match kind.form() {
        AnswerForm::Number => "the number",
        AnswerForm::Latex => "the answer, within \\boxed{}",
        AnswerForm::Function => "the whole function",
        AnswerForm::Expression => "the whole expression, as in #ANSWER: 4 * ((8 - 5) + 3)",
    }
}

fn program(kind: DatasetKind) -> &'static str {
    match kind.form() {
        AnswerForm::Expression | AnswerForm::Function => "",
        AnswerForm::Number | AnswerForm::Latex => {
            "Question: A shelf holds 4 boxes with 6 pens each. Nine pens are sold. How many pens are left?
```python
def solution():
    boxes = 4
    pens_in_a_box = 6
    pens_sold = 9
    pens_left = boxes * pens_in_a_box - pens_sold
    return pens_left
```

"
        }
    }
}

fn act(kind: DatasetKind) -> &'static str {
    match kind.form() {
        AnswerForm::Expression | AnswerForm::Function => "",
        AnswerForm::Number | AnswerForm::Latex => {
            "Question: A shelf holds 4 boxes with 6 pens each. Nine pens are sold. How many pens are left?
Thought: The boxes hold 4 * 6 pens, of which 9 are sold.
Action: calculator
Action Input: 4 * 6 - 9
Observation: 15
Thought: I now know the final answer
Final Answer: 15

"
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tools::NAMES;

    #[test]
    fn every_manner_asks_the_question_once_and_last() {
        for manner in [Manner::Code, Manner::Program, Manner::Act] {
            for kind in [DatasetKind::Gsm8k, DatasetKind::Math500, DatasetKind::Game24] {
                let question = "What is {question}?";
                let [message] = &manner.chat(kind, question)[..] else { panic!("one message") };
                for text in [message.content.clone(), manner.plain(kind, question)] {
                    assert_eq!(text.matches(question).count(), 1, "{text}");
                    for hole in ["{answer}", "{returns}", "{example}"] {
                        assert!(!text.contains(hole), "{text}");
                    }
                }
            }
        }
        assert!(NAMES.iter().all(|name| ACT.contains(&format!("\n{name}: "))));
    }

    #[test]
    fn steps_end_where_calls_do() {
        let of = Stops { end: vec!["\nProblem:".to_owned()], ..Stops::default() };
        assert_eq!(Manner::Reason.stops(&of), None);
        for manner in [Manner::Code, Manner::Program, Manner::Act] {
            let stops = manner.stops(&of).unwrap();
            assert!(stops.fence.is_some() || !stops.boundary.is_empty());
            assert!(stops.end.contains(&"\nProblem:".to_owned()));
        }
    }
}
