//! ReAct: thoughts, actions with their input, observations.

use espalier_core::{Finish, Observation, Profile, Shown, Step};

use super::{Cut, Turn, placed};
use crate::blocks::last_code;

const ACTION: &str = "Action:";
const INPUT: &str = "Action Input:";
const OBSERVATION: &str = "Observation:";
const FINAL: &str = "Final Answer:";

/// What of an action is a tool's input.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reads {
    /// What stands after `Action Input:`; of a fenced block, the code.
    Input,
    /// The name after `Action:`, for a tool that says which there are.
    Name,
}

/// Calls are `Action: NAME` and `Action Input: INPUT` at the end of a step, each on lines of their own; what a
/// call left follows `Observation:`, and the next thought after that.
///
/// Source: Yao et al. 2022, <https://arxiv.org/abs/2210.03629>, section 2, whose `Action: name[input]` is two
/// lines here, so that an input may have several: the format of
/// <https://github.com/langchain-ai/langchain>, `agents/mrkl/prompt.py`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct React {
    /// What of an action is the input.
    pub reads: Reads,
    /// How output is cut.
    pub cut: Cut,
    /// How the model is shown an observation after it has ended its turn.
    pub turn: Option<Turn>,
}

impl React {
    /// The name and the input of the action that ends a text; `None` where there is none, and where a final
    /// answer comes after it.
    ///
    /// ```
    /// use espalier_search::profiles::React;
    /// let text = "Thought: add\nAction: calculator\nAction Input: 1 + 1\nObservation:";
    /// assert_eq!(React::action(text), Some(("calculator", "1 + 1")));
    /// assert_eq!(React::action("Thought: I know.\nFinal Answer: 2"), None);
    /// ```
    #[must_use]
    pub fn action(text: &str) -> Option<(&str, &str)> {
        let text = text.trim_end();
        let text = text.strip_suffix(OBSERVATION).unwrap_or(text);
        let at = line_start(text, ACTION)?;
        let (name, rest) = text[at + ACTION.len()..].split_once('\n')?;
        let input = &rest[line_start(rest, INPUT)? + INPUT.len()..];
        let name = name.trim().trim_matches(['`', '"', '\'', '[', ']', '*']);
        let open = line_start(rest, FINAL).is_none() && line_start(rest, OBSERVATION).is_none();
        (open && !name.is_empty()).then_some((name, input.trim()))
    }
}

/// Where the last line begins that starts with `word`.
fn line_start(text: &str, word: &str) -> Option<usize> {
    text.rmatch_indices(word)
        .map(|(at, _)| at)
        .find(|&at| text[..at].rsplit('\n').next().is_none_or(|before| before.trim().is_empty()))
}

impl Profile for React {
    fn call(&self, step: &Step) -> Option<String> {
        let (name, input) = Self::action(&step.text)?;
        Some(match self.reads {
            Reads::Name => name.to_owned(),
            Reads::Input => {
                last_code(input, &["python", "py", "text"]).map_or(input, str::trim).to_owned()
            }
        })
    }

    fn show(&self, step: &Step, observation: &Observation) -> Shown {
        let output = self.cut.of(observation.output.trim());
        let opened = step.text.trim_end().ends_with(OBSERVATION);
        let lead = match (opened, step.text.ends_with([' ', '\n'])) {
            (true, true) => "",
            (true, false) => " ",
            (false, true) => OBSERVATION,
            (false, false) => "\nObservation:",
        };
        let gap = if opened { "" } else { " " };
        let text = format!("{lead}{gap}{output}\nThought:");
        let ended = step.finish == Finish::Eos;
        Shown { text: placed(ended, self.turn.as_ref(), &text), finish: Finish::Step }
    }

    fn forges(&self, step: &Step) -> bool {
        // The word alone at the end waits for what follows it.
        let text = step.text.trim_end();
        let text = text.strip_suffix(OBSERVATION).unwrap_or(text);
        line_start(text, OBSERVATION).is_some()
    }
}
