//! Sources: where the gold answers of a run that is over are to be found.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use espalier_core::Answer;
use serde_json::Value;

use crate::config::DatasetSpec;
use crate::dataset::{Dataset, DatasetKind};
use crate::grade::{Verdict, grade_item};
use crate::problem::Item;
use crate::record::Record;
use crate::run_info::RunInfo;

/// Why there are no gold answers.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SourceError {
    /// The run does not say which dataset it is of.
    #[error(
        "`run.json` names no dataset that this version knows: `{kind}`; use the version that made it"
    )]
    Kind {
        /// What it says.
        kind: String,
    },
    /// The dataset is in a file, and nobody says where.
    #[error("the run does not say where its dataset `{}` is: give the file with `--data FILE`", kind.name())]
    NoData {
        /// The layout.
        kind: DatasetKind,
    },
    /// The file cannot be used.
    #[error("cannot use the run's dataset{}: give the file with `--data FILE`", named(path.as_deref()))]
    Dataset {
        /// The file; none where the dataset is built in.
        path: Option<PathBuf>,
        /// Why not.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// A problem of the run is not in the dataset, or is another one.
    #[error(
        "problem `{id}` of the run is not in the dataset, or is worded otherwise there: give the file that was searched, with `--data FILE`"
    )]
    Missing {
        /// The problem.
        id: String,
    },
}

fn named(path: Option<&Path>) -> String {
    path.map_or_else(String::new, |path| format!(" `{}`", path.display()))
}

/// The items of a run's dataset, by id.
#[derive(Debug)]
pub struct Source {
    /// The dataset's layout.
    pub kind: DatasetKind,
    items: BTreeMap<String, Item>,
}

impl Source {
    /// Opens the dataset of a run: `data` where given, else the file the run names, else what is built in.
    ///
    /// # Errors
    ///
    /// [`SourceError`], which says what to give.
    pub fn open(info: &RunInfo, data: Option<&Path>) -> Result<Self, SourceError> {
        let kind = kind(info)?;
        let named = info.runtime["data"].as_str().map(PathBuf::from);
        let path = data.map(Path::to_owned).or(named);
        let built_in = matches!(kind, DatasetKind::Builtin | DatasetKind::Game24);
        if path.is_none() && !built_in {
            return Err(SourceError::NoData { kind });
        }
        let spec = DatasetSpec { kind, path: path.clone(), rows: None, limit: None };
        let dataset: Dataset =
            spec.open().map_err(|source| SourceError::Dataset { path, source })?;
        let items = dataset.items.into_iter().map(|item| (item.problem.id.clone(), item)).collect();
        Ok(Self { kind, items })
    }

    /// The item of a record: the same id and the same question.
    ///
    /// # Errors
    ///
    /// [`SourceError::Missing`].
    pub fn item(&self, record: &Record) -> Result<&Item, SourceError> {
        let item = self.items.get(&record.id).filter(|item| item.problem.hash == record.hash);
        item.ok_or_else(|| SourceError::Missing { id: record.id.clone() })
    }

    /// The item of a record's question: that of the same id where there is one, otherwise any that asks the same, as
    /// where rows of the dataset were searched by themselves.
    ///
    /// # Errors
    ///
    /// [`SourceError::Missing`].
    pub fn question(&self, record: &Record) -> Result<&Item, SourceError> {
        let same = || self.items.values().find(|item| item.problem.hash == record.hash);
        self.item(record).or_else(|error| same().ok_or(error))
    }

    /// What the grader says of any answer to a record's problem; `None` where the problem is missing, and of functions
    /// other than the record's own, for nothing is run here.
    #[must_use]
    pub fn grade(&self, record: &Record, answer: &Answer) -> Option<Verdict> {
        if self.kind.is_run() {
            return record.verdict.filter(|_| record.answer.as_ref() == Some(&answer.0));
        }
        self.item(record).ok().map(|item| grade_item(self.kind, item, answer))
    }
}

/// The layout of the dataset that a run searched.
///
/// # Errors
///
/// [`SourceError::Kind`].
pub fn kind(info: &RunInfo) -> Result<DatasetKind, SourceError> {
    let kind: &Value = &info.generation["dataset"]["kind"];
    serde_json::from_value(kind.clone()).map_err(|_| SourceError::Kind { kind: kind.to_string() })
}
