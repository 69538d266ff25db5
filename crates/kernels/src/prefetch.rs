//! Prefetching: what is needed soon is asked of memory before.

use std::ops::Range;

use crate::{layout::LINE, numbers::Numbers};

/// Asks for what is read or written soon, so that nobody waits for memory then.
#[expect(clippy::inline_always, reason = "it is a few instructions in a loop")]
#[inline(always)]
pub(crate) fn prefetch<T>(items: &[T]) {
    #[cfg(target_arch = "x86_64")]
    if let Some(sse) = pulp::core_arch::x86::Sse::try_new() {
        const { assert!(size_of::<T>() <= LINE) };
        let mut at = 0;
        while at < items.len() {
            let item: *const T = &raw const items[at];
            sse._mm_prefetch::<{ std::arch::x86_64::_MM_HINT_T0 }>(item.cast());
            at += LINE / size_of::<T>();
        }
    }
}

/// Asks for as many of some bytes as block `block` of `bytes` is, as far as there are any.
#[expect(clippy::inline_always, reason = "it is a few instructions in a loop")]
#[inline(always)]
#[cfg(target_arch = "x86_64")]
pub(crate) fn prefetch_block(all: &[u8], block: usize, bytes: usize) {
    if let Some(block) = all.get(block * bytes..(block + 1) * bytes) {
        prefetch(block);
    }
}

/// What is read soon, asked of memory step by step while something else is computed: memory has so many places
/// for what it is asked for.
pub(crate) struct Ahead<'a> {
    /// What is read, in the order in which it is.
    parts: Vec<(Numbers<'a>, Range<usize>)>,
    /// The part that is asked for, of which the rest is left.
    part: usize,
    /// Numbers that are asked for at a time.
    step: usize,
}

impl<'a> Ahead<'a> {
    /// Asks for the first `head` numbers of parts, the rest to be asked for evenly in as many steps.
    pub(crate) fn new(parts: Vec<(Numbers<'a>, Range<usize>)>, head: usize, steps: usize) -> Self {
        let all: usize = parts.iter().map(|(_, range)| range.len()).sum();
        let step = all.div_ceil(steps.max(1));
        let mut ahead = Self { parts, part: 0, step: step.next_multiple_of(LINE) };
        ahead.ask_for(head);
        ahead
    }

    /// Asks for the next step.
    #[expect(clippy::inline_always, reason = "it is a few instructions in a loop")]
    #[inline(always)]
    pub(crate) fn ask(&mut self) {
        self.ask_for(self.step);
    }

    #[expect(clippy::inline_always, reason = "it is a few instructions in a loop")]
    #[inline(always)]
    fn ask_for(&mut self, mut left: usize) {
        while left > 0
            && let Some((numbers, range)) = self.parts.get_mut(self.part)
        {
            let to = range.end.min(range.start + left);
            numbers.ask(range.start..to);
            left -= to - range.start;
            range.start = to;
            if range.start == range.end {
                self.part += 1;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_is_asked_for_in_order_by_the_last_step() {
        let numbers = vec![0.0; 10_000];
        for (lengths, head, steps) in [
            (&[700, 0, 64, 3000][..], 2048, 10),
            (&[5], 64, 1),
            (&[0, 0], 64, 0),
            (&[9000], 0, 141),
        ] {
            let parts = lengths.iter().map(|len| (Numbers::F32(&numbers), 100..100 + len));
            let mut ahead = Ahead::new(parts.collect(), head, steps);
            let left = |ahead: &Ahead<'_>| -> Vec<usize> {
                ahead.parts.iter().map(|(_, range)| range.len()).collect()
            };
            let all: usize = lengths.iter().sum();
            let mut before = left(&ahead);
            assert_eq!(before.iter().sum::<usize>(), all.saturating_sub(head), "{lengths:?}");
            for _ in 0..steps {
                ahead.ask();
                let now = left(&ahead);
                // Of what is begun, nothing is left before it.
                let begun = now.iter().zip(lengths).rposition(|(left, len)| left < len);
                assert!(now[..begun.unwrap_or(0)].iter().all(|left| *left == 0), "{now:?}");
                assert!(now.iter().zip(&before).all(|(now, before)| now <= before));
                before = now;
            }
            assert!(before.iter().all(|left| *left == 0), "{lengths:?}: {before:?}");
        }
    }
}
