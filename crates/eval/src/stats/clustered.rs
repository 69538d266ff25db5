//! Clustered proportions: the accuracy over problems that were each tried several times.

use serde::{Deserialize, Serialize};

use super::{Interval, score_interval};

/// The mean over clusters of each cluster's share, and how far it can be trusted.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Clustered {
    /// The mean of the clusters' shares.
    pub share: f64,
    /// Independent observations that would tell as much: from the clusters to all observations.
    pub effective_n: f64,
    /// The 95 % interval.
    pub interval: Interval,
}

/// The mean of the shares of clusters, each of `hits` in `tries`, with its 95 % interval.
///
/// Tries of one cluster (seeds of one problem) depend on each other, so the clusters are what was
/// sampled: the variance of the mean is that of the clusters' shares divided by their number (Miller
/// 2024, section 2.2, for clusters of equal size). From it follows the number of independent
/// observations of the same variance, share · (1 − share) / variance, which takes the place of n in
/// Wilson's interval. Where all tries of each cluster agree, that number is the number of clusters, and
/// the interval is [`wilson`](super::wilson)'s over clusters; it is never more than the number of tries.
/// At shares of 0 and 1, where tries cannot but agree, it is the number of clusters. So no interval has
/// width 0.
///
/// `None` where there is no try; clusters without any do not count.
///
/// # Panics
///
/// If a cluster's `hits` are more than its `tries`.
///
/// # Source
///
/// Clustered variance: Miller 2024, <https://arxiv.org/abs/2411.00640>. Wilson's interval with the
/// effective sample size: recommended by Franco et al. 2019,
/// <https://pmc.ncbi.nlm.nih.gov/articles/PMC6690503>.
///
/// # Example
///
/// ```
/// use espalier_eval::stats::{clustered, wilson};
/// let agreeing = clustered(&[(3, 3), (0, 3), (3, 3), (3, 3)]).unwrap();
/// assert_eq!(agreeing.share, 0.75);
/// assert!((agreeing.interval.low - wilson(3, 4).unwrap().low).abs() < 1e-12);
/// ```
#[must_use]
pub fn clustered(clusters: &[(u64, u64)]) -> Option<Clustered> {
    let shares: Vec<f64> = clusters
        .iter()
        .filter(|(_, tries)| *tries > 0)
        .map(|&(hits, tries)| {
            assert!(hits <= tries, "hits are counted among tries");
            hits as f64 / tries as f64
        })
        .collect();
    if shares.is_empty() {
        return None;
    }
    let n = shares.len() as f64;
    let tries = clusters.iter().map(|(_, tries)| *tries).sum::<u64>() as f64;
    let share = shares.iter().sum::<f64>() / n;
    let variance = shares.iter().map(|one| (one - share).powi(2)).sum::<f64>() / (n * n);
    let binomial = share * (1.0 - share);
    let effective_n = if binomial <= 0.0 { n } else { (binomial / variance).clamp(n, tries) };
    Some(Clustered { share, effective_n, interval: score_interval(share, effective_n) })
}

#[cfg(test)]
mod tests {
    use espalier_core::Seed;
    use proptest::prelude::*;

    use super::*;
    use crate::stats::wilson;

    #[test]
    fn two_lines_of_numbers() {
        // Shares 1, 0.5, 0.5, 0: mean 0.5, variance of the mean 0.5 / 16, so 0.25 / 0.03125 = 8.
        let seen = clustered(&[(2, 2), (1, 2), (1, 2), (0, 2)]).unwrap();
        assert!((seen.share - 0.5).abs() < 1e-12 && (seen.effective_n - 8.0).abs() < 1e-12);
        assert!((seen.interval.low - wilson(4, 8).unwrap().low).abs() < 1e-12);
    }

    #[test]
    fn no_width_is_zero() {
        for hits in [0, 3] {
            let seen = clustered(&vec![(hits, 3); 20]).unwrap();
            let alone = wilson(hits * 20 / 3, 20).unwrap();
            assert_eq!(seen.interval, alone);
            assert!(seen.interval.high - seen.interval.low > 0.1);
        }
        assert_eq!(clustered(&[]), None);
        assert_eq!(clustered(&[(0, 0)]), None);
    }

    /// Problems of which a third is always solved, a third never, and a third at even odds, tried with
    /// three seeds; the truth is 0.5.
    #[test]
    fn ninety_five_percent_of_intervals_contain_the_truth() {
        for problems in [30, 100] {
            let covered = (0..4000_u64).filter(|&experiment| {
                let seed = Seed::run(3).problem(experiment);
                let cluster = |problem: u64| {
                    let one = seed.fold(problem);
                    let chance = (one.uniform(0) * 3.0).floor() / 2.0;
                    ((1..=3).filter(|&draw| one.uniform(draw) < chance).count() as u64, 3)
                };
                let clusters: Vec<_> = (0..problems).map(cluster).collect();
                clustered(&clusters).unwrap().interval.contains(0.5)
            });
            let share = covered.count() as f64 / 4000.0;
            assert!((0.93..=0.97).contains(&share), "{problems}: {share}");
        }
    }

    proptest! {
        #[test]
        fn agreeing_tries_are_one_try(hits in prop::collection::vec(any::<bool>(), 1..200), k in 1_u64..6) {
            let clusters: Vec<_> = hits.iter().map(|&hit| (u64::from(hit) * k, k)).collect();
            let seen = clustered(&clusters).unwrap();
            let right = hits.iter().filter(|hit| **hit).count() as u64;
            let one = wilson(right, hits.len() as u64).unwrap();
            prop_assert!((seen.interval.low - one.low).abs() < 1e-9);
            prop_assert!((seen.interval.high - one.high).abs() < 1e-9);
        }

        #[test]
        fn the_interval_contains_the_share_and_lies_between_clusters_and_tries(
            hits in prop::collection::vec(0_u64..=3, 1..200),
        ) {
            let clusters: Vec<_> = hits.iter().map(|&hits| (hits, 3)).collect();
            let seen = clustered(&clusters).unwrap();
            prop_assert!(seen.interval.contains(seen.share));
            let n = hits.len() as f64;
            prop_assert!(seen.effective_n >= n && seen.effective_n <= 3.0 * n);
            prop_assert!(seen.interval.low >= 0.0 && seen.interval.high <= 1.0);
            prop_assert!(seen.interval.high - seen.interval.low > 0.0);
        }
    }
}
