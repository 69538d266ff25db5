//! Traces of a run: one file a problem, read into chronicles.

use std::fs;
use std::path::{Path, PathBuf};

use espalier_core::Event;
use espalier_search::{BadTrace, Chronicle, chronicle, read};

use super::{StoreError, TRACES};
use crate::ensemble::member_dir;
use crate::record::Record;

/// Reads what the search of a problem did. `kv_bytes_per_token` is the policy's, where it is known.
///
/// # Errors
///
/// [`StoreError::Read`] where the trace is not there, [`StoreError::Trace`] where it is damaged.
pub fn read_chronicle(
    dir: &Path,
    record: &Record,
    kv_bytes_per_token: Option<u64>,
) -> Result<Chronicle, StoreError> {
    let events = read_events(dir, record)?;
    chronicle(&events, kv_bytes_per_token).map_err(|source| damaged(dir, record, source))
}

/// Reads the trace of a problem.
///
/// # Errors
///
/// As [`read_chronicle`].
pub fn read_events(dir: &Path, record: &Record) -> Result<Vec<Event>, StoreError> {
    let path = path(dir, record);
    let bytes = fs::read(&path).map_err(|source| StoreError::Read { path, source })?;
    read(&bytes[..]).map_err(|source| damaged(dir, record, source))
}

/// The trace of an ensemble's problem is that of the member whose path was selected.
fn path(dir: &Path, record: &Record) -> PathBuf {
    let member = record.pooled.as_ref().and_then(|pooled| pooled.member);
    let dir = member.map_or_else(|| dir.to_owned(), |member| member_dir(dir, member));
    dir.join(TRACES).join(trace_name(&record.id, record.hash))
}

pub(crate) fn damaged(dir: &Path, record: &Record, source: BadTrace) -> StoreError {
    StoreError::Trace { path: path(dir, record), id: record.id.clone(), source }
}

/// A file name for a problem: its id where that is one, otherwise made unique by the hash.
pub(super) fn trace_name(id: &str, hash: u64) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    if id.chars().all(plain) && !id.starts_with('.') && id.len() <= 100 {
        return format!("{id}.jsonl");
    }
    let safe: String = id.chars().take(80).map(|c| if plain(c) { c } else { '_' }).collect();
    format!("_{safe}-{hash:016x}.jsonl")
}
