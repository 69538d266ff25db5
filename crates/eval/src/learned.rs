//! Learned tables: what goes on for problems of each difficulty, and from which runs that was learned.

use std::io;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::dataset::Dataset;
use crate::learning::{LearnedBin, OptionRuns, learn};
use crate::run_info::{FieldDiff, diff};
use crate::spec::Bin;
use crate::table::{align, human, percent};

/// Why a table cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TableError {
    /// The file cannot be read.
    #[error("cannot read `{}`: {source}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// The file holds no table.
    #[error("`{}` holds no table: {problem}; `espalier table` makes one", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        problem: String,
    },
    /// It would be judged on what it was learned on.
    #[error(
        "the table was learned on {shared} of these {problems} problems: search others, with `--rows`, or learn it on others"
    )]
    SameProblems {
        /// Problems that it was learned on.
        shared: usize,
        /// Problems to search.
        problems: usize,
    },
    /// Its bounds are of other scores.
    #[error("the table was learned otherwise ({}): search as it was learned, or learn another", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))]
    Otherwise(Vec<FieldDiff>),
}

/// A table, as its file holds it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LearnedTable {
    /// The bins, and what each was chosen by.
    pub bins: Vec<LearnedBin>,
    /// What was run: `run.json`'s, the option aside.
    pub generation: Value,
    /// Content hashes of the problems it was learned on, in hexadecimal.
    pub problems: Vec<String>,
}

impl LearnedTable {
    /// Learns a table of at most so many bins.
    #[must_use]
    pub fn learn(runs: OptionRuns, bins: NonZeroUsize) -> Self {
        let OptionRuns { generation, problems, examples, .. } = runs;
        Self { bins: learn(&examples, bins), generation, problems }
    }

    /// Reads a table.
    ///
    /// # Errors
    ///
    /// [`TableError::Read`] and [`TableError::Damaged`].
    pub fn read(path: &Path) -> Result<Self, TableError> {
        let path = path.to_owned();
        let text = match std::fs::read(&path) {
            Ok(text) => text,
            Err(source) => return Err(TableError::Read { path, source }),
        };
        let damaged =
            |error: serde_json::Error| TableError::Damaged { path, problem: error.to_string() };
        serde_json::from_slice(&text).map_err(damaged)
    }

    /// The bins as a strategy has them.
    #[must_use]
    pub fn bins(&self) -> Vec<Bin> {
        self.bins.iter().map(|one| one.bin).collect()
    }

    /// Checks that a run can be judged by this table: that it searches other problems, and that the mean
    /// scores of its first answers mean the same. `generation` is what is to be run.
    ///
    /// # Errors
    ///
    /// [`TableError::SameProblems`] and [`TableError::Otherwise`].
    pub fn check(&self, generation: &Value, dataset: &Dataset) -> Result<(), TableError> {
        let diff = diff(&scoring(&self.generation), &scoring(generation));
        if !diff.is_empty() {
            return Err(TableError::Otherwise(diff));
        }
        let known = |hash: u64| self.problems.contains(&format!("{hash:016x}"));
        let shared = dataset.items.iter().filter(|item| known(item.problem.hash)).count();
        if shared > 0 {
            return Err(TableError::SameProblems { shared, problems: dataset.items.len() });
        }
        Ok(())
    }

    /// Bins and options as a table: accuracy and mean computed tokens, the chosen ones marked.
    #[must_use]
    pub fn text(&self) -> String {
        let options = self.bins.iter().flat_map(|bin| bin.tried.iter().map(|one| one.then));
        let options: Vec<_> =
            options.take(self.bins.first().map_or(0, |bin| bin.tried.len())).collect();
        let head = ["mean score".to_owned(), "problems".to_owned()].into_iter();
        let mut rows: Vec<Vec<String>> =
            vec![head.chain(options.iter().map(ToString::to_string)).collect()];
        let (mut right, mut computed, mut problems) = (0, 0, 0);
        for LearnedBin { bin, problems: n, tried } in &self.bins {
            let below = |bound| format!("below {bound:.3}");
            let name = bin.below.map_or_else(|| "others".to_owned(), below);
            let cell = |one: &crate::learning::Tried| {
                let mark = if one.then == bin.then { "* " } else { "" };
                let share = |sum: u64| sum as f64 / *n as f64;
                format!("{mark}{}, {}", percent(share(one.right)), human(share(one.computed)))
            };
            rows.push([name, n.to_string()].into_iter().chain(tried.iter().map(cell)).collect());
            problems += n;
            for one in tried.iter().filter(|one| one.then == bin.then) {
                (right, computed) = (right + one.right, computed + one.computed);
            }
        }
        let share = |sum: u64| sum as f64 / problems.max(1) as f64;
        format!(
            "{}\naccuracy and computed tokens a problem; * marks what goes on\nby the table: {}, {} on the \
             problems it was learned on, which flatter it; judge it on others\n",
            align(&rows),
            percent(share(right)),
            human(share(computed))
        )
    }
}

/// What mean scores of first answers depend on, the problems aside.
fn scoring(generation: &Value) -> Value {
    let strategy = &generation["strategy"];
    json!({
        "first": strategy["first"],
        "scorer": strategy["scorer"],
        "temperature": strategy["temperature"],
        "model": generation["model"]["sha256"],
        "prm": generation["prm"]["sha256"],
    })
}

#[cfg(test)]
mod tests;
