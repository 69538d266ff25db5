//! Prefetching: what is needed soon is asked of memory before.

use std::ops::Range;

use crate::{layout::LINE, numbers::Numbers};

/// Asks for what is read or written soon, so that nobody waits for memory then.
#[expect(clippy::inline_always, reason = "it is a few instructions in a loop")]
#[inline(always)]
pub(crate) fn prefetch<T>(items: &[T]) {
    #[cfg(target_arch = "x86_64")]
    if let Some(sse) = pulp::core_arch::x86::Sse::try_new() {
        for line in items.chunks(LINE / size_of::<T>()) {
            sse._mm_prefetch::<{ std::arch::x86_64::_MM_HINT_T0 }>(line.as_ptr().cast());
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

/// What is read next, asked of memory part by part while something else is computed: memory has so many
/// places for what it is asked for.
pub(crate) struct Ahead<'a> {
    numbers: Numbers<'a>,
    left: Range<usize>,
    part: usize,
}

impl<'a> Ahead<'a> {
    /// A range to be asked for in as many parts, which end as lines do where it begins as one.
    #[expect(clippy::inline_always, reason = "it is a few instructions")]
    #[inline(always)]
    pub(crate) fn new(numbers: Numbers<'a>, range: Range<usize>, parts: usize) -> Self {
        let part = range.len().div_ceil(parts.max(1)).next_multiple_of(LINE);
        Self { numbers, left: range, part }
    }

    /// Asks for the next part.
    #[expect(clippy::inline_always, reason = "it is a few instructions in a loop")]
    #[inline(always)]
    pub(crate) fn ask(&mut self) {
        let to = self.left.end.min(self.left.start + self.part);
        self.numbers.ask(self.left.start..to);
        self.left.start = to;
    }
}
