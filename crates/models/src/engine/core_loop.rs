//! The engine: its state, its queue and the order of a step's parts.

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    sync::Arc,
};

use burn::tensor::Tensor;
use espalier_core::{
    Completion, Lease, Leases, ModelCost, ModelError, Read, Reading, Request, Spend, Ticket,
    TokenId, Until,
};
use espalier_kernels::threads;

use super::{EngineOptions, EngineStats, branch::Branch, memory::Ceiling, room::Tight};
use crate::{
    LoadError, Tokenizer,
    decoder::Decoder,
    kv::{Front, KvIx, KvPrecision, KvTree, Loc, Segment},
};

/// Where the keys and values of a run are.
#[derive(Debug)]
pub enum Store {
    /// Nowhere: the empty prefix.
    Root,
    /// In a slot of the front.
    Front(usize),
    /// In a segment.
    Segment(Box<Segment>),
}

/// Unknown tokens up to this many are fed one a step beside the others; longer runs are prefilled.
pub(super) const FED: usize = 4;

/// The longest tail of a row in the front. One long row would make all rows wide; a branch that goes on
/// from a row that long starts a new one.
pub(super) const TAIL: usize = 32;

/// The local engine. See the [module](super).
#[derive(Debug)]
pub struct Engine {
    pub(super) name: String,
    pub(super) decoder: Decoder,
    pub(super) tokenizer: Arc<Tokenizer>,
    pub(super) options: EngineOptions,
    pub(super) cost: ModelCost,
    pub(super) tree: KvTree<Store>,
    pub(super) front: Front,
    /// The node of each slot of the front, and after them those of `new_rows`.
    pub(super) slots: Vec<KvIx>,
    /// Rows claimed and not made yet: the slot each is a copy of.
    pub(super) new_rows: Vec<Option<usize>>,
    /// Holds to give back once the step no longer needs slots to stay.
    pub(super) deferred: Vec<KvIx>,
    /// Hidden rows of the step just computed, by slot.
    pub(super) step_hidden: Option<Tensor<2>>,
    /// Memory for the logits of a step.
    pub(super) logits: Vec<f32>,
    pub(super) segment_bytes: u64,
    pub(super) waiting: VecDeque<Branch>,
    pub(super) active: Vec<Branch>,
    pub(super) reads: VecDeque<(Ticket, Read)>,
    pub(super) completions: Vec<(Ticket, Result<Completion, ModelError>)>,
    pub(super) readings: Vec<(Ticket, Result<Reading, ModelError>)>,
    pub(super) stats: EngineStats,
    /// What memory leaves for keys and values, where no limit is set.
    pub(super) ceiling: Option<Ceiling>,
    /// Where room is short in this step: what moving on may still pin.
    pub(super) tight: Option<Tight>,
    /// Reads were reserved or asked for: they count on what they go on from, leased but idle as it may be.
    pub(super) is_read: bool,
    /// The first read waits for room: no new branch is admitted before it.
    pub(super) read_waits: bool,
    pub(super) leased: BTreeMap<u64, Option<KvIx>>,
    leases: Leases,
    next: u64,
}

impl Engine {
    /// An engine over a loaded decoder and its tokenizer. `name` is what errors and reports call it.
    ///
    /// # Errors
    ///
    /// [`LoadError::VocabMismatch`] where the tokenizer has ids the decoder does not embed.
    pub fn new(
        name: impl Into<String>,
        decoder: Decoder,
        tokenizer: Arc<Tokenizer>,
        options: EngineOptions,
    ) -> Result<Self, LoadError> {
        let (tokens, model) = (tokenizer.vocab_size(), decoder.config.vocab);
        if tokens > model {
            return Err(LoadError::VocabMismatch { tokenizer: tokens, model });
        }
        let stats = EngineStats { weight_bytes: decoder.weight_bytes(), ..EngineStats::default() };
        Ok(Self {
            name: name.into(),
            cost: decoder.cost(),
            front: Front::new(&decoder.config, options.kv, decoder.between, &decoder.device),
            tree: KvTree::new(Store::Root),
            decoder,
            tokenizer,
            options,
            slots: Vec::new(),
            new_rows: Vec::new(),
            deferred: Vec::new(),
            step_hidden: None,
            logits: Vec::new(),
            segment_bytes: 0,
            waiting: VecDeque::new(),
            active: Vec::new(),
            reads: VecDeque::new(),
            completions: Vec::new(),
            readings: Vec::new(),
            stats,
            ceiling: None,
            tight: None,
            is_read: false,
            read_waits: false,
            leased: BTreeMap::new(),
            leases: Leases::default(),
            next: 0,
        })
    }

    /// The decoder.
    #[must_use]
    pub fn decoder(&self) -> &Decoder {
        &self.decoder
    }

    /// The tokenizer.
    #[must_use]
    pub fn tokenizer(&self) -> &Arc<Tokenizer> {
        &self.tokenizer
    }

    /// What it has done and holds.
    #[must_use]
    pub fn stats(&self) -> EngineStats {
        EngineStats { kv_bytes: self.kv_bytes(), ..self.stats }
    }

    /// The most tokens a sequence can hold.
    #[must_use]
    pub fn context(&self) -> usize {
        self.decoder.config.context
    }

    fn ticket(&mut self) -> Ticket {
        self.next += 1;
        Ticket(self.next - 1)
    }

    pub(super) fn submit_request(&mut self, request: Request) -> Ticket {
        let ticket = self.ticket();
        let checked = self.check_prefix(&request.prefix).and_then(|()| check_request(&request));
        if let Err(error) = checked.and_then(|()| self.check_room(&request)) {
            self.completions.push((ticket, Err(error)));
        } else {
            let loc = self.seat(&request.prefix);
            self.tree.hold(loc.node);
            self.waiting.push_back(Branch::new(ticket, request, loc));
        }
        ticket
    }

    pub(super) fn submit_read(&mut self, read: Read) -> Ticket {
        let ticket = self.ticket();
        self.is_read = true;
        match self.check(&read.tokens).and_then(|()| self.check_room_to_read(&read.tokens)) {
            Ok(()) => self.reads.push_back((ticket, read)),
            Err(error) => self.readings.push((ticket, Err(error))),
        }
        ticket
    }

    /// A model that predicts no tokens is read by its heads alone.
    pub(super) fn check_vocabulary(&self) -> Result<(), ModelError> {
        self.decoder.head.as_ref().map(|_| ()).ok_or_else(|| self.predicts_nothing())
    }

    pub(super) fn predicts_nothing(&self) -> ModelError {
        let reason = format!(
            "`{}` predicts no tokens: it is a reward model, which scores what another model samples",
            self.name
        );
        ModelError::BadRequest { reason }
    }

    /// What to say of numbers that are not finite.
    pub(super) fn not_finite(&self, what: &str) -> ModelError {
        let what = what.to_owned();
        match self.options.kv {
            KvPrecision::F16 => ModelError::BeyondHalves { what },
            KvPrecision::F32 => ModelError::NotFinite { what },
        }
    }

    /// A prefix to continue must leave room for a token, beside what [`check`](Self::check) asks.
    fn check_prefix(&self, tokens: &[TokenId]) -> Result<(), ModelError> {
        self.check_vocabulary()?;
        if tokens.len() == self.context() { Err(self.too_long(tokens)) } else { self.check(tokens) }
    }

    fn too_long(&self, tokens: &[TokenId]) -> ModelError {
        let (len, max) = (tokens.len() as u64, self.context() as u64);
        ModelError::TooLong { model: self.name.clone(), len, max }
    }

    /// A sequence must hold at least one token, fit the context, and be of this vocabulary.
    pub(super) fn check(&self, tokens: &[TokenId]) -> Result<(), ModelError> {
        if tokens.len() > self.context() {
            return Err(self.too_long(tokens));
        }
        let bad = |reason: String| Err(ModelError::BadRequest { reason });
        if tokens.is_empty() {
            return bad("the prefix is empty; give at least one token".to_owned());
        }
        match tokens.iter().find(|&&id| id as usize >= self.decoder.config.vocab) {
            Some(id) => bad(format!("token id `{id}` is not in the vocabulary of `{}`", self.name)),
            None => Ok(()),
        }
    }

    pub(super) fn cancel(&mut self, ticket: Ticket) {
        let waiting = self.waiting.iter().position(|branch| branch.ticket == ticket);
        let active = self.active.iter().position(|branch| branch.ticket == ticket);
        let branch = match (waiting, active) {
            (Some(at), _) => self.waiting.remove(at),
            (None, Some(at)) => Some(self.active.remove(at)),
            (None, None) => None,
        };
        if let Some(branch) = branch {
            self.let_go(branch.loc.node);
        }
        self.reads.retain(|(waiting, _)| *waiting != ticket);
        self.completions.retain(|(done, _)| *done != ticket);
        self.readings.retain(|(done, _)| *done != ticket);
        self.retire_ended();
    }

    /// Does one step of work. Returns false if there is nothing to do.
    pub(super) fn step(&mut self) -> bool {
        threads::awake(|| self.step_inside())
    }

    fn step_inside(&mut self) -> bool {
        self.reclaim();
        if self.reads.is_empty() && self.waiting.is_empty() && self.active.is_empty() {
            return false;
        }
        self.ask_for_memory();
        self.next_read();
        self.admit();
        self.feed();
        self.sample();
        self.seat_waiting();
        self.give_back();
        self.retire_ended();
        self.make_room(0);
        true
    }

    /// Frees what was released since the last call.
    pub(super) fn reclaim(&mut self) {
        for id in self.leases.take_returned() {
            if let Some(Some(ix)) = self.leased.remove(&id) {
                let freed = self.tree.end_lease(ix);
                self.drop_stores(freed);
            }
        }
    }

    /// Admits waiting branches in order, those for which there is room. Computes at most one chunk of prompt
    /// while others decode.
    fn admit(&mut self) {
        while self.active.len() < self.options.max_branches {
            let Some(mut branch) = self.waiting.pop_front() else { return };
            let Some(loc) = self.find_room(&mut branch) else {
                self.waiting.push_front(branch);
                return;
            };
            let loc = match loc {
                Ok(loc) => loc,
                Err(error) => {
                    self.completions.push((branch.ticket, Err(error)));
                    self.let_go(branch.loc.node);
                    continue;
                }
            };
            self.tree.hold(loc.node);
            self.let_go(branch.loc.node);
            let reached = self.tree.position(loc);
            for position in branch.reached_before(reached) {
                branch.count(position, false);
            }
            branch.loc = loc;
            branch.todo = branch.tokens[reached..].iter().copied().collect();
            if branch.todo.len() <= FED {
                self.active.push(branch);
                continue;
            }
            // What an active branch is about to compute is waited for, not computed twice.
            let common = |other: &Branch| {
                other.tokens.iter().zip(&branch.tokens).take_while(|(a, b)| a == b).count()
            };
            if self.active.iter().any(|other| common(other) > reached) {
                self.waiting.push_front(branch);
                return;
            }
            self.prefill(&mut branch);
            self.waiting.push_front(branch);
            if !self.active.is_empty() {
                return;
            }
        }
    }

    /// Computes the next chunk of a branch's prompt.
    fn prefill(&mut self, branch: &mut Branch) {
        let n = branch.todo.len().min(self.options.prefill_chunk);
        let chunk: Vec<TokenId> = branch.todo.drain(..n).collect();
        let reached = self.tree.position(branch.loc);
        let (ix, _) = self.run(branch.loc, &chunk, n - 1, None);
        for position in reached..reached + n {
            branch.count(position, true);
        }
        branch.usage.flops += self.cost.forward(reached as u64, (reached + n) as u64);
        let from = std::mem::replace(&mut branch.loc, Loc { node: ix, len: n });
        self.let_go(from.node);
        self.give_back();
    }

    /// Leases the run a branch has reached.
    pub(super) fn lease(&mut self, loc: Loc) -> Lease {
        let id = self.next;
        self.next += 1;
        self.tree.lease(loc.node);
        self.leased.insert(id, Some(loc.node));
        self.leases.issue(id)
    }

    pub(super) fn let_go(&mut self, ix: KvIx) {
        let freed = self.tree.let_go(ix);
        self.drop_stores(freed);
    }

    pub(super) fn give_back(&mut self) {
        for ix in std::mem::take(&mut self.deferred) {
            self.let_go(ix);
        }
    }

    pub(super) fn drop_stores(&mut self, stores: Vec<Store>) {
        for store in stores {
            match store {
                Store::Root => {}
                Store::Segment(segment) => self.segment_bytes -= segment.bytes(),
                Store::Front(slot) => self.remove_slots(&[slot]),
            }
        }
    }

    /// Turns rows from whose end no branch goes on, and rows as long as a tail may be, into segments.
    pub(super) fn retire_ended(&mut self) {
        let ends = self.active.iter().map(|branch| branch.loc).filter(|loc| loc.len < TAIL);
        let ends = ends.filter(|loc| loc.len == self.tree.node(loc.node).tokens.len());
        let going_on: BTreeSet<KvIx> = ends.map(|loc| loc.node).collect();
        self.retire(&going_on);
    }

    /// The most each request can spend, a token that several need counted at the first. Under a limit, what
    /// is held now may be evicted before it is needed, so that each request may compute all of its prefix.
    pub(super) fn worst_case(&self, requests: &[Request]) -> Vec<Spend> {
        let mut seen: Vec<&[TokenId]> = Vec::new();
        let mut worst = Vec::with_capacity(requests.len());
        for request in requests {
            let prefix: &[TokenId] = &request.prefix;
            let held = self.tree.position(self.tree.longest(prefix));
            let common =
                |other: &&[TokenId]| prefix.iter().zip(*other).take_while(|(a, b)| a == b).count();
            let shared = seen.iter().map(common).max().unwrap_or(0);
            // The last token of a prefix may have to be computed again for its hidden row, unless a
            // request before has just the same prefix.
            let known = if self.options.kv_limit.is_some() {
                0
            } else if seen.contains(&prefix) {
                prefix.len()
            } else {
                held.max(shared).min(prefix.len() - 1)
            };
            let max = u64::from(request.most_tokens());
            let (from, len) = (known as u64, prefix.len() as u64);
            let to = len + max.saturating_sub(1);
            worst.push(Spend {
                generated: max,
                computed: to - from,
                calls: 1,
                flops: self.cost.forward(from, to) + u128::from(max) * u128::from(self.cost.head),
                ..Spend::default()
            });
            seen.push(prefix);
        }
        worst
    }
}

fn check_request(request: &Request) -> Result<(), ModelError> {
    let bad = |reason: &str| Err(ModelError::BadRequest { reason: reason.to_owned() });
    if request.max_tokens == 0 {
        return bad("`max_tokens` is 0; ask for at least one token");
    }
    if request.until == Until::Tokens(0) {
        return bad("0 tokens were asked for; ask for at least one");
    }
    let sampling = &request.sampling;
    if !(sampling.temperature.is_finite() && sampling.temperature >= 0.0) {
        return bad("`temperature` must be 0 or more");
    }
    if sampling.top_k == Some(0) {
        return bad("`top_k` is 0, which leaves no token; leave it out to keep all");
    }
    if sampling.top_p.is_some_and(|p| !(p > 0.0 && p <= 1.0)) {
        return bad("`top_p` must be in (0, 1]");
    }
    if sampling.min_p.is_some_and(|p| !(0.0..=1.0).contains(&p)) {
        return bad("`min_p` must be in [0, 1]");
    }
    if sampling.repetition_penalty.is_some_and(|penalty| !(penalty > 0.0 && penalty.is_finite())) {
        return bad("`repetition_penalty` must be positive");
    }
    Ok(())
}
