//! Keys across: blocks of keys so that the same element of all keys lies side by side.

/// Keys of a panel.
pub(crate) const PANEL: usize = 32;

/// Writes up to 32 keys of `dim` elements to `[dim, 32]`; what is beyond the last key is left as it is.
pub(crate) fn across(keys: &[f32], dim: usize, panel: &mut [f32]) {
    #[cfg(target_arch = "x86_64")]
    if keys.len() == PANEL * dim
        && dim.is_multiple_of(8)
        && let Some(simd) = pulp::x86::V3::try_new()
    {
        return simd.vectorize(Across { simd, keys, dim, panel });
    }
    for (key, from) in keys.chunks_exact(dim).enumerate() {
        for (line, element) in panel.chunks_exact_mut(PANEL).zip(from) {
            line[key] = *element;
        }
    }
}

/// Whole panels by blocks of 8 keys and 8 elements in registers.
#[cfg(target_arch = "x86_64")]
struct Across<'a> {
    simd: pulp::x86::V3,
    keys: &'a [f32],
    dim: usize,
    panel: &'a mut [f32],
}

#[cfg(target_arch = "x86_64")]
impl pulp::NullaryFnOnce for Across<'_> {
    type Output = ();

    #[inline(always)]
    fn call(self) {
        use std::arch::x86_64::__m256;

        let Self { simd, keys, dim, panel } = self;
        let avx = simd.avx;
        for key in (0..PANEL).step_by(8) {
            for element in (0..dim).step_by(8) {
                let mut rows = [avx._mm256_setzero_ps(); 8];
                for (i, row) in rows.iter_mut().enumerate() {
                    let from: [f32; 8] = keys[(key + i) * dim + element..].as_chunks().0[0];
                    *row = pulp::cast(from);
                }
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
                for i in 0..4 {
                    let low = avx._mm256_permute2f128_ps::<0x20>(fours[i], fours[4 + i]);
                    let high = avx._mm256_permute2f128_ps::<0x31>(fours[i], fours[4 + i]);
                    let to = &mut panel[(element + i) * PANEL + key..][..8];
                    to.copy_from_slice(&pulp::cast::<__m256, [f32; 8]>(low));
                    let to = &mut panel[(element + 4 + i) * PANEL + key..][..8];
                    to.copy_from_slice(&pulp::cast::<__m256, [f32; 8]>(high));
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_element_of_all_keys_lies_side_by_side() {
        for (dim, n_keys) in [(64, 32), (8, 32), (24, 32), (64, 31), (18, 32), (6, 3)] {
            let keys: Vec<f32> = (0..dim * n_keys).map(|i| i as f32).collect();
            let mut panel = vec![-1.0; dim * PANEL];
            across(&keys, dim, &mut panel);
            for (element, line) in panel.chunks(PANEL).enumerate() {
                for (key, found) in line.iter().enumerate() {
                    let expected = if key < n_keys { keys[key * dim + element] } else { -1.0 };
                    assert_eq!(found.to_bits(), expected.to_bits(), "{dim} {n_keys}");
                }
            }
        }
    }
}
