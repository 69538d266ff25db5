//! Work: a round being carried out.

use std::sync::Arc;

use espalier_core::{Axis, Entry, Lease, Reservation, Round, Score, Step, Tokens};

use crate::{
    books::Share,
    plan::{Said, Unit},
};

/// A round being carried out.
pub(super) struct Work {
    pub(super) round: Round,
    pub(super) units: Vec<Doing>,
    /// What each request pays of its prefix, in order, where the search keeps books.
    pub(super) shares: Option<Vec<Share>>,
    /// Replies outstanding in this phase.
    pub(super) waiting: usize,
    /// False while sampling, true while scoring, which starts when every sample is there.
    pub(super) scoring: bool,
    pub(super) reservation: Reservation,
    /// The axis that cut this round, which is then the last.
    pub(super) cut: Option<Axis>,
    pub(super) submitted_ns: u64,
}

pub(super) struct Doing {
    pub(super) unit: Unit,
    pub(super) sampled: Option<Sampled>,
    /// The observation, where a tool was called, and what it cost.
    pub(super) seen: Option<Arc<Step>>,
    pub(super) run: Entry,
    /// One for each step that was sampled, or one for the node that is there.
    pub(super) scored: Vec<Option<Judged>>,
}

pub(super) struct Sampled {
    /// All that was sampled.
    pub(super) step: Arc<Step>,
    /// What it comes to.
    pub(super) said: Said,
    pub(super) cost: Entry,
    /// What the root pays for the problem's prompt, where this is the first request that goes on from it.
    pub(super) prompt: Option<Entry>,
    pub(super) lease: Option<Lease>,
}

pub(super) struct Judged {
    pub(super) score: Score,
    pub(super) cost: Entry,
    pub(super) lease: Option<Lease>,
}

/// What is kept with a node; an observation shares what is kept with the step that called.
#[derive(Clone)]
pub(super) struct Lent {
    /// Whose KV it keeps alive.
    pub(super) kv: Kv,
    #[expect(dead_code, reason = "a lease is held until it is dropped")]
    pub(super) lease: Arc<Lease>,
}

#[derive(Clone)]
pub(super) enum Kv {
    /// The policy's, of the path to the node.
    Path,
    /// The policy's, of these tokens: a form's prompt and the reply to it, or what was before an observation.
    Prompt(Tokens),
    /// A scorer's.
    Scorer,
}
