//! Configurations: what decides a run's results, as data.

use std::fmt;
use std::path::{Path, PathBuf};

use espalier_core::{Aggregate, Budget};
use espalier_prm::Confidence;
use serde::Serialize;
use serde_json::{Value, json};

use crate::budget_arg::write_budget;
use crate::dataset::{Dataset, DatasetKind, Rows};
use crate::prompt;

/// What rates a path: the policy's own confidence, or a process reward model.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum ScorerName {
    /// Mean log-probability of the likeliest token.
    TopLogprob,
    /// Mean log-probability of the sampled token.
    ChosenLogprob,
    /// Negative mean entropy.
    Entropy,
    /// A process reward model; scores are in [0, 1].
    Prm,
}

impl ScorerName {
    /// The confidence it names; `None` for a process reward model.
    #[must_use]
    pub fn confidence(self) -> Option<Confidence> {
        match self {
            Self::TopLogprob => Some(Confidence::MeanTopLogprob),
            Self::ChosenLogprob => Some(Confidence::MeanChosenLogprob),
            Self::Entropy => Some(Confidence::NegativeMeanEntropy),
            Self::Prm => None,
        }
    }
}

/// How a finished tree becomes an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Selection {
    /// The answer of the best path.
    Best,
    /// The answer that most paths give.
    Majority,
    /// The answer whose paths' scores have the largest sum.
    Weighted,
}

/// A strategy and its numbers. What has no effect on a strategy is not in it.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[serde(tag = "name", rename_all = "kebab-case")]
pub enum StrategySpec {
    /// One answer at temperature 0.
    Greedy,
    /// `n` answers, each scored once.
    BestOfN {
        /// Answers.
        n: u32,
        /// What scores them.
        scorer: ScorerName,
        /// How one is chosen.
        select: Selection,
        /// How tokens are drawn.
        temperature: f32,
        /// The source of all randomness.
        seed: u64,
    },
    /// `n` answers and a vote.
    SelfConsistency {
        /// Answers.
        n: u32,
        /// How tokens are drawn.
        temperature: f32,
        /// The source of all randomness.
        seed: u64,
    },
    /// Beam search over steps.
    Beam {
        /// Continuations of a kept path.
        width: u32,
        /// Candidates in a round; `width`² where not given.
        n: Option<u32>,
        /// Steps of a path, at most.
        depth: u32,
        /// Tokens of a step, at most.
        max_step_tokens: u32,
        /// What scores a step.
        scorer: ScorerName,
        /// How the scores of a path's steps become one.
        aggregate: Aggregate,
        /// How a path is chosen.
        select: Selection,
        /// How tokens are drawn.
        temperature: f32,
        /// The source of all randomness.
        seed: u64,
    },
}

impl fmt::Display for StrategySpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Greedy => f.write_str("greedy"),
            Self::BestOfN { n, .. } => write!(f, "best-of-n, n {n}"),
            Self::SelfConsistency { n, .. } => write!(f, "self-consistency, n {n}"),
            Self::Beam { width, n: None, .. } => write!(f, "beam, width {width}"),
            Self::Beam { width, n: Some(n), .. } => write!(f, "beam, width {width}, n {n}"),
        }
    }
}

/// Which problems, from where.
#[derive(Debug, Clone, PartialEq)]
pub struct DatasetSpec {
    /// The layout.
    pub kind: DatasetKind,
    /// The file; none for the built-in problems.
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
    #[error("`--data {}` has no effect on the built-in dataset: give its layout, `--dataset gsm8k` or `--dataset math500`", path.display())]
    DataUnused {
        /// The file.
        path: PathBuf,
    },
    /// Products and weighted votes need scores that are not negative; confidences never are positive.
    #[error(
        "`{flag}` needs scores that are not negative, and those of `--scorer` are log-probabilities: {instead}"
    )]
    NegativeScores {
        /// The flag and its value.
        flag: &'static str,
        /// What to do.
        instead: &'static str,
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

impl StrategySpec {
    /// Checks what the strategy itself cannot: that scores can be used as asked.
    ///
    /// # Errors
    ///
    /// [`ConfigError::NegativeScores`] for products and weighted votes of log-probabilities.
    pub fn check(&self) -> Result<(), ConfigError> {
        let (select, aggregate) = match *self {
            _ if self.scorer() == Some(ScorerName::Prm) => return Ok(()),
            Self::Greedy | Self::SelfConsistency { .. } => return Ok(()),
            Self::BestOfN { select, .. } => (select, Aggregate::Last),
            Self::Beam { select, aggregate, .. } => (select, aggregate),
        };
        if select == Selection::Weighted {
            let instead = "use `--select majority` or `--select best`";
            return Err(ConfigError::NegativeScores { flag: "--select weighted", instead });
        }
        if aggregate == Aggregate::Prod {
            let instead = "use `--aggregate mean`, which ranks as their product's root does";
            return Err(ConfigError::NegativeScores { flag: "--aggregate prod", instead });
        }
        Ok(())
    }

    /// Checks that a process reward model is given if and only if it scores.
    ///
    /// # Errors
    ///
    /// [`ConfigError::NoPrm`] and [`ConfigError::PrmUnused`].
    pub fn check_prm(&self, prm: Option<&Path>) -> Result<(), ConfigError> {
        match (self.scorer(), prm) {
            (Some(ScorerName::Prm), None) => Err(ConfigError::NoPrm),
            (Some(ScorerName::Prm), Some(_)) | (_, None) => Ok(()),
            (_, Some(path)) => Err(ConfigError::PrmUnused { path: path.to_owned() }),
        }
    }
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
    let words = match chat {
        Chat::Template => {
            prompt::chat(dataset.kind, "{question}").into_iter().map(|turn| turn.content).collect()
        }
        Chat::Plain => prompt::plain(dataset.kind, "{question}"),
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
    use super::*;
    use crate::run_info::diff;

    fn beam(aggregate: Aggregate, select: Selection) -> StrategySpec {
        StrategySpec::Beam {
            width: 4,
            n: None,
            depth: 40,
            max_step_tokens: 256,
            scorer: ScorerName::ChosenLogprob,
            aggregate,
            select,
            temperature: 0.8,
            seed: 42,
        }
    }

    #[test]
    fn log_probabilities_are_neither_multiplied_nor_added_as_votes() {
        assert!(beam(Aggregate::Last, Selection::Best).check().is_ok());
        let error = beam(Aggregate::Prod, Selection::Best).check().unwrap_err().to_string();
        assert!(error.starts_with("`--aggregate prod` needs scores that are not negative"));
        assert!(beam(Aggregate::Last, Selection::Weighted).check().is_err());
        assert!(StrategySpec::Greedy.check().is_ok());
    }

    #[test]
    fn scores_of_a_prm_are_multiplied_and_added_as_votes() {
        let best = |scorer| StrategySpec::BestOfN {
            n: 2,
            scorer,
            select: Selection::Weighted,
            temperature: 0.8,
            seed: 1,
        };
        assert!(best(ScorerName::Prm).check().is_ok());
        assert!(best(ScorerName::Entropy).check().is_err());
        let mut beam = beam(Aggregate::Prod, Selection::Weighted);
        if let StrategySpec::Beam { scorer, .. } = &mut beam {
            *scorer = ScorerName::Prm;
        }
        assert!(beam.check().is_ok());
        assert_eq!(serde_json::to_value(beam).unwrap()["scorer"], "prm");
    }

    #[test]
    fn a_prm_is_given_if_and_only_if_it_scores() {
        let mut prm = beam(Aggregate::Last, Selection::Best);
        let path = Path::new("dir");
        assert!(prm.check_prm(None).is_ok() && StrategySpec::Greedy.check_prm(None).is_ok());
        let unused =
            "`--prm dir` has no effect on this strategy: take `--scorer prm` too, or leave it out";
        assert_eq!(prm.check_prm(Some(path)).unwrap_err().to_string(), unused);
        if let StrategySpec::Beam { scorer, .. } = &mut prm {
            *scorer = ScorerName::Prm;
        }
        assert!(prm.check_prm(Some(path)).is_ok());
        let missing = "`--scorer prm` needs a process reward model: give one with `--prm PATH`";
        assert_eq!(prm.check_prm(None).unwrap_err().to_string(), missing);
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
        assert_eq!(spec(DatasetKind::Builtin, None).open().unwrap().items.len(), 3);
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
