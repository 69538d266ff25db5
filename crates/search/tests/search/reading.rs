//! A toy scorer that reads whole paths, in any order of completion, failing on demand.

use std::collections::BTreeSet;

use espalier_core::{
    Leases, ModelError, Path, PathScorer, Score, ScoreAsk, ScoreBound, Scored, Scorer, Service,
    Spend, Ticket, Usage, toy,
};

/// `scale × hash + shift`.
#[derive(Clone, Copy)]
pub(crate) struct Affine(pub(crate) f32, pub(crate) f32);

impl PathScorer for Affine {
    fn score(&self, path: &Path) -> Result<Score, ModelError> {
        let hash = toy::Hashed.score(path)?.get();
        // In 64ths, so that powers of two keep scaled scores exact and ties tied.
        Ok(Score::new(self.0 * (hash * 64.0).floor() / 64.0 + self.1)?)
    }
}

/// Reads every token of the path for each score, one path a poll, newest first; leases what it has read;
/// fails on demand.
pub(crate) struct Reading {
    rule: Affine,
    next: u64,
    pub(crate) waiting: Vec<(Ticket, ScoreAsk)>,
    /// The ask with this number fails.
    pub(crate) fails: Option<u64>,
    leases: Leases,
    leased: BTreeSet<u64>,
    /// The most leases alive when an ask came in and none was waiting.
    pub(crate) most_leases: usize,
}

impl Reading {
    pub(crate) fn new(rule: Affine) -> Self {
        let (leases, leased) = (Leases::default(), BTreeSet::new());
        Self { rule, next: 0, waiting: Vec::new(), fails: None, leases, leased, most_leases: 0 }
    }

    pub(crate) fn leases(&mut self) -> usize {
        for id in self.leases.take_returned() {
            self.leased.remove(&id);
        }
        self.leased.len()
    }

    fn answer(&mut self, ticket: Ticket, ask: &ScoreAsk) -> Result<Scored, ModelError> {
        if self.fails == Some(ticket.0) {
            Score::new(f32::NAN)?;
        }
        let tokens = ask.path.tokens().len() as u64;
        let flops = u128::from(tokens) * 7;
        let usage = Usage {
            prefill_new: tokens,
            flops,
            flops_uncached: flops,
            nano_usd: 3,
            ..Usage::default()
        };
        let score = self.rule.score(&ask.path)?;
        self.leased.insert(ticket.0);
        Ok(Scored { score, usage, lease: Some(self.leases.issue(ticket.0)) })
    }
}

impl Service for Reading {
    type Ask = ScoreAsk;
    type Reply = Scored;

    fn submit(&mut self, ask: ScoreAsk) -> Ticket {
        if self.waiting.is_empty() {
            self.most_leases = self.most_leases.max(self.leases());
        }
        let ticket = Ticket(self.next);
        self.next += 1;
        self.waiting.push((ticket, ask));
        ticket
    }

    fn poll(&mut self) -> Vec<(Ticket, Result<Scored, ModelError>)> {
        let Some((ticket, ask)) = self.waiting.pop() else { return Vec::new() };
        vec![(ticket, self.answer(ticket, &ask))]
    }

    fn cancel(&mut self, ticket: Ticket) {
        self.waiting.retain(|(waiting, _)| *waiting != ticket);
    }
}

impl Scorer for Reading {
    fn worst_case(&self, asks: &[ScoreBound]) -> Vec<Spend> {
        let worst = |ask: &ScoreBound| {
            let tokens = ask.parent.tokens().len() as u64 + u64::from(ask.max_tokens);
            let flops = u128::from(tokens) * 7;
            Spend {
                scored: tokens,
                computed: tokens,
                calls: 1,
                flops,
                nano_usd: 3,
                ..Spend::default()
            }
        };
        asks.iter().map(worst).collect()
    }
}
