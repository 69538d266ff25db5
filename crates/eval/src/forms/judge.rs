//! Judging forms: a value of one path, a vote among several.

use std::fmt::Write as _;
use std::sync::Arc;

use espalier_core::{ModelError, Path, Policy, Query, Score, Step, Valuing, Voting};

use super::{Asking, shown};

/// What the words of a valuation are worth.
///
/// Source: `value_map` of the authors' code for Yao et al. 2023,
/// <https://github.com/princeton-nlp/tree-of-thought-llm>, task Game of 24.
const WORTH: [(&str, f32); 3] = [("sure", 20.0), ("likely", 1.0), ("impossible", 0.001)];

/// Asks whether a start can lead to the right answer: sure, likely or impossible.
///
/// Source: Yao et al. 2023, <https://arxiv.org/abs/2305.10601>, section 3, state evaluator, and 4.1, which
/// says `maybe` for `likely`. Deviation: the wording is ours, so that one form serves every dataset.
pub(super) struct Value(pub(super) Arc<Asking>);

impl Valuing for Value {
    fn query(&self, path: &Path, policy: &dyn Policy) -> Result<Query, ModelError> {
        let (task, begun) = (self.0.task(&path.prompt.problem), shown(path));
        let message = format!(
            "{task}\n\n---\nDo not solve it. Judge this start of a solution:\n{begun}\n\nIs it right so far, \
             and can it lead to the right answer? Think in one or two lines, then end with one word on a \
             line of its own: sure, likely or impossible."
        );
        self.0.query(&message, policy)
    }

    fn read(&self, reply: &Step) -> Option<Score> {
        let words = reply.text.split(|c: char| !c.is_alphabetic());
        let worth = |word: &str| {
            let known = WORTH.iter().find(|(name, _)| word.eq_ignore_ascii_case(name));
            known.map(|(_, worth)| *worth)
        };
        words.filter_map(worth).next_back().and_then(|worth| Score::new(worth).ok())
    }
}

/// Asks for the best of several paths by its number.
///
/// Source: Yao et al. 2023, <https://arxiv.org/abs/2305.10601>, section 4.2 and its vote prompt. Deviation:
/// the wording is ours, but for how a reply names its choice.
pub(super) struct Vote(pub(super) Arc<Asking>);

impl Voting for Vote {
    fn query(&self, paths: &[Path], policy: &dyn Policy) -> Result<Query, ModelError> {
        let question = paths.first().map_or("", |path| &path.prompt.problem);
        let mut message = format!(
            "{}\n\n---\nDo not solve it. Here are {} starts of a solution.\n",
            self.0.task(question),
            paths.len()
        );
        for (at, path) in paths.iter().enumerate() {
            let _ = write!(message, "\nChoice {}:\n{}\n", at + 1, shown(path));
        }
        message.push_str(
            "\nWhich is the most promising? Think in one or two lines, then end with \"The best choice is\" \
             and its number.",
        );
        self.0.query(&message, policy)
    }

    fn read(&self, reply: &Step, paths: usize) -> Option<usize> {
        let text = reply.text.to_ascii_lowercase();
        let (_, after) = text.rsplit_once("best choice is")?;
        let digits: String = after
            .chars()
            .skip_while(|c| !c.is_ascii_digit())
            .take_while(char::is_ascii_digit)
            .collect();
        let number: usize = digits.parse().ok()?;
        number.checked_sub(1).filter(|&at| at < paths)
    }
}
