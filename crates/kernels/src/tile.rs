//! The product of a panel with a few rows, eight outputs a vector.

use pulp::{cast, x86::V3};

use crate::{
    activations::Rounded,
    avx2::{scales, vector},
    dot::{Dot, Sums, Vectors},
    format::Format,
    layout::{GROUPS, LANES, Layout, Scales, VECTOR},
    prefetch::prefetch_block,
    quantized::super_of,
};

/// The 8 outputs of a panel for `ROWS` rows; `FORMAT` counts in [`Format::ALL`]. Meanwhile memory is asked for
/// what is `ahead`, as far as there is any.
#[expect(clippy::inline_always, reason = "it takes the instruction set of its caller")]
#[inline(always)]
pub(crate) fn tile<D: Dot<Simd = V3>, const FORMAT: usize, const ROWS: usize>(
    dot: D,
    records: &[u8],
    supers: &[u16],
    x: [&[Rounded]; ROWS],
    ahead: &[u8],
) -> [[f32; LANES]; ROWS] {
    let layout = const { Layout::of(Format::ALL[FORMAT]) };
    let simd = dot.simd();
    let bytes = layout.low == GROUPS * VECTOR;
    let offset = if bytes { D::OFFSET } else { layout.offset };
    let mut totals = [simd.float(0.0); ROWS];
    for (block, record) in records.chunks_exact(layout.bytes()).enumerate() {
        let codes = record[..layout.codes()].as_chunks::<VECTOR>().0;
        prefetch_block(ahead, block, layout.bytes());
        let mut sums = [Sums::zero(simd); ROWS];
        for row in 0..ROWS {
            dot.start(layout, offset, &x[row][block], &mut sums[row]);
        }
        for group in 0..GROUPS {
            let code = if bytes { cast(codes[group]) } else { vector(simd, layout, codes, group) };
            for row in 0..ROWS {
                let x = simd.int(x[row][block].codes[group]);
                if bytes {
                    dot.add_signed(code, x, &mut sums[row]);
                } else {
                    dot.add(layout, group, code, x, &mut sums[row]);
                    if group % layout.fit == layout.fit - 1 {
                        dot.close(layout, group, &mut sums[row]);
                    }
                }
            }
        }
        let supers = super_of(layout, supers, block);
        let scales = scales(simd, layout, &record[layout.codes()..], supers);
        for row in 0..ROWS {
            let x = &x[row][block];
            totals[row] = scaled(simd, layout, scales, sums[row].dots, x, totals[row]);
        }
    }
    totals.map(cast)
}

/// Adds what a block of a row is worth, given its sums of products, or those of its first and last 16
/// inputs where they have their own scales.
#[expect(clippy::inline_always, reason = "it takes the instruction set of its caller")]
#[inline(always)]
pub(crate) fn scaled<S: Vectors>(
    simd: S,
    layout: Layout,
    [first, second, min]: [S::Floats; 3],
    [dot, other]: [S::Ints; 2],
    x: &Rounded,
    mut total: S::Floats,
) -> S::Floats {
    let scale = simd.float(x.scale);
    if matches!(layout.scales, Scales::HalfMin | Scales::StepMin) {
        total = simd.times_plus(min, simd.float(x.total), total);
    }
    let factor = simd.times(first, scale);
    total = simd.times_plus(factor, simd.floats(dot), total);
    if layout.scales == Scales::TwoSteps {
        let factor = simd.times(second, scale);
        total = simd.times_plus(factor, simd.floats(other), total);
    }
    total
}
