//! Runs to learn from: the same problems and first answers, and each run another option.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use espalier_core::{Event, Prompt, TokenId};
use espalier_search::{difficulty::mean_score, trace};
use serde_json::Value;

use super::{Example, Tried};
use crate::plan::SCORER;
use crate::record::Record;
use crate::run_info::{FieldDiff, RunInfo, diff};
use crate::spec::{Bin, StrategySpec, Then};
use crate::store::{StoreError, damaged, read_events, read_run};

/// Why nothing can be learned from runs.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LearningError {
    /// A run cannot be read.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A run is of another strategy, or of several bins.
    #[error("`{}` is no run of `compute-optimal --then OPTION`: give runs of that, each with another option", dir.display())]
    NoOption {
        /// The run.
        dir: PathBuf,
    },
    /// Runs differ in more than their option.
    #[error("`{}` and `{}` differ in more than their option ({}): give runs that are otherwise alike", first.display(), dir.display(), list(diff))]
    Differ {
        /// The first run.
        first: PathBuf,
        /// Another.
        dir: PathBuf,
        /// What differs.
        diff: Vec<FieldDiff>,
    },
    /// Two runs are of one option.
    #[error("`{}` goes on with `{then}` as a run before it does: give one run of each option", dir.display())]
    Twice {
        /// The run.
        dir: PathBuf,
        /// The option.
        then: Then,
    },
    /// A run is not over, or some of its searches failed.
    #[error("`{}` has a result for {done} of its {problems} problems: go on with `--resume {}`", dir.display(), dir.display())]
    Unfinished {
        /// The run.
        dir: PathBuf,
        /// Problems with a result.
        done: usize,
        /// Problems.
        problems: u64,
    },
    /// The budget has cut the first answers.
    #[error(
        "the budget of `{}` leaves `{id}` {found} of {first} first answers: give more, or bound answers by `--max-tokens`", dir.display()
    )]
    Cut {
        /// The run.
        dir: PathBuf,
        /// The problem.
        id: String,
        /// First answers that there are.
        found: usize,
        /// First answers that were wanted.
        first: u32,
    },
    /// First answers are not the same.
    #[error("`{id}` has other first answers in `{}` than in the first run: make both anew, on one machine", dir.display())]
    Answers {
        /// The problem.
        id: String,
        /// The run.
        dir: PathBuf,
    },
}

fn list(diff: &[FieldDiff]) -> String {
    diff.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
}

/// What several options did with the same problems.
#[derive(Debug, Clone)]
pub struct OptionRuns {
    /// What was run: `run.json`'s, the option aside.
    pub generation: Value,
    /// Content hashes of the problems, in hexadecimal.
    pub problems: Vec<String>,
    /// The problems, in the same order.
    pub examples: Vec<Example>,
    /// Their first answers.
    answers: Vec<Vec<Vec<TokenId>>>,
}

impl OptionRuns {
    /// Reads finished runs of `compute-optimal --then OPTION`, one or more. First answers come from their
    /// traces, and their scores from the first run's: those of others are the same but for the last bits of
    /// the model's sums.
    ///
    /// # Errors
    ///
    /// [`LearningError`] where a run cannot be used, or differs from the first in more than its option.
    pub fn read(dirs: &[PathBuf]) -> Result<Self, LearningError> {
        let (problems, examples, answers) = (Vec::new(), Vec::new(), Vec::new());
        let mut all = Self { generation: Value::Null, problems, examples, answers };
        let mut grading = Value::Null;
        for (index, dir) in dirs.iter().enumerate() {
            let (info, records) = read_run(dir)?;
            let (first, then, generation) = option(dir, &info)?;
            let differ = |diff: Vec<FieldDiff>| LearningError::Differ {
                first: dirs[0].clone(),
                dir: dir.clone(),
                diff,
            };
            if index == 0 {
                (all.generation, grading) = (generation, info.grading);
            } else {
                let more = diff(&grading, &info.grading);
                let diff = [diff(&all.generation, &generation), more].concat();
                if !diff.is_empty() {
                    return Err(differ(diff));
                }
            }
            let records = finished(dir, &all.generation, &records)?;
            if index == 0 {
                all.problems = records.values().map(|one| format!("{:016x}", one.hash)).collect();
            }
            all.add(dir, then, first, &records)?;
        }
        Ok(all)
    }

    /// Adds what one option did.
    fn add(
        &mut self,
        dir: &Path,
        then: Then,
        first: u32,
        records: &BTreeMap<&str, &Record>,
    ) -> Result<(), LearningError> {
        let known = self.examples.first();
        if known.is_some_and(|one| one.tried.iter().any(|one| one.then == then)) {
            return Err(LearningError::Twice { dir: dir.to_owned(), then });
        }
        let is_first = known.is_none();
        for (index, record) in records.values().enumerate() {
            let (mean_score, answers) = first_answers(dir, record, first)?;
            if is_first {
                self.examples.push(Example { mean_score, tried: Vec::new() });
                self.answers.push(answers);
            } else if self.answers[index] != answers {
                let (id, dir) = (record.id.clone(), dir.to_owned());
                return Err(LearningError::Answers { id, dir });
            }
            let (right, computed) = (record.correct == Some(true), record.spend.computed);
            self.examples[index].tried.push(Tried { then, right: right.into(), computed });
        }
        Ok(())
    }
}

/// How many first answers a run has, what goes on in it, and all else that it is.
fn option(dir: &Path, info: &RunInfo) -> Result<(u32, Then, Value), LearningError> {
    let mut generation = info.generation.clone();
    let strategy = serde_json::from_value(generation["strategy"].clone()).ok();
    let Some(StrategySpec::ComputeOptimal { first, table, .. }) = strategy else {
        return Err(LearningError::NoOption { dir: dir.to_owned() });
    };
    let &[Bin { below: None, then }] = &table[..] else {
        return Err(LearningError::NoOption { dir: dir.to_owned() });
    };
    generation["strategy"]["table"].take();
    Ok((first, then, generation))
}

/// The records of a run that has one of every problem, by problem.
fn finished<'a>(
    dir: &Path,
    generation: &Value,
    records: &'a [Record],
) -> Result<BTreeMap<&'a str, &'a Record>, LearningError> {
    let problems = generation["dataset"]["problems"].as_u64().unwrap_or_default();
    let done = records.iter().filter(|record| record.is_finished());
    let done: BTreeMap<&str, &Record> = done.map(|record| (&*record.id, record)).collect();
    if done.is_empty() || done.len() as u64 != problems {
        return Err(LearningError::Unfinished { dir: dir.to_owned(), done: done.len(), problems });
    }
    Ok(done)
}

/// The mean score of a problem's first answers, and their tokens, from its trace.
fn first_answers(
    dir: &Path,
    record: &Record,
    first: u32,
) -> Result<(Option<f64>, Vec<Vec<TokenId>>), LearningError> {
    let events = read_events(dir, record)?;
    let mut rounds =
        events.iter().enumerate().filter(|(_, one)| matches!(one, Event::Round { .. }));
    let end = rounds.nth(1).map_or(events.len(), |(index, _)| index);
    let prompt = Prompt { problem: String::new(), tokens: [].into() };
    // Nothing grows here, so that paths need no bound.
    let tree = trace::replay(Arc::new(prompt), u64::MAX, &events[..end])
        .map_err(|source| damaged(dir, record, source))?;
    let found = tree.len() - 1;
    if found < first as usize {
        let (dir, id) = (dir.to_owned(), record.id.clone());
        return Err(LearningError::Cut { dir, id, found, first });
    }
    Ok((mean_score(&tree, SCORER), tree.ids().skip(1).map(|id| tree.tokens(id)).collect()))
}
