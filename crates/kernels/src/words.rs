//! The product of panels whose codes are bytes with many rows, without products of bytes: codes and
//! activations as words of 16 bits.
#![expect(clippy::inline_always, reason = "all of it takes the instruction set of its caller")]

use std::arch::x86_64::{__m256, __m256i};

use pulp::{cast, x86::V3};

use crate::{
    activations::Rounded,
    avx2::scales,
    dot::Vectors,
    layout::{GROUPS, Layout, VECTOR},
    many::Apart,
    prefetch::prefetch_block,
};

/// Records of a layout taken apart into words.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ByWords(pub(crate) V3, pub(crate) Layout);

/// A record, taken apart.
#[derive(Debug, Clone, Copy)]
#[repr(C)]
pub(crate) struct Words {
    /// Of each group, the codes of its even inputs and of its odd ones.
    codes: [[__m256i; 2]; GROUPS],
    scale: __m256,
}

/// 32 activations as words.
#[derive(Debug, Clone, Copy)]
pub(crate) struct WideRounded {
    /// As the codes, the first of two in a number's lower half.
    pairs: [[i32; 2]; GROUPS],
    scale: f32,
}

/// Makes words of activations.
pub(crate) struct Widen<'a>(pub(crate) &'a [Rounded]);

impl pulp::NullaryFnOnce for Widen<'_> {
    type Output = Vec<WideRounded>;

    #[inline(always)]
    fn call(self) -> Vec<WideRounded> {
        let mut all = Vec::with_capacity(self.0.len());
        for block in self.0 {
            let mut pairs = [[0; 2]; GROUPS];
            for (pairs, four) in pairs.iter_mut().zip(block.codes) {
                // Bytes 0 and 2 with their signs, then 1 and 3.
                let word = |byte: u32| four << (24 - 8 * byte) >> 24;
                *pairs = [word(0) & 0xffff | word(2) << 16, word(1) & 0xffff | word(3) << 16];
            }
            all.push(WideRounded { pairs, scale: block.scale });
        }
        all
    }
}

impl Apart for ByWords {
    type Simd = V3;
    type Record = Words;
    type Block = WideRounded;

    #[inline(always)]
    fn simd(self) -> V3 {
        self.0
    }

    #[inline(always)]
    fn empty(self) -> Words {
        Words { codes: [[self.0.int(0); 2]; GROUPS], scale: self.0.float(0.0) }
    }

    #[inline(always)]
    fn take(
        self,
        records: &[u8],
        supers: &[u16],
        _from: usize,
        _panel: usize,
        into: &mut [Words],
        ahead: &[u8],
    ) {
        let Self(simd, layout) = self;
        for (block, (record, into)) in records.chunks_exact(layout.bytes()).zip(into).enumerate() {
            prefetch_block(ahead, block, layout.bytes());
            let groups = record[..layout.codes()].as_chunks::<VECTOR>().0;
            for (codes, group) in into.codes.iter_mut().zip(groups) {
                let bytes: __m256i = cast(*group);
                let odd = simd.avx2._mm256_srai_epi16::<8>(bytes);
                let even = simd.avx2._mm256_slli_epi16::<8>(bytes);
                *codes = [simd.avx2._mm256_srai_epi16::<8>(even), odd];
            }
            into.scale = scales(simd, layout, &record[layout.codes()..], supers)[0];
        }
    }

    #[inline(always)]
    fn add<const ROWS: usize>(
        self,
        records: &[Words],
        x: [&[WideRounded]; ROWS],
        totals: &mut [__m256; ROWS],
    ) {
        let simd = self.0;
        // Said here, lengths are not checked for each block.
        let x = x.map(|x| &x[..records.len()]);
        let mut sums_so_far = *totals;
        for (block, record) in records.iter().enumerate() {
            let mut dots = [simd.int(0); ROWS];
            for group in 0..GROUPS {
                for half in 0..2 {
                    for row in 0..ROWS {
                        let x = simd.int(x[row][block].pairs[group][half]);
                        let two = simd.avx2._mm256_madd_epi16(record.codes[group][half], x);
                        dots[row] = simd.avx2._mm256_add_epi32(dots[row], two);
                    }
                }
            }
            for row in 0..ROWS {
                let factor = simd.times(record.scale, simd.float(x[row][block].scale));
                let total = &mut sums_so_far[row];
                *total = simd.times_plus(factor, simd.floats(dots[row]), *total);
            }
        }
        *totals = sums_so_far;
    }
}

#[cfg(test)]
mod tests {
    use pulp::NullaryFnOnce;

    use super::*;
    use crate::activations::Activations;

    #[test]
    fn words_are_the_activations() {
        let values: Vec<f32> = (0..64).map(|i| (i * 37 % 64) as f32 * 4.0 - 127.0).collect();
        let rounded = Activations::new(64, &values);
        for (block, wide) in rounded.blocks.iter().zip(Widen(&rounded.blocks).call()) {
            for (four, pairs) in block.codes.iter().zip(wide.pairs) {
                let [a, b, c, d] = four.to_le_bytes().map(|byte| i16::from(byte.cast_signed()));
                let words = pairs.map(|pair| [pair as i16, (pair >> 16) as i16]);
                assert_eq!(words, [[a, c], [b, d]]);
            }
            assert_eq!(wide.scale.to_bits(), block.scale.to_bits());
        }
    }
}
