//! Numbers of 32 or 16 bits.

use std::ops::Range;

#[cfg(target_arch = "x86_64")]
use pulp::core_arch::x86::F16c;

#[cfg(target_arch = "x86_64")]
use crate::f16c;
use crate::{half, prefetch::prefetch};

/// Numbers of 32 or 16 bits, which are computed with as `f32`.
#[derive(Debug, Clone, Copy)]
pub enum Numbers<'a> {
    /// As they are.
    F32(&'a [f32]),
    /// The bits of halves (IEEE 754 binary16), all finite.
    F16(&'a [u16]),
}

impl<'a> Numbers<'a> {
    /// How many there are.
    #[must_use]
    pub fn len(self) -> usize {
        match self {
            Self::F32(numbers) => numbers.len(),
            Self::F16(halves) => halves.len(),
        }
    }

    /// Returns true if and only if there are none.
    #[must_use]
    pub fn is_empty(self) -> bool {
        self.len() == 0
    }

    /// Those from an index on.
    ///
    /// # Panics
    /// If there are fewer.
    #[must_use]
    pub fn from(self, index: usize) -> Self {
        match self {
            Self::F32(numbers) => Self::F32(&numbers[index..]),
            Self::F16(halves) => Self::F16(&halves[index..]),
        }
    }

    /// Asks memory for some of them, which are read soon.
    #[expect(clippy::inline_always, reason = "it is a few instructions in a loop")]
    #[inline(always)]
    pub(crate) fn ask(self, range: Range<usize>) {
        match self {
            Self::F32(numbers) => prefetch(&numbers[range]),
            Self::F16(halves) => prefetch(&halves[range]),
        }
    }

    /// Some of them as `f32`, in place or in `room`.
    #[expect(clippy::inline_always, reason = "it takes the instruction set of its caller")]
    #[inline(always)]
    pub(crate) fn widened<'b>(self, range: Range<usize>, room: &'b mut [f32]) -> &'b [f32]
    where
        'a: 'b,
    {
        match self {
            Self::F32(numbers) => &numbers[range],
            Self::F16(halves) => {
                let halves = &halves[range];
                let to = &mut room[..halves.len()];
                widen(halves, to);
                to
            }
        }
    }
}

/// Writes the numbers that finite halves stand for, by the bits of IEEE 754 binary16, with F16C where the machine
/// has it, else with the instructions of the caller.
#[expect(clippy::inline_always, reason = "it takes the instruction set of its caller")]
#[inline(always)]
pub fn widen(halves: &[u16], to: &mut [f32]) {
    #[cfg(target_arch = "x86_64")]
    if let Some(proof) = F16c::try_new() {
        let (eights, rest) = halves.as_chunks();
        let (to, to_rest) = to.split_at_mut(eights.len() * 8);
        f16c::widen(proof, eights, to.as_chunks_mut().0);
        return widen_plainly(rest, to_rest);
    }
    widen_plainly(halves, to);
}

/// [`widen`] with the instructions of the caller.
#[expect(clippy::inline_always, reason = "it takes the instruction set of its caller")]
#[inline(always)]
fn widen_plainly(halves: &[u16], to: &mut [f32]) {
    for (to, half) in to.iter_mut().zip(halves) {
        *to = half::single(*half);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn halves_widen_alike_with_any_instructions() {
        let halves: Vec<u16> = (0..=u16::MAX).filter(|half| half::is_finite(*half)).collect();
        // Lengths with and without a rest of eights, and room for more than there is.
        for len in [0, 1, 7, 8, 9, 1027, halves.len()] {
            let (mut one, mut other) = (vec![0.5; halves.len() + 1], vec![0.5; halves.len() + 1]);
            widen(&halves[..len], &mut one);
            widen_plainly(&halves[..len], &mut other);
            let bits =
                |numbers: Vec<f32>| numbers.into_iter().map(f32::to_bits).collect::<Vec<_>>();
            assert_eq!(bits(one), bits(other), "{len}");
        }
    }
}
