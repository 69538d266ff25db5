//! Prefetching: what is needed soon is asked of memory before.

use crate::layout::LINE;

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
