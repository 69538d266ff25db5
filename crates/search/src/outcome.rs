//! Outcomes: what the search of one problem leaves behind.

use espalier_core::{Event, Ledger, Spend, Stop};

use crate::{SearchError, Tree};

/// What the search of one problem leaves behind.
#[derive(Debug)]
pub struct Outcome {
    /// Every node, pruned branches included; no part of a round that did not end.
    pub tree: Tree,
    /// Why it ended.
    pub stop: Stop,
    /// What each node cost. Tokens on paths to an ended answer count as kept, the others as wasted.
    pub ledger: Ledger,
    /// The ledger's total on the budget's axes, and the time from start to end.
    pub spent: Spend,
    /// What happened, in order. Sampled tokens count as wasted in its costs: what is kept is only known
    /// at the end.
    pub trace: Vec<Event>,
    /// What failed, where `stop` is [`Stop::Failed`].
    pub error: Option<SearchError>,
}
