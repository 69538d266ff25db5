//! The product of panels with many rows: codes and scales are taken apart once, for all rows.

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
    quantized::super_of,
    tile::scaled,
};

/// Blocks that are taken apart at a time: those of a vector's panels and the activations of a few rows fit
/// the first cache together.
pub(crate) const CHUNK: usize = 24;

/// The records of a vector's panels, taken apart.
#[derive(Debug, Clone, Copy)]
#[repr(C)]
pub(crate) struct Decoded<S: Vectors> {
    /// Codes of each group, unsigned; of codes of a byte, what is left when they are split.
    codes: [S::Ints; GROUPS],
    /// The scales of the first and the second 16 inputs, and what is added.
    scales: [S::Floats; 3],
    /// The other part of codes of a byte.
    high: [S::Ints; GROUPS],
}

impl<S: Vectors> Decoded<S> {
    /// With nothing in it.
    pub(crate) fn empty() -> Self {
        let none = S::Ints::zeroed();
        Self { codes: [none; GROUPS], scales: [S::Floats::zeroed(); 3], high: [none; GROUPS] }
    }
}

/// Takes records of panel `panel` of a vector apart, the first of which is number `from` of its panel.
#[expect(clippy::inline_always, reason = "it takes the instruction set of its caller")]
#[inline(always)]
pub(crate) fn decode<D: Dot, const FORMAT: usize>(
    dot: D,
    (records, supers): (&[u8], &[u16]),
    from: usize,
    panel: usize,
    into: &mut [Decoded<D::Simd>],
) {
    let layout = const { Layout::of(Format::ALL[FORMAT]) };
    let simd = dot.simd().narrow();
    let bytes = layout.low == GROUPS * VECTOR;
    let panels = D::Simd::PANELS;
    for (block, (record, into)) in records.chunks_exact(layout.bytes()).zip(into).enumerate() {
        let codes = record[..layout.codes()].as_chunks::<VECTOR>().0;
        let to: &mut [[u8; VECTOR]] = bytemuck::cast_slice_mut(&mut into.codes);
        let high: &mut [[u8; VECTOR]] = bytemuck::cast_slice_mut(&mut into.high);
        for group in 0..GROUPS {
            let at = group * panels + panel;
            to[at] = if bytes {
                dot.split(cast(simd.unsigned(cast(codes[group]))), &mut high[at])
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

/// Adds the products of `ROWS` rows with the records of a vector's panels to `totals`, in the order of
/// [`tile`](crate::tile::tile).
#[expect(clippy::inline_always, reason = "it takes the instruction set of its caller")]
#[inline(always)]
pub(crate) fn add<D: Dot, const FORMAT: usize, const ROWS: usize>(
    dot: D,
    records: &[Decoded<D::Simd>],
    x: [&[Rounded]; ROWS],
    totals: &mut [<D::Simd as Vectors>::Floats; ROWS],
) {
    let layout = const { Layout::of(Format::ALL[FORMAT]) };
    let simd = dot.simd();
    let bytes = layout.low == GROUPS * VECTOR;
    let offset = if bytes { UNSIGNED } else { layout.offset };
    // Said here, lengths are not checked for each block.
    let x = x.map(|x| &x[..records.len()]);
    let mut sums_so_far = *totals;
    for (block, record) in records.iter().enumerate() {
        let mut sums = [Sums::zero(simd); ROWS];
        for row in 0..ROWS {
            dot.start(layout, offset, &x[row][block], &mut sums[row]);
        }
        for group in 0..GROUPS {
            let (codes, high) = (record.codes[group], record.high[group]);
            for row in 0..ROWS {
                let x = simd.int(x[row][block].codes[group]);
                if bytes {
                    dot.add_split(group, [codes, high], x, &mut sums[row]);
                } else {
                    dot.add(layout, group, codes, x, &mut sums[row]);
                }
            }
        }
        let scales = record.scales;
        for row in 0..ROWS {
            let x = &x[row][block];
            dot.end(layout, offset, x, &mut sums[row]);
            let total = &mut sums_so_far[row];
            *total = scaled(simd, layout, scales, sums[row].dots, x, *total);
        }
    }
    *totals = sums_so_far;
}
