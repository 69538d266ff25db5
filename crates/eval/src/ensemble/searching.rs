//! Searching: every member over every problem, and what they found pooled.

use std::path::{Path, PathBuf};

use espalier_search::Weights;

use super::{PoolError, pool};
use crate::dataset::Dataset;
use crate::record::Record;
use crate::run::Ended;
use crate::store::{Store, StoreError, read_events};

/// The folder of the members' directories within an ensemble's.
pub const MEMBERS: &str = "members";

/// Problems that resident members search in turn: enough to batch, few enough to see answers soon. Chosen here.
const TOGETHER: usize = 16;

/// The directory of a member, counted from 1, within an ensemble's.
#[must_use]
pub fn member_dir(dir: &Path, member: usize) -> PathBuf {
    dir.join(MEMBERS).join(member.to_string())
}

/// Why an ensemble could not go on.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EnsembleError {
    /// What members found cannot be pooled.
    #[error(transparent)]
    Pool(#[from] PoolError),
    /// A run directory cannot be read or written.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// The run directories of an ensemble.
#[derive(Debug)]
pub struct Stores {
    /// Its own.
    pub own: Store,
    /// The members'.
    pub members: Vec<Store>,
}

/// How the problems are gone through. The records are the same either way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Chunks {
    /// A few problems at a time, by each member: all members are resident.
    Few,
    /// All problems by one member, then by the next: one member is resident.
    All,
}

/// Searches every problem with every member and records what they answer together.
///
/// `member` searches a part of the problems with the member of an index, into its store; it finds what it has done
/// before there. After each part, the problems that every member has a record of are pooled, once; again only
/// where a member had failed.
///
/// # Errors
///
/// [`EnsembleError`], and what `member` fails with. What was recorded before stays recorded.
pub fn search<E: From<EnsembleError>>(
    dataset: &Dataset,
    weights: Weights,
    stores: &mut Stores,
    chunks: Chunks,
    member: &mut dyn FnMut(usize, &Dataset, &mut Store) -> Result<Ended, E>,
) -> Result<Ended, E> {
    let size = match chunks {
        Chunks::Few => TOGETHER,
        Chunks::All => dataset.items.len().max(1),
    };
    for items in dataset.items.chunks(size) {
        let part = Dataset { items: items.to_vec(), ..dataset.clone() };
        let mut searched = Ok(Ended::Complete);
        for (index, store) in stores.members.iter_mut().enumerate() {
            searched = member(index, &part, store);
            if !matches!(searched, Ok(Ended::Complete)) {
                break;
            }
        }
        pool_all(&part, weights, stores)?;
        if searched? == Ended::Interrupted {
            return Ok(Ended::Interrupted);
        }
    }
    Ok(Ended::Complete)
}

/// Pools what every member has a record of.
fn pool_all(dataset: &Dataset, weights: Weights, stores: &mut Stores) -> Result<(), EnsembleError> {
    for item in &dataset.items {
        let id = &item.problem.id;
        let sound = |record: &Record| {
            record.is_finished()
                && record.pooled.as_ref().is_some_and(|pooled| pooled.failed.is_empty())
        };
        if stores.own.record(id).is_some_and(sound) {
            continue;
        }
        let of = |store: &Store| {
            store.record(id).cloned().map(|record| (store.dir().to_owned(), record))
        };
        let Some(found) = stores.members.iter().map(of).collect::<Option<Vec<_>>>() else {
            continue;
        };
        let read = |(dir, record): &(PathBuf, Record)| match record.error {
            Some(_) => Ok(Vec::new()),
            None => read_events(dir, record),
        };
        let events = found.iter().map(read).collect::<Result<Vec<_>, _>>()?;
        let members: Vec<_> = found.iter().map(|(_, record)| record).zip(events).collect();
        stores.own.append(pool(dataset.kind, item, weights, &members)?)?;
    }
    Ok(())
}
