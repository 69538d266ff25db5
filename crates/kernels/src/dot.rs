//! Dots: exact sums of products of codes and activations, by the instructions that a machine has.
//!
//! A vector has 32-bit lanes, one an output: of codes, four inputs of the output; of activations, the same
//! four of a row.
#![expect(clippy::inline_always, reason = "all of it takes the instruction set of its caller")]

use std::{
    arch::x86_64::{__m256, __m256i, __m512, __m512i},
    ops::Range,
};

use pulp::{
    bytemuck::Pod,
    x86::{V3, V4},
};

use crate::{
    activations::Rounded,
    decoded::ByDots,
    layout::{GROUPS, Layout, Scales},
    many::many,
    product::Job,
    vnni::{Avx512Vnni, AvxVnni, Wide},
};

/// How much more a signed byte is as an unsigned one, its top bit turned.
pub(crate) const UNSIGNED: i32 = 128;

/// Vectors of a width.
pub(crate) trait Vectors: Copy + 'static {
    /// Whole numbers, or four bytes, in each lane.
    type Ints: Pod;
    type Floats: Pod;

    /// Panels that a vector holds.
    const PANELS: usize;
    /// Rows whose sums fit the registers.
    const TALL: usize;

    /// Vectors of one panel.
    fn narrow(self) -> V3;
    fn int(self, number: i32) -> Self::Ints;
    fn float(self, number: f32) -> Self::Floats;
    /// Signed bytes as unsigned ones, each [`UNSIGNED`] more.
    fn unsigned(self, bytes: Self::Ints) -> Self::Ints;
    /// Whole numbers as such, exact below 2²⁴.
    fn floats(self, numbers: Self::Ints) -> Self::Floats;
    fn times(self, a: Self::Floats, b: Self::Floats) -> Self::Floats;
    /// `a · b + c`, rounded once.
    fn times_plus(self, a: Self::Floats, b: Self::Floats, c: Self::Floats) -> Self::Floats;
}

impl Vectors for V3 {
    type Ints = __m256i;
    type Floats = __m256;

    const PANELS: usize = 1;
    const TALL: usize = 4;

    #[inline(always)]
    fn narrow(self) -> V3 {
        self
    }

    #[inline(always)]
    fn int(self, number: i32) -> __m256i {
        self.avx._mm256_set1_epi32(number)
    }

    #[inline(always)]
    fn float(self, number: f32) -> __m256 {
        self.avx._mm256_set1_ps(number)
    }

    #[inline(always)]
    fn unsigned(self, bytes: __m256i) -> __m256i {
        self.avx2._mm256_xor_si256(bytes, self.avx._mm256_set1_epi8(-128))
    }

    #[inline(always)]
    fn floats(self, numbers: __m256i) -> __m256 {
        self.avx._mm256_cvtepi32_ps(numbers)
    }

    #[inline(always)]
    fn times(self, a: __m256, b: __m256) -> __m256 {
        self.avx._mm256_mul_ps(a, b)
    }

    #[inline(always)]
    fn times_plus(self, a: __m256, b: __m256, c: __m256) -> __m256 {
        self.fma._mm256_fmadd_ps(a, b, c)
    }
}

impl Vectors for V4 {
    type Ints = __m512i;
    type Floats = __m512;

    const PANELS: usize = 2;
    const TALL: usize = 8;

    #[inline(always)]
    fn narrow(self) -> V3 {
        *self
    }

    #[inline(always)]
    fn int(self, number: i32) -> __m512i {
        self.avx512f._mm512_set1_epi32(number)
    }

    #[inline(always)]
    fn float(self, number: f32) -> __m512 {
        self.avx512f._mm512_set1_ps(number)
    }

    #[inline(always)]
    fn unsigned(self, bytes: __m512i) -> __m512i {
        self.avx512f._mm512_xor_si512(bytes, self.avx512f._mm512_set1_epi8(-128))
    }

    #[inline(always)]
    fn floats(self, numbers: __m512i) -> __m512 {
        self.avx512f._mm512_cvtepi32_ps(numbers)
    }

    #[inline(always)]
    fn times(self, a: __m512, b: __m512) -> __m512 {
        self.avx512f._mm512_mul_ps(a, b)
    }

    #[inline(always)]
    fn times_plus(self, a: __m512, b: __m512, c: __m512) -> __m512 {
        self.avx512f._mm512_fmadd_ps(a, b, c)
    }
}

/// Sums of the products of a row with a block, while its groups are added one after the other.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Sums<S: Vectors> {
    /// Of the block; where its halves have their own scales, of the first and the last 16 inputs.
    pub(crate) dots: [S::Ints; 2],
    /// What waits in 16 bits to be added; of both halves where these have their own scales.
    pub(crate) pairs: [S::Ints; 2],
}

impl<S: Vectors> Sums<S> {
    #[inline(always)]
    pub(crate) fn zero(simd: S) -> Self {
        Self { dots: [simd.int(0); 2], pairs: [simd.int(0); 2] }
    }
}

/// Which sum the products of a group are added to.
pub(crate) const fn part(layout: Layout, group: usize) -> usize {
    match layout.scales {
        Scales::TwoSteps => group / (GROUPS / 2),
        _ => 0,
    }
}

/// Codes of a group, its activations, or sums.
pub(crate) type Ints<D> = <<D as Dot>::Simd as Vectors>::Ints;

/// Instructions that add products of codes and activations.
///
/// `add` and `add_signed` add those of a row with a group; groups come in ascending order.
pub(crate) trait Dot: Copy {
    /// The vectors.
    type Simd: Vectors;

    /// How much [`add_signed`](Self::add_signed) takes codes for too much.
    const OFFSET: i32 = UNSIGNED;

    fn simd(self) -> Self::Simd;

    /// Takes off, before the first group, what is too much when every code is `offset` too much.
    #[inline(always)]
    fn start(self, layout: Layout, offset: i32, x: &Rounded, sums: &mut Sums<Self::Simd>) {
        let simd = self.simd();
        let [first, second] = x.sums;
        match layout.scales {
            _ if offset == 0 => {}
            Scales::TwoSteps => {
                sums.dots = [simd.int(-offset * first), simd.int(-offset * second)];
            }
            _ => sums.dots[0] = simd.int(-offset * (first + second)),
        }
    }

    /// Adds to `sum` the products of unsigned codes and signed activations.
    fn dot(self, sum: Ints<Self>, codes: Ints<Self>, x: Ints<Self>) -> Ints<Self>;

    /// Adds products of unsigned codes that are smaller than a byte.
    #[inline(always)]
    fn add(
        self,
        layout: Layout,
        group: usize,
        codes: Ints<Self>,
        x: Ints<Self>,
        sums: &mut Sums<Self::Simd>,
    ) {
        let sum = &mut sums.dots[part(layout, group)];
        *sum = self.dot(*sum, codes, x);
    }

    /// Says that as many groups were added as fit 16 bits.
    #[inline(always)]
    fn close(self, _layout: Layout, _group: usize, _sums: &mut Sums<Self::Simd>) {}

    /// The products of a job's rows with panels that fill vectors.
    #[inline(always)]
    fn many<const FORMAT: usize>(self, job: &mut Job<'_>, panels: Range<usize>) {
        let rows = job.rows;
        many(ByDots::<Self, FORMAT>(self), &rows.blocks, job, panels);
    }

    /// Adds products of codes that are signed bytes.
    #[inline(always)]
    fn add_signed(self, codes: Ints<Self>, x: Ints<Self>, sums: &mut Sums<Self::Simd>) {
        sums.dots[0] = self.dot(sums.dots[0], self.simd().unsigned(codes), x);
    }
}

impl Dot for AvxVnni {
    type Simd = V3;

    #[inline(always)]
    fn simd(self) -> V3 {
        self.simd
    }

    #[inline(always)]
    fn dot(self, sum: Ints<Self>, codes: Ints<Self>, x: Ints<Self>) -> Ints<Self> {
        self.dpbusd(sum, codes, x)
    }
}

impl Dot for Avx512Vnni {
    type Simd = V3;

    #[inline(always)]
    fn simd(self) -> V3 {
        *self.simd
    }

    #[inline(always)]
    fn dot(self, sum: Ints<Self>, codes: Ints<Self>, x: Ints<Self>) -> Ints<Self> {
        self.dpbusd(sum, codes, x)
    }
}

impl Dot for Wide {
    type Simd = V4;

    #[inline(always)]
    fn simd(self) -> V4 {
        self.0.simd
    }

    #[inline(always)]
    fn dot(self, sum: Ints<Self>, codes: Ints<Self>, x: Ints<Self>) -> Ints<Self> {
        self.dpbusd(sum, codes, x)
    }
}
