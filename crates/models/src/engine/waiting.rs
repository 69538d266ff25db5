//! Waiting: which request has room and goes on, which waits for others to end, and which is refused.
//!
//! Requests and reads are admitted in order. Under a limit, what could not fit alone is refused as it comes, so
//! that whatever waits fits once nothing else is under way. Where memory is what runs out, what does not fit
//! when nothing else is under way ends with an error; so do, where others take memory that was promised, the
//! branches admitted last.

use espalier_core::{ModelError, Request, TokenId};

use super::{
    branch::Branch,
    core_loop::{Engine, TAIL},
    room::{ROWS, alone},
};
use crate::kv::Loc;

impl Engine {
    /// Refuses a request that the limit does not admit even alone.
    pub(super) fn check_room(&self, request: &Request) -> Result<(), ModelError> {
        self.check_alone(self.last(request))
    }

    /// Refuses a sequence to be read that the limit does not admit even alone.
    pub(super) fn check_room_to_read(&self, tokens: &[TokenId]) -> Result<(), ModelError> {
        self.check_alone(tokens.len())
    }

    fn check_alone(&self, tokens: usize) -> Result<(), ModelError> {
        let Some(limit) = self.options.kv_limit else { return Ok(()) };
        let (tokens, needed) =
            (tokens as u64, alone(&self.decoder.config, self.options.kv, tokens as u64));
        if needed > limit { Err(ModelError::KvLimit { tokens, needed, limit }) } else { Ok(()) }
    }

    /// Where a new request waits. Its reservation counts on what is held of its prefix, unless there is a limit.
    pub(super) fn seat(&self, prefix: &[TokenId]) -> Loc {
        if self.options.kv_limit.is_some() { self.tree.root() } else { self.tree.longest(prefix) }
    }

    /// Lets waiting branches hold what ended ones have computed of their prefixes: of the same round's requests,
    /// the first reserves what all need.
    pub(super) fn seat_waiting(&mut self) {
        if self.completions.is_empty() || self.options.kv_limit.is_some() {
            return;
        }
        for at in 0..self.waiting.len() {
            let branch = &self.waiting[at];
            let (old, new) = (branch.loc, self.tree.longest(&branch.tokens));
            if self.tree.position(new) > self.tree.position(old) {
                self.tree.hold(new.node);
                self.waiting[at].loc = new;
                self.deferred.push(old.node);
            }
        }
    }

    /// As [`fits`](Self::fits), for what goes on from `loc`.
    fn fits_at(&mut self, loc: Loc, branches: usize, tokens: usize) -> bool {
        self.tree.hold(loc.node);
        let fits = self.fits(branches, tokens);
        // Its lease, or the branch that waits, holds it on.
        self.deferred.push(loc.node);
        fits
    }

    /// Where a waiting branch goes on from, if there is room for it now; why not, if there never is.
    pub(super) fn find_room(&mut self, branch: &mut Branch) -> Option<Result<Loc, ModelError>> {
        let begun = branch.has_begun();
        if self.read_waits && !begun {
            return None;
        }
        let loc = self.place_of(branch);
        let growth = self.growth(branch, self.tree.position(loc));
        if self.fits_at(loc, 1, growth) {
            return Some(Ok(loc));
        }
        let limited = self.options.kv_limit.is_some();
        if begun {
            // What it holds was promised with it; another place may pin more.
            return Some(Ok(if limited { branch.loc } else { loc }));
        }
        if !self.active.is_empty() {
            return None;
        }
        if limited {
            // Alone it fits, if it goes on from nothing that others left.
            self.unseat(branch);
            self.clear();
            return Some(Ok(self.place_of(branch)));
        }
        self.ask_anew();
        if self.fits(1, growth) {
            return Some(Ok(loc));
        }
        Some(Err(self.no_memory(self.last(&branch.request), growth + ROWS * TAIL)))
    }

    /// Lets a waiting branch hold nothing.
    fn unseat(&mut self, branch: &mut Branch) {
        let root = self.tree.root();
        self.tree.hold(root.node);
        self.let_go(std::mem::replace(&mut branch.loc, root).node);
    }

    /// The longest held part of a branch's tokens from which it can go on.
    fn place_of(&self, branch: &Branch) -> Loc {
        let loc = self.tree.longest(&branch.tokens);
        let whole = self.tree.position(loc) == branch.tokens.len();
        let ready = self.tree.node(loc.node).has_hidden(loc.len);
        if whole && !ready { self.tree.back(loc) } else { loc }
    }

    /// What is said of a sequence of so many tokens that may add `growth` of them, and cannot.
    fn no_memory(&self, tokens: usize, growth: usize) -> ModelError {
        let held = self.front.bytes() + self.pinned_bytes();
        ModelError::NoMemory {
            tokens: tokens as u64,
            needed: self.bytes_of(growth as u64),
            left: self.limit().unwrap_or(0).saturating_sub(held),
        }
    }

    /// Reads the first sequence that waits to be read, if there is room for it beside the admitted branches.
    pub(super) fn next_read(&mut self) {
        self.read_waits = false;
        let Some((ticket, read)) = self.reads.pop_front() else { return };
        let (loc, computed) = self.to_read(&read);
        let growth = computed + TAIL;
        let mut fits = self.fits_at(loc, 0, growth);
        if !fits && self.admitted().next().is_some() {
            self.read_waits = true;
            self.reads.push_front((ticket, read));
            return;
        }
        if !fits && self.options.kv_limit.is_some() {
            if let Some(mut first) = self.waiting.pop_front() {
                self.unseat(&mut first);
                self.waiting.push_front(first);
            }
            self.clear();
            fits = true;
        } else if !fits {
            self.ask_anew();
            fits = self.fits(0, growth);
        }
        let reading =
            if fits { self.read(&read) } else { Err(self.no_memory(read.tokens.len(), growth)) };
        self.readings.push((ticket, reading));
    }

    fn ask_anew(&mut self) {
        let held = self.kv_bytes();
        self.ceiling.iter_mut().for_each(|ceiling| ceiling.ask(held));
    }

    /// Without a limit, asks for memory where that is due. Where the next step may not fit it any more, the
    /// branches admitted last end.
    pub(super) fn ask_for_memory(&mut self) {
        if self.options.kv_limit.is_some() {
            return;
        }
        let held = self.kv_bytes();
        self.ceiling.iter_mut().for_each(|ceiling| ceiling.update(held));
        if self.step_fits() {
            return;
        }
        self.ask_anew();
        while !self.step_fits() {
            let Some(branch) = self.active.pop() else { return };
            let growth = self.growth(&branch, branch.reached());
            let error = self.no_memory(self.last(&branch.request), growth);
            self.completions.push((branch.ticket, Err(error)));
            self.let_go(branch.loc.node);
            self.retire_ended();
        }
    }

    /// Bytes that a step of the active branches adds at most: their rows, and as many that become segments.
    fn step_bytes(&self) -> u64 {
        let rows = self.active.len();
        self.front_growth(rows) + self.bytes_of((ROWS * rows * TAIL) as u64)
    }

    fn step_fits(&self) -> bool {
        let Some(limit) = self.limit() else { return true };
        let fits = |held: u64| held + self.step_bytes() <= limit;
        fits(self.kv_bytes()) || fits(self.front.bytes() + self.pinned_bytes())
    }
}

#[cfg(test)]
mod tests {
    use std::{
        collections::BTreeMap,
        path::Path,
        sync::{
            Arc,
            atomic::{AtomicU64, Ordering},
        },
    };

    use espalier_core::{NodeId, Sampling, Seed, Stops, Ticket, Until};

    use super::*;
    use crate::{DeviceChoice, EngineOptions, load};

    #[test]
    fn memory_that_others_take_ends_the_branches_admitted_last() {
        static FREE: AtomicU64 = AtomicU64::new(1 << 40);
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/llama");
        let engine = load(&path, DeviceChoice::Cpu, EngineOptions::default()).unwrap().engine;
        let mut engine = engine.with_memory(|| Some(FREE.load(Ordering::Relaxed)));
        let submit = |engine: &mut Engine, seed: u64| {
            engine.submit_request(Request {
                prefix: [5, 6, 7 + seed as u32].as_slice().into(),
                until: Until::End,
                max_tokens: 60,
                stops: Arc::new(Stops::default()),
                sampling: Sampling::at(1.0),
                seed: Seed::run(seed).child(NodeId::ROOT, 0),
                retain: false,
            })
        };
        let tickets: Vec<Ticket> = (0..6).map(|seed| submit(&mut engine, seed)).collect();
        for _ in 0..8 {
            engine.step();
        }
        let going_on: Vec<Ticket> = engine.active.iter().map(|branch| branch.ticket).collect();
        assert!(going_on.len() > 3, "{going_on:?}");
        // Room for three branches to go on.
        FREE.store(engine.bytes_of(300), Ordering::Relaxed);
        engine.ask_anew();
        while engine.step() {}
        let done: BTreeMap<Ticket, _> = engine.completions.drain(..).collect();
        assert_eq!(done.len(), tickets.len());
        let failed: Vec<Ticket> =
            done.iter().filter(|(_, one)| one.is_err()).map(|(ticket, _)| *ticket).collect();
        assert_eq!(failed, going_on[going_on.len() - failed.len()..], "those admitted last");
        assert!(!failed.is_empty() && failed.len() < going_on.len(), "{failed:?} of {going_on:?}");
        let all = done.values().filter_map(|one| one.as_ref().err());
        assert!(all.into_iter().all(|error| matches!(error, ModelError::NoMemory { .. })));
        assert_eq!(engine.kv_bytes(), 0);
    }
}
