//! Fenced: Python in fenced blocks, output in a fenced block after it.

use espalier_core::{Finish, Observation, Profile, Shown, Step};

use super::{Cut, Turn, placed};
use crate::blocks::{blocks, last_code};

/// What opens an output block.
const OUTPUT: &str = "```output";

/// The languages that are run.
const PYTHON: [&str; 3] = ["python", "py", "python3"];

/// Calls are the last block of a step, in Python; observations are blocks named `output`.
///
/// A step can end with the fence that closes its block, or with the one that opens the output block.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fenced {
    /// How output is cut.
    pub cut: Cut,
    /// What follows the output: a fence.
    pub close: &'static str,
    /// What is run before the block, as its first lines.
    pub prelude: &'static str,
    /// A step with this word in it answers, and calls nothing.
    pub answers: Option<&'static str>,
    /// How the model is shown an observation after it has ended its turn.
    pub turn: Option<Turn>,
}

impl Fenced {
    /// As the winner of the first AIMO progress prize: 200 characters of the output; `math`, `numpy` and `sympy`
    /// are imported.
    ///
    /// Source: `kaggle-solution.ipynb` of <https://github.com/project-numina/aimo-progress-prize>.
    #[must_use]
    pub fn numina() -> Self {
        Self {
            cut: Cut::Head(200, " ... (output truncated)"),
            close: "\n```",
            prelude: "import math\nimport numpy as np\nimport sympy as sp\n",
            answers: None,
            turn: None,
        }
    }

    /// As ToRA: 50 characters of the beginning of a result and 50 of its end. A step that boxes something
    /// answers.
    ///
    /// Source: `src/infer/inference.py` of <https://github.com/microsoft/ToRA>.
    #[must_use]
    pub fn tora() -> Self {
        let cut = Cut::Ends(50, "...");
        Self { cut, close: "\n```\n", prelude: "", answers: Some("boxed"), turn: None }
    }

    /// As Qwen2.5-Math: 200 characters of the beginning and 200 of the end. A step that boxes something answers.
    ///
    /// Source: `evaluation/python_executor.py` and `math_eval.py` of <https://github.com/QwenLM/Qwen2.5-Math>.
    #[must_use]
    pub fn qwen() -> Self {
        Self { cut: Cut::Ends(200, "..."), ..Self::tora() }
    }
}

impl Profile for Fenced {
    fn call(&self, step: &Step) -> Option<String> {
        let text = step.text.trim_end();
        let text = text.strip_suffix(OUTPUT).unwrap_or(text);
        if self.answers.is_some_and(|word| text.contains(word)) {
            return None;
        }
        last_code(text, &PYTHON).map(|code| format!("{}{code}", self.prelude))
    }

    fn show(&self, step: &Step, observation: &Observation) -> Shown {
        let output = self.cut.of(observation.output.trim());
        let opened = step.text.trim_end().ends_with(OUTPUT);
        let line = if step.text.ends_with('\n') { "" } else { "\n" };
        let open = if opened { "" } else { "```output\n" };
        let text = format!("{line}{open}{output}{}", self.close);
        let ended = step.finish == Finish::Eos;
        Shown { text: placed(ended, self.turn.as_ref(), &text), finish: Finish::Step }
    }

    fn forges(&self, step: &Step) -> bool {
        // An output block that is only opened waits for its output.
        let made_up = |block: crate::blocks::Block<'_>| {
            block.language == "output" && (block.end.is_some() || !block.code.trim().is_empty())
        };
        blocks(&step.text).any(made_up)
    }
}
