//! Prompts: how a question is put to a model.

use crate::dataset::{AnswerForm, DatasetKind};

/// What stands for the question in a template.
const QUESTION: &str = "{question}";

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

/// The texts that begin another question: a base model that writes one has finished its answer.
pub const PLAIN_STOPS: [&str; 2] = ["\nQuestion:", "\nProblem:"];

/// What ends a step.
///
/// Source: search-and-learn's beam search, <https://github.com/huggingface/search-and-learn>.
pub const STEP_BOUNDARY: &str = "\n\n";

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
    };
    vec![Message { role: Role::User, content: fill(template, question) }]
}

/// The text that asks `question` of a model without a chat template.
#[must_use]
pub fn plain(kind: DatasetKind, question: &str) -> String {
    let template = match kind.form() {
        AnswerForm::Number => NUMBER_PLAIN,
        AnswerForm::Latex => LATEX_PLAIN,
    };
    fill(template, question)
}

fn fill(template: &str, question: &str) -> String {
    template.replacen(QUESTION, question.trim(), 1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::extract::extract;

    #[test]
    fn the_question_stands_in_every_prompt_once() {
        // A question may itself contain the placeholder: it is not filled in twice.
        let question = "What is {question}?";
        for kind in [DatasetKind::Builtin, DatasetKind::Gsm8k, DatasetKind::Math500] {
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
    }
}
