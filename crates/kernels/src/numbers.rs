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
    /// The bits of halves (IEEE 754 binary16); what is not finite stays so.
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

/// Writes the numbers that halves stand for, by the bits of IEEE 754 binary16, with F16C where the machine
/// has it, else with the instructions of the caller.
///
/// # Panics
/// If `to` has room for fewer.
#[expect(clippy::inline_always, reason = "it takes the instruction set of its caller")]
#[inline(always)]
pub fn widen(halves: &[u16], to: &mut [f32]) {
    let to = &mut to[..halves.len()];
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
        // Keys and values too large for a half are infinite, with any instructions.
        let top = if half::is_finite(*half) { 0 } else { f32::INFINITY.to_bits() };
        *to = f32::from_bits(half::single(*half).to_bits() | top);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn halves_widen_alike_with_any_instructions() {
        // All but those not numbers that signal, which no conversion gives.
        let signals = |half: u16| half & 0x7e00 == 0x7c00 && half & 0x01ff != 0;
        let halves: Vec<u16> = (0..=u16::MAX).filter(|half| !signals(*half)).collect();
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

    #[test]
    fn halves_that_are_not_finite_stay_so() {
        let mut wide = [0.0; 4];
        widen_plainly(&[0x7c00, 0xfc00, 0x7e00, 0x7bff], &mut wide);
        assert_eq!((wide[0], wide[1], wide[3]), (f32::INFINITY, f32::NEG_INFINITY, 65504.0));
        assert!(wide[2].is_nan());
    }
}
