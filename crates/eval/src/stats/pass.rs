//! pass@k: how likely one of k answers is right.

/// The unbiased estimate of the chance that at least one of `k` answers is right, from `n` answers of which `c` are:
/// 1 − C(n − c, k) / C(n, k), computed as a product. `None` for `k` of 0 or above `n`.
///
/// # Panics
///
/// If `c` is more than `n`.
///
/// # Source
///
/// Chen et al. 2021, section 2.1, <https://arxiv.org/abs/2107.03374>.
///
/// # Complexity
///
/// Linear in `c`.
///
/// # Example
///
/// ```
/// use espalier_eval::pass_at;
/// assert_eq!(pass_at(1, 4, 1), Some(0.25));
/// // Of the six pairs of four answers, one has neither of the two right ones.
/// assert!((pass_at(2, 4, 2).unwrap() - 5.0 / 6.0).abs() < 1e-12);
/// assert_eq!(pass_at(4, 4, 1), Some(1.0));
/// assert_eq!(pass_at(5, 4, 1), None);
/// ```
#[must_use]
pub fn pass_at(k: u64, n: u64, c: u64) -> Option<f64> {
    assert!(c <= n, "right answers are counted among n");
    if k == 0 || k > n {
        return None;
    }
    if n - c < k {
        return Some(1.0);
    }
    // C(n − c, k) / C(n, k) = ∏ (1 − k / i) for i from n − c + 1 to n.
    let none: f64 = (n - c + 1..=n).map(|i| 1.0 - k as f64 / i as f64).product();
    Some(1.0 - none)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// C(n, k), exactly.
    fn choose(n: u64, k: u64) -> u128 {
        (0..k).fold(1, |product, i| product * u128::from(n - i) / u128::from(i + 1))
    }

    proptest! {
        #[test]
        fn it_is_the_share_of_choices_with_a_right_one(n in 1_u64..60, c in 0_u64..60, k in 1_u64..60) {
            let (c, k) = (c.min(n), k.min(n));
            let without = if n - c < k { 0 } else { choose(n - c, k) };
            let expected = 1.0 - without as f64 / choose(n, k) as f64;
            let found = pass_at(k, n, c).unwrap();
            prop_assert!((found - expected).abs() < 1e-9, "{found} {expected}");
        }
    }
}
