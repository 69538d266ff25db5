//! AVX2 instructions: products of codes by way of 16 bits, and records taken apart, eight outputs a vector.
#![expect(clippy::inline_always, reason = "all of it takes the instruction set of its caller")]

use std::{
    arch::x86_64::{__m128i, __m256, __m256i},
    ops::Range,
};

use pulp::{cast, x86::V3};

use crate::{
    activations::Rounded,
    beside::Beside,
    decoded::ByDots,
    dot::{Dot, Sums, part},
    format::Format,
    half,
    layout::{GROUPS, LANES, Layout, Scales, VECTOR},
    many::many,
    product::Job,
    words::ByWords,
};

impl Dot for V3 {
    type Simd = Self;

    const OFFSET: i32 = 0;

    #[inline(always)]
    fn simd(self) -> Self {
        self
    }

    /// In words of 16 bits.
    #[inline(always)]
    fn start(self, layout: Layout, _offset: i32, x: &Rounded, sums: &mut Sums<Self>) {
        let centre = |which: usize| self.avx._mm256_set1_epi32(x.centres[which]);
        match layout.offset {
            8 => sums.pairs[0] = centre(0),
            16 => sums.pairs[0] = centre(1),
            32 => sums.pairs = [centre(2), centre(3)],
            _ => {}
        }
    }

    /// Codes of up to 128 fit.
    #[inline(always)]
    fn dot(self, sum: __m256i, codes: __m256i, x: __m256i) -> __m256i {
        widened(self, sum, self.avx2._mm256_maddubs_epi16(codes, x))
    }

    #[inline(always)]
    fn add(self, layout: Layout, group: usize, codes: __m256i, x: __m256i, sums: &mut Sums<Self>) {
        let pairs = &mut sums.pairs[part(layout, group)];
        *pairs = added(self, layout, group, codes, x, *pairs);
    }

    #[inline(always)]
    fn close(self, layout: Layout, group: usize, sums: &mut Sums<Self>) {
        let part = part(layout, group);
        sums.dots[part] = widened(self, sums.dots[part], sums.pairs[part]);
    }

    #[inline(always)]
    fn many<const FORMAT: usize>(self, job: &mut Job<'_>, panels: Range<usize>) {
        let layout = const { Layout::of(Format::ALL[FORMAT]) };
        let rows = job.rows;
        if layout.low == GROUPS * VECTOR {
            many(ByWords(Beside::<1>(self), layout), rows.words(self), job, panels);
        } else {
            many(ByDots::<Self, FORMAT>(self), &rows.blocks, job, panels);
        }
    }

    #[inline(always)]
    fn add_signed(self, codes: __m256i, x: __m256i, sums: &mut Sums<Self>) {
        let sizes = self.avx2._mm256_abs_epi8(codes);
        let x = self.avx2._mm256_sign_epi8(x, codes);
        sums.dots[0] = self.dot(sums.dots[0], sizes, x);
    }
}

/// `pairs` and the products of a group, in words of 16 bits.
#[inline(always)]
pub(crate) fn added(
    simd: V3,
    layout: Layout,
    group: usize,
    codes: __m256i,
    x: __m256i,
    pairs: __m256i,
) -> __m256i {
    let pair = simd.avx2._mm256_maddubs_epi16(codes, x);
    match group % layout.fit {
        0 if layout.offset == 0 => pair,
        _ => simd.avx2._mm256_add_epi16(pairs, pair),
    }
}

/// `sum` and the pairs of each lane.
#[inline(always)]
pub(crate) fn widened(simd: V3, sum: __m256i, pairs: __m256i) -> __m256i {
    let (avx, avx2) = (simd.avx, simd.avx2);
    avx2._mm256_add_epi32(sum, avx2._mm256_madd_epi16(pairs, avx._mm256_set1_epi16(1)))
}

/// The scales of the first and second 16 inputs and the minimum of every output, as `read_scales` has them;
/// those that a format has not are never used.
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

#[inline(always)]
fn stepped(simd: V3, halves: [u16; LANES], steps: __m256i) -> __m256 {
    simd.avx._mm256_mul_ps(singles(simd, cast(halves)), simd.avx._mm256_cvtepi32_ps(steps))
}

#[inline(always)]
fn eight(bytes: [u8; LANES]) -> __m128i {
    cast([u64::from_le_bytes(bytes), 0])
}

/// Halves as `half::single` has them.
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
