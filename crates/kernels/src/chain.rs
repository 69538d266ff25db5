//! Chains: sums of products in ascending order, a few rows and many columns at a time.

use pulp::Simd;

/// Adds the products of `ROWS` rows with a panel to `sums`: each column is one chain of fused
/// multiply-adds over ascending inputs, whatever the rows, the columns and the instruction set.
///
/// # Shapes
///
/// - x: `[inputs]` each
/// - panel: input `i` of the columns begins at `i · stride`
/// - sums: `[columns]` each, all alike
#[expect(clippy::inline_always, reason = "inlined, it gets the vector instructions of its caller")]
#[inline(always)]
pub(crate) fn chain<S: Simd, const ROWS: usize>(
    simd: S,
    x: [&[f32]; ROWS],
    panel: &[f32],
    stride: usize,
    sums: &mut [&mut [f32]; ROWS],
) {
    let columns = sums[0].len();
    let mut column = 0;
    while column + 4 * S::F32_LANES <= columns {
        block::<S, ROWS, 4>(simd, x, &panel[column..], stride, sums, column);
        column += 4 * S::F32_LANES;
    }
    while column + 2 * S::F32_LANES <= columns {
        block::<S, ROWS, 2>(simd, x, &panel[column..], stride, sums, column);
        column += 2 * S::F32_LANES;
    }
    while column + S::F32_LANES <= columns {
        block::<S, ROWS, 1>(simd, x, &panel[column..], stride, sums, column);
        column += S::F32_LANES;
    }
    for column in column..columns {
        for (x, sums) in x.iter().zip(sums.iter_mut()) {
            let products = x.iter().zip(panel[column..].iter().step_by(stride));
            sums[column] = products.fold(sums[column], |sum, (x, w)| x.mul_add(*w, sum));
        }
    }
}

/// `WIDE` vectors of columns from `column` on, where the panel begins.
#[expect(clippy::inline_always, reason = "inlined, it gets the vector instructions of its caller")]
#[inline(always)]
fn block<S: Simd, const ROWS: usize, const WIDE: usize>(
    simd: S,
    x: [&[f32]; ROWS],
    panel: &[f32],
    stride: usize,
    sums: &mut [&mut [f32]; ROWS],
    column: usize,
) {
    let lanes = S::F32_LANES;
    let mut partial = [[simd.splat_f32s(0.0); WIDE]; ROWS];
    for row in 0..ROWS {
        let from = S::as_simd_f32s(&sums[row][column..column + WIDE * lanes]).0;
        partial[row].copy_from_slice(&from[..WIDE]);
    }
    let inputs = x[0].len();
    let x = x.map(|x| &x[..inputs]);
    for input in 0..inputs {
        let line = S::as_simd_f32s(&panel[input * stride..][..WIDE * lanes]).0;
        let mut splat = [simd.splat_f32s(0.0); ROWS];
        for row in 0..ROWS {
            splat[row] = simd.splat_f32s(x[row][input]);
        }
        for wide in 0..WIDE {
            for row in 0..ROWS {
                let sum = partial[row][wide];
                partial[row][wide] = simd.mul_add_f32s(splat[row], line[wide], sum);
            }
        }
    }
    for row in 0..ROWS {
        let to = S::as_mut_simd_f32s(&mut sums[row][column..column + WIDE * lanes]).0;
        to[..WIDE].copy_from_slice(&partial[row]);
    }
}
