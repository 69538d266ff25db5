//! Printed: one program, whose last printed line is the answer.

use espalier_core::{Finish, Observation, ObservationStatus, Profile, Shown, Step};

use super::Fenced;

/// Calls are read as [`Fenced`] reads them; what the program prints last is the answer. A program that fails or
/// prints nothing has none.
///
/// A program that defines `solution` and prints nothing itself prints what that returns, as in the source.
///
/// Source: Gao et al. 2022, <https://arxiv.org/abs/2211.10435>, and its authors' code,
/// <https://github.com/reasoning-machines/pal>, whose programs define `solution`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Printed {
    /// How blocks are read, and how what is no answer is shown.
    pub fenced: Fenced,
    /// What marks the answer in the text, so that whoever reads answers finds it.
    pub mark: String,
}

impl Profile for Printed {
    fn call(&self, step: &Step) -> Option<String> {
        let mut code = self.fenced.call(step)?;
        let prints = code.lines().any(|line| line.starts_with("print("));
        if code.contains("def solution(") && !prints {
            code.push_str("\nprint(solution())\n");
        }
        Some(code)
    }

    fn show(&self, step: &Step, observation: &Observation) -> Shown {
        let printed = observation.output.lines().rev().map(str::trim).find(|line| !line.is_empty());
        match printed.filter(|_| observation.status == ObservationStatus::Ok) {
            Some(line) => Shown { text: format!("\n{}{line}\n", self.mark), finish: Finish::Eos },
            None => self.fenced.show(step, observation),
        }
    }

    fn forges(&self, step: &Step) -> bool {
        self.fenced.forges(step)
    }
}
