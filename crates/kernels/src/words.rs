//! The product of panels whose codes are bytes with many rows, without products of bytes: codes and
//! activations as words of 16 bits.
#![expect(clippy::inline_always, reason = "all of it takes the instruction set of its caller")]

use std::arch::x86_64::{__m256, __m256i};

use pulp::cast;

use crate::{
    activations::Rounded,
    avx2::scales,
    beside::Beside,
    dot::Vectors,
    layout::{GROUPS, Layout, VECTOR},
    many::Apart,
    pinned::pinned,
    prefetch::prefetch_block,
};

/// Records of a layout taken apart into words.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ByWords<const PANELS: usize>(pub(crate) Beside<PANELS>, pub(crate) Layout);

/// A record, taken apart.
#[derive(Debug, Clone, Copy)]
#[repr(C)]
pub(crate) struct Words<const PANELS: usize> {
    /// Of each group, the codes of its even inputs and of its odd ones.
    codes: [[[__m256i; PANELS]; 2]; GROUPS],
    scale: [__m256; PANELS],
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

impl<const PANELS: usize> Apart for ByWords<PANELS>
where
    Beside<PANELS>: Vectors<Ints = [__m256i; PANELS], Floats = [__m256; PANELS]>,
{
    type Simd = Beside<PANELS>;
    type Record = Words<PANELS>;
    type Block = WideRounded;

    #[inline(always)]
    fn simd(self) -> Beside<PANELS> {
        self.0
    }

    #[inline(always)]
    fn empty(self) -> Words<PANELS> {
        Words { codes: [[self.0.int(0); 2]; GROUPS], scale: self.0.float(0.0) }
    }

    #[inline(always)]
    fn take(
        self,
        mut records: &[u8],
        supers: &[u16],
        _from: usize,
        panel: usize,
        into: &mut [Words<PANELS>],
        ahead: &[u8],
    ) {
        let Self(Beside(simd), layout) = self;
        for (block, into) in into.iter_mut().enumerate() {
            // Not by iterators side by side, which take half as many instructions again.
            let record;
            (record, records) = records.split_at(layout.bytes());
            prefetch_block(ahead, block, layout.bytes());
            let groups = record[..layout.codes()].as_chunks::<VECTOR>().0;
            for (codes, group) in into.codes.iter_mut().zip(groups) {
                let bytes: __m256i = cast(*group);
                let odd = simd.avx2._mm256_srai_epi16::<8>(bytes);
                let even = simd.avx2._mm256_slli_epi16::<8>(bytes);
                codes[0][panel] = simd.avx2._mm256_srai_epi16::<8>(even);
                codes[1][panel] = odd;
            }
            into.scale[panel] = scales(simd, layout, &record[layout.codes()..], supers)[0];
        }
    }

    #[inline(always)]
    fn add<const ROWS: usize>(
        self,
        records: &[Words<PANELS>],
        x: [&[WideRounded]; ROWS],
        totals: &mut [[__m256; PANELS]; ROWS],
    ) {
        let (simd, one) = (self.0, self.0.0);
        // Said here, lengths are not checked for each block.
        let x = x.map(|x| &x[..records.len()]);
        let mut sums_so_far = *totals;
        for (block, record) in records.iter().enumerate() {
            let mut dots = [simd.int(0); ROWS];
            // Group by group without a loop, whose own instructions take time, too.
            macro_rules! groups {
                ($($group:literal)*) => {$(
                    for half in 0..2 {
                        let codes = record.codes[$group][half];
                        for row in 0..ROWS {
                            let x = one.int(x[row][block].pairs[$group][half]);
                            for (dot, codes) in dots[row].iter_mut().zip(codes) {
                                let two = one.avx2._mm256_madd_epi16(codes, x);
                                *dot = pinned(one, one.avx2._mm256_add_epi32(*dot, two));
                            }
                        }
                    }
                )*};
            }
            groups!(0 1 2 3 4 5 6 7);
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
