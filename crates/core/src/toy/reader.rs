//! A toy reader: log-probabilities that are a hash of the prefix, behind a KV cache.

use std::collections::{BTreeMap, VecDeque};

use crate::{
    Head, Leases, ModelCost, ModelError, Price, Read, Reader, Reading, Seed, Service, Spend,
    Ticket, TokenId, Tokens, Usage, Want,
};

/// A model whose state after each token is a hash of the tokens so far. It goes on from the states it
/// holds by lease, so what a wrong prefix held shows in what is read.
///
/// It computes reads in order, a few a poll, and counts what it computes.
#[derive(Debug)]
pub struct HashReader {
    /// Reads answered at each poll; at least 1.
    pub at_once: usize,
    /// Readings of a poll come last first.
    pub reversed: bool,
    /// The read with this number has NaN for values.
    pub fails: Option<u64>,
    /// Its heads, whose values are hashes too.
    pub heads: Vec<Head>,
    /// Texts that are one token each, the first that fits before those after it: their ids go on where
    /// bytes end.
    pub words: Vec<String>,
    /// Token ids run through the model so far.
    pub computed: u64,
    next: u64,
    waiting: VecDeque<(Ticket, Read)>,
    leases: Leases,
    /// The tokens and states of what is leased.
    held: BTreeMap<u64, (Tokens, Vec<Seed>)>,
}

impl HashReader {
    /// A reader that holds nothing and answers four reads a poll, in order.
    #[must_use]
    pub fn new() -> Self {
        Self {
            at_once: 4,
            reversed: false,
            fails: None,
            heads: Vec::new(),
            words: Vec::new(),
            computed: 0,
            next: 0,
            waiting: VecDeque::new(),
            leases: Leases::default(),
            held: BTreeMap::new(),
        }
    }

    /// Reads submitted and not answered.
    #[must_use]
    pub fn in_flight(&self) -> usize {
        self.waiting.len()
    }

    /// Leases alive.
    pub fn leased(&mut self) -> usize {
        self.release();
        self.held.len()
    }

    fn release(&mut self) {
        for id in self.leases.take_returned() {
            self.held.remove(&id);
        }
    }

    fn answer(&mut self, ticket: Ticket, read: &Read) -> Result<Reading, ModelError> {
        let bad = |reason: String| Err(ModelError::BadRequest { reason });
        let (positions, head) = match &read.want {
            Want::NextOf { positions, .. } => (positions, None),
            Want::Head { name, positions } => {
                match self.heads.iter().find(|head| head.name == *name) {
                    Some(head) => (positions, Some(head.clone())),
                    None => return bad(format!("the hash reader has no head named `{name}`")),
                }
            }
            _ => return bad("the hash reader knows `Want::NextOf` and `Want::Head`".to_owned()),
        };
        let known = |held: &&(Tokens, Vec<Seed>)| common(&held.0, &read.tokens);
        let longest = self.held.values().max_by_key(known);
        let cached = longest.as_ref().map_or(0, known);
        let mut states: Vec<Seed> = longest.map_or_else(Vec::new, |held| held.1[..cached].to_vec());
        for &token in &read.tokens[cached..] {
            let before = states.last().copied().unwrap_or_else(|| Seed::run(0));
            states.push(before.fold(token.into()));
        }
        let (cached, len) = (cached as u64, read.tokens.len() as u64);
        self.computed += len - cached;
        let nan = self.fails == Some(ticket.0);
        let mut values = Vec::new();
        for &position in positions {
            let Some(state) = states.get(position as usize) else {
                return bad(format!("position `{position}` is beyond the {len} tokens to read"));
            };
            let row: Vec<f32> = match (&read.want, &head) {
                (Want::NextOf { ids, .. }, _) => {
                    ids.iter().map(|&id| state.uniform(id.into()).ln() as f32).collect()
                }
                (_, head) => (0..head.as_ref().map_or(0, |head| head.outputs))
                    .map(|output| (8.0 * state.uniform(output.into()) - 4.0) as f32)
                    .collect(),
            };
            values.push(if nan { vec![f32::NAN; row.len()] } else { row });
        }
        let flops = head.map_or(self.cost().head, |head| head.flops);
        let heads = u128::from(flops) * positions.len() as u128;
        let usage = Usage {
            prefill_new: len - cached,
            prefill_cached: cached,
            flops: self.cost().forward(cached, len) + heads,
            flops_uncached: self.cost().forward(0, len) + heads,
            nano_usd: (len - cached) * self.price().prefill + cached * self.price().cached,
            ..Usage::default()
        };
        let lease = read.retain.then(|| self.leases.issue(ticket.0));
        if lease.is_some() {
            self.held.insert(ticket.0, (Tokens::clone(&read.tokens), states));
        }
        Ok(Reading { values, usage, lease })
    }
}

impl Default for HashReader {
    fn default() -> Self {
        Self::new()
    }
}

fn common(one: &[TokenId], other: &[TokenId]) -> usize {
    one.iter().zip(other).take_while(|(a, b)| a == b).count()
}

impl Service for HashReader {
    type Ask = Read;
    type Reply = Reading;

    fn submit(&mut self, read: Read) -> Ticket {
        let ticket = Ticket(self.next);
        self.next += 1;
        self.waiting.push_back((ticket, read));
        ticket
    }

    fn poll(&mut self) -> Vec<(Ticket, Result<Reading, ModelError>)> {
        self.release();
        let n = self.at_once.max(1).min(self.waiting.len());
        let now: Vec<_> = self.waiting.drain(..n).collect();
        let mut done: Vec<_> =
            now.iter().map(|(ticket, read)| (*ticket, self.answer(*ticket, read))).collect();
        if self.reversed {
            done.reverse();
        }
        done
    }

    fn cancel(&mut self, ticket: Ticket) {
        self.waiting.retain(|(waiting, _)| *waiting != ticket);
    }
}

impl Reader for HashReader {
    fn heads(&self) -> Vec<Head> {
        self.heads.clone()
    }

    fn worst_case(&self, reads: &[Read]) -> Vec<Spend> {
        // What is held could be let go before the read: nothing is counted on.
        let dearest = self.heads.iter().map(|head| head.flops).fold(self.cost().head, u64::max);
        let worst = |read: &Read| {
            let len = read.tokens.len() as u64;
            Spend {
                scored: len,
                computed: len,
                calls: 1,
                flops: self.cost().forward(0, len) + u128::from(len * dearest),
                nano_usd: len * self.price().prefill,
                ..Spend::default()
            }
        };
        reads.iter().map(worst).collect()
    }

    fn cost(&self) -> ModelCost {
        ModelCost { trunk: 50, attention: 3, head: 11 }
    }

    fn price(&self) -> Price {
        Price { prefill: 3, cached: 1, sampled: 0 }
    }

    fn encode(&self, text: &str) -> Result<Tokens, ModelError> {
        let mut rest = text.as_bytes();
        let mut ids = Vec::new();
        while let Some((&first, after)) = rest.split_first() {
            let word = self
                .words
                .iter()
                .position(|word| !word.is_empty() && rest.starts_with(word.as_bytes()));
            let (id, next) = match word {
                Some(index) => (256 + index as TokenId, &rest[self.words[index].len()..]),
                None => (TokenId::from(first), after),
            };
            ids.push(id);
            rest = next;
        }
        Ok(ids.into())
    }
}
