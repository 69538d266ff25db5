//! Activations: rows of numbers, rounded to signed bytes by blocks of 32.

#[cfg(target_arch = "x86_64")]
use std::sync::OnceLock;
use std::{cell::Cell, mem};

#[cfg(target_arch = "x86_64")]
use pulp::x86::V3;
use pulp::{Arch, Simd, WithSimd};

use crate::{blocks::BLOCK, threads};
#[cfg(target_arch = "x86_64")]
use crate::{
    rounding::RoundByVectors,
    words::{WideRounded, Widen},
};

/// Added to a number of magnitude below 2²², it rounds it to a whole one, ties to even, in the low bits.
const SHIFT: f32 = 12_582_912.0;
/// Activations that a thread rounds at a time.
const PART: usize = 1 << 12;

/// 32 activations, in a cache line.
#[derive(Debug, Clone, Copy)]
#[repr(C, align(64))]
pub(crate) struct Rounded {
    /// Signed bytes of −127 to 127, four a number, the first in the lowest bits.
    pub(crate) codes: [i32; BLOCK / 4],
    /// What a code is worth; NaN where an activation is not finite, so that every product is.
    pub(crate) scale: f32,
    /// The sums of the codes of each half.
    pub(crate) sums: [i32; 2],
    /// The sum of all codes, times the scale.
    pub(crate) total: f32,
    /// What centres, in words of 16 bits, products with weights' codes that are 8 or 16 too much, and those
    /// of each half where they are 32 too much: as many times the sums of the codes that a word adds, two
    /// of four, taken off.
    pub(crate) centres: [i32; 4],
}

impl Rounded {
    const ZERO: Self =
        Self { codes: [0; 8], scale: 0.0, sums: [0; 2], total: 0.0, centres: [0; 4] };

    /// What a code is worth where this is the largest magnitude, and the inverse; or the block, where that
    /// says all.
    #[expect(clippy::inline_always, reason = "it takes the instruction set of its caller")]
    #[inline(always)]
    pub(crate) fn scale_of(largest: f32) -> Result<(f32, f32), Self> {
        if !largest.is_finite() {
            return Err(Self { scale: f32::NAN, total: f32::NAN, ..Self::ZERO });
        }
        if largest < f32::MIN_POSITIVE * 127.0 {
            return Err(Self::ZERO);
        }
        Ok((largest / 127.0, 127.0 / largest))
    }

    /// A block of these codes. `words` are the sums of the codes that a word adds, by halves: of the first
    /// two of four, and of the last two.
    #[expect(clippy::inline_always, reason = "it takes the instruction set of its caller")]
    #[inline(always)]
    pub(crate) fn new(codes: [i32; BLOCK / 4], words: [[i32; 2]; 2], scale: f32) -> Self {
        let centre =
            |times: i32, [low, high]: [i32; 2]| ((-times * low) & 0xffff) | ((-times * high) << 16);
        let all = [words[0][0] + words[1][0], words[0][1] + words[1][1]];
        let centres = [centre(8, all), centre(16, all), centre(32, words[0]), centre(32, words[1])];
        let sums = words.map(|[low, high]| low + high);
        Self { codes, scale, sums, total: scale * (sums[0] + sums[1]) as f32, centres }
    }
}

thread_local! {
    /// Memory of activations that are no longer, for the next.
    static MEMORY: Cell<Vec<Rounded>> = const { Cell::new(Vec::new()) };
}

/// Rows of activations, rounded once for all matrices that multiply them.
///
/// A block's scale is its largest magnitude over 127, the scheme of llama.cpp's `Q8_1` with the scale in
/// `f32`; rounding depends on the block alone.
#[derive(Debug, Clone)]
pub struct Activations {
    pub(crate) inputs: usize,
    /// `[rows, inputs / 32]`.
    pub(crate) blocks: Vec<Rounded>,
    /// The same as words, once they are needed.
    #[cfg(target_arch = "x86_64")]
    words: OnceLock<Vec<WideRounded>>,
}

impl Activations {
    /// Rounds rows of `inputs` numbers.
    ///
    /// # Panics
    /// If `inputs` is zero or no multiple of 32, or `values` are not whole rows.
    #[must_use]
    pub fn new(inputs: usize, values: &[f32]) -> Self {
        assert!(inputs > 0 && inputs.is_multiple_of(BLOCK), "{inputs} inputs are not whole blocks");
        assert!(values.len().is_multiple_of(inputs), "the activations are not whole rows");
        let mut blocks = MEMORY.take();
        blocks.resize(values.len() / BLOCK, Rounded::ZERO);
        if values.len() <= PART {
            round_all(values, &mut blocks);
        } else {
            let parts = values.chunks(PART).zip(blocks.chunks_mut(PART / BLOCK)).collect();
            threads::for_each(parts, |(values, blocks)| round_all(values, blocks));
        }
        Self {
            inputs,
            blocks,
            #[cfg(target_arch = "x86_64")]
            words: OnceLock::new(),
        }
    }

    /// The rows as words: made by the first thread that needs them, for all.
    #[cfg(target_arch = "x86_64")]
    pub(crate) fn words(&self, simd: V3) -> &[WideRounded] {
        self.words.get_or_init(|| simd.vectorize(Widen(&self.blocks)))
    }

    /// Number of rows.
    #[must_use]
    pub fn rows(&self) -> usize {
        self.blocks.len() / (self.inputs / BLOCK)
    }
}

impl Drop for Activations {
    fn drop(&mut self) {
        // Where the thread ends there is no next.
        let _ = MEMORY.try_with(|memory| memory.set(mem::take(&mut self.blocks)));
    }
}

fn round_all(values: &[f32], blocks: &mut [Rounded]) {
    #[cfg(target_arch = "x86_64")]
    if let Some(simd) = V3::try_new() {
        return simd.vectorize(RoundByVectors { simd, values, blocks });
    }
    Arch::new().dispatch(RoundAll(values, blocks));
}

struct RoundAll<'a>(&'a [f32], &'a mut [Rounded]);

impl WithSimd for RoundAll<'_> {
    type Output = ();

    #[expect(clippy::inline_always, reason = "as pulp asks, to get its vector instructions")]
    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        for (block, values) in self.1.iter_mut().zip(self.0.as_chunks::<BLOCK>().0) {
            *block = round(values);
        }
    }
}

#[expect(clippy::inline_always, reason = "it takes the instruction set of its caller")]
#[inline(always)]
pub(crate) fn round(values: &[f32; BLOCK]) -> Rounded {
    // Magnitudes compare as their bits do, and those that are not finite are the largest.
    let mut largest = 0;
    for value in values {
        largest = largest.max(value.to_bits() & 0x7fff_ffff);
    }
    let largest = f32::from_bits(largest);
    let (scale, inverse) = match Rounded::scale_of(largest) {
        Ok(scales) => scales,
        Err(block) => return block,
    };
    let mut whole = [0_i32; BLOCK];
    for (whole, value) in whole.iter_mut().zip(values) {
        *whole = (value * inverse + SHIFT).to_bits().wrapping_sub(SHIFT.to_bits()).cast_signed();
    }
    let mut codes = [0; 8];
    for (code, four) in codes.iter_mut().zip(whole.as_chunks::<4>().0) {
        *code = four[0] & 255 | (four[1] & 255) << 8 | (four[2] & 255) << 16 | four[3] << 24;
    }
    let mut words = [[0; 2]; 2];
    for (words, half) in words.iter_mut().zip(whole.as_chunks::<{ BLOCK / 2 }>().0) {
        for four in half.as_chunks::<4>().0 {
            words[0] += four[0] + four[1];
            words[1] += four[2] + four[3];
        }
    }
    Rounded::new(codes, words, scale)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_the_nearest_and_ties_go_to_even() {
        let mut values = [0.0; BLOCK];
        values[..5].copy_from_slice(&[127.0, 2.5, -3.5, -127.0, 0.4]);
        let rounded = Activations::new(BLOCK, &values).blocks[0];
        assert_eq!(rounded.codes[0].to_le_bytes().map(u8::cast_signed), [127, 2, -4, -127]);
        assert_eq!((rounded.scale.to_bits(), rounded.sums), (1.0_f32.to_bits(), [-2, 0]));
        // Of inputs 0 and 1 of four, and of 2 and 3.
        let words = rounded.centres.map(|words| [words as i16, (words >> 16) as i16]);
        assert_eq!(words[..2], [[-8 * 129, 8 * 131], [-16 * 129, 16 * 131]]);
        assert_eq!(words[2..], [[-32 * 129, 32 * 131], [0, 0]]);
    }

    #[test]
    fn what_is_not_finite_makes_the_block_so() {
        for bad in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
            let mut values = [1.0; 2 * BLOCK];
            values[40] = bad;
            let rounded = Activations::new(2 * BLOCK, &values);
            assert!(rounded.blocks[0].scale.is_finite() && rounded.blocks[1].scale.is_nan());
        }
        let tiny = Activations::new(BLOCK, &[1e-40; BLOCK]).blocks[0];
        assert_eq!(tiny.scale.to_bits(), 0);
    }
}
