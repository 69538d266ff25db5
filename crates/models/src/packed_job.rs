//! The product of some rows with a range of panels, by blocks that fit in the registers.

use std::{borrow::Cow, cell::Cell};

use espalier_kernels::threads;
use pulp::{Simd, WithSimd};

use crate::panels::Panels;

/// Outputs in a panel: two AVX-512 vectors, four AVX2 ones.
pub(crate) const PANEL: usize = 32;
/// Elements in a cache line: a wider load that crosses one costs two.
pub(crate) const LINE: usize = 16;
/// Rows a register block may have; every count of rows is a sum of these, the largest first.
const HEIGHTS: [usize; 7] = [12, 8, 6, 4, 3, 2, 1];

thread_local! {
    /// Where a panel of 16 bits is widened.
    static ROOM: Cell<Vec<f32>> = const { Cell::new(Vec::new()) };
}

/// Asks for the rows of the largest block whose sums fit in the vector registers.
pub(crate) struct Tallest;

impl WithSimd for Tallest {
    type Output = usize;

    fn with_simd<S: Simd>(self, _: S) -> usize {
        if S::REGISTER_COUNT >= 32 { 12 } else { 6 }
    }
}

/// Transposes each register block of `[rows, inputs]` to `[inputs, height]`.
pub(crate) fn interleave(inputs: usize, tallest: usize, input: &[f32]) -> Cow<'_, [f32]> {
    if input.len() == inputs {
        return Cow::Borrowed(input);
    }
    let mut blocks = vec![0.0; input.len()];
    let chunk = tallest * inputs;
    let chunks = blocks.chunks_mut(chunk).zip(input.chunks(chunk)).collect();
    threads::for_each(chunks, |(mut to, mut from): (&mut [f32], &[f32])| {
        for height in heights(from.len() / inputs, tallest) {
            let block = to.split_off_mut(..height * inputs).expect("as long as `from`");
            let rows = from.split_off(..height * inputs).expect("whole rows");
            // A cache line of each row at a time, so that what is written stays in the cache.
            for (tile, to) in block.chunks_mut(LINE * height).enumerate() {
                for (index, row) in rows.chunks_exact(inputs).enumerate() {
                    let to = to[index..].iter_mut().step_by(height);
                    to.zip(&row[tile * LINE..]).for_each(|(to, from)| *to = *from);
                }
            }
        }
    });
    Cow::Owned(blocks)
}

/// The product of all rows with a range of panels.
pub(crate) struct Job<'a> {
    pub(crate) inputs: usize,
    /// As [`Tallest`] answers.
    pub(crate) tallest: usize,
    pub(crate) panels: Panels<'a>,
    pub(crate) n_panels: usize,
    /// As [`interleave`] leaves it.
    pub(crate) input: &'a [f32],
    /// From the first column of this range on.
    pub(crate) bias: Option<&'a [f32]>,
    /// The columns of this range, by row.
    pub(crate) output: Vec<&'a mut [f32]>,
}

impl WithSimd for Job<'_> {
    type Output = ();

    #[expect(clippy::inline_always, reason = "as pulp asks, to get its vector instructions")]
    #[inline(always)]
    fn with_simd<S: Simd>(mut self, simd: S) {
        // All rows pass over a panel while it is in the cache.
        let size = PANEL * self.inputs;
        let mut room = ROOM.take();
        room.resize(room.len().max(self.panels.room(size)), 0.0);
        for index in 0..self.n_panels {
            let panel = self.panels.widened(size, index, &mut room);
            let bias = self.bias.map(|bias| &bias[index * PANEL..]);
            let (mut input, mut output) = (self.input, &mut self.output[..]);
            for height in heights(output.len(), self.tallest) {
                let x = input.split_off(..height * self.inputs).expect("rows of the block");
                let y = output.split_off_mut(..height).expect("rows of the block");
                match height {
                    1 => block::<S, 1>(simd, panel, x, bias, index * PANEL, y),
                    2 => block::<S, 2>(simd, panel, x, bias, index * PANEL, y),
                    3 => block::<S, 3>(simd, panel, x, bias, index * PANEL, y),
                    4 => block::<S, 4>(simd, panel, x, bias, index * PANEL, y),
                    6 => block::<S, 6>(simd, panel, x, bias, index * PANEL, y),
                    8 => block::<S, 8>(simd, panel, x, bias, index * PANEL, y),
                    _ => block::<S, 12>(simd, panel, x, bias, index * PANEL, y),
                }
            }
        }
        ROOM.set(room);
    }
}

/// Multiplies `ROWS` interleaved rows with a panel, which writes 32 columns from `column` on.
#[expect(clippy::inline_always, reason = "inlined, it gets the vector instructions of its caller")]
#[inline(always)]
fn block<S: Simd, const ROWS: usize>(
    simd: S,
    panel: &[f32],
    input: &[f32],
    bias: Option<&[f32]>,
    column: usize,
    output: &mut [&mut [f32]],
) {
    let pairs = S::as_simd_f32s(panel).0.as_chunks::<2>().0;
    let pairs_per_panel = PANEL / (2 * S::F32_LANES);
    for pair in 0..pairs_per_panel {
        let mut sums = [[simd.splat_f32s(0.0); 2]; ROWS];
        let inputs = input.as_chunks::<ROWS>().0;
        for (x, weights) in inputs.iter().zip(pairs.chunks_exact(pairs_per_panel)) {
            let [low, high] = weights[pair];
            for row in 0..ROWS {
                let x = simd.splat_f32s(x[row]);
                sums[row][0] = simd.mul_add_f32s(x, low, sums[row][0]);
                sums[row][1] = simd.mul_add_f32s(x, high, sums[row][1]);
            }
        }
        let from = pair * 2 * S::F32_LANES;
        for (sums, row) in sums.iter().zip(output.iter_mut()) {
            let sums: &[f32] = pulp::bytemuck::cast_slice(sums);
            let to = row[column..].iter_mut().skip(from).zip(sums);
            match bias {
                Some(bias) => to
                    .zip(&bias[from.min(bias.len())..])
                    .for_each(|((to, sum), bias)| *to = sum + bias),
                None => to.for_each(|(to, sum)| *to = *sum),
            }
        }
    }
}

/// Splits rows into the heights of their register blocks.
fn heights(mut rows: usize, tallest: usize) -> impl Iterator<Item = usize> {
    std::iter::from_fn(move || {
        let height = HEIGHTS.into_iter().find(|&height| height <= rows.min(tallest))?;
        rows -= height;
        Some(height)
    })
}
