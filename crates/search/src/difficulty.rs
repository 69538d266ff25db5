//! Difficulties: how hard a problem looks from its first answers, without the gold answer.

use espalier_core::ScorerId;

use crate::Tree;

/// The mean of this scorer's scores of all steps of a tree: the lower it is, the harder the problem. Steps
/// without a score are left out; `None` where none has one.
///
/// Source: Snell et al. 2024, <https://arxiv.org/abs/2408.03314>, section 3.2, predicted difficulty: the
/// verifier's scores of whole answers, averaged.
#[must_use]
pub fn mean_score(tree: &Tree, scorer: ScorerId) -> Option<f64> {
    let score = |id| tree.node(id).score(scorer).map(|score| f64::from(score.get()));
    let scores: Vec<f64> = tree.ids().filter_map(score).collect();
    let sum: f64 = scores.iter().sum();
    (!scores.is_empty()).then(|| sum / scores.len() as f64)
}

/// The place of a problem's bin, where bins end below these ascending bounds and the last has none. A
/// problem without a mean score is of the first bin, the hardest.
///
/// ```
/// use espalier_search::difficulty::bin;
/// let of = |mean| bin(&[0.25, 0.5], mean);
/// assert_eq!([of(Some(0.2)), of(Some(0.25)), of(Some(0.5)), of(None)], [0, 1, 2, 0]);
/// ```
#[must_use]
pub fn bin(bounds: &[f64], mean: Option<f64>) -> usize {
    mean.map_or(0, |mean| bounds.partition_point(|&bound| bound <= mean))
}
