//! Books: what a search pays of the prefixes of its requests, as if it were alone.
//!
//! An engine says what it computed, and that depends on what it still held: other searches may have asked
//! with prompts that begin alike, as prompts of one form do. So a search that prompts by forms pays for
//! every prefix token that it does not hold itself.

use std::{
    collections::BTreeSet,
    ops::Bound::{Excluded, Unbounded},
};

use espalier_core::{Entry, ModelCost, TokenId, Tokens};

/// What one request pays of its prefix.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Share {
    /// Tokens of the prefix.
    pub(crate) len: u64,
    /// Those that are not held.
    pub(crate) own: u64,
    /// The problem's prompt, where this is the first request that goes on from it. The root pays it.
    pub(crate) prompt: Option<Prompt>,
}

/// What the root pays of the problem's prompt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Prompt {
    /// Tokens of the prompt.
    pub(crate) len: u64,
    /// Those that are not held.
    pub(crate) own: u64,
}

impl Prompt {
    pub(crate) fn flops(self, cost: &ModelCost) -> u128 {
        cost.forward(self.len - self.own, self.len)
    }
}

impl Share {
    /// All tokens that it makes the search pay.
    pub(crate) fn tokens(self) -> u64 {
        self.own + self.prompt.map_or(0, |prompt| prompt.own)
    }

    /// The FLOPs of these.
    pub(crate) fn flops(self, cost: &ModelCost) -> u128 {
        let prompt = self.prompt.map_or(0, |prompt| prompt.flops(cost));
        prompt + cost.forward(self.len - self.own, self.len)
    }

    /// Replaces what the engine says of the prefix.
    pub(crate) fn charge(self, entry: &mut Entry, cost: &ModelCost) {
        let computed = cost.forward(self.len - entry.prefill_new.min(self.len), self.len);
        let owed = cost.forward(self.len - self.own, self.len);
        (entry.prefill_new, entry.prefill_cached) = (self.own, self.len - self.own);
        entry.flops = entry.flops.saturating_sub(computed) + owed;
    }
}

/// Token sequences whose KV a search holds.
#[derive(Debug, Default)]
pub(crate) struct Held(BTreeSet<Tokens>);

impl Held {
    pub(crate) fn add(&mut self, sequence: Tokens) {
        self.0.insert(sequence);
    }

    /// Tokens of `sequence` after the longest prefix that is held. In lexicographic order, that prefix is
    /// a neighbour's.
    ///
    /// # Complexity
    ///
    /// Logarithmic in the sequences held, each comparison linear in their length.
    fn missing(&self, sequence: &[TokenId]) -> u64 {
        if self.0.contains(sequence) {
            return 0;
        }
        let before = self.0.range::<[TokenId], _>((Unbounded, Excluded(sequence))).next_back();
        let after = self.0.range::<[TokenId], _>((Excluded(sequence), Unbounded)).next();
        let common =
            |one: &Tokens| one.iter().zip(sequence).take_while(|(one, other)| one == other).count();
        let longest = before.into_iter().chain(after).map(common).max().unwrap_or(0);
        (sequence.len() - longest) as u64
    }

    /// What each of a round's requests pays, in order; a token that several need is paid by the first.
    /// `prompt` is the problem's, where it has not been paid.
    pub(crate) fn shares<'a>(
        mut self,
        prefixes: impl Iterator<Item = &'a Tokens>,
        mut prompt: Option<&Tokens>,
    ) -> Vec<Share> {
        let share = |prefix: &Tokens| {
            let starts = |prompt: &&Tokens| prefix.starts_with(prompt);
            let paid = prompt.filter(starts).map(|tokens| {
                let own = self.missing(tokens);
                self.add(Tokens::clone(tokens));
                Prompt { len: tokens.len() as u64, own }
            });
            if paid.is_some() {
                prompt = None;
            }
            let own = self.missing(prefix);
            self.add(Tokens::clone(prefix));
            Share { len: prefix.len() as u64, own, prompt: paid }
        };
        prefixes.map(share).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An oracle: the longest common prefix with any sequence, looked for in all of them.
    #[test]
    fn a_neighbour_has_the_longest_prefix() {
        let word = |number: u32, len: u32| -> Tokens {
            (0..len).map(|place| (number >> (2 * place)) % 3).collect::<Vec<_>>().into()
        };
        let mut held = Held::default();
        let mut all: Vec<Tokens> = Vec::new();
        for number in 0..200_u32 {
            let asked = word(number.wrapping_mul(2_654_435_761) >> 7, number % 6);
            let common = |one: &Tokens| {
                one.iter().zip(&*asked).take_while(|(one, other)| one == other).count()
            };
            let longest = all.iter().map(common).max().unwrap_or(0);
            assert_eq!(held.missing(&asked), (asked.len() - longest) as u64, "{asked:?}");
            held.add(Tokens::clone(&asked));
            all.push(asked);
        }
    }
}
