//! The product of panels with many rows by AVX2 instructions: codes and scales are taken apart once, for
//! all rows.

use std::arch::x86_64::{__m256, __m256i};

use pulp::{cast, x86::V3};

use crate::{
    activations::Rounded,
    avx2::{scaled, scales, vector},
    format::Format,
    layout::{GROUPS, LANES, Layout, VECTOR},
    quantized::super_of,
};

/// Blocks that are taken apart at a time: those of a panel and the activations of a few rows fit the
/// first cache together.
pub(crate) const CHUNK: usize = 24;

/// A record, taken apart.
#[derive(Debug, Clone, Copy)]
#[repr(C, align(32))]
pub(crate) struct Decoded {
    /// Codes of each group, unsigned; of codes of a byte, what is 128 more, its low 4 bits.
    codes: [[u8; VECTOR]; GROUPS],
    /// The high 4 bits of codes of a byte: so halved, the products of all groups can be added in 16 bits.
    high: [[u8; VECTOR]; GROUPS],
    /// The scales of the first and the second 16 inputs, and what is added.
    scales: [[f32; LANES]; 3],
}

impl Decoded {
    pub(crate) const ZERO: Self = Self {
        codes: [[0; VECTOR]; GROUPS],
        high: [[0; VECTOR]; GROUPS],
        scales: [[0.0; LANES]; 3],
    };
}

/// Takes records apart, the first of which is number `from` of its panel.
#[expect(clippy::inline_always, reason = "it takes the instruction set of its caller")]
#[inline(always)]
pub(crate) fn decode<const FORMAT: usize>(
    simd: V3,
    records: &[u8],
    supers: &[u16],
    from: usize,
    into: &mut [Decoded],
) {
    let layout = const { Layout::of(Format::ALL[FORMAT]) };
    let (avx, avx2) = (simd.avx, simd.avx2);
    let bytes = layout.low == GROUPS * VECTOR;
    for (block, (record, into)) in records.chunks_exact(layout.bytes()).zip(into).enumerate() {
        let codes = record[..layout.codes()].as_chunks::<VECTOR>().0;
        for group in 0..GROUPS {
            let code = if bytes {
                let code = cast(codes[group]);
                let code = avx2._mm256_xor_si256(code, avx._mm256_set1_epi8(-128));
                let high = avx2._mm256_srli_epi16::<4>(code);
                into.high[group] = cast(avx2._mm256_and_si256(high, avx._mm256_set1_epi8(15)));
                avx2._mm256_and_si256(code, avx._mm256_set1_epi8(15))
            } else {
                vector(simd, layout, codes, group)
            };
            into.codes[group] = cast(code);
        }
        let supers = super_of(layout, supers, from + block);
        into.scales = scales(simd, layout, &record[layout.codes()..], supers).map(cast);
    }
}

/// Adds the products of `ROWS` rows with records of a panel to `sums`, in the order of
/// [`tile`](crate::avx2::tile).
#[expect(clippy::inline_always, reason = "it takes the instruction set of its caller")]
#[inline(always)]
pub(crate) fn add<const FORMAT: usize, const ROWS: usize>(
    simd: V3,
    records: &[Decoded],
    x: [&[Rounded]; ROWS],
    sums: &mut [[f32; LANES]; ROWS],
) {
    let layout = const { Layout::of(Format::ALL[FORMAT]) };
    let (avx, avx2) = (simd.avx, simd.avx2);
    let bytes = layout.low == GROUPS * VECTOR;
    // Halves of bytes are codes of 4 bits.
    let fit = if bytes { GROUPS } else { layout.fit };
    // Said here, lengths are not checked for each block.
    let x = x.map(|x| &x[..records.len()]);
    let mut totals = sums.map(cast::<_, __m256>);
    for (block, record) in records.iter().enumerate() {
        let ones = avx._mm256_set1_epi16(1);
        let mut pairs = [avx._mm256_setzero_si256(); ROWS];
        let mut highs = [avx._mm256_setzero_si256(); ROWS];
        let mut dots = [[avx._mm256_setzero_si256(); 2]; ROWS];
        for group in 0..GROUPS {
            let code: __m256i = cast(record.codes[group]);
            let high: __m256i = cast(record.high[group]);
            for row in 0..ROWS {
                let x = avx._mm256_set1_epi32(x[row][block].codes[group]);
                let pair = avx2._mm256_maddubs_epi16(code, x);
                pairs[row] = match group % fit {
                    0 => pair,
                    _ => avx2._mm256_add_epi16(pairs[row], pair),
                };
                if bytes {
                    let pair = avx2._mm256_maddubs_epi16(high, x);
                    highs[row] = avx2._mm256_add_epi16(highs[row], pair);
                }
                if group % fit == fit - 1 {
                    let dot = &mut dots[row][group / (GROUPS / 2)];
                    *dot = avx2._mm256_add_epi32(*dot, avx2._mm256_madd_epi16(pairs[row], ones));
                }
            }
        }
        if bytes {
            for row in 0..ROWS {
                let sums = x[row][block].sums;
                let more = avx._mm256_set1_epi32(128 * (sums[0] + sums[1]));
                let high = avx2._mm256_madd_epi16(highs[row], avx._mm256_set1_epi16(16));
                dots[row][0] = avx2._mm256_sub_epi32(high, more);
            }
        }
        let scales = record.scales.map(cast);
        for row in 0..ROWS {
            totals[row] = scaled(simd, layout, scales, dots[row], &x[row][block], totals[row]);
        }
    }
    *sums = totals.map(cast);
}
