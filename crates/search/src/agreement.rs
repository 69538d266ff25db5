//! Agreements: how far the answers found so far say the same.

use std::sync::Arc;

use espalier_core::Answers;

use crate::{Tree, select::classes};

/// Reads answers for a strategy that decides by what they say.
#[derive(Clone)]
pub(crate) struct Reader(pub(crate) Arc<dyn Answers>);

impl Reader {
    /// How many ended paths give the most frequent answer, and the next.
    pub(crate) fn leaders(&self, tree: &Tree) -> (u32, u32) {
        let one_each = classes(tree, &*self.0, |_| Some(1.0));
        let mut counts: Vec<u32> = one_each.iter().map(|class| class.1 as u32).collect();
        counts.sort_unstable_by(|one, other| other.cmp(one));
        (counts.first().copied().unwrap_or(0), counts.get(1).copied().unwrap_or(0))
    }
}

impl std::fmt::Debug for Reader {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Reader")
    }
}

/// The probability that the leading of two answers stays ahead: of p > 1/2 where p is distributed as
/// Beta(`first` + 1, `second` + 1), `first` and `second` being how often the two were given.
///
/// That is the probability of more than `second` heads in `first` + `second` + 1 tosses of a coin. The
/// source's integral from 1/2 to 1 of p^first (1 − p)^second, normalized, is the same number.
///
/// Source: Aggarwal et al. 2023, <https://arxiv.org/abs/2305.11860>, the Beta stopping criterion.
///
/// # Complexity
///
/// Linear in `second`. `first` is not less than `second`.
///
/// ```
/// use espalier_search::agreement::lead;
/// assert!((lead(4, 0) - (1.0 - 1.0 / 32.0)).abs() < 1e-12);
/// assert!((lead(3, 1) - (1.0 - (1.0 + 5.0) / 32.0)).abs() < 1e-12); // C(5, 0) + C(5, 1)
/// ```
#[must_use]
pub fn lead(first: u32, second: u32) -> f64 {
    debug_assert!(first >= second, "the leader has not fewer votes");
    let tosses = f64::from(first) + f64::from(second) + 1.0;
    // The largest term of the tail first, by its logarithm, then each from the one before.
    let choose = |heads: u32| -> f64 {
        let factor = |one| ((tosses - f64::from(heads) + f64::from(one)) / f64::from(one)).ln();
        (1..=heads).map(factor).sum()
    };
    let mut term = (choose(second) - tosses * 2_f64.ln()).exp();
    let mut tail = 0.0;
    for heads in (0..=second).rev() {
        tail += term;
        term *= f64::from(heads) / (tosses - f64::from(heads) + 1.0);
    }
    1.0 - tail
}
