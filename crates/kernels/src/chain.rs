//! Chains: sums of products in ascending order, a few rows and many columns at a time.
//!
//! Each column is one chain of fused multiply-adds over ascending inputs, whatever the rows, the columns and the
//! instruction set. Where the columns of a panel are known beforehand, nothing in the loop looks at lengths: where
//! another thread has half of the core, it is the number of instructions that takes the time.
#![expect(clippy::inline_always, reason = "inlined, all of it gets the vectors of its caller")]

use pulp::Simd;

/// Writes the products of `ROWS` rows with a panel of `COLUMNS` columns to `sums`.
///
/// # Shapes
///
/// - x: `[inputs]` each
/// - panel: `[inputs, COLUMNS]`, a multiple of vectors
/// - sums: `[COLUMNS]` each
#[inline(always)]
pub(crate) fn products<S: Simd, const ROWS: usize, const COLUMNS: usize>(
    simd: S,
    x: [&[f32]; ROWS],
    panel: &[[f32; COLUMNS]],
    sums: &mut [&mut [f32]; ROWS],
) {
    let mut column = 0;
    macro_rules! blocks {
        ($wide:literal) => {
            while column + $wide * S::F32_LANES <= COLUMNS {
                let zero = [[simd.splat_f32s(0.0); $wide]; ROWS];
                let partial = lines::<S, ROWS, $wide, COLUMNS>(simd, x, panel, column, zero);
                store::<S, ROWS, $wide>(partial, sums, column);
                column += $wide * S::F32_LANES;
            }
        };
    }
    blocks!(4);
    blocks!(2);
    blocks!(1);
}

/// Adds the products of `ROWS` rows with a panel to `sums`.
///
/// # Shapes
///
/// - x: `[inputs]` each
/// - panel: `[inputs, columns]`
/// - sums: `[columns]` each
#[inline(always)]
pub(crate) fn add_products<S: Simd, const ROWS: usize>(
    simd: S,
    x: [&[f32]; ROWS],
    panel: &[f32],
    sums: &mut [&mut [f32]; ROWS],
) {
    // Heads as most models have them.
    match sums[0].len() {
        64 => add_known::<S, ROWS, 64>(simd, x, panel.as_chunks().0, sums),
        128 => add_known::<S, ROWS, 128>(simd, x, panel.as_chunks().0, sums),
        _ => add_any::<S, ROWS>(simd, x, panel, sums),
    }
}

/// [`add_products`] with as many columns, a multiple of four vectors.
#[inline(always)]
fn add_known<S: Simd, const ROWS: usize, const COLUMNS: usize>(
    simd: S,
    x: [&[f32]; ROWS],
    panel: &[[f32; COLUMNS]],
    sums: &mut [&mut [f32]; ROWS],
) {
    for column in (0..COLUMNS).step_by(4 * S::F32_LANES) {
        let partial = load::<S, ROWS, 4>(simd, sums, column);
        let partial = lines::<S, ROWS, 4, COLUMNS>(simd, x, panel, column, partial);
        store::<S, ROWS, 4>(partial, sums, column);
    }
}

/// [`add_products`] with any number of columns.
#[inline(always)]
fn add_any<S: Simd, const ROWS: usize>(
    simd: S,
    x: [&[f32]; ROWS],
    panel: &[f32],
    sums: &mut [&mut [f32]; ROWS],
) {
    let columns = sums[0].len();
    let mut column = 0;
    macro_rules! blocks {
        ($wide:literal) => {
            while column + $wide * S::F32_LANES <= columns {
                let mut partial = load::<S, ROWS, $wide>(simd, sums, column);
                for input in 0..x[0].len() {
                    let line = &panel[input * columns + column..][..$wide * S::F32_LANES];
                    let mut some = [0.0; ROWS];
                    for row in 0..ROWS {
                        some[row] = x[row][input];
                    }
                    add_line::<S, ROWS, $wide>(simd, some, line, &mut partial);
                }
                store::<S, ROWS, $wide>(partial, sums, column);
                column += $wide * S::F32_LANES;
            }
        };
    }
    blocks!(4);
    blocks!(2);
    blocks!(1);
    for column in column..columns {
        for (x, sums) in x.iter().zip(sums.iter_mut()) {
            let products = x.iter().zip(panel[column..].iter().step_by(columns));
            sums[column] = products.fold(sums[column], |sum, (x, w)| x.mul_add(*w, sum));
        }
    }
}

/// Adds the products of rows with `WIDE` vectors of columns from `column` on.
#[inline(always)]
fn lines<S: Simd, const ROWS: usize, const WIDE: usize, const COLUMNS: usize>(
    simd: S,
    x: [&[f32]; ROWS],
    panel: &[[f32; COLUMNS]],
    column: usize,
    mut partial: [[S::f32s; WIDE]; ROWS],
) -> [[S::f32s; WIDE]; ROWS] {
    // Iterators side by side end together, at which only one of them looks.
    macro_rules! each {
        ($all:expr, $line:ident, ($($x:ident),*), $some:pat) => {
            for $some in $all {
                let mut some = [0.0; ROWS];
                for (some, x) in some.iter_mut().zip([$(*$x),*]) {
                    *some = x;
                }
                let line = &$line[column..column + WIDE * S::F32_LANES];
                add_line::<S, ROWS, WIDE>(simd, some, line, &mut partial);
            }
        };
    }
    let first = |from: usize| x[from].iter();
    let all = panel.iter().zip(first(0));
    match ROWS {
        1 => each!(all, line, (a), (line, a)),
        3 => each!(all.zip(first(1)).zip(first(2)), line, (a, b, c), (((line, a), b), c)),
        6 => {
            let all = all.zip(first(1)).zip(first(2)).zip(first(3)).zip(first(4)).zip(first(5));
            each!(all, line, (a, b, c, d, e, f), ((((((line, a), b), c), d), e), f));
        }
        _ => unreachable!("attention has blocks of 1, 3 and 6 queries"),
    }
    partial
}

/// Adds the products of an input of the rows with a line of the panel.
#[inline(always)]
fn add_line<S: Simd, const ROWS: usize, const WIDE: usize>(
    simd: S,
    x: [f32; ROWS],
    line: &[f32],
    partial: &mut [[S::f32s; WIDE]; ROWS],
) {
    let line = S::as_simd_f32s(line).0;
    let mut splat = [simd.splat_f32s(0.0); ROWS];
    for row in 0..ROWS {
        splat[row] = simd.splat_f32s(x[row]);
    }
    for wide in 0..WIDE {
        for row in 0..ROWS {
            let sum = partial[row][wide];
            partial[row][wide] = simd.mul_add_f32s(splat[row], line[wide], sum);
        }
    }
}

/// `WIDE` vectors of each row's columns from `column` on.
#[inline(always)]
fn load<S: Simd, const ROWS: usize, const WIDE: usize>(
    simd: S,
    sums: &[&mut [f32]; ROWS],
    column: usize,
) -> [[S::f32s; WIDE]; ROWS] {
    let mut partial = [[simd.splat_f32s(0.0); WIDE]; ROWS];
    for row in 0..ROWS {
        let from = S::as_simd_f32s(&sums[row][column..column + WIDE * S::F32_LANES]).0;
        partial[row].copy_from_slice(&from[..WIDE]);
    }
    partial
}

/// The reverse of [`load`].
#[inline(always)]
fn store<S: Simd, const ROWS: usize, const WIDE: usize>(
    partial: [[S::f32s; WIDE]; ROWS],
    sums: &mut [&mut [f32]; ROWS],
    column: usize,
) {
    for row in 0..ROWS {
        let to = &mut sums[row][column..column + WIDE * S::F32_LANES];
        S::as_mut_simd_f32s(to).0[..WIDE].copy_from_slice(&partial[row]);
    }
}

#[cfg(test)]
mod tests {
    use pulp::{Arch, Scalar, WithSimd};

    use super::*;

    /// Sums of `ROWS` rows, by both functions, with the panel's columns.
    struct Both<'a, const ROWS: usize, const COLUMNS: usize> {
        x: [&'a [f32]; ROWS],
        panel: &'a [f32],
        /// What is added to.
        before: &'a [f32],
    }

    impl<const ROWS: usize, const COLUMNS: usize> WithSimd for Both<'_, ROWS, COLUMNS> {
        type Output = [Vec<f32>; 2];

        #[inline(always)]
        fn with_simd<S: Simd>(self, simd: S) -> [Vec<f32>; 2] {
            let mut fresh = vec![f32::NAN; ROWS * COLUMNS];
            let mut rows = fresh.chunks_exact_mut(COLUMNS);
            let mut sums = [(); ROWS].map(|()| rows.next().unwrap());
            if COLUMNS.is_multiple_of(32) {
                products::<S, ROWS, COLUMNS>(simd, self.x, self.panel.as_chunks().0, &mut sums);
            }
            let mut added = self.before.to_vec();
            let mut rows = added.chunks_exact_mut(COLUMNS);
            let mut sums = [(); ROWS].map(|()| rows.next().unwrap());
            add_products::<S, ROWS>(simd, self.x, self.panel, &mut sums);
            [fresh, added]
        }
    }

    fn check<const ROWS: usize, const COLUMNS: usize>(inputs: usize) {
        let number = |i: usize| (i * 7919 % 2003) as f32 / 1001.0 - 1.0;
        let x: Vec<f32> = (0..ROWS * inputs).map(number).collect();
        let panel: Vec<f32> = (0..inputs * COLUMNS).map(|i| number(i + 77)).collect();
        let before: Vec<f32> = (0..ROWS * COLUMNS).map(|i| number(i + 5)).collect();
        let sum = |start: f32, row: usize, column: usize| {
            (0..inputs).fold(start, |sum, input| {
                x[row * inputs + input].mul_add(panel[input * COLUMNS + column], sum)
            })
        };
        let mut rows = x.chunks_exact(inputs);
        let x = [(); ROWS].map(|()| rows.next().unwrap());
        let both = || Both::<ROWS, COLUMNS> { x, panel: &panel, before: &before };
        for [fresh, added] in [Arch::new().dispatch(both()), both().with_simd(Scalar)] {
            for (i, added) in added.iter().enumerate() {
                let (row, column) = (i / COLUMNS, i % COLUMNS);
                assert_eq!(added.to_bits(), sum(before[i], row, column).to_bits());
                if COLUMNS.is_multiple_of(32) {
                    assert_eq!(fresh[i].to_bits(), sum(0.0, row, column).to_bits());
                }
            }
        }
    }

    #[test]
    fn a_sum_is_one_chain_whatever_is_computed_with_it() {
        for inputs in [1, 5, 64] {
            check::<1, 32>(inputs);
            check::<3, 32>(inputs);
            check::<6, 32>(inputs);
            check::<1, 64>(inputs);
            check::<3, 64>(inputs);
            check::<6, 128>(inputs);
            check::<6, 64>(inputs);
            check::<3, 128>(inputs);
            check::<1, 18>(inputs);
            check::<3, 58>(inputs);
            check::<6, 80>(inputs);
        }
    }
}
