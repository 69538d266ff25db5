//! Held sequences: what each search has had read, whose KV is there to go on from.

use std::{collections::BTreeMap, sync::Arc};

use espalier_core::{Lease, Leases, ModelCost, Price, Prompt, Spend, TokenId, Tokens, Usage};

use crate::sequences::{Outlook, common};

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
    /// FLOPs of the one position that is read, beside the trunk's.
    pub(crate) head: u64,
    pub(crate) price: Price,
}

/// What is known of a read that does not exist yet.
#[derive(Debug)]
pub(crate) struct Prospect<'a> {
    /// Whose it will be.
    pub(crate) prompt: &'a Arc<Prompt>,
    /// What is known of its sequence.
    pub(crate) outlook: Outlook,
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
    pub(crate) fn begin(
        &mut self,
        id: u64,
        prompt: &Arc<Prompt>,
        tokens: &Tokens,
        rates: Rates,
    ) -> Usage {
        let cached = self.cached(prompt, tokens) as u64;
        let tokens = Tokens::clone(tokens);
        let len = tokens.len() as u64;
        let sequence = Sequence { prompt: Arc::clone(prompt), tokens, lease: None };
        self.sequences.insert(id, sequence);
        let Rates { cost, head, price } = rates;
        Usage {
            prefill_new: len - cached,
            prefill_cached: cached,
            flops: cost.forward(cached, len) + u128::from(head),
            flops_uncached: cost.forward(0, len) + u128::from(head),
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

    /// The most each of these reads can cost, in order. What is sure of its tokens is counted at the first
    /// read that needs it, what is not at each.
    pub(crate) fn worst_case(&self, prospects: &[Prospect<'_>], rates: Rates) -> Vec<Spend> {
        let Rates { cost, head, price } = rates;
        let dearest = price.prefill.max(price.cached);
        let worst = |(index, Prospect { prompt, outlook }): (usize, &Prospect<'_>)| {
            let before = prospects[..index].iter().filter(|one| Arc::ptr_eq(one.prompt, prompt));
            let shared = before.map(|one| common(&one.outlook.sure, &outlook.sure)).max();
            let held = self.common(prompt, &outlook.sure);
            let (cached, most) = (held.max(shared.unwrap_or(0)) as u64, outlook.most);
            Spend {
                scored: most - cached,
                computed: most - cached,
                calls: 1,
                flops: cost.forward(cached, most) + u128::from(head),
                nano_usd: cached * price.cached + (most - cached) * dearest,
                ..Spend::default()
            }
        };
        prospects.iter().enumerate().map(worst).collect()
    }
}
