//! Learning: from what each option did with problems, which is best for those that are about as hard.

mod runs;

use std::cmp::Reverse;
use std::num::NonZeroUsize;

use serde::{Deserialize, Serialize};

use crate::spec::{Bin, Then};

pub use runs::{LearningError, OptionRuns};

/// What became of problems with one option.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tried {
    /// The option.
    pub then: Then,
    /// Problems that it has right.
    pub right: u64,
    /// Tokens that it computed, first answers included.
    pub computed: u64,
}

/// One problem, with every option in the same order.
#[derive(Debug, Clone, PartialEq)]
pub struct Example {
    /// The mean score of its first answers; `None` where none has a score.
    pub mean_score: Option<f64>,
    /// What became of it.
    pub tried: Vec<Tried>,
}

/// A bin, and what its option was chosen by.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LearnedBin {
    /// The bin.
    #[serde(flatten)]
    pub bin: Bin,
    /// Problems it was learned on.
    pub problems: u64,
    /// What became of them with each option.
    pub tried: Vec<Tried>,
}

/// Parts problems into `bins` of equally many, from the hardest on, and takes for each the option that has
/// most problems right; of those, the one that computed the fewest tokens, and then the first. Problems of
/// the same mean score stay together, so that there can be fewer bins.
///
/// # Panics
///
/// If there is no problem.
///
/// Source: Snell et al. 2024, <https://arxiv.org/abs/2408.03314>, section 3.2: quantiles of predicted
/// difficulty, and the best strategy in each.
#[must_use]
pub fn learn(examples: &[Example], bins: NonZeroUsize) -> Vec<LearnedBin> {
    let mut scores: Vec<Option<f64>> = examples.iter().map(|one| one.mean_score).collect();
    scores.sort_by(|one, other| one.partial_cmp(other).expect("scores are finite"));
    let quantile = |bin| scores[bin * scores.len() / bins.get()];
    let mut bounds: Vec<f64> =
        (1..bins.get()).map(quantile).filter(|one| *one > scores[0]).flatten().collect();
    bounds.dedup();
    let bin = |example: &Example| espalier_search::difficulty::bin(&bounds, example.mean_score);
    let ends = bounds.iter().copied().map(Some).chain([None]);
    let of = |(place, below)| {
        let mine: Vec<&Example> = examples.iter().filter(|one| bin(one) == place).collect();
        let tried = sum(&mine);
        let best = tried.iter().min_by_key(|one| (Reverse(one.right), one.computed));
        let then = best.map_or(Then::Stop, |one| one.then);
        LearnedBin { bin: Bin { below, then }, problems: mine.len() as u64, tried }
    };
    ends.enumerate().map(of).collect()
}

/// What became of all these problems.
fn sum(examples: &[&Example]) -> Vec<Tried> {
    let mut sums: Vec<Tried> = Vec::new();
    for example in examples {
        if sums.is_empty() {
            sums.clone_from(&example.tried);
            continue;
        }
        for (sum, one) in sums.iter_mut().zip(&example.tried) {
            sum.right += one.right;
            sum.computed += one.computed;
        }
    }
    sums
}

#[cfg(test)]
mod tests {
    use super::*;

    const BEAM: Then = Then::Beam { width: 4, n: None, redraws: 3 };
    const MORE: Then = Then::BestOfN { n: 12 };

    /// A problem that stopping, more answers and a beam have right or not, at 10, 40 and 90 tokens.
    fn example(mean_score: Option<f64>, right: [u64; 3]) -> Example {
        let options = [(Then::Stop, 10), (MORE, 40), (BEAM, 90)];
        let tried = options.into_iter().zip(right);
        let tried = tried.map(|((then, computed), right)| Tried { then, right, computed });
        Example { mean_score, tried: tried.collect() }
    }

    fn learned(examples: &[Example], bins: usize) -> Vec<(Option<f64>, Then, u64)> {
        let bins = learn(examples, NonZeroUsize::new(bins).unwrap());
        bins.iter().map(|one| (one.bin.below, one.bin.then, one.problems)).collect()
    }

    #[test]
    fn the_best_option_of_each_bin_by_hand() {
        let examples = [
            example(Some(0.9), [1, 1, 1]),
            example(Some(0.1), [0, 0, 1]),
            example(Some(0.5), [0, 1, 0]),
            example(Some(0.8), [1, 1, 1]),
            example(Some(0.4), [0, 1, 1]),
            example(None, [0, 0, 1]),
        ];
        // Hardest: none and 0.1, where the beam has both. Then 0.4 and 0.5, where more answers do. The
        // easiest are right with all three, and stopping is the cheapest.
        assert_eq!(
            learned(&examples, 3),
            [(Some(0.4), BEAM, 2), (Some(0.8), MORE, 2), (None, Then::Stop, 2)]
        );
        let whole = learn(&examples, NonZeroUsize::MIN);
        assert_eq!(whole[0].bin, Bin { below: None, then: BEAM });
        let sums = whole[0].tried.iter().map(|one| (one.right, one.computed));
        assert_eq!(sums.collect::<Vec<_>>(), [(2, 60), (4, 240), (5, 540)]);
    }

    #[test]
    fn equal_scores_stay_together() {
        let of = |scores: &[f64], bins| {
            let examples: Vec<Example> =
                scores.iter().map(|&score| example(Some(score), [1, 0, 0])).collect();
            let bins = learned(&examples, bins);
            bins.into_iter().map(|(below, _, problems)| (below, problems)).collect::<Vec<_>>()
        };
        assert_eq!(of(&[0.5; 6], 4), [(None, 6)]);
        assert_eq!(of(&[0.1, 0.5, 0.5, 0.5, 0.5, 0.9], 3), [(Some(0.5), 1), (None, 5)]);
        assert_eq!(of(&[0.1, 0.1, 0.1, 0.9], 4), [(Some(0.9), 3), (None, 1)]);
        assert_eq!(of(&[0.1, 0.2], 4), [(Some(0.2), 1), (None, 1)]);
    }

    #[test]
    fn ties_go_to_the_first_option() {
        let tried = |then, right| Tried { then, right, computed: 5 };
        let tried = vec![tried(BEAM, 1), tried(Then::Stop, 1), tried(MORE, 0)];
        let one = Example { mean_score: None, tried };
        assert_eq!(learned(&[one], 4), [(None, BEAM, 1)]);
    }
}
