//! Configurations: what decides a run's results, as data.

use std::path::PathBuf;

use espalier_core::Budget;
use serde_json::{Value, json};

use crate::budget_arg::write_budget;
use crate::dataset::{Dataset, DatasetKind, Rows};
use crate::spec::StrategySpec;

/// Which problems, from where.
#[derive(Debug, Clone, PartialEq)]
pub struct DatasetSpec {
    /// The layout.
    pub kind: DatasetKind,
    /// The file; none for the built-in problems. The Game of 24 goes both ways.
    pub path: Option<PathBuf>,
    /// Rows to keep.
    pub rows: Option<Rows>,
    /// Problems to keep of those.
    pub limit: Option<usize>,
}

/// Why a configuration makes no sense.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// A dataset that is not built in needs its file.
    #[error("dataset `{}` is not built in: give its file with `--data FILE`", kind.name())]
    NoData {
        /// The dataset.
        kind: DatasetKind,
    },
    /// The built-in dataset has no file.
    #[error("`--data {}` has no effect on the built-in dataset: give its layout, `--dataset gsm8k` or another", path.display())]
    DataUnused {
        /// The file.
        path: PathBuf,
    },
    /// Products and weighted votes need scores that are not negative; confidences never are positive, and
    /// values can be either.
    #[error("`{flag}` needs scores that are not negative, and {whose}: {instead}")]
    NegativeScores {
        /// The flag and its value.
        flag: &'static str,
        /// Whose scores can be negative.
        whose: &'static str,
        /// What to do.
        instead: &'static str,
    },
    /// A Beta prior needs scores from 0 to 1.
    #[error("`{flag}` needs scores from 0 to 1, and those of `--scorer` are not: {instead}")]
    UnboundScores {
        /// The flag and its value.
        flag: &'static str,
        /// What to do.
        instead: &'static str,
    },
    /// A flag is given that does nothing beside another.
    #[error("`{flag}` has no effect with `{with}`: leave it out")]
    Unused {
        /// The flag.
        flag: &'static str,
        /// The other, and its value.
        with: &'static str,
    },
    /// A flag is missing that another needs.
    #[error("`{with}` needs `{flag}`: give it")]
    Needed {
        /// The flag.
        flag: &'static str,
        /// The other, and its value.
        with: &'static str,
    },
    /// A verifier scores, and the dataset's problems provide nothing to check.
    #[error("dataset `{}` has no verifier: its problems provide nothing to check an answer by; take another `--scorer`", kind.name())]
    NoVerifier {
        /// The dataset.
        kind: DatasetKind,
    },
    /// The dataset's answers are functions, and whoever is asked to search or grade them cannot run any.
    #[error("`{what}` cannot take dataset `{}`, whose answers are functions to be run: take `eval` with `greedy`, `best-of-n` or another strategy without tools and prompts of its own", kind.name())]
    NotForFunctions {
        /// What was asked for.
        what: String,
        /// The dataset.
        kind: DatasetKind,
    },
    /// An interpreter is given, and nothing is run.
    #[error(
        "`--python` has no effect: neither the strategy nor the dataset has code to run; leave it out"
    )]
    PythonUnused,
    /// Several paths, and all of them the likeliest.
    #[error(
        "`--n {n}` samples the same {n} times at `--temperature 0`: give a temperature above 0, or leave `--n` out"
    )]
    SameAgain {
        /// How many.
        n: u32,
    },
    /// A process reward model scores, and none is given.
    #[error("`--scorer prm` needs a process reward model: give one with `--prm PATH`")]
    NoPrm,
    /// A process reward model is given, and nothing asks it.
    #[error("`--prm {}` has no effect on this strategy: take `--scorer prm` too, or leave it out", path.display())]
    PrmUnused {
        /// The model.
        path: PathBuf,
    },
}

impl DatasetSpec {
    /// Reads the problems.
    ///
    /// # Errors
    ///
    /// [`ConfigError`] where the file is missing or not wanted, [`DatasetError`](crate::DatasetError)
    /// where it is broken; as one boxed error, for both are shown to the user.
    pub fn open(&self) -> Result<Dataset, Box<dyn std::error::Error + Send + Sync>> {
        let dataset = match (self.kind, &self.path) {
            (DatasetKind::Builtin, None) => Dataset::builtin()?,
            (DatasetKind::Builtin, Some(path)) => {
                return Err(ConfigError::DataUnused { path: path.clone() }.into());
            }
            (DatasetKind::Game24, None) => Dataset::game24(),
            (kind, None) => return Err(ConfigError::NoData { kind }.into()),
            (kind, Some(path)) => Dataset::read(kind, path)?,
        };
        Ok(dataset.select(self.rows, self.limit)?)
    }
}

/// The part of `run.json` that decides what is generated.
///
/// `model` says which weights: at least a name and a hash. `chat` says whether the model's chat
/// template was used; the prompt's words are written down with it.
#[must_use]
pub fn generation(
    strategy: &StrategySpec,
    dataset: &Dataset,
    model: &Value,
    chat: Chat,
    max_tokens: u32,
    budget: &Budget,
) -> Value {
    let words: String = match chat {
        Chat::Template => {
            let turns = strategy.manner().chat(dataset.kind, "{question}");
            turns.into_iter().map(|turn| turn.content).collect()
        }
        Chat::Plain => strategy.manner().plain(dataset.kind, "{question}"),
    };
    json!({
        "strategy": strategy,
        "dataset": {
            "kind": dataset.kind,
            "sha256": dataset.sha256,
            "problems": dataset.items.len(),
        },
        "model": model,
        "prompt": { "chat_template": chat == Chat::Template, "text": words },
        "max_tokens": max_tokens,
        "budget": write_budget(budget),
    })
}

/// How a question is put to a model.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Chat {
    /// As a conversation, through the model's chat template.
    Template,
    /// As plain text with a worked example: the model has no template.
    Plain,
}

#[cfg(test)]
mod tests {
    use espalier_core::Aggregate;

    use super::*;
    use crate::run_info::diff;
    use crate::spec::{NextName, ScorerName, Selection, Stepwise};

    fn beam(aggregate: Aggregate, select: Selection) -> StrategySpec {
        let steps = Stepwise {
            depth: 40,
            max_step_tokens: 256,
            boundary: None,
            scorer: ScorerName::ChosenLogprob,
            aggregate,
            select,
            temperature: 0.8,
            seed: 42,
        };
        StrategySpec::Beam {
            width: 4,
            n: None,
            redraws: 0,
            next: NextName::Continue,
            code: None,
            steps,
        }
    }

    #[test]
    fn data_and_dataset_fit() {
        let spec = |kind, path: Option<&str>| DatasetSpec {
            kind,
            path: path.map(PathBuf::from),
            rows: None,
            limit: Some(3),
        };
        let message = |spec: DatasetSpec| spec.open().unwrap_err().to_string();
        assert_eq!(
            message(spec(DatasetKind::Gsm8k, None)),
            "dataset `gsm8k` is not built in: give its file with `--data FILE`"
        );
        assert!(message(spec(DatasetKind::Builtin, Some("x"))).starts_with("`--data x` has no"));
        assert_eq!(message(spec(DatasetKind::Gsm8k, Some("/no/f"))), "cannot read dataset `/no/f`");
        assert!(message(spec(DatasetKind::Countdown, None)).starts_with("dataset `countdown` is"));
        assert_eq!(message(spec(DatasetKind::Game24, Some("/no"))), "cannot read dataset `/no`");
        assert_eq!(spec(DatasetKind::Builtin, None).open().unwrap().items.len(), 3);
        assert_eq!(spec(DatasetKind::Game24, None).open().unwrap().items.len(), 3);
    }

    #[test]
    fn whatever_changes_results_changes_the_configuration() {
        let dataset = |limit| Dataset::builtin().unwrap().select(None, Some(limit)).unwrap();
        let model = json!({ "name": "m", "sha256": "0" });
        let of = |strategy, limit, budget: &Budget| {
            generation(&strategy, &dataset(limit), &model, Chat::Template, 1024, budget)
        };
        let unbounded = Budget::default();
        let one = of(beam(Aggregate::Last, Selection::Best), 3, &unbounded);
        let fields = |other: &Value| -> Vec<String> {
            diff(&one, other).into_iter().map(|diff| diff.field).collect()
        };
        let other = of(beam(Aggregate::Min, Selection::Best), 3, &unbounded);
        assert_eq!(fields(&other), ["strategy.aggregate"]);
        let other = of(beam(Aggregate::Last, Selection::Best), 4, &unbounded);
        assert_eq!(fields(&other), ["dataset.problems", "dataset.sha256"]);
        let bounded = Budget { flops: Some(1 << 70), ..Budget::default() };
        let other = of(beam(Aggregate::Last, Selection::Best), 3, &bounded);
        assert_eq!(fields(&other), ["budget"]);
        assert_eq!(beam(Aggregate::Last, Selection::Best).to_string(), "beam, width 4");
    }
}
