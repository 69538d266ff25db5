//! Toy models with a KV cache, prices and faults, and worlds that put them together.

use std::{
    cell::Cell,
    collections::{BTreeMap, BTreeSet},
    num::{NonZeroU32, NonZeroUsize},
    ops::ControlFlow,
    sync::Arc,
};

use espalier_core::{
    Answer, Answers, Ask, Budget, Clock, Completion, Draw, Event, Finish, ModelCost, ModelError,
    NodeId, Policy, Profile, Prompt, Request, Sampling, Service, Spend, Ticket, TokenId, Tokens,
    toy,
};
use espalier_search::{
    Config, Equipped, Models, Outcome, Report, Strategy, Task, profiles::Reads, search_many,
};

use crate::{
    forms,
    reading::{Affine, Reading},
    strategies::REACT,
    tools::{self, Abacus, Acts, Leaves, Marks},
};

/// Letters behind a KV cache that problems share, in any order of completion, failing on demand.
pub(crate) struct Engine {
    pub(crate) letters: toy::Letters,
    /// Completions of a poll come last first.
    pub(crate) reversed: bool,
    /// The request with this number fails.
    pub(crate) fails: Option<u64>,
    /// Sequences whose KV is held, by ticket: leased, or waiting for an answer.
    held: BTreeMap<Ticket, Vec<TokenId>>,
    waiting: BTreeMap<Ticket, (u64, Tokens, bool, u64)>,
    /// The most leases alive when a request came in.
    pub(crate) most_leases: usize,
    /// Requests for the likeliest tokens.
    pub(crate) likeliest: u64,
    /// Tokens computed, and those of them that had been computed before and let go of.
    pub(crate) computed: u64,
    pub(crate) again: u64,
    /// Nothing is held but what is being answered, whatever is leased.
    pub(crate) forgets: bool,
    /// Replies that are not drawn, where it knows one.
    pub(crate) knows: Option<Knows>,
    /// What it replies to each request, in the order they come in; `!` ends an answer, `~` cuts it.
    pub(crate) script: Vec<String>,
    /// Its steps that call name a tool.
    pub(crate) acts: bool,
    ever: BTreeMap<Ticket, Vec<TokenId>>,
    submitted: u64,
}

/// A special token of the engine's: one letter, of which nothing is seen in the text.
pub(crate) const SPECIAL: &str = "<end>";

/// What to reply to a prompt.
pub(crate) type Knows = fn(&str) -> Option<String>;

impl Engine {
    pub(crate) fn new(letters: toy::Letters) -> Self {
        Self {
            letters,
            reversed: false,
            fails: None,
            held: BTreeMap::new(),
            waiting: BTreeMap::new(),
            most_leases: 0,
            likeliest: 0,
            computed: 0,
            again: 0,
            forgets: false,
            knows: None,
            script: Vec::new(),
            acts: false,
            ever: BTreeMap::new(),
            submitted: 0,
        }
    }

    fn release(&mut self) {
        for id in self.letters.released() {
            self.held.remove(&Ticket(id));
        }
    }

    pub(crate) fn leases(&mut self) -> usize {
        self.release();
        self.held.len() - self.waiting.len()
    }

    fn missing(held: &BTreeMap<Ticket, Vec<TokenId>>, prefix: &[TokenId]) -> u64 {
        let common =
            |one: &Vec<TokenId>| one.iter().zip(prefix).take_while(|(a, b)| a == b).count();
        (prefix.len() - held.values().map(common).max().unwrap_or(0)) as u64
    }
}

impl Service for Engine {
    type Ask = Request;
    type Reply = Completion;

    fn submit(&mut self, request: Request) -> Ticket {
        self.most_leases = self.most_leases.max(self.leases());
        self.likeliest += u64::from(request.sampling == Sampling::greedy());
        if self.forgets {
            let waiting = &self.waiting;
            self.held.retain(|ticket, _| waiting.contains_key(ticket));
        }
        let new = Self::missing(&self.held, &request.prefix);
        self.again += new - Self::missing(&self.ever, &request.prefix);
        let (prefix, retain) = (Arc::clone(&request.prefix), request.retain);
        let ticket = self.letters.submit(request);
        self.held.insert(ticket, prefix.to_vec());
        self.ever.insert(ticket, prefix.to_vec());
        let new = if self.fails == Some(self.submitted) { u64::MAX } else { new };
        self.waiting.insert(ticket, (new, prefix, retain, self.submitted));
        self.submitted += 1;
        ticket
    }

    fn poll(&mut self) -> Vec<(Ticket, Result<Completion, ModelError>)> {
        self.release();
        let mut done = self.letters.poll();
        for (ticket, result) in &mut done {
            let Some((new, prefix, retain, number)) = self.waiting.remove(ticket) else { continue };
            self.held.remove(ticket);
            if new == u64::MAX {
                *result = Err(ModelError::BadRequest { reason: "told to fail".to_owned() });
            }
            let Ok(Completion { step, usage, .. }) = result else { continue };
            let asked = self.letters.decode(&prefix);
            let known = self.knows.and_then(|knows| knows(&asked));
            let scripted = self.script.get(number as usize);
            if let Some(reply) = known.or_else(|| scripted.cloned()) {
                step.tokens = reply.bytes().map(TokenId::from).collect();
                step.stats.resize(step.tokens.len(), step.stats[0]);
                (usage.sampled, usage.decode_new) =
                    (step.tokens.len() as u64, step.tokens.len() as u64);
                step.finish = match reply.chars().next_back() {
                    Some('!') => Finish::Eos,
                    Some('~') => Finish::Length,
                    _ => Finish::Step,
                };
                // What ends a scripted reply is a special token.
                step.text = match scripted {
                    Some(_) => reply.trim_end_matches(['!', '~']).to_owned(),
                    None => reply,
                };
            }
            if self.acts {
                tools::act(step);
            }
            let len = prefix.len() as u64;
            usage.prefill_new = new;
            usage.prefill_cached = len - new;
            usage.flops = self.letters.cost().forward(len - new, len + usage.sampled);
            self.computed += new + usage.decode_new;
            self.ever.insert(*ticket, [&prefix[..], &step.tokens[..]].concat());
            if retain {
                self.held.insert(*ticket, [&prefix[..], &step.tokens[..]].concat());
            }
        }
        if self.reversed {
            done.reverse();
        }
        done
    }

    fn cancel(&mut self, ticket: Ticket) {
        self.letters.cancel(ticket);
        if self.waiting.remove(&ticket).is_some() {
            self.held.remove(&ticket);
        }
    }
}

impl Policy for Engine {
    fn worst_case(&self, requests: &[Request]) -> Vec<Spend> {
        let mut held = if self.forgets { BTreeMap::new() } else { self.held.clone() };
        let mut worst = self.letters.worst_case(requests);
        for (index, (request, worst)) in requests.iter().zip(&mut worst).enumerate() {
            let (len, new) = (request.prefix.len() as u64, Self::missing(&held, &request.prefix));
            held.insert(Ticket(u64::MAX - index as u64), request.prefix.to_vec());
            worst.flops = self.letters.cost().forward(len - new, len + worst.computed);
            worst.computed += new;
        }
        worst
    }

    fn cost(&self) -> ModelCost {
        self.letters.cost()
    }

    fn context(&self) -> u32 {
        self.letters.context
    }

    fn encode(&self, text: &str) -> Result<Tokens, ModelError> {
        self.letters.encode(&text.replace(SPECIAL, "\u{3}"))
    }

    fn decode(&self, tokens: &[TokenId]) -> String {
        self.letters.decode(tokens).replace('\u{3}', "")
    }
}

/// An answer is the last letter of a text; capitals do not matter; `.` and no text are no answers.
pub(crate) struct LastLetter;

impl Answers for LastLetter {
    fn extract(&self, text: &str) -> Option<Answer> {
        let last = text.trim_end_matches('!').chars().last()?;
        last.is_alphabetic().then(|| Answer(last.to_string()))
    }

    fn same(&self, one: &Answer, other: &Answer) -> bool {
        one.0.eq_ignore_ascii_case(&other.0)
    }
}

/// A clock on which every look takes a nanosecond.
#[derive(Default)]
pub(crate) struct Ticking(Cell<u64>);

impl Clock for Ticking {
    fn now_ns(&self) -> u64 {
        self.0.set(self.0.get() + 1);
        self.0.get()
    }
}

/// Everything a run depends on, and much that it must not depend on.
#[derive(Clone)]
pub(crate) struct World {
    pub(crate) kind: usize,
    pub(crate) seed: u64,
    pub(crate) tasks: u64,
    pub(crate) budget: Budget,
    pub(crate) boundary: f64,
    pub(crate) eos: f64,
    pub(crate) step: u32,
    pub(crate) path: u32,
    pub(crate) rule: (f32, f32),
    pub(crate) in_flight: usize,
    pub(crate) at_once: usize,
    pub(crate) reversed: bool,
    pub(crate) policy_fails: Option<u64>,
    pub(crate) scorer_fails: Option<u64>,
    /// The report at which the observer breaks.
    pub(crate) breaks: Option<usize>,
    /// The engine holds nothing, whatever is leased.
    pub(crate) forgets: bool,
    /// Nothing may be computed twice, not even what was let go of.
    pub(crate) thrifty: bool,
    /// What the policy replies to prompts it knows.
    pub(crate) knows: Option<Knows>,
    /// What it replies, by the order of requests.
    pub(crate) script: Vec<String>,
    /// What calls leave, and how they are read and shown.
    pub(crate) leaves: Leaves,
    pub(crate) profiles: [Arc<dyn Profile>; 2],
    pub(crate) tool_fails: Option<u64>,
}

impl std::fmt::Debug for World {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { kind, seed, tasks, budget, boundary, eos, step, path, .. } = self;
        let text = (boundary, eos, step, path);
        write!(f, "kind {kind}, seed {seed}, tasks {tasks}, text {text:?}, {budget:?}, ")?;
        let Self {
            in_flight,
            at_once,
            reversed,
            policy_fails,
            scorer_fails,
            tool_fails,
            breaks,
            ..
        } = self;
        let fails = (policy_fails, scorer_fails, tool_fails);
        write!(
            f,
            "company {:?}, fails {fails:?}, breaks {breaks:?}",
            (in_flight, at_once, reversed)
        )
    }
}

impl World {
    pub(crate) fn new(kind: usize, seed: u64) -> Self {
        Self {
            kind,
            seed,
            tasks: 1,
            budget: Budget::default(),
            boundary: 0.25,
            eos: 0.1,
            step: 8,
            path: 30,
            rule: (1.0, 0.0),
            in_flight: 1,
            at_once: 4,
            reversed: false,
            policy_fails: None,
            scorer_fails: None,
            breaks: None,
            forgets: false,
            thrifty: false,
            knows: None,
            script: Vec::new(),
            leaves: tools::count,
            profiles: [Arc::new(Marks(Finish::Step)), Arc::new(Marks(Finish::Eos))],
            tool_fails: None,
        }
    }

    pub(crate) fn config(&self) -> Config {
        let number = |n| NonZeroU32::new(n).expect("worlds have room");
        Config {
            budget: self.budget,
            seed: self.seed,
            in_flight: NonZeroUsize::new(self.in_flight).expect("worlds are searched"),
            forms: forms::all(),
            ..Config::new(Sampling::at(1.0), number(self.step), number(self.path))
        }
    }

    pub(crate) fn engine(&self) -> Engine {
        let mut letters = toy::Letters::new();
        (letters.boundary, letters.eos, letters.at_once) = (self.boundary, self.eos, self.at_once);
        if !self.script.is_empty() {
            letters.context = 10_000_000;
        }
        let mut engine = Engine::new(letters);
        (engine.reversed, engine.fails) = (self.reversed, self.policy_fails);
        (engine.forgets, engine.knows) = (self.forgets, self.knows);
        engine.script.clone_from(&self.script);
        engine.acts = self.kind == REACT;
        engine
    }

    pub(crate) fn task(&self, index: u64) -> Task {
        task(&format!("sys:{index}"), index, crate::strategies::of(self.kind, self.seed))
    }

    /// Searches every task; the outcomes reported, by index, and those returned.
    pub(crate) fn run_all(&self) -> (BTreeMap<usize, Outcome>, Vec<(usize, Outcome)>) {
        self.run_tasks((0..self.tasks).map(|index| self.task(index)))
    }

    pub(crate) fn run_tasks(
        &self,
        tasks: impl IntoIterator<Item = Task>,
    ) -> (BTreeMap<usize, Outcome>, Vec<(usize, Outcome)>) {
        let (mut engine, mut scorer) =
            (self.engine(), Reading::new(Affine(self.rule.0, self.rule.1)));
        scorer.fails = self.scorer_fails;
        let mut done = BTreeMap::new();
        let mut reports = 0;
        let mut observer = |report| {
            if let Report::Finished { index, outcome } = report {
                assert!(done.insert(index, *outcome).is_none(), "reported twice");
            }
            reports += 1;
            if self.breaks == Some(reports) {
                ControlFlow::Break(())
            } else {
                ControlFlow::Continue(())
            }
        };
        let mut abacuses = [Abacus::new(self.leaves), Abacus::new(self.leaves)];
        for abacus in &mut abacuses {
            (abacus.at_once, abacus.reversed) = (self.at_once, self.reversed);
            abacus.fails = self.tool_fails;
        }
        let mut equipped: Vec<Equipped<'_>> = Vec::new();
        let acting =
            [Reads::Input, Reads::Name].map(|reads| Arc::new(Acts(reads)) as Arc<dyn Profile>);
        let profiles = if self.kind == REACT { &acting } else { &self.profiles };
        for (tool, profile) in abacuses.iter_mut().zip(profiles) {
            equipped.push(Equipped { tool, profile: Arc::clone(profile) });
        }
        let mut models =
            Models { policy: &mut engine, scorers: vec![&mut scorer], tools: equipped };
        let config = self.config();
        let rest = search_many(tasks, &mut models, &config, &espalier_core::Frozen, &mut observer);
        assert_eq!(engine.leases(), 0, "every lease is released when the search is over");
        assert_eq!(engine.letters.in_flight(), 0, "nothing is left with the policy");
        assert_eq!(scorer.leases(), 0, "every lease of a score is released, too");
        assert!(scorer.waiting.is_empty(), "nothing is left with the scorer");
        for abacus in &abacuses {
            assert!(abacus.waiting.is_empty(), "nothing is left with the tools");
            let distinct: BTreeSet<_> = abacus
                .calls
                .iter()
                .map(|call| (&call.earlier, &call.input, call.seed.bits()))
                .collect();
            assert_eq!(distinct.len(), abacus.calls.len(), "no call is run twice");
        }
        if let (1, Some(alone)) = (done.len() + rest.len(), done.get(&0)) {
            let total = alone.ledger.total();
            let told = total.prefill_new + total.decode_new;
            let all = alone.error.is_none() && rest.is_empty() && alone.tree.len() > 1;
            assert!(!all || told == engine.computed, "{told}, of {}", engine.computed);
            assert!(!self.thrifty || engine.again == 0, "{} computed again", engine.again);
        }
        (done, rest)
    }

    /// Searches one problem by this strategy.
    pub(crate) fn search(&self, strategy: Box<dyn Strategy>) -> Outcome {
        let (mut done, _) = self.run_tasks([task("q", self.seed, strategy)]);
        done.remove(&0).expect("the task is reported")
    }

    /// Searches the one task.
    pub(crate) fn run(&self) -> Outcome {
        let (mut done, _) = self.run_all();
        done.remove(&0).expect("the task is reported")
    }
}

pub(crate) fn task(prompt: &str, hash: u64, strategy: Box<dyn Strategy>) -> Task {
    let tokens = prompt.bytes().map(TokenId::from).collect();
    Task { prompt: Arc::new(Prompt { problem: prompt.to_owned(), tokens }), hash, strategy }
}

/// The parents asked for in each round, how often, and how their children are drawn.
pub(crate) fn asked(out: &Outcome) -> Vec<Vec<(NodeId, u32, Draw)>> {
    let sample = |ask: &Ask| match *ask {
        Ask::Sample { parent, count, draw, .. } => Some((parent, count, draw)),
        _ => None,
    };
    let round = |event: &Event| match event {
        Event::Round { asks, .. } => Some(asks.iter().filter_map(sample).collect()),
        _ => None,
    };
    out.trace.iter().filter_map(round).collect()
}

/// What must not depend on company: everything but times.
pub(crate) fn substance(outcome: &Outcome) -> (&[Event], Spend, espalier_core::Ledger) {
    (&outcome.trace, outcome.spent, outcome.ledger.clone())
}

/// The ids of the nodes whose path leads to an ended answer, computed downwards.
pub(crate) fn kept(outcome: &Outcome) -> BTreeSet<NodeId> {
    let tree = &outcome.tree;
    let mut kept = BTreeSet::new();
    for id in tree.ids().rev() {
        let ended = tree.node(id).finish() == Some(Finish::Eos);
        let mut uses = tree.children(id).iter().copied().chain(tree.merged_into(id));
        if ended || uses.any(|one| kept.contains(&one)) {
            kept.insert(id);
        }
    }
    kept
}
