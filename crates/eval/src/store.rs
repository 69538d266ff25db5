//! Run directories: what was run, what came of it, and where to go on.
//!
//! `run.json` says exactly what was run; `records.jsonl` has a line for every problem done, on disk
//! before it counts; `traces/` has a trace for each; `summary.json` is made from the records and can be
//! made again; `lock` keeps a second process out.

mod traces;

use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use espalier_core::Event;
use espalier_search::BadTrace;
use serde::Serialize;
use serde_json::Value;

use crate::log::{self, Log, OpenError};
use crate::record::Record;
use crate::run_info::{FORMAT, FieldDiff, RunInfo, diff};

use crate::summary::Summary;
pub(crate) use traces::damaged;
use traces::trace_name;
pub use traces::{read_chronicle, read_events};

const RUN: &str = "run.json";
const RECORDS: &str = "records.jsonl";
const SUMMARY: &str = "summary.json";
const TRACES: &str = "traces";
const LOCK: &str = "lock";

/// Why a run directory cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// A new run was to be made where there is one.
    #[error("`{}` already holds a run: resume it with `--resume {}`, or choose another directory", dir.display(), dir.display())]
    Exists {
        /// The directory.
        dir: PathBuf,
    },
    /// There is no run to resume.
    #[error("`{}` holds no run: it has no `run.json`", dir.display())]
    Missing {
        /// The directory.
        dir: PathBuf,
    },
    /// Another process has the directory.
    #[error("`{}` is in use by process {holder}: wait for it, or stop it", dir.display())]
    Locked {
        /// The directory.
        dir: PathBuf,
        /// Its process id, as it wrote it.
        holder: String,
    },
    /// The run was made with another configuration.
    #[error("`{}` was run with another configuration: {}", dir.display(), list(diff))]
    Differs {
        /// The directory.
        dir: PathBuf,
        /// What differs.
        diff: Vec<FieldDiff>,
    },
    /// A file of the run cannot be understood.
    #[error("`{}` line {line} is damaged: {problem}; remove the line to run its problem again", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// Line number, from 1.
        line: usize,
        /// What is wrong.
        problem: String,
    },
    /// The directory was written by a version with another layout.
    #[error("`{}` has layout {found}, and this version reads layout {FORMAT}: use the version that made it", dir.display())]
    Format {
        /// The directory.
        dir: PathBuf,
        /// Its layout.
        found: u32,
    },
    /// A file cannot be read.
    #[error("cannot read `{}`", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// A trace cannot be understood.
    #[error(
        "trace `{}` is of no use: {problem}; to make it anew, remove the line of problem `{id}` from `{RECORDS}` and go on \
         with `--resume`", path.display(), problem = chain(source)
    )]
    Trace {
        /// The file.
        path: PathBuf,
        /// The problem.
        id: String,
        /// What is wrong.
        source: BadTrace,
    },
    /// A file cannot be written: a full disk, most often.
    #[error(
        "cannot write `{}`: what was finished before is safe; make room and go on with `--resume {}`",
        path.display(), dir.display()
    )]
    Write {
        /// The file.
        path: PathBuf,
        /// The run's directory.
        dir: PathBuf,
        /// Why not.
        source: io::Error,
    },
}

/// An error and its cause on one line.
fn chain(error: &BadTrace) -> String {
    let cause = std::error::Error::source(error).map(|cause| format!(" ({cause})"));
    format!("{error}{}", cause.unwrap_or_default())
}

fn list(diff: &[FieldDiff]) -> String {
    diff.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
}

/// A run directory, open for this process alone.
#[derive(Debug)]
pub struct Store {
    dir: PathBuf,
    info: RunInfo,
    log: Log<File>,
    done: Latest,
    _lock: File,
}

/// The latest record of each problem, in the order problems were first recorded.
#[derive(Debug, Default)]
struct Latest {
    records: Vec<Record>,
    index: BTreeMap<String, usize>,
}

impl Latest {
    fn keep(&mut self, record: Record) {
        if let Some(&index) = self.index.get(&record.id) {
            self.records[index] = record;
        } else {
            self.index.insert(record.id.clone(), self.records.len());
            self.records.push(record);
        }
    }
}

impl FromIterator<Record> for Latest {
    fn from_iter<I: IntoIterator<Item = Record>>(records: I) -> Self {
        let mut latest = Self::default();
        for record in records {
            latest.keep(record);
        }
        latest
    }
}

impl Store {
    /// Makes a run directory.
    ///
    /// # Errors
    ///
    /// [`StoreError::Exists`] where there is a run already; otherwise what the file system says.
    pub fn create(dir: &Path, info: RunInfo) -> Result<Self, StoreError> {
        let write = |path: PathBuf| move |source| write_error(dir, path, source);
        fs::create_dir_all(dir.join(TRACES)).map_err(write(dir.join(TRACES)))?;
        let lock = lock(dir)?;
        if dir.join(RUN).exists() {
            return Err(StoreError::Exists { dir: dir.to_owned() });
        }
        let text = to_json(&info).map_err(write(dir.join(RUN)))?;
        write_whole(dir, &dir.join(RUN), &text).map_err(write(dir.join(RUN)))?;
        Self::open(dir, info, lock)
    }

    /// Opens a run directory to go on with it.
    ///
    /// # Errors
    ///
    /// [`StoreError::Differs`] where `info` would generate something else than the run did.
    pub fn resume(dir: &Path, info: &RunInfo) -> Result<Self, StoreError> {
        let was = read_info(dir)?;
        let diff = diff(&was.generation, &info.generation);
        if !diff.is_empty() {
            return Err(StoreError::Differs { dir: dir.to_owned(), diff });
        }
        let lock = lock(dir)?;
        Self::open(dir, was, lock)
    }

    fn open(dir: &Path, info: RunInfo, lock: File) -> Result<Self, StoreError> {
        let path = dir.join(RECORDS);
        let (log, lines) = Log::open(&path).map_err(|error| open_error(path, error))?;
        let done = lines.into_iter().collect();
        Ok(Self { dir: dir.to_owned(), info, log, done, _lock: lock })
    }

    /// The directory.
    #[must_use]
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// What was run, as the run's first process wrote it.
    #[must_use]
    pub fn info(&self) -> &RunInfo {
        &self.info
    }

    /// The latest record of each problem, in the order problems were first recorded.
    #[must_use]
    pub fn records(&self) -> &[Record] {
        &self.done.records
    }

    /// The latest record of a problem.
    #[must_use]
    pub fn record(&self, id: &str) -> Option<&Record> {
        self.done.index.get(id).map(|&index| &self.done.records[index])
    }

    /// Returns true if and only if a problem is done: failed and interrupted ones are tried again.
    #[must_use]
    pub fn is_finished(&self, id: &str) -> bool {
        self.record(id).is_some_and(Record::is_finished)
    }

    /// Records a problem. When this returns, the record is on disk.
    ///
    /// # Errors
    ///
    /// [`StoreError::Write`]. The record is kept in memory all the same, and [`Self::flush`] or the next
    /// call tries again to write it.
    pub fn append(&mut self, record: Record) -> Result<(), StoreError> {
        let path = self.dir.join(RECORDS);
        let line = serde_json::to_string(&record);
        self.done.keep(record);
        line.map_err(io::Error::from)
            .and_then(|line| self.log.append(line))
            .map_err(|source| write_error(&self.dir, path, source))
    }

    /// Tries again to write records that could not be written.
    ///
    /// # Errors
    ///
    /// As [`Self::append`].
    pub fn flush(&mut self) -> Result<(), StoreError> {
        let path = self.dir.join(RECORDS);
        self.log.flush().map_err(|source| write_error(&self.dir, path, source))
    }

    /// Changes every record and who graded them: all of it, or none. Each problem's latest record stays.
    ///
    /// # Errors
    ///
    /// The first of `change`; [`StoreError::Locked`] where another process has the directory,
    /// [`StoreError::Write`], and those of reading it.
    pub fn regrade<E: From<StoreError>>(
        dir: &Path,
        grading: Value,
        change: impl FnMut(&mut Record) -> Result<(), E>,
    ) -> Result<Self, E> {
        let mut info = read_info(dir)?;
        let lock = lock(dir)?;
        let (_, mut records) = read_run(dir)?;
        records.iter_mut().try_for_each(change)?;
        let path = dir.join(RECORDS);
        let mut text = Vec::new();
        for record in &records {
            let line = serde_json::to_writer(&mut text, record).map_err(io::Error::from);
            line.map_err(|source| write_error(dir, path.clone(), source))?;
            text.push(b'\n');
        }
        write_whole(dir, &path, &text).map_err(|source| write_error(dir, path, source))?;
        info.grading = grading;
        let path = dir.join(RUN);
        to_json(&info)
            .and_then(|text| write_whole(dir, &path, &text))
            .map_err(|source| write_error(dir, path, source))?;
        Ok(Self::open(dir, info, lock)?)
    }

    /// The summary that was written last; `None` where there is none that can be read.
    #[must_use]
    pub fn summary(&self) -> Option<Summary> {
        serde_json::from_slice(&fs::read(self.dir.join(SUMMARY)).ok()?).ok()
    }

    /// Writes `summary.json`: all of it, or none.
    ///
    /// # Errors
    ///
    /// [`StoreError::Write`].
    pub fn write_summary(&self, summary: &impl Serialize) -> Result<PathBuf, StoreError> {
        let path = self.dir.join(SUMMARY);
        to_json(summary)
            .and_then(|text| write_whole(&self.dir, &path, &text))
            .map_err(|source| write_error(&self.dir, path.clone(), source))?;
        Ok(path)
    }

    /// Writes the trace of a problem, one event a line: all of it, or none. Returns where.
    ///
    /// # Errors
    ///
    /// [`StoreError::Write`].
    pub fn write_trace(
        &self,
        id: &str,
        hash: u64,
        events: &[Event],
    ) -> Result<PathBuf, StoreError> {
        let traces = self.dir.join(TRACES);
        let path = traces.join(trace_name(id, hash));
        let lines = || -> io::Result<Vec<u8>> {
            let mut text = Vec::new();
            for event in events {
                serde_json::to_writer(&mut text, event)?;
                text.push(b'\n');
            }
            Ok(text)
        };
        lines()
            .and_then(|text| write_whole(&traces, &path, &text))
            .map_err(|source| write_error(&self.dir, path.clone(), source))?;
        Ok(path)
    }
}

/// Reads a run directory that another process may be writing to; locks nothing, repairs nothing.
///
/// # Errors
///
/// [`StoreError`] where it holds no run, or a damaged one.
pub fn read_run(dir: &Path) -> Result<(RunInfo, Vec<Record>), StoreError> {
    let info = read_info(dir)?;
    let path = dir.join(RECORDS);
    let bytes =
        fs::read(&path).map_err(|source| StoreError::Read { path: path.clone(), source })?;
    let (lines, _) = log::parse::<Record>(&bytes).map_err(|error| open_error(path, error))?;
    let done: Latest = lines.into_iter().collect();
    Ok((info, done.records))
}

fn read_info(dir: &Path) -> Result<RunInfo, StoreError> {
    let path = dir.join(RUN);
    let text = fs::read(&path).map_err(|source| match source.kind() {
        io::ErrorKind::NotFound => StoreError::Missing { dir: dir.to_owned() },
        _ => StoreError::Read { path: path.clone(), source },
    })?;
    let info: RunInfo = serde_json::from_slice(&text).map_err(|error| StoreError::Damaged {
        path,
        line: error.line(),
        problem: error.to_string(),
    })?;
    if info.format != FORMAT {
        return Err(StoreError::Format { dir: dir.to_owned(), found: info.format });
    }
    Ok(info)
}

fn open_error(path: PathBuf, error: OpenError) -> StoreError {
    match error {
        OpenError::Io(source) => StoreError::Read { path, source },
        OpenError::Line { line, problem } => StoreError::Damaged { path, line, problem },
    }
}

fn write_error(dir: &Path, path: PathBuf, source: io::Error) -> StoreError {
    StoreError::Write { path, dir: dir.to_owned(), source }
}

fn lock(dir: &Path) -> Result<File, StoreError> {
    let path = dir.join(LOCK);
    let write = |source| write_error(dir, path.clone(), source);
    let mut file =
        OpenOptions::new().create(true).truncate(false).write(true).open(&path).map_err(write)?;
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => {
            let holder = fs::read_to_string(&path).unwrap_or_default();
            return Err(StoreError::Locked {
                dir: dir.to_owned(),
                holder: if holder.is_empty() { "unknown".to_owned() } else { holder },
            });
        }
        Err(TryLockError::Error(source)) => return Err(write(source)),
    }
    file.set_len(0).map_err(write)?;
    write!(file, "{}", std::process::id()).map_err(write)?;
    Ok(file)
}

fn to_json(value: &impl Serialize) -> io::Result<Vec<u8>> {
    let mut text = serde_json::to_vec_pretty(value)?;
    text.push(b'\n');
    Ok(text)
}

/// Replaces a file: readers see the old one or the new one, whatever happens in between.
pub(crate) fn write_whole(dir: &Path, path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(".new");
    let temporary = path.with_file_name(name);
    let mut file = File::create(&temporary)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    drop(file);
    fs::rename(&temporary, path)?;
    File::open(dir)?.sync_all()
}

#[cfg(test)]
mod tests;
