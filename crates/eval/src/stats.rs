//! Statistics: how far an accuracy can be trusted.

mod clustered;
mod paired;
mod pass;

use serde::{Deserialize, Serialize};

pub use clustered::{Clustered, clustered};
pub use paired::{Difference, Pairs};
pub use pass::pass_at;

/// An interval of proportions.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Interval {
    /// Lower end.
    pub low: f64,
    /// Upper end.
    pub high: f64,
}

impl Interval {
    /// Returns true if and only if the interval contains `proportion`.
    pub fn contains(&self, proportion: f64) -> bool {
        self.low <= proportion && proportion <= self.high
    }
}

/// The 0.975 quantile of the standard normal distribution: a two-sided 95 % interval.
const Z_95: f64 = 1.959_963_984_540_054;

/// The Wilson score interval, 95 %, of a proportion of which `hits` in `n` were seen; `None` for `n` = 0.
///
/// # Panics
///
/// If `hits` is more than `n`.
///
/// # Source
///
/// Wilson 1927, <https://doi.org/10.1080/01621459.1927.10502953>; no continuity correction. Preferred to
/// the normal approximation below a few hundred questions: Bowyer et al. 2025,
/// <https://arxiv.org/abs/2503.01747>.
///
/// # Example
///
/// ```
/// let interval = espalier_eval::wilson(8, 10).unwrap();
/// assert!((interval.low - 0.490_162).abs() < 1e-6);
/// assert!((interval.high - 0.943_318).abs() < 1e-6);
/// assert_eq!(espalier_eval::wilson(0, 0), None);
/// ```
#[must_use]
pub fn wilson(hits: u64, n: u64) -> Option<Interval> {
    assert!(hits <= n, "hits are counted among n");
    if n == 0 {
        return None;
    }
    Some(score_interval(hits as f64 / n as f64, n as f64))
}

/// The Wilson score interval, 95 %, of a share seen in `total` independent observations.
fn score_interval(share: f64, total: f64) -> Interval {
    let z2 = Z_95 * Z_95;
    let scale = 1.0 + z2 / total;
    let centre = (share + z2 / (2.0 * total)) / scale;
    let half = Z_95 / scale * (share * (1.0 - share) / total + z2 / (4.0 * total * total)).sqrt();
    // The ends are exact at 0 and 1; rounding must not move them inside.
    let low = if share <= 0.0 { 0.0 } else { (centre - half).max(0.0) };
    let high = if share >= 1.0 { 1.0 } else { (centre + half).min(1.0) };
    Interval { low, high }
}

#[cfg(test)]
mod tests {
    use espalier_core::Seed;
    use proptest::prelude::*;

    use super::*;

    /// Share of simulated experiments whose interval contains the truth.
    fn coverage(truth: f64, n: u64, experiments: u64) -> f64 {
        let covered = (0..experiments).filter(|&experiment| {
            let seed = Seed::run(1).problem(experiment);
            let hits = (0..n).filter(|&draw| seed.uniform(draw) < truth).count() as u64;
            wilson(hits, n).unwrap().contains(truth)
        });
        covered.count() as f64 / experiments as f64
    }

    #[test]
    fn ninety_five_percent_of_intervals_contain_the_truth() {
        // The exact coverage at these four points, summed over the binomial distribution by
        // `exact_coverage`, lies between 0.93 and 0.97; the simulation agrees with it.
        for (truth, n) in [(0.1, 60), (0.3, 30), (0.5, 100), (0.85, 200)] {
            let simulated = coverage(truth, n, 4000);
            assert!((0.93..=0.97).contains(&simulated), "{truth} {n}: {simulated}");
            assert!((simulated - exact_coverage(truth, n)).abs() < 0.015, "{truth} {n}");
        }
    }

    fn exact_coverage(truth: f64, n: u64) -> f64 {
        let mut probability = (1.0 - truth).powi(n as i32);
        let mut sum = 0.0;
        for hits in 0..=n {
            if wilson(hits, n).unwrap().contains(truth) {
                sum += probability;
            }
            probability *= (n - hits) as f64 / (hits + 1) as f64 * truth / (1.0 - truth);
        }
        sum
    }

    proptest! {
        #[test]
        fn interval_contains_the_share_and_mirrors(n in 1_u64..5000, part in 0.0..=1.0_f64) {
            let hits = (n as f64 * part) as u64;
            let interval = wilson(hits, n).unwrap();
            prop_assert!(interval.contains(hits as f64 / n as f64));
            let mirror = wilson(n - hits, n).unwrap();
            prop_assert!((interval.low - (1.0 - mirror.high)).abs() < 1e-12);
        }
    }
}
