//! What is done to rows: the same bits for a row alone and among others, on any threads.

use espalier_kernels::rows::{Turned, add, rms_norm, swiglu, turn_all};
use rayon::ThreadPoolBuilder;

fn numbers(count: usize, seed: usize) -> Vec<f32> {
    (0..count).map(|i| ((i * 7919 + seed) % 2003) as f32 / 977.0 - 1.0).collect()
}

fn bits(numbers: &[f32]) -> Vec<u32> {
    numbers.iter().map(|number| number.to_bits()).collect()
}

/// What is made of all rows on some threads.
fn on<R: Send>(threads: usize, work: impl FnOnce() -> R + Send) -> R {
    let pool = ThreadPoolBuilder::new().num_threads(threads).build().expect("threads start");
    pool.install(work)
}

/// Rows that threads share unevenly.
const ROWS: usize = 131;

#[test]
fn a_row_is_normalized_and_gated_alike_in_any_company() {
    let size = 192;
    let (rows, weight) = (numbers(ROWS * size, 1), numbers(size, 2));
    let gates = numbers(ROWS * 2 * size, 3);
    for threads in [1, 2, 3, 5] {
        let normed = |rows: &[f32]| {
            let mut normed = Vec::new();
            rms_norm(rows, &weight, 1e-5, &mut normed);
            normed
        };
        let all = on(threads, || normed(&rows));
        for (row, found) in rows.chunks(size).zip(all.chunks(size)) {
            assert_eq!(bits(&normed(row)), bits(found));
        }
        let gated = |rows: &[f32]| {
            let mut gated = Vec::new();
            swiglu(rows, size, &mut gated);
            gated
        };
        let all = on(threads, || gated(&gates));
        for (row, found) in gates.chunks(2 * size).zip(all.chunks(size)) {
            assert_eq!(bits(&gated(row)), bits(found));
        }
        let mut sums = rows.clone();
        on(threads, || add(&mut sums, &gates[..rows.len()]));
        let expected: Vec<f32> = rows.iter().zip(&gates).map(|(a, b)| a + b).collect();
        assert_eq!(bits(&sums), bits(&expected));
    }
}

#[test]
fn a_row_is_turned_alike_in_any_company() {
    let sizes @ (heads, kv_heads, dim) = (4, 2, 32);
    let width = (heads + 2 * kv_heads) * dim;
    let (rows, half) = (numbers(ROWS * width, 4), dim / 2);
    let angles = numbers(ROWS * half, 5);
    let cos: Vec<f32> = angles.iter().map(|angle| angle.cos()).collect();
    let sin: Vec<f32> = angles.iter().map(|angle| angle.sin()).collect();
    for threads in [1, 2, 3, 5] {
        let turned = |rows: &[f32], cos: &[f32], sin: &[f32]| {
            let mut turned = Turned::default();
            turn_all(rows, sizes, cos, sin, &mut turned);
            turned
        };
        let all = on(threads, || turned(&rows, &cos, &sin));
        for (row, from) in rows.chunks(width).enumerate() {
            let angles = row * half..(row + 1) * half;
            let one = turned(from, &cos[angles.clone()], &sin[angles]);
            let of = |all: &[f32], heads: usize| bits(&all[row * heads * dim..][..heads * dim]);
            assert_eq!(of(&all.queries, heads), bits(&one.queries));
            assert_eq!(of(&all.keys, kv_heads), bits(&one.keys));
            assert_eq!(of(&all.values, kv_heads), bits(&one.values));
        }
    }
}
