//! Rounding of activations by AVX2's instructions, with the bits of `activations::round`.
#![expect(clippy::inline_always, reason = "all of it takes the instruction set of its caller")]

use std::arch::x86_64::{__m128i, __m256, __m256i};

use pulp::{cast, x86::V3};

use crate::{activations::Rounded, blocks::BLOCK};

/// Blocks to round, and where they go.
pub(crate) struct RoundByVectors<'a> {
    pub(crate) simd: V3,
    pub(crate) values: &'a [f32],
    pub(crate) blocks: &'a mut [Rounded],
}

impl pulp::NullaryFnOnce for RoundByVectors<'_> {
    type Output = ();

    #[inline(always)]
    fn call(self) {
        for (block, values) in self.blocks.iter_mut().zip(self.values.as_chunks().0) {
            *block = round(self.simd, values);
        }
    }
}

#[inline(always)]
fn round(simd: V3, values: &[f32; BLOCK]) -> Rounded {
    let (avx, avx2) = (simd.avx, simd.avx2);
    let mut four = [avx._mm256_setzero_ps(); 4];
    for (eight, values) in four.iter_mut().zip(values.as_chunks::<8>().0) {
        *eight = cast(*values);
    }
    let magnitude = avx._mm256_set1_epi32(0x7fff_ffff);
    let mut largest = avx._mm256_setzero_si256();
    for eight in four {
        let bits = avx2._mm256_and_si256(cast(eight), magnitude);
        largest = avx2._mm256_max_epi32(largest, bits);
    }
    let largest: [i32; 8] = cast(largest);
    let largest = f32::from_bits(largest.into_iter().fold(0, i32::max).cast_unsigned());
    let (scale, inverse) = match Rounded::scale_of(largest) {
        Ok(scales) => scales,
        Err(block) => return block,
    };
    let inverse = avx._mm256_set1_ps(inverse);
    // To the nearest, ties to even.
    let whole = |eight: __m256| avx._mm256_cvtps_epi32(avx._mm256_mul_ps(eight, inverse));
    let [a, b, c, d] = [whole(four[0]), whole(four[1]), whole(four[2]), whole(four[3])];
    let (first, second) = (avx2._mm256_packs_epi32(a, b), avx2._mm256_packs_epi32(c, d));
    // Fours of the lower halves, then of the upper ones.
    let mixed = avx2._mm256_packs_epi16(first, second);
    let order: __m256i = cast([0, 4, 1, 5, 2, 6, 3, 7]);
    let codes = avx2._mm256_permutevar8x32_epi32(mixed, order);
    let words = avx2._mm256_maddubs_epi16(avx._mm256_set1_epi8(1), codes);
    let words = avx2._mm256_add_epi16(words, avx2._mm256_shuffle_epi32::<0b01_00_11_10>(words));
    let words = avx2._mm256_add_epi16(words, avx2._mm256_shuffle_epi32::<0b10_11_00_01>(words));
    // The pair of each half, four times.
    let sse2 = simd.sse2;
    let [first, second]: [__m128i; 2] = cast(words);
    let all = sse2._mm_add_epi16(first, second);
    let pairs = sse2._mm_unpacklo_epi64(all, sse2._mm_unpacklo_epi32(first, second));
    let times: __m128i = cast([-8_i16, -8, -16, -16, -32, -32, -32, -32]);
    let centres = sse2._mm_mullo_epi16(pairs, times);
    let sums: [i32; 4] = cast(sse2._mm_madd_epi16(pairs, sse2._mm_set1_epi16(1)));
    Rounded {
        codes: cast(codes),
        scale,
        sums: [sums[2], sums[3]],
        total: scale * sums[0] as f32,
        centres: cast(centres),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::activations;

    #[test]
    fn vectors_round_as_numbers_one_by_one_do() {
        let Some(simd) = V3::try_new() else {
            eprintln!("NOT TESTED: this machine has no AVX2");
            return;
        };
        let mut state = 1_u64;
        for case in 0..2000 {
            let mut values = [0.0; BLOCK];
            for value in &mut values {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                let whole = (state >> 40) as f32 / 65_536.0 - 127.0;
                // Of all sizes; with ties; with what is not finite.
                *value = match case % 4 {
                    0 => whole,
                    1 => whole.round() / 2.0,
                    2 => whole * 2.0_f32.powi(case % 250 - 125),
                    _ => f32::from_bits((state >> 32) as u32),
                };
            }
            if case % 4 == 1 {
                values[case as usize % BLOCK] = 127.0;
            }
            let (one, other) = (activations::round(&values), round(simd, &values));
            assert_eq!(one.codes, other.codes, "{values:?}");
            assert_eq!((one.sums, one.centres), (other.sums, other.centres));
            let bits = |block: &Rounded| (block.scale.to_bits(), block.total.to_bits());
            assert_eq!(bits(&one), bits(&other));
        }
    }
}
