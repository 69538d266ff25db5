//! What is done to rows between products, each in one pass: normalization, rotation, the gate.

use pulp::{Arch, Simd, WithSimd};

use crate::{exponential::exp, threads};

/// Lanes summed side by side: fixed, so that sums do not depend on the machine.
const LANES: usize = 16;
/// Numbers that are worth another thread.
const SHARE: usize = 1 << 12;
/// Parts that a thread gets at most, so that a late one leaves work to the others.
const PARTS_PER_THREAD: usize = 4;

/// The sum of what is made of each number, in an order that depends on their count alone.
#[inline(always)]
#[expect(clippy::inline_always, reason = "it takes the instruction set of its caller")]
fn sum_of(numbers: &[f32], made: impl Fn(f32) -> f32) -> f32 {
    let (whole, rest) = numbers.as_chunks::<LANES>();
    lanes_of(whole, rest, |number| made(*number))
}

/// As [`sum_of`], and each number becomes what is made of it.
#[inline(always)]
#[expect(clippy::inline_always, reason = "it takes the instruction set of its caller")]
pub(crate) fn sum_made_in(numbers: &mut [f32], make: impl Fn(f32) -> f32) -> f32 {
    let (whole, rest) = numbers.as_chunks_mut::<LANES>();
    lanes_of(whole, rest, |number| {
        *number = make(*number);
        *number
    })
}

/// The sum of what is made of items, of which each [`LANES`] are a chunk.
#[inline(always)]
#[expect(clippy::inline_always, reason = "it takes the instruction set of its caller")]
fn lanes_of<T, C: IntoIterator<Item = T>>(
    whole: impl IntoIterator<Item = C>,
    rest: impl IntoIterator<Item = T>,
    made: impl Fn(T) -> f32,
) -> f32 {
    let mut lanes = [0.0_f32; LANES];
    for chunk in whole {
        for (lane, item) in lanes.iter_mut().zip(chunk) {
            *lane += made(item);
        }
    }
    for (lane, item) in lanes.iter_mut().zip(rest) {
        *lane += made(item);
    }
    total(lanes)
}

/// The sum of lanes, halves added to halves.
#[inline(always)]
#[expect(clippy::inline_always, reason = "it takes the instruction set of its caller")]
fn total(mut lanes: [f32; LANES]) -> f32 {
    let mut width = LANES / 2;
    while width > 0 {
        for lane in 0..width {
            lanes[lane] += lanes[lane + width];
        }
        width /= 2;
    }
    lanes[0]
}

/// Rows of a part, so that threads get as many parts each.
fn share(n_rows: usize, width: usize) -> usize {
    let threads = rayon::current_num_threads();
    let parts = (n_rows * width / SHARE).min(PARTS_PER_THREAD * threads);
    let parts = if parts <= 1 { 1 } else { parts.next_multiple_of(threads) };
    n_rows.div_ceil(parts).max(1)
}

/// Writes `x / sqrt(mean(x²) + ε) · w`, row by row. What `output` held is lost; its memory is used again.
///
/// Source: Zhang and Sennrich 2019, <https://arxiv.org/abs/1910.07467>, equation 4.
///
/// # Panics
/// If the rows are not as long as the weight.
pub fn rms_norm(rows: &[f32], weight: &[f32], epsilon: f32, output: &mut Vec<f32>) {
    let width = weight.len();
    assert!(rows.len().is_multiple_of(width), "rows are as long as the weight");
    let share = share(rows.len() / width, width) * width;
    output.resize(rows.len(), 0.0);
    let parts = rows.chunks(share).zip(output.chunks_mut(share)).collect();
    let arch = Arch::new();
    threads::for_each(parts, |(rows, output)| {
        arch.dispatch(Normalize { rows, weight, epsilon, output });
    });
}

/// Writes `silu(gate) · up` of rows that have all gates first, then the factors. What `output` held is lost;
/// its memory is used again.
///
/// Source: Shazeer 2020, <https://arxiv.org/abs/2002.05202>, equation 6.
///
/// # Panics
/// If `rows` are not whole rows of `2 · size`.
pub fn swiglu(rows: &[f32], size: usize, output: &mut Vec<f32>) {
    assert!(rows.len().is_multiple_of(2 * size), "rows have as many gates as factors");
    let share = share(rows.len() / (2 * size), size) * size;
    output.resize(rows.len() / 2, 0.0);
    let parts = rows.chunks(2 * share).zip(output.chunks_mut(share)).collect();
    let arch = Arch::new();
    threads::for_each(parts, |(rows, output)| arch.dispatch(Gate { rows, size, output }));
}

/// Adds numbers to as many others.
///
/// # Panics
/// If they are not as many.
pub fn add(to: &mut [f32], more: &[f32]) {
    assert_eq!(to.len(), more.len(), "numbers to add");
    let share = share(to.len(), 1);
    let parts = to.chunks_mut(share).zip(more.chunks(share)).collect();
    threads::for_each(parts, |(to, more): (&mut [f32], &[f32])| {
        to.iter_mut().zip(more).for_each(|(to, more)| *to += more);
    });
}

/// Turns heads by their rows' positions: the pair `(x[i], x[i + D/2])` by angle `i` of the row, times
/// `scale`.
///
/// Source: Su et al. 2021, <https://arxiv.org/abs/2104.09864>, section 3.2.2; the half-split pairing is
/// Hugging Face's.
///
/// # Shapes
///
/// - heads: `[heads, D]` of one row
/// - cos, sin: `[D / 2]` of that row
#[inline(always)]
#[expect(clippy::inline_always, reason = "it takes the instruction set of its caller")]
fn turn(heads: &mut [f32], cos: &[f32], sin: &[f32], scale: f32) {
    for head in heads.chunks_exact_mut(2 * cos.len()) {
        let (first, second) = head.split_at_mut(cos.len());
        for (((a, b), cos), sin) in first.iter_mut().zip(second).zip(cos).zip(sin) {
            (*a, *b) = ((*a * cos - *b * sin) * scale, (*b * cos + *a * sin) * scale);
        }
    }
}

/// Queries, keys and values of rows, turned, the queries scaled by `1 / √D`.
#[derive(Debug, Default)]
pub struct Turned {
    /// `[N, H, D]`.
    pub queries: Vec<f32>,
    /// `[N, K, D]`.
    pub keys: Vec<f32>,
    /// `[N, K, D]`.
    pub values: Vec<f32>,
}

/// Takes fused projections apart and turns queries and keys. What `all` held is lost; its memory is used
/// again.
///
/// # Shapes
///
/// - rows: `[N, (H + 2 K) D]`
/// - cos, sin: `[N, D / 2]`
///
/// # Panics
/// If a slice has not the length its shape asks for.
pub fn turn_all(
    rows: &[f32],
    (heads, kv_heads, dim): (usize, usize, usize),
    cos: &[f32],
    sin: &[f32],
    all: &mut Turned,
) {
    let width = (heads + 2 * kv_heads) * dim;
    let n_rows = rows.len() / width;
    assert!(
        rows.len() == n_rows * width && cos.len() == n_rows * dim / 2 && sin.len() == cos.len()
    );
    let share = share(n_rows, width);
    all.queries.resize(n_rows * heads * dim, 0.0);
    all.keys.resize(n_rows * kv_heads * dim, 0.0);
    all.values.resize(n_rows * kv_heads * dim, 0.0);
    let (arch, scale) = (Arch::new(), (dim as f32).sqrt().recip());
    let parts = rows
        .chunks(share * width)
        .zip(all.queries.chunks_mut(share * heads * dim))
        .zip(all.keys.chunks_mut(share * kv_heads * dim))
        .zip(all.values.chunks_mut(share * kv_heads * dim))
        .zip(cos.chunks(share * dim / 2).zip(sin.chunks(share * dim / 2)))
        .collect();
    threads::for_each(parts, |((((rows, queries), keys), values), (cos, sin))| {
        for (row, from) in rows.chunks_exact(width).enumerate() {
            let (query, rest) = from.split_at(heads * dim);
            let (key, value) = rest.split_at(kv_heads * dim);
            queries[row * heads * dim..][..heads * dim].copy_from_slice(query);
            keys[row * kv_heads * dim..][..kv_heads * dim].copy_from_slice(key);
            values[row * kv_heads * dim..][..kv_heads * dim].copy_from_slice(value);
        }
        arch.dispatch(Turn { rows: queries, heads, dim, cos, sin, scale });
        arch.dispatch(Turn { rows: keys, heads: kv_heads, dim, cos, sin, scale: 1.0 });
    });
}

// Closures would do, were they always inlined where the instruction set is known.

struct Normalize<'a> {
    rows: &'a [f32],
    weight: &'a [f32],
    epsilon: f32,
    output: &'a mut [f32],
}

impl WithSimd for Normalize<'_> {
    type Output = ();

    #[expect(clippy::inline_always, reason = "as pulp asks, to get its vector instructions")]
    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        let width = self.weight.len();
        let rows = self.rows.chunks_exact(width);
        for (row, output) in rows.zip(self.output.chunks_exact_mut(width)) {
            let mean = sum_of(row, |number| number * number) / width as f32;
            let scale = (mean + self.epsilon).sqrt().recip();
            for ((to, x), w) in output.iter_mut().zip(row).zip(self.weight) {
                *to = x * scale * w;
            }
        }
    }
}

struct Gate<'a> {
    rows: &'a [f32],
    size: usize,
    output: &'a mut [f32],
}

impl WithSimd for Gate<'_> {
    type Output = ();

    #[expect(clippy::inline_always, reason = "as pulp asks, to get its vector instructions")]
    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        let rows = self.rows.chunks_exact(2 * self.size);
        for (to, row) in self.output.chunks_exact_mut(self.size).zip(rows) {
            let (gate, up) = row.split_at(self.size);
            for ((to, gate), up) in to.iter_mut().zip(gate).zip(up) {
                *to = gate / (1.0 + exp(-gate)) * up;
            }
        }
    }
}

struct Turn<'a> {
    rows: &'a mut [f32],
    heads: usize,
    dim: usize,
    cos: &'a [f32],
    sin: &'a [f32],
    scale: f32,
}

impl WithSimd for Turn<'_> {
    type Output = ();

    #[expect(clippy::inline_always, reason = "as pulp asks, to get its vector instructions")]
    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        let half = self.dim / 2;
        let angles = self.cos.chunks_exact(half).zip(self.sin.chunks_exact(half));
        let rows = self.rows.chunks_exact_mut(self.heads * self.dim);
        for (row, (cos, sin)) in rows.zip(angles) {
            turn(row, cos, sin, self.scale);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn numbers(count: usize) -> Vec<f32> {
        (0..count).map(|i| ((i * 7919) % 2003) as f32 / 977.0 - 1.0).collect()
    }

    #[test]
    fn rows_are_normalized_by_themselves() {
        let (rows, weight) = (numbers(97 * 40), numbers(40));
        let normed = |rows: &[f32]| {
            let mut normed = vec![f32::NAN; 3];
            rms_norm(rows, &weight, 1e-5, &mut normed);
            normed
        };
        let all = normed(&rows);
        for (row, found) in rows.chunks(40).zip(all.chunks(40)) {
            assert_eq!(normed(row), found);
            let mean = row.iter().map(|x| f64::from(*x).powi(2)).sum::<f64>() / 40.0;
            for ((x, w), found) in row.iter().zip(&weight).zip(found) {
                let expected = f64::from(*x) / (mean + 1e-5).sqrt() * f64::from(*w);
                assert!((f64::from(*found) - expected).abs() < 1e-6);
            }
        }
    }

    #[test]
    fn a_gate_lets_through_what_its_sigmoid_says() {
        let (n_rows, size) = (700, 50);
        let rows: Vec<f32> = numbers(n_rows * 2 * size).iter().map(|x| x * 9.0).collect();
        let mut all = vec![f32::NAN; 3];
        swiglu(&rows, size, &mut all);
        for (row, found) in rows.chunks(2 * size).zip(all.chunks(size)) {
            for i in 0..size {
                let (gate, up) = (f64::from(row[i]), f64::from(row[size + i]));
                let expected = gate / (1.0 + (-gate).exp()) * up;
                assert!((f64::from(found[i]) - expected).abs() <= 1e-6 * expected.abs() + 1e-30);
            }
        }
    }

    #[test]
    fn a_pair_turns_by_its_angle() {
        let (heads, kv_heads, dim) = (3, 1, 4);
        let rows = numbers(2 * (heads + 2 * kv_heads) * dim);
        let angles = [0.3_f32, 2.0, -1.0, 0.0];
        let (cos, sin) = (angles.map(f32::cos), angles.map(f32::sin));
        let mut turned = Turned::default();
        turn_all(&rows, (heads, kv_heads, dim), &cos, &sin, &mut turned);
        let width = (heads + 2 * kv_heads) * dim;
        for (n, row) in rows.chunks(width).enumerate() {
            let check = |from: &[f32], found: &[f32], scale: f32| {
                for i in 0..dim / 2 {
                    let (a, b) = (from[i], from[i + dim / 2]);
                    let (sin, cos) = angles[n * dim / 2 + i].sin_cos();
                    assert!((found[i] - (a * cos - b * sin) * scale).abs() < 1e-6);
                    assert!((found[i + dim / 2] - (b * cos + a * sin) * scale).abs() < 1e-6);
                }
            };
            for head in 0..heads {
                check(&row[head * dim..], &turned.queries[(n * heads + head) * dim..], 0.5);
            }
            check(&row[heads * dim..], &turned.keys[n * dim..], 1.0);
            assert_eq!(&row[(heads + 1) * dim..], &turned.values[n * dim..(n + 1) * dim]);
        }
    }
}
