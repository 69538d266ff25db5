//! Room: what keys and values take, what they may yet take, and what is evicted for it.
//!
//! Two numbers are kept under a limit. What is *held* is: idle runs are evicted before more is added. So is
//! what is *promised*: what cannot be evicted, and all that the admitted branches may still add, with every
//! token they may sample. A branch is admitted only where that fits (see [`waiting`](super::waiting)), so that
//! eviction always finds enough, and no branch has to be suspended and computed again.
//!
//! The limit is [`EngineOptions::kv_limit`](super::EngineOptions::kv_limit). Without one it is what memory
//! leaves, asked for anew as keys and values grow. Then reservations count on what is held, and nothing is
//! evicted that one counts on: waiting requests hold what they go on from, and where scores are read off the
//! engine nothing is evicted at all.

use std::collections::BTreeSet;

use espalier_core::Request;

use super::{
    branch::Branch,
    core_loop::{Engine, Store, TAIL},
    memory::{Available, Ceiling},
};
use crate::{
    config::ModelConfig,
    kv::{KvIx, KvPrecision, Loc},
};

/// Rows of the front that a branch may have at once: the one it leaves, and the one it goes on in.
pub(super) const ROWS: usize = 2;

/// Tokens of which a branch may hold a second copy: the tail of a row that its prompt goes on from, and that of
/// a row that it forks. Or what stands in its own row and becomes a segment while the row is still there.
const COPIED: usize = 2 * TAIL;

/// Bytes of keys, values and the hidden row of one token.
fn token_bytes(config: &ModelConfig, kv: KvPrecision) -> u64 {
    config.kv_bytes_per_token(kv) + (config.hidden * size_of::<f32>()) as u64
}

/// Bytes that keys and values of a request alone may take, which computes so many tokens.
pub(super) fn alone(config: &ModelConfig, kv: KvPrecision, tokens: u64) -> u64 {
    (tokens + (ROWS * TAIL + COPIED) as u64) * token_bytes(config, kv)
}

/// The least [`kv_limit`](super::EngineOptions::kv_limit) under which this model samples anything, in bytes.
#[must_use]
pub fn least_kv(config: &ModelConfig, kv: KvPrecision) -> u64 {
    alone(config, kv, 1)
}

/// What moving on may still pin within a step, where room is short.
#[derive(Debug)]
pub(super) struct Tight {
    pinned: BTreeSet<KvIx>,
    left: u64,
}

impl Engine {
    /// Without a limit, keeps keys and values within what `source` says the process may still take: it is asked
    /// at first and whenever they have grown or shrunk by 64 MiB, and an eighth of it is left alone. Where they
    /// do not fit, idle runs are evicted, then requests wait for each other, and what does not fit alone ends
    /// with [`ModelError::NoMemory`](espalier_core::ModelError::NoMemory).
    ///
    /// [`load`](crate::load()) gives engines on the CPU the system's own answer.
    #[must_use]
    pub fn with_memory(mut self, source: Available) -> Self {
        self.ceiling = Some(Ceiling::new(source));
        self
    }

    pub(super) fn kv_bytes(&self) -> u64 {
        self.segment_bytes + self.front.bytes()
    }

    pub(super) fn note_peak(&mut self) {
        self.stats.kv_peak_bytes = self.stats.kv_peak_bytes.max(self.kv_bytes());
    }

    /// Bytes that so many tokens take at most.
    pub(super) fn bytes_of(&self, tokens: u64) -> u64 {
        tokens * token_bytes(&self.decoder.config, self.options.kv)
    }

    /// Bytes by which the front grows for so many new rows.
    pub(super) fn front_growth(&self, new: usize) -> u64 {
        self.front_bytes(self.front.rows() + new) - self.front.bytes()
    }

    /// Bytes of a front that has, or has had, so many rows.
    fn front_bytes(&self, rows: usize) -> u64 {
        self.bytes_of((rows * TAIL) as u64).max(self.front.bytes())
    }

    /// Tokens of a request that may have to be computed: all but the last that is sampled.
    pub(super) fn last(&self, request: &Request) -> usize {
        let most = request.prefix.len() + request.most_tokens() as usize;
        (most - 1).min(self.context())
    }

    /// Bytes that keys and values may come to.
    pub(super) fn limit(&self) -> Option<u64> {
        self.options.kv_limit.or_else(|| self.ceiling.as_ref().and_then(Ceiling::bytes))
    }

    /// Returns true if and only if idle runs may be evicted without a reservation becoming too small.
    fn may_evict(&self) -> bool {
        self.options.kv_limit.is_some() || !self.is_read
    }

    /// Evicts idle runs until so many bytes more keep the limit, as far as there are any.
    pub(super) fn make_room(&mut self, bytes: u64) {
        let Some(limit) = self.limit() else { return };
        while self.kv_bytes() + bytes > limit {
            if !self.evict() {
                return;
            }
        }
    }

    /// Evicts what was used longest ago; returns false where nothing may be.
    fn evict(&mut self) -> bool {
        let evicted = if self.may_evict() { self.tree.evict() } else { Vec::new() };
        let any = !evicted.is_empty();
        for (ix, node) in evicted {
            for leased in self.leased.values_mut().filter(|leased| **leased == Some(ix)) {
                *leased = None;
            }
            self.stats.evicted_tokens += node.tokens.len() as u64;
            self.drop_stores(vec![node.store]);
        }
        any
    }

    /// Branches that are admitted: the active ones, and the first waiting one where its prompt is begun.
    pub(super) fn admitted(&self) -> impl Iterator<Item = &Branch> {
        let begun = self.waiting.front().filter(|branch| branch.has_begun());
        self.active.iter().chain(begun)
    }

    /// Tokens that a branch which has reached so many may still add, copies included.
    pub(super) fn growth(&self, branch: &Branch, reached: usize) -> usize {
        self.last(&branch.request).saturating_sub(reached) + COPIED
    }

    /// Bytes of segments that cannot be evicted.
    pub(super) fn pinned_bytes(&self) -> u64 {
        if !self.may_evict() {
            return self.segment_bytes;
        }
        self.tree.pinned().into_iter().map(|ix| self.node_bytes(ix)).sum()
    }

    fn node_bytes(&self, ix: KvIx) -> u64 {
        match &self.tree.node(ix).store {
            Store::Segment(segment) => segment.bytes(),
            Store::Root | Store::Front(_) => 0,
        }
    }

    /// Bytes that may be added by the admitted branches and by `branches` more, which add so many tokens; the
    /// whole front counts among them.
    fn promised(&self, branches: usize, tokens: usize) -> u64 {
        let admitted = self.admitted().map(|branch| self.growth(branch, branch.reached()));
        let (count, sum) = admitted.fold((0, 0), |(count, sum), one| (count + 1, sum + one));
        self.front_bytes(ROWS * (count + branches)) + self.bytes_of((sum + tokens) as u64)
    }

    /// Returns true if and only if there is room for `branches` more, which hold what they go on from and add so
    /// many tokens.
    pub(super) fn fits(&self, branches: usize, tokens: usize) -> bool {
        let Some(limit) = self.limit() else { return true };
        let promised = self.promised(branches, tokens);
        // The first suffices and is soon told.
        self.segment_bytes + promised <= limit || self.pinned_bytes() + promised <= limit
    }

    /// Evicts all that is idle.
    pub(super) fn clear(&mut self) {
        self.give_back();
        while self.evict() {}
    }

    /// Looks, before branches move on, at what they may pin by moving onto what others have left. Only a limit
    /// keeps them from it: their reservations count on all being computed again.
    pub(super) fn tighten(&mut self) {
        self.tight = None;
        let Some(limit) = self.options.kv_limit else { return };
        let promised = self.promised(0, 0);
        if self.segment_bytes + promised > limit {
            let left = limit.saturating_sub(self.pinned_bytes() + promised);
            self.tight = Some(Tight { pinned: self.tree.pinned(), left });
        }
    }

    /// Whether a branch may move to a held place: what that pins must leave room for what was promised.
    pub(super) fn enter(&mut self, loc: Loc) -> bool {
        let Some(mut tight) = self.tight.take() else { return true };
        let path = self.tree.path(loc);
        let new = path.iter().map(|loc| loc.node).filter(|ix| !tight.pinned.contains(ix));
        let new: Vec<KvIx> = new.collect();
        let bytes: u64 = new.iter().map(|ix| self.node_bytes(*ix)).sum();
        let may = bytes <= tight.left;
        if may {
            tight.left -= bytes;
            tight.pinned.extend(new);
        }
        self.tight = Some(tight);
        may
    }
}
