//! Vectors side by side, so that what is read of a row serves the outputs of all.
#![expect(clippy::inline_always, reason = "all of it takes the instruction set of its caller")]

use std::{
    arch::x86_64::{__m256, __m256i},
    ops::Range,
};

use pulp::{bytemuck::Pod, x86::V3};

use crate::{
    activations::Rounded,
    avx2::{added, widened},
    decoded::ByDots,
    dot::{Dot, Sums, Vectors, part},
    format::Format,
    layout::{GROUPS, Layout, VECTOR},
    many::many,
    pinned::pinned,
    product::Job,
    words::ByWords,
};

/// AVX2, some vectors at a time.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Beside<const PANELS: usize>(pub(crate) V3);

impl<const PANELS: usize> Vectors for Beside<PANELS>
where
    [__m256i; PANELS]: Pod,
    [__m256; PANELS]: Pod,
{
    type Ints = [__m256i; PANELS];
    type Floats = [__m256; PANELS];

    const PANELS: usize = PANELS;
    const TALL: usize = 4;

    #[inline(always)]
    fn narrow(self) -> V3 {
        self.0
    }

    #[inline(always)]
    fn int(self, number: i32) -> Self::Ints {
        [self.0.int(number); PANELS]
    }

    #[inline(always)]
    fn float(self, number: f32) -> Self::Floats {
        [self.0.float(number); PANELS]
    }

    #[inline(always)]
    fn unsigned(self, bytes: Self::Ints) -> Self::Ints {
        bytes.map(|bytes| self.0.unsigned(bytes))
    }

    #[inline(always)]
    fn floats(self, numbers: Self::Ints) -> Self::Floats {
        numbers.map(|numbers| self.0.floats(numbers))
    }

    #[inline(always)]
    fn times(self, a: Self::Floats, b: Self::Floats) -> Self::Floats {
        let mut products = a;
        for at in 0..PANELS {
            products[at] = self.0.times(a[at], b[at]);
        }
        products
    }

    #[inline(always)]
    fn times_plus(self, a: Self::Floats, b: Self::Floats, c: Self::Floats) -> Self::Floats {
        let mut sums = c;
        for at in 0..PANELS {
            sums[at] = self.0.times_plus(a[at], b[at], c[at]);
        }
        sums
    }
}

/// Two: with the sums of four rows they fill the registers.
impl Dot for Beside<2> {
    type Simd = Self;

    #[inline(always)]
    fn simd(self) -> Self {
        self
    }

    #[inline(always)]
    fn start(self, layout: Layout, offset: i32, x: &Rounded, sums: &mut Sums<Self>) {
        let mut one = Sums::zero(self.0);
        self.0.start(layout, offset, x, &mut one);
        sums.pairs = one.pairs.map(|pairs| [pairs; 2]);
    }

    #[inline(always)]
    fn dot(self, sum: [__m256i; 2], codes: [__m256i; 2], x: [__m256i; 2]) -> [__m256i; 2] {
        [self.0.dot(sum[0], codes[0], x[0]), self.0.dot(sum[1], codes[1], x[1])]
    }

    #[inline(always)]
    fn add(
        self,
        layout: Layout,
        group: usize,
        codes: [__m256i; 2],
        x: [__m256i; 2],
        sums: &mut Sums<Self>,
    ) {
        let part = part(layout, group);
        for at in 0..2 {
            let pairs = &mut sums.pairs[part][at];
            *pairs = pinned(self.0, added(self.0, layout, group, codes[at], x[at], *pairs));
        }
    }

    #[inline(always)]
    fn close(self, layout: Layout, group: usize, sums: &mut Sums<Self>) {
        let part = part(layout, group);
        for at in 0..2 {
            let dot = &mut sums.dots[part][at];
            *dot = widened(self.0, *dot, sums.pairs[part][at]);
        }
    }

    #[inline(always)]
    fn many<const FORMAT: usize>(self, job: &mut Job<'_>, panels: Range<usize>) {
        let layout = const { Layout::of(Format::ALL[FORMAT]) };
        let rows = job.rows;
        if layout.low == GROUPS * VECTOR {
            many(ByWords(self, layout), rows.words(self.0), job, panels);
        } else {
            many(ByDots::<Self, FORMAT>(self), &rows.blocks, job, panels);
        }
    }
}
