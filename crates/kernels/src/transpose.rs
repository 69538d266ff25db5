//! Keys across: an element of many keys side by side, as attention reads them.

#[cfg(target_arch = "x86_64")]
use std::arch::x86_64::__m256;

/// Keys of a panel.
pub(crate) const PANEL: usize = 32;

/// Numbers that keys are kept in: `f32`, or the bits of halves.
pub trait Number: Copy + Default {
    /// Writes at most 32 keys of `dim` elements to `[dim, wide]`; what is beyond the last key is left as it is.
    fn turn(keys: &[Self], dim: usize, panel: &mut [Self], wide: usize);
}

impl Number for f32 {
    fn turn(keys: &[Self], dim: usize, panel: &mut [Self], wide: usize) {
        turn(keys, dim, panel, wide);
    }
}

impl Number for u16 {
    fn turn(keys: &[Self], dim: usize, panel: &mut [Self], wide: usize) {
        turn_one_by_one(keys, dim, panel, wide);
    }
}

/// Keys across, as [`attend`](crate::attend) reads them best: of each head panels of 32 keys, each `[D, 32]`,
/// the last of as many keys as are left.
///
/// # Shapes
///
/// - keys: `[K, N, D]`
/// - output: `[K, N · D]`
///
/// # Panics
/// If the keys are not whole.
#[must_use]
pub fn across<T: Number>(keys: &[T], kv_heads: usize, dim: usize) -> Vec<T> {
    assert!(keys.len().is_multiple_of(kv_heads * dim), "whole keys");
    let mut all = Vec::with_capacity(keys.len());
    for keys in keys.chunks_exact((keys.len() / kv_heads).max(1)) {
        head_across(keys, dim, &mut all);
    }
    all
}

/// [`across`] of the keys of one head, `[N, D]`, after what `all` holds already.
///
/// # Panics
/// If the keys are not whole.
pub fn head_across<T: Number>(keys: &[T], dim: usize, all: &mut Vec<T>) {
    assert!(keys.len().is_multiple_of(dim), "whole keys");
    let before = all.len();
    all.resize(before + keys.len(), T::default());
    for (keys, to) in keys.chunks(PANEL * dim).zip(all[before..].chunks_mut(PANEL * dim)) {
        T::turn(keys, dim, to, keys.len() / dim);
    }
}

/// Writes at most 32 keys of `dim` elements to `[dim, wide]`; what is beyond the last key is left as it is.
pub(crate) fn turn(keys: &[f32], dim: usize, panel: &mut [f32], wide: usize) {
    #[cfg(target_arch = "x86_64")]
    if keys.len().is_multiple_of(8 * dim)
        && dim.is_multiple_of(8)
        && let Some(simd) = pulp::x86::V3::try_new()
    {
        return simd.vectorize(Turn { simd, keys, dim, panel, wide });
    }
    turn_one_by_one(keys, dim, panel, wide);
}

fn turn_one_by_one<T: Copy>(keys: &[T], dim: usize, panel: &mut [T], wide: usize) {
    for (key, from) in keys.chunks_exact(dim).enumerate() {
        for (line, element) in panel.chunks_exact_mut(wide).zip(from) {
            line[key] = *element;
        }
    }
}

/// Keys by blocks of 8 and 8 elements in registers.
#[cfg(target_arch = "x86_64")]
struct Turn<'a> {
    simd: pulp::x86::V3,
    keys: &'a [f32],
    dim: usize,
    panel: &'a mut [f32],
    wide: usize,
}

#[cfg(target_arch = "x86_64")]
impl pulp::NullaryFnOnce for Turn<'_> {
    type Output = ();

    #[expect(clippy::inline_always, reason = "as pulp asks, to get its vector instructions")]
    #[inline(always)]
    fn call(self) {
        let Self { simd, keys, dim, panel, wide } = self;
        for (key, eight) in keys.chunks_exact(8 * dim).enumerate() {
            for (part, lines) in panel.chunks_exact_mut(8 * wide).enumerate() {
                let mut rows = [[0.0; 8]; 8];
                for (row, from) in rows.iter_mut().zip(eight.chunks_exact(dim)) {
                    *row = from.as_chunks().0[part];
                }
                let columns = transposed(simd, rows);
                for (line, column) in lines.chunks_exact_mut(wide).zip(columns) {
                    line[8 * key..][..8].copy_from_slice(&column);
                }
            }
        }
    }
}

/// 8 rows of 8 numbers, the columns as rows.
#[cfg(target_arch = "x86_64")]
#[expect(clippy::inline_always, reason = "it takes the instruction set of its caller")]
#[inline(always)]
fn transposed(simd: pulp::x86::V3, rows: [[f32; 8]; 8]) -> [[f32; 8]; 8] {
    let avx = simd.avx;
    let rows: [__m256; 8] = pulp::cast(rows);
    let mut pairs = [avx._mm256_setzero_ps(); 8];
    for i in 0..4 {
        pairs[2 * i] = avx._mm256_unpacklo_ps(rows[2 * i], rows[2 * i + 1]);
        pairs[2 * i + 1] = avx._mm256_unpackhi_ps(rows[2 * i], rows[2 * i + 1]);
    }
    let mut fours = [avx._mm256_setzero_ps(); 8];
    for half in [0, 4] {
        for i in 0..2 {
            let (a, b): (__m256, __m256) = (pairs[half + i], pairs[half + 2 + i]);
            fours[half + 2 * i] = avx._mm256_shuffle_ps::<0x44>(a, b);
            fours[half + 2 * i + 1] = avx._mm256_shuffle_ps::<0xee>(a, b);
        }
    }
    let mut columns = [avx._mm256_setzero_ps(); 8];
    for i in 0..4 {
        columns[i] = avx._mm256_permute2f128_ps::<0x20>(fours[i], fours[4 + i]);
        columns[4 + i] = avx._mm256_permute2f128_ps::<0x31>(fours[i], fours[4 + i]);
    }
    pulp::cast(columns)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_element_of_all_keys_of_a_panel_lies_side_by_side() {
        for (kv_heads, dim, n_keys) in
            [(1, 64, 32), (3, 8, 96), (2, 24, 33), (2, 64, 31), (3, 18, 40), (1, 8, 24), (2, 8, 0)]
        {
            let keys: Vec<f32> = (0..n_keys * kv_heads * dim).map(|i| i as f32).collect();
            let across = across(&keys, kv_heads, dim);
            assert_eq!(across.len(), keys.len());
            let halves: Vec<u16> = keys.iter().map(|key| *key as u16).collect();
            let halves = super::across(&halves, kv_heads, dim);
            assert!(halves.iter().map(|half| f32::from(*half)).eq(across.iter().copied()));
            for (i, expected) in keys.iter().enumerate() {
                let (head, key, element) = (i / dim / n_keys, i / dim % n_keys, i % dim);
                let first = key / PANEL * PANEL;
                let wide = PANEL.min(n_keys - first);
                let at = (head * n_keys + first) * dim + element * wide + key - first;
                assert_eq!(across[at].to_bits(), expected.to_bits(), "{dim} {n_keys}");
            }
        }
    }
}
