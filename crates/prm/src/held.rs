//! Held sequences: what each search has had read, whose KV is there to go on from.

use std::{collections::BTreeMap, sync::Arc};

use espalier_core::{Lease, Leases, ModelCost, Path, Price, Prompt, Spend, TokenId, Tokens, Usage};

/// One sequence that is being read, or was and is leased.
#[derive(Debug)]
struct Sequence {
    /// Whose it is: searches are told apart by the `Arc` of their prompt.
    prompt: Arc<Prompt>,
    tokens: Tokens,
    /// The reader's lease, once the sequence has been read.
    lease: Option<Lease>,
}

/// The sequences of every search. A search finds its own alone, so that what a read costs does not
/// depend on company.
#[derive(Debug, Default)]
pub(crate) struct Held {
    sequences: BTreeMap<u64, Sequence>,
    leases: Leases,
}

/// What reads cost, by the reader's own numbers.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Rates {
    pub(crate) cost: ModelCost,
    pub(crate) price: Price,
}

impl Held {
    /// Lets go of what was released since the last call.
    pub(crate) fn reclaim(&mut self) {
        for id in self.leases.take_returned() {
            self.sequences.remove(&id);
        }
    }

    /// Tokens of a sequence that are held for this search.
    ///
    /// # Complexity
    ///
    /// One comparison a sequence of any search, and one a token that agrees.
    fn common(&self, prompt: &Arc<Prompt>, tokens: &[TokenId]) -> usize {
        let ours = self.sequences.values().filter(|one| Arc::ptr_eq(&one.prompt, prompt));
        ours.map(|one| common(&one.tokens, tokens)).max().unwrap_or(0)
    }

    /// Tokens of a sequence that need not be computed to read what follows its last one: all of them
    /// where just this sequence is held, else all but the last at most, as only the ends of what was
    /// read are sure to have their outputs held.
    fn cached(&self, prompt: &Arc<Prompt>, tokens: &[TokenId]) -> usize {
        let same = |one: &Sequence| Arc::ptr_eq(&one.prompt, prompt) && *one.tokens == *tokens;
        if self.sequences.values().any(same) {
            return tokens.len();
        }
        self.common(prompt, tokens).min(tokens.len().saturating_sub(1))
    }

    /// Adds a sequence about to be read; returns what that costs the search.
    pub(crate) fn begin(&mut self, id: u64, path: &Path, tokens: &Tokens, rates: Rates) -> Usage {
        let cached = self.cached(&path.prompt, tokens) as u64;
        let tokens = Tokens::clone(tokens);
        let len = tokens.len() as u64;
        let sequence = Sequence { prompt: Arc::clone(&path.prompt), tokens, lease: None };
        self.sequences.insert(id, sequence);
        let Rates { cost, price } = rates;
        Usage {
            prefill_new: len - cached,
            prefill_cached: cached,
            flops: cost.forward(cached, len) + u128::from(cost.head),
            flops_uncached: cost.forward(0, len) + u128::from(cost.head),
            nano_usd: (len - cached) * price.prefill + cached * price.cached,
            ..Usage::default()
        }
    }

    /// A sequence has been read: it is held until the lease that is returned is dropped.
    pub(crate) fn keep(&mut self, id: u64, lease: Lease) -> Lease {
        if let Some(sequence) = self.sequences.get_mut(&id) {
            sequence.lease = Some(lease);
        }
        self.leases.issue(id)
    }

    /// A sequence will not be read.
    pub(crate) fn forget(&mut self, id: u64) {
        self.sequences.remove(&id);
    }

    /// The most each of these reads can cost, in order: of a known path and so many unknown tokens after
    /// it. What is known is counted at the first read that needs it, what is not at each.
    pub(crate) fn worst_case(&self, bounds: &[(&Path, u32)], rates: Rates) -> Vec<Spend> {
        let mut before: Vec<(&Arc<Prompt>, Vec<TokenId>)> = Vec::new();
        let mut worst = Vec::with_capacity(bounds.len());
        for &(path, max_tokens) in bounds {
            let (prompt, known) = (&path.prompt, path.tokens());
            let ours = before.iter().filter(|(other, _)| Arc::ptr_eq(other, prompt));
            let shared = ours.map(|(_, other)| common(other, &known)).max().unwrap_or(0);
            let cached = self.common(prompt, &known).max(shared) as u64;
            let len = known.len() as u64 + u64::from(max_tokens);
            let Rates { cost, price } = rates;
            let dearest = price.prefill.max(price.cached);
            worst.push(Spend {
                scored: len - cached,
                computed: len - cached,
                calls: 1,
                flops: cost.forward(cached, len) + u128::from(cost.head),
                nano_usd: cached * price.cached + (len - cached) * dearest,
                ..Spend::default()
            });
            before.push((prompt, known));
        }
        worst
    }
}

fn common(one: &[TokenId], other: &[TokenId]) -> usize {
    one.iter().zip(other).take_while(|(a, b)| a == b).count()
}
