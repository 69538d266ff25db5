//! Allocations: whole numbers of continuations, shared out among paths.

/// The softmax of `logits / temperature`: weights that sum to 1. What is not known or not finite weighs
/// nothing; where nothing is known, all weigh the same. `temperature` is above 0.
///
/// ```
/// use espalier_search::allocation::softmax;
/// let weights = softmax(&[Some(0.9), Some(0.9 + 0.2 * 3_f64.ln()), None], 0.2);
/// assert!((weights[0] - 0.25).abs() < 1e-9 && (weights[1] - 0.75).abs() < 1e-9);
/// assert!(weights[2] == 0.0);
/// ```
#[must_use]
pub fn softmax(logits: &[Option<f64>], temperature: f64) -> Vec<f64> {
    let known = |logit: &Option<f64>| logit.filter(|logit| logit.is_finite());
    let Some(most) = logits.iter().filter_map(known).reduce(f64::max) else {
        return vec![1.0 / logits.len() as f64; logits.len()];
    };
    let weight = |logit| known(logit).map_or(0.0, |logit| ((logit - most) / temperature).exp());
    let weights: Vec<f64> = logits.iter().map(weight).collect();
    let sum: f64 = weights.iter().sum();
    weights.into_iter().map(|weight| weight / sum).collect()
}

/// Shares `total` out in proportion to `weights`: each gets its quota `total × weight / sum` rounded
/// down, and what is left goes one each to the largest remainders, ties to the first. So the shares sum
/// to `total`, and each is its quota rounded down or up. Weights are finite and not negative, one of
/// them above 0; without weights nothing is shared out.
///
/// ```
/// use espalier_search::allocation::shares;
/// // Quotas 5.0, 2.5, 2.5: the last one goes to the first of two equal remainders.
/// assert_eq!(shares(&[0.5, 0.25, 0.25], 10), [5, 3, 2]);
/// ```
#[must_use]
pub fn shares(weights: &[f64], total: u32) -> Vec<u32> {
    let sum: f64 = weights.iter().sum();
    let quotas: Vec<f64> = weights.iter().map(|weight| f64::from(total) * weight / sum).collect();
    let mut shares: Vec<u32> = quotas.iter().map(|quota| quota.floor() as u32).collect();
    let mut order: Vec<usize> = (0..quotas.len()).collect();
    let remainder = |&index: &usize| quotas[index] - quotas[index].floor();
    order.sort_by(|one, other| remainder(other).total_cmp(&remainder(one)));
    let left = total - shares.iter().sum::<u32>();
    for index in order.into_iter().take(left as usize) {
        shares[index] += 1;
    }
    shares
}

/// Systematic resampling: how often each of `weights` is drawn in `total` draws. The weights are laid
/// end to end on a circle of `total` units, and the draws stand one unit apart from `start` in [0, 1).
/// So each count is its quota `total × weight / sum` rounded down or up, and the quota on average over
/// `start`. Weights are as for [`shares`].
///
/// Source: Douc, Cappé, Moulines 2005, <https://arxiv.org/abs/cs/0507025>, systematic resampling.
///
/// ```
/// use espalier_search::allocation::resample;
/// assert_eq!(resample(&[0.375, 0.5, 0.125], 4, 0.0), [2, 2, 0]); // 0 1 | 2 3 |
/// assert_eq!(resample(&[0.375, 0.5, 0.125], 4, 0.75), [1, 2, 1]); // .75 | 1.75 2.75 | 3.75
/// ```
#[must_use]
pub fn resample(weights: &[f64], total: u32, start: f64) -> Vec<u32> {
    let sum: f64 = weights.iter().sum();
    let (mut end, mut drawn) = (0.0, 0);
    let count = |weight: &f64| {
        end += weight;
        // Draw i stands before the end where start + i < end.
        let before = (f64::from(total) * (end / sum) - start).ceil() as u32;
        let count = before - drawn;
        drawn = before;
        count
    };
    weights.iter().map(count).collect()
}
