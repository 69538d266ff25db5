//! Collections: trajectories of finished runs, graded, as examples to train on.
//!
//! Source: Gou et al. 2023 (ToRA), <https://arxiv.org/abs/2309.17452>, section 2.2: valid trajectories are kept, at
//! most four distinct ones of a problem; what no trajectory has solved is sampled again. Deviation: its second
//! round samples another model, and mends invalid trajectories; here, rounds are runs of whatever is given.

mod file;
mod run;
mod trajectory;
mod unsolved;

use std::collections::{BTreeMap, BTreeSet};
use std::num::NonZeroU32;
use std::path::PathBuf;

use serde::Serialize;

pub use file::CollectedFile;
pub use run::FinishedRun;
pub use trajectory::{Counts, Segment, Trajectory, Voice};
pub use unsolved::{check_unsolved, unsolved_rows};

use crate::dataset::{DatasetError, DatasetKind};
use crate::source::SourceError;
use crate::status::Status;
use crate::store::StoreError;

/// Which trajectories are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Keep {
    /// The right ones that make no output of a tool up.
    Right,
    /// All.
    All,
}

/// Why nothing was collected.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CollectError {
    /// A run cannot be read.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A run's gold answers are missing.
    #[error(transparent)]
    Source(#[from] SourceError),
    /// The rows of a dataset cannot be read.
    #[error(transparent)]
    Dataset(#[from] DatasetError),
    /// A run has problems left.
    #[error(
        "`{}` is not finished: {done} of its {problems} problems are; go on with it, `--resume {}`",
        dir.display(), dir.display()
    )]
    Unfinished {
        /// The run.
        dir: PathBuf,
        /// Problems that are done.
        done: usize,
        /// Its problems.
        problems: u64,
    },
    /// A run has no trace of a problem.
    #[error(
        "`{}` has no trace of problem `{id}`: a trajectory is read from the run's folder `traces`; bring it back, \
         or leave the run out",
        dir.display()
    )]
    NoTrace {
        /// The run.
        dir: PathBuf,
        /// The problem.
        id: String,
    },
    /// A field of `run.json` is missing or of another version.
    #[error("`{}/run.json` does not say `{field}`; it is of another version", dir.display())]
    Damaged {
        /// The run.
        dir: PathBuf,
        /// The field.
        field: &'static str,
    },
    /// A run asked with prompts of its own.
    #[error(
        "`{}` is a run of `{strategy}`, which asks with prompts of its own: its paths are not what the policy read; \
         leave it out",
        dir.display()
    )]
    Prompted {
        /// The run.
        dir: PathBuf,
        /// Its strategy.
        strategy: String,
    },
    /// A run does not hold its prompts.
    #[error(
        "`{}` does not hold the text of its prompts, for it is of an earlier version: give its model with `--model \
         PATH`, whose chat template is then used",
        dir.display()
    )]
    NoPrompt {
        /// The run.
        dir: PathBuf,
    },
    /// A prompt could not be rendered.
    #[error("problem `{id}` could not be put to the model: {reason}")]
    Render {
        /// The problem.
        id: String,
        /// Why not.
        reason: String,
    },
    /// A run, or what was collected before, is of another dataset.
    #[error("{whose} is of the dataset `{}`, and `{}` is of `{}`: collect each by itself", kind.name(), dir.display(), other.name())]
    Mixed {
        /// What it is compared with.
        whose: String,
        /// Its dataset.
        kind: DatasetKind,
        /// The run.
        dir: PathBuf,
        /// The run's dataset.
        other: DatasetKind,
    },
    /// A line of what was collected before cannot be read.
    #[error("`{}` line {line} is no trajectory: {problem}; mend or remove the line", path.display())]
    Line {
        /// The file.
        path: PathBuf,
        /// Line number, from 1.
        line: usize,
        /// What is wrong.
        problem: String,
    },
    /// A file is there that would be overwritten.
    #[error("`{}` is there already: {instead}", path.display())]
    Exists {
        /// The file.
        path: PathBuf,
        /// What to do.
        instead: &'static str,
    },
    /// A file cannot be read or written; what was there before is as it was.
    #[error("cannot {verb} `{}`", path.display())]
    File {
        /// `read` or `write`.
        verb: &'static str,
        /// The file.
        path: PathBuf,
        /// Why not.
        source: std::io::Error,
    },
    /// The dataset has no file whose rows could be written.
    #[error(
        "the built-in word problems have no file that `eval --data` reads: leave `--unsolved` out, or run a dataset \
         in a file"
    )]
    NoFile,
    /// Two files of the Game of 24 have different columns.
    #[error("`{}` has other columns than the files before it: write the unsolved rows of each run by itself", path.display())]
    Columns {
        /// The file.
        path: PathBuf,
    },
}

/// What to collect.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Choice {
    /// Which trajectories.
    pub keep: Keep,
    /// Distinct ones of a problem, at most, those collected before among them; `None` for all.
    pub most: Option<NonZeroU32>,
}

/// What there was, in numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct Tally {
    /// Problems of the runs.
    pub problems: u64,
    /// Searches that failed, which have no trajectory.
    pub failed: u64,
    /// Finished trajectories, duplicates among them.
    pub trajectories: u64,
    /// Those of them that are right.
    pub right: u64,
    /// Those that are right, and make an output of a tool up.
    pub forged: u64,
    /// Those that are new in the collection.
    pub kept: u64,
    /// Problems of the runs that no trajectory has right, counting what was collected before.
    pub unsolved: u64,
}

/// What was collected.
#[derive(Debug, Clone, PartialEq)]
pub struct Collection {
    /// The new trajectories, run by run, problem by problem.
    pub new: Vec<Trajectory>,
    /// What there was.
    pub tally: Tally,
    /// The content hashes of the questions that no trajectory has right.
    pub unsolved: BTreeSet<u64>,
}

/// Collects the trajectories of finished runs: every path that ends with an answer, graded anew.
///
/// A problem is known by its question, so that rounds on parts of a dataset go together. Trajectories of one problem
/// with the same text count once, also where one is in `already`.
///
/// # Errors
///
/// [`CollectError`], before anything is written.
///
/// # Complexity
///
/// Linear in the traces; each is read once.
pub fn collect(
    runs: &[FinishedRun],
    already: &[Trajectory],
    choice: Choice,
) -> Result<Collection, CollectError> {
    let mut seen: BTreeMap<u64, BTreeSet<String>> = BTreeMap::new();
    let mut solved = BTreeSet::new();
    for one in already {
        seen.entry(one.hash).or_default().insert(one.text());
        solved.extend(one.is_sound().then_some(one.hash));
    }
    let (mut new, mut tally) = (Vec::new(), Tally::default());
    let mut problems = BTreeSet::new();
    for run in runs {
        for record in &run.records {
            problems.insert(record.hash);
            if record.error.is_some() {
                tally.failed += 1;
                continue;
            }
            for one in run.trajectories(record)? {
                let right = one.verdict == Status::Right;
                tally.trajectories += 1;
                tally.right += u64::from(right);
                tally.forged += u64::from(right && one.forged);
                solved.extend(one.is_sound().then_some(one.hash));
                let known = seen.entry(one.hash).or_default();
                let full = choice.most.is_some_and(|most| known.len() >= most.get() as usize);
                let wanted = choice.keep == Keep::All || one.is_sound();
                if wanted && !full && known.insert(one.text()) {
                    new.push(one);
                }
            }
        }
    }
    tally.problems = problems.len() as u64;
    tally.kept = new.len() as u64;
    let unsolved: BTreeSet<u64> = problems.difference(&solved).copied().collect();
    tally.unsolved = unsolved.len() as u64;
    Ok(Collection { new, tally, unsolved })
}

#[cfg(test)]
mod tests;
