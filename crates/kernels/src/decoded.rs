//! The product of panels with many rows by dots: codes and scales are taken apart once, for all rows.
#![expect(clippy::inline_always, reason = "all of it takes the instruction set of its caller")]

use pulp::{
    bytemuck::{self, Zeroable},
    cast,
};

use crate::{
    activations::Rounded,
    avx2::{scales, vector},
    dot::{Dot, Sums, UNSIGNED, Vectors},
    format::Format,
    layout::{GROUPS, LANES, Layout, VECTOR},
    many::Apart,
    prefetch::prefetch_block,
    quantized::super_of,
    tile::scaled,
};

/// Records taken apart for the instructions; `FORMAT` counts in [`Format::ALL`].
#[derive(Debug, Clone, Copy)]
pub(crate) struct ByDots<D, const FORMAT: usize>(pub(crate) D);

/// The records of a vector's panels, taken apart.
#[derive(Debug, Clone, Copy)]
#[repr(C)]
pub(crate) struct Decoded<S: Vectors> {
    /// Codes of each group, unsigned.
    codes: [S::Ints; GROUPS],
    /// The scales of the first and the second 16 inputs, and what is added.
    scales: [S::Floats; 3],
}

impl<D: Dot, const FORMAT: usize> ByDots<D, FORMAT> {
    const LAYOUT: Layout = Layout::of(Format::ALL[FORMAT]);
    /// Whether codes are bytes, which are signed in records.
    const BYTES: bool = Self::LAYOUT.low == GROUPS * VECTOR;
}

impl<D: Dot, const FORMAT: usize> Apart for ByDots<D, FORMAT> {
    type Simd = D::Simd;
    type Record = Decoded<D::Simd>;
    type Block = Rounded;

    #[inline(always)]
    fn simd(self) -> D::Simd {
        self.0.simd()
    }

    #[inline(always)]
    fn empty(self) -> Self::Record {
        let none = <D::Simd as Vectors>::Ints::zeroed();
        Decoded { codes: [none; GROUPS], scales: [<D::Simd as Vectors>::Floats::zeroed(); 3] }
    }

    #[inline(always)]
    fn take(
        self,
        mut records: &[u8],
        supers: &[u16],
        from: usize,
        panel: usize,
        into: &mut [Self::Record],
        ahead: &[u8],
    ) {
        let (layout, simd, panels) = (Self::LAYOUT, self.simd().narrow(), D::Simd::PANELS);
        for (block, into) in into.iter_mut().enumerate() {
            // Not by iterators side by side, which take half as many instructions again.
            let record;
            (record, records) = records.split_at(layout.bytes());
            prefetch_block(ahead, block, layout.bytes());
            let codes = record[..layout.codes()].as_chunks::<VECTOR>().0;
            let to: &mut [[u8; VECTOR]] = bytemuck::cast_slice_mut(&mut into.codes);
            for group in 0..GROUPS {
                to[group * panels + panel] = if Self::BYTES {
                    cast(simd.unsigned(cast(codes[group])))
                } else {
                    cast(vector(simd, layout, codes, group))
                };
            }
            let to: &mut [[f32; LANES]] = bytemuck::cast_slice_mut(&mut into.scales);
            let supers = super_of(layout, supers, from + block);
            let scales = scales(simd, layout, &record[layout.codes()..], supers);
            for (scale, from) in scales.into_iter().enumerate() {
                to[scale * panels + panel] = cast(from);
            }
        }
    }

    #[inline(always)]
    fn add<const ROWS: usize>(
        self,
        records: &[Self::Record],
        x: [&[Rounded]; ROWS],
        totals: &mut [<D::Simd as Vectors>::Floats; ROWS],
    ) {
        let (layout, dot, simd) = (Self::LAYOUT, self.0, self.simd());
        let offset = if Self::BYTES { UNSIGNED } else { layout.offset };
        // Said here, lengths are not checked for each block.
        let x = x.map(|x| &x[..records.len()]);
        let mut sums_so_far = *totals;
        for (block, record) in records.iter().enumerate() {
            let mut sums = [Sums::zero(simd); ROWS];
            for row in 0..ROWS {
                dot.start(layout, offset, &x[row][block], &mut sums[row]);
            }
            for first in (0..GROUPS).step_by(layout.fit) {
                // Group by group without a loop, whose own instructions take time, too.
                macro_rules! groups {
                    ($($at:literal)*) => {$(if $at < layout.fit {
                        let group = first + $at;
                        let codes = record.codes[group];
                        for row in 0..ROWS {
                            let x = simd.int(x[row][block].codes[group]);
                            if Self::BYTES {
                                let sum = &mut sums[row].dots[0];
                                *sum = dot.dot(*sum, codes, x);
                            } else {
                                dot.add(layout, group, codes, x, &mut sums[row]);
                            }
                        }
                    })*};
                }
                groups!(0 1 2 3 4 5 6 7);
                if !Self::BYTES {
                    for sums in &mut sums {
                        dot.close(layout, first, sums);
                    }
                }
            }
            for row in 0..ROWS {
                let x = &x[row][block];
                let total = &mut sums_so_far[row];
                *total = scaled(simd, layout, record.scales, sums[row].dots, x, *total);
            }
        }
        *totals = sums_so_far;
    }
}
