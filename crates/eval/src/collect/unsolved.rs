//! Unsolved rows: the part of a dataset that the next round samples.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use super::file::{file_error, write};
use super::{CollectError, FinishedRun};
use crate::dataset::{Dataset, DatasetKind};

/// Writes the rows of these questions, by their content hashes, as they stand in the files of the runs' dataset;
/// each question once. The file is a dataset of the same layout.
///
/// The Game of 24 without a file is written as its list is.
///
/// # Errors
///
/// Those of reading and writing; [`CollectError::Columns`] where two files of puzzles differ in their columns.
pub fn unsolved_rows(
    runs: &[FinishedRun],
    unsolved: &BTreeSet<u64>,
    path: &Path,
) -> Result<(), CollectError> {
    let (mut rows, mut missing) = (String::new(), unsolved.clone());
    let mut read = BTreeSet::new();
    for run in runs.iter().filter(|run| read.insert(run.data.clone())) {
        match &run.data {
            None => puzzles(&mut rows, &mut missing)?,
            Some(data) => copy(run.kind, data, &mut rows, &mut missing)?,
        }
    }
    write(path, rows.as_bytes())
}

/// Checks that the rows can be written, before anything is collected.
///
/// # Errors
///
/// [`CollectError::Exists`] where the file is there, [`CollectError::NoFile`] for the built-in word problems.
pub fn check_unsolved(runs: &[FinishedRun], path: &Path) -> Result<(), CollectError> {
    if path.exists() {
        let instead = "a dataset is not overwritten; name another";
        return Err(CollectError::Exists { path: path.to_owned(), instead });
    }
    let built_in = runs.iter().any(|run| run.kind == DatasetKind::Builtin);
    if built_in { Err(CollectError::NoFile) } else { Ok(()) }
}

/// Copies rows from a dataset's file. A header goes first.
fn copy(
    kind: DatasetKind,
    data: &Path,
    rows: &mut String,
    missing: &mut BTreeSet<u64>,
) -> Result<(), CollectError> {
    let text = fs::read_to_string(data).map_err(|source| file_error("read", data, source))?;
    let mut lines = text.lines().filter(|line| !line.trim().is_empty());
    let header = match kind {
        DatasetKind::Game24 => lines.next().map_or_else(String::new, |line| format!("{line}\n")),
        _ => String::new(),
    };
    begin(rows, &header, data)?;
    for line in lines {
        let one = Dataset::parse(kind, data, &format!("{header}{line}"))?;
        if one.items.iter().any(|item| missing.remove(&item.problem.hash)) {
            rows.push_str(line);
            rows.push('\n');
        }
    }
    Ok(())
}

/// The built-in test puzzles of the Game of 24, in the layout of its list.
fn puzzles(rows: &mut String, missing: &mut BTreeSet<u64>) -> Result<(), CollectError> {
    begin(rows, "Puzzles\n", Path::new("the built-in puzzles"))?;
    for item in Dataset::game24().items {
        if missing.remove(&item.problem.hash) {
            let numbers = item.problem.question.rsplit(" with ").next().unwrap_or_default();
            let _ = writeln!(rows, "{numbers}");
        }
    }
    Ok(())
}

/// Puts the header first, or checks that it is the same.
fn begin(rows: &mut String, header: &str, path: &Path) -> Result<(), CollectError> {
    if rows.is_empty() {
        rows.push_str(header);
    }
    let same = rows.starts_with(header);
    if same { Ok(()) } else { Err(CollectError::Columns { path: path.to_owned() }) }
}
