//! The product of a panel with a few rows by AVX2 instructions, eight outputs a vector.

use std::arch::x86_64::{__m128i, __m256, __m256i};

use pulp::{cast, x86::V3};

use crate::{
    activations::Rounded,
    format::Format,
    half,
    layout::{GROUPS, LANES, Layout, Scales, VECTOR},
    quantized::super_of,
};

/// The 8 outputs of a panel for `ROWS` rows; `FORMAT` counts in [`Format::ALL`].
#[expect(clippy::inline_always, reason = "it takes the instruction set of its caller")]
#[inline(always)]
pub(crate) fn tile<const FORMAT: usize, const ROWS: usize>(
    simd: V3,
    records: &[u8],
    supers: &[u16],
    x: [&[Rounded]; ROWS],
) -> [[f32; LANES]; ROWS] {
    let layout = const { Layout::of(Format::ALL[FORMAT]) };
    let (avx, avx2) = (simd.avx, simd.avx2);
    let bytes = layout.low == GROUPS * VECTOR;
    let mut sums = [avx._mm256_setzero_ps(); ROWS];
    for (block, record) in records.chunks_exact(layout.bytes()).enumerate() {
        let codes = record[..layout.codes()].as_chunks::<VECTOR>().0;
        let ones = avx._mm256_set1_epi16(1);
        let mut pairs = [avx._mm256_setzero_si256(); ROWS];
        let mut dots = [[avx._mm256_setzero_si256(); 2]; ROWS];
        for group in 0..GROUPS {
            let code = if bytes { cast(codes[group]) } else { vector(simd, layout, codes, group) };
            for row in 0..ROWS {
                let x = avx._mm256_set1_epi32(x[row][block].codes[group]);
                let pair = if bytes {
                    let size = avx2._mm256_abs_epi8(code);
                    avx2._mm256_maddubs_epi16(size, avx2._mm256_sign_epi8(x, code))
                } else {
                    avx2._mm256_maddubs_epi16(code, x)
                };
                pairs[row] = match group % layout.fit {
                    0 => pair,
                    _ => avx2._mm256_add_epi16(pairs[row], pair),
                };
                if group % layout.fit == layout.fit - 1 {
                    let dot = &mut dots[row][group / (GROUPS / 2)];
                    *dot = avx2._mm256_add_epi32(*dot, avx2._mm256_madd_epi16(pairs[row], ones));
                }
            }
        }
        let supers = super_of(layout, supers, block);
        let scales = scales(simd, layout, &record[layout.codes()..], supers);
        for row in 0..ROWS {
            sums[row] = scaled(simd, layout, scales, dots[row], &x[row][block], sums[row]);
        }
    }
    sums.map(cast)
}

/// Adds what a block of a row is worth, given the sums of products of its first and last 16 inputs.
#[expect(clippy::inline_always, reason = "it takes the instruction set of its caller")]
#[inline(always)]
pub(crate) fn scaled(
    simd: V3,
    layout: Layout,
    [first, second, min]: [__m256; 3],
    [dot, other]: [__m256i; 2],
    x: &Rounded,
    mut sum: __m256,
) -> __m256 {
    let (avx, avx2, fma) = (simd.avx, simd.avx2, simd.fma);
    let scale = avx._mm256_set1_ps(x.scale);
    let number = |dot: __m256i, sum: i32| {
        let offset = avx._mm256_set1_epi32(layout.offset * sum);
        avx._mm256_cvtepi32_ps(avx2._mm256_sub_epi32(dot, offset))
    };
    if layout.scales == Scales::TwoSteps {
        let factor = avx._mm256_mul_ps(first, scale);
        sum = fma._mm256_fmadd_ps(factor, number(dot, x.sums[0]), sum);
        let factor = avx._mm256_mul_ps(second, scale);
        return fma._mm256_fmadd_ps(factor, number(other, x.sums[1]), sum);
    }
    if layout.scales != Scales::Half {
        sum = fma._mm256_fmadd_ps(min, avx._mm256_set1_ps(x.total), sum);
    }
    let factor = avx._mm256_mul_ps(first, scale);
    let dot = avx2._mm256_add_epi32(dot, other);
    fma._mm256_fmadd_ps(factor, number(dot, x.sums[0] + x.sums[1]), sum)
}

/// The scales of the first and second 16 inputs and the minimum of every output, as `read_scales` has them;
/// those that a format has not are never used.
#[expect(clippy::inline_always, reason = "it takes the instruction set of its caller")]
#[inline(always)]
pub(crate) fn scales(simd: V3, layout: Layout, bytes: &[u8], supers: &[u16]) -> [__m256; 3] {
    let (avx, avx2) = (simd.avx, simd.avx2);
    let zero = avx._mm256_setzero_ps();
    let steps = bytes.as_chunks::<LANES>().0;
    let above = supers.as_chunks::<LANES>().0;
    let halves = bytes.as_chunks::<{ 2 * LANES }>().0;
    match layout.scales {
        Scales::Half => [singles(simd, cast(halves[0])), zero, zero],
        Scales::HalfMin => [singles(simd, cast(halves[0])), zero, singles(simd, cast(halves[1]))],
        Scales::StepMin => {
            let scale = stepped(simd, above[0], avx2._mm256_cvtepu8_epi32(eight(steps[0])));
            let min = stepped(simd, above[1], avx2._mm256_cvtepu8_epi32(eight(steps[1])));
            [scale, zero, avx._mm256_xor_ps(min, avx._mm256_set1_ps(-0.0))]
        }
        Scales::TwoSteps => {
            let first = stepped(simd, above[0], avx2._mm256_cvtepi8_epi32(eight(steps[0])));
            let second = stepped(simd, above[0], avx2._mm256_cvtepi8_epi32(eight(steps[1])));
            [first, second, zero]
        }
    }
}

#[expect(clippy::inline_always, reason = "it takes the instruction set of its caller")]
#[inline(always)]
fn stepped(simd: V3, halves: [u16; LANES], steps: __m256i) -> __m256 {
    simd.avx._mm256_mul_ps(singles(simd, cast(halves)), simd.avx._mm256_cvtepi32_ps(steps))
}

#[expect(clippy::inline_always, reason = "it takes the instruction set of its caller")]
#[inline(always)]
fn eight(bytes: [u8; LANES]) -> __m128i {
    cast([u64::from_le_bytes(bytes), 0])
}

/// Halves as `half::single` has them.
#[expect(clippy::inline_always, reason = "it takes the instruction set of its caller")]
#[inline(always)]
fn singles(simd: V3, halves: __m128i) -> __m256 {
    let (avx, avx2) = (simd.avx, simd.avx2);
    // The sign goes to the top; of its copies below, none is kept.
    let bits = avx2._mm256_slli_epi32::<13>(avx2._mm256_cvtepi16_epi32(halves));
    let kept = avx._mm256_set1_epi32(0x8fff_e000_u32.cast_signed());
    let number: __m256 = cast(avx2._mm256_and_si256(bits, kept));
    avx._mm256_mul_ps(number, avx._mm256_set1_ps(half::SCALE))
}

/// The unsigned codes of a group whose low 4 bits and planes lie apart.
#[expect(clippy::inline_always, reason = "it takes the instruction set of its caller")]
#[inline(always)]
pub(crate) fn vector(simd: V3, layout: Layout, codes: &[[u8; VECTOR]], group: usize) -> __m256i {
    let (avx, avx2) = (simd.avx, simd.avx2);
    // Shifts are of 16 bits; what they carry from one byte into another is masked away.
    let shifted = |bits: __m256i, left: i64| {
        let count = |count: i64| -> __m128i { cast([count, 0]) };
        match left {
            0 => bits,
            1.. => avx2._mm256_sll_epi16(bits, count(left)),
            _ => avx2._mm256_srl_epi16(bits, count(-left)),
        }
    };
    let masked = |bits: __m256i, mask: i8| avx2._mm256_and_si256(bits, avx._mm256_set1_epi8(mask));
    let low = shifted(cast(codes[group % 4]), if group < 4 { 0 } else { -4 });
    let low = masked(low, 15);
    let plane = |index: usize| -> __m256i { cast(codes[layout.low / VECTOR + index]) };
    match layout.planes {
        0 => low,
        1 => {
            let fifth = masked(shifted(plane(0), 4 - group as i64), 0x10);
            avx2._mm256_or_si256(low, fifth)
        }
        _ => {
            let both = shifted(plane(group / 4), 4 - 2 * (group % 4) as i64);
            avx2._mm256_or_si256(low, masked(both, 0x30))
        }
    }
}
