//! Distributions: what logits say of the next token, exactly and over the whole vocabulary.

use espalier_core::{ModelError, TokenId};
use pulp::{Arch, Simd, WithSimd};

/// Lanes summed side by side: fixed, so that the result does not depend on the machine.
pub(crate) const LANES: usize = 16;
/// Logits whose weights are summed before they are looked at one by one.
pub(crate) const BLOCK: usize = 512;
/// Candidates for the largest numbers, over as many as are asked for, before all but those are dropped.
const ROOM: usize = 4;

/// A summary of one row of logits.
///
/// `ln p_i = x_i − ln Σ e^{x_j}`; the entropy is `ln Σ e^{x_j} − Σ p_j x_j`; with V values, the divergence
/// from the uniform distribution is `ln Σ e^{x_j} − ln V − (1/V) Σ x_j`.
#[derive(Debug, Clone, PartialEq)]
pub struct Distribution {
    /// The sum of the weights `e^{x − max}` of each [`BLOCK`], from which tokens are drawn at temperature 1.
    weights: Vec<f64>,
    max: f32,
    log_normalizer: f32,
    entropy: f32,
    self_certainty: f32,
    argmax: TokenId,
}

impl Distribution {
    /// Summarizes a row of logits.
    ///
    /// # Errors
    ///
    /// [`ModelError::NotFinite`] where a logit is NaN or infinite.
    ///
    /// # Example
    ///
    /// ```
    /// use espalier_models::distribution::Distribution;
    /// let uniform = [0.0_f32; 4];
    /// let distribution = Distribution::new(&uniform).unwrap();
    /// assert!((distribution.entropy() - 4_f32.ln()).abs() < 1e-6);
    /// assert!((distribution.logprob(&uniform, 2) + 4_f32.ln()).abs() < 1e-6);
    /// assert!(distribution.self_certainty() < 1e-6);
    /// ```
    pub fn new(logits: &[f32]) -> Result<Self, ModelError> {
        Arch::new().dispatch(Summary(logits))
    }

    #[expect(clippy::inline_always, reason = "it takes the instruction set of its caller")]
    #[inline(always)]
    fn summarize(logits: &[f32]) -> Result<Self, ModelError> {
        let Some((max, argmax)) = largest(logits) else {
            return Err(ModelError::NotFinite { what: "logits".to_owned() });
        };
        let mut weights = Vec::with_capacity(logits.len().div_ceil(BLOCK));
        let (mut weighted, mut plain) = ([0.0_f64; LANES], [0.0_f64; LANES]);
        for block in logits.chunks(BLOCK) {
            let (mut sum, mut moment, mut depth) =
                ([0.0_f32; LANES], [0.0_f32; LANES], [0.0_f32; LANES]);
            let (whole, rest) = block.as_chunks::<LANES>();
            for lane in whole {
                for i in 0..LANES {
                    let below = lane[i] - max;
                    let power = exp(below);
                    sum[i] += power;
                    moment[i] += power * below;
                    depth[i] += below;
                }
            }
            for (i, logit) in rest.iter().enumerate() {
                let below = logit - max;
                sum[i] += exp(below);
                moment[i] += exp(below) * below;
                depth[i] += below;
            }
            weights.push(sum.into_iter().map(f64::from).sum());
            for i in 0..LANES {
                weighted[i] += f64::from(moment[i]);
                plain[i] += f64::from(depth[i]);
            }
        }
        let (sum, moment) = (weights.iter().sum::<f64>(), weighted.iter().sum::<f64>());
        let (count, depth) = (logits.len() as f64, plain.iter().sum::<f64>());
        Ok(Self {
            weights,
            max,
            log_normalizer: (f64::from(max) + sum.ln()) as f32,
            entropy: (sum.ln() - moment / sum).max(0.0) as f32,
            self_certainty: (sum.ln() - count.ln() - depth / count).max(0.0) as f32,
            argmax: argmax as TokenId,
        })
    }

    /// `ln Σ e^{x_j}`.
    #[must_use]
    pub fn log_normalizer(&self) -> f32 {
        self.log_normalizer
    }

    /// The sum of the weights `e^{x − max}` of each block of [`BLOCK`] logits.
    pub(crate) fn weights(&self) -> &[f64] {
        &self.weights
    }

    /// The largest logit.
    #[must_use]
    pub fn max(&self) -> f32 {
        self.max
    }

    /// The likeliest token; among equals the lowest id.
    #[must_use]
    pub fn argmax(&self) -> TokenId {
        self.argmax
    }

    /// Log-probability of the likeliest token, nats.
    #[must_use]
    pub fn top_logprob(&self) -> f32 {
        self.max - self.log_normalizer
    }

    /// Log-probability of a token of the row this was made from, nats.
    #[must_use]
    pub fn logprob(&self, logits: &[f32], token: TokenId) -> f32 {
        logits[token as usize] - self.log_normalizer
    }

    /// Entropy, nats.
    #[must_use]
    pub fn entropy(&self) -> f32 {
        self.entropy
    }

    /// How far it is from the uniform distribution: the divergence of it from that one, nats.
    #[must_use]
    pub fn self_certainty(&self) -> f32 {
        self.self_certainty
    }

    /// The `k` likeliest tokens with their log-probabilities, best first, ties by id.
    #[must_use]
    pub fn top(&self, logits: &[f32], k: usize) -> Vec<(TokenId, f32)> {
        top(logits, k).into_iter().map(|id| (id, self.logprob(logits, id))).collect()
    }
}

struct Summary<'a>(&'a [f32]);

impl WithSimd for Summary<'_> {
    type Output = Result<Distribution, ModelError>;

    #[expect(clippy::inline_always, reason = "as pulp asks, to get its vector instructions")]
    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) -> Self::Output {
        Distribution::summarize(self.0)
    }
}

/// The largest of numbers and the first place it is at; `None` where one is not finite or there is none.
#[expect(clippy::inline_always, reason = "it takes the instruction set of its caller")]
#[inline(always)]
fn largest(numbers: &[f32]) -> Option<(f32, usize)> {
    let (mut lanes, mut magnitudes) = ([f32::NEG_INFINITY; LANES], [0_u32; LANES]);
    let (whole, rest) = numbers.as_chunks::<LANES>();
    for chunk in whole {
        for i in 0..LANES {
            lanes[i] = if chunk[i] > lanes[i] { chunk[i] } else { lanes[i] };
            // Magnitudes compare as their bits do, and those that are not finite are the largest.
            magnitudes[i] = magnitudes[i].max(chunk[i].to_bits() & 0x7fff_ffff);
        }
    }
    let finite = magnitudes.iter().all(|bits| f32::from_bits(*bits).is_finite())
        && rest.iter().all(|number| number.is_finite());
    let max = lanes.iter().chain(rest).fold(f32::NEG_INFINITY, |max, number| max.max(*number));
    // Counted, all of a block are compared at once.
    let block = numbers.chunks(8 * LANES).position(|block| {
        let mut count = 0;
        for number in block {
            count += u32::from(*number >= max);
        }
        count > 0
    });
    let first = 8 * LANES * block?;
    let at = numbers[first..].iter().position(|number| *number >= max)?;
    finite.then_some((max, first + at))
}

/// The ids of the `k` largest values, none of which is NaN, largest first, ties by id. One pass over the values.
#[must_use]
pub fn top(values: &[f32], k: usize) -> Vec<TokenId> {
    let k = k.min(values.len());
    if k == 0 {
        return Vec::new();
    }
    let order = |one: &TokenId, other: &TokenId| {
        values[*other as usize].total_cmp(&values[*one as usize]).then(one.cmp(other))
    };
    let mut kept: Vec<TokenId> = Vec::with_capacity(ROOM * k + LANES);
    // Of what was kept, k are at least as large: what is smaller is not among the largest.
    let mut floor = f32::NEG_INFINITY;
    for (block, chunk) in values.chunks(LANES).enumerate() {
        // Counted, all are compared at once.
        if chunk.iter().filter(|value| **value >= floor).count() == 0 {
            continue;
        }
        let ids = (block * LANES) as TokenId..;
        kept.extend(ids.zip(chunk).filter(|(_, value)| **value >= floor).map(|(id, _)| id));
        if kept.len() >= ROOM * k {
            kept.select_nth_unstable_by(k - 1, order);
            kept.truncate(k);
            floor = values[kept[k - 1] as usize];
        }
    }
    if k < kept.len() {
        kept.select_nth_unstable_by(k - 1, order);
        kept.truncate(k);
    }
    kept.sort_unstable_by(order);
    kept
}

/// `e^x` for x ≤ 0, in arithmetic that compilers vectorize; relative error below 3e-7, 0 below −87.
#[must_use]
#[inline(always)]
#[expect(clippy::inline_always, reason = "it must become part of a loop that is vectorized")]
pub fn exp(x: f32) -> f32 {
    let power = espalier_kernels::exp(x);
    if x < -87.0 { 0.0 } else { power }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn exp_is_exact_enough() {
        for i in 0..87_000 {
            let x = -(i as f32) * 1e-3;
            let expected = f64::from(x).exp();
            let error = (f64::from(exp(x)) - expected).abs() / expected;
            assert!(error < 4e-7, "exp({x}): {error:e}");
        }
        assert_eq!(exp(0.0).to_bits(), 1.0_f32.to_bits());
        assert_eq!(exp(-1000.0).to_bits(), 0.0_f32.to_bits());
    }

    #[test]
    fn logits_that_are_not_numbers_are_refused() {
        assert!(Distribution::new(&[0.0, f32::NAN]).is_err());
        assert!(Distribution::new(&[f32::INFINITY]).is_err());
        assert!(Distribution::new(&[]).is_err());
    }

    proptest! {
        #[test]
        fn summary_equals_the_textbook(logits in prop::collection::vec(-30.0_f32..30.0, 1..200)) {
            let distribution = Distribution::new(&logits).unwrap();
            let sum: f64 = logits.iter().map(|x| f64::from(*x).exp()).sum();
            let entropy: f64 = logits
                .iter()
                .map(|x| { let p = f64::from(*x).exp() / sum; -p * p.ln() })
                .sum();
            prop_assert!((f64::from(distribution.log_normalizer()) - sum.ln()).abs() < 1e-5 * sum.ln().abs().max(1.0));
            prop_assert!((f64::from(distribution.entropy()) - entropy).abs() < 1e-4);
            let v = logits.len() as f64;
            let certainty: f64 =
                logits.iter().map(|x| ((1.0 / v).ln() - (f64::from(*x) - sum.ln())) / v).sum();
            prop_assert!((f64::from(distribution.self_certainty()) - certainty).abs() < 1e-4);
        }

        #[test]
        fn top_is_a_sorted_prefix(values in prop::collection::vec(-9_i8..9, 1..400), k in 0_usize..50) {
            let values: Vec<f32> = values.into_iter().map(f32::from).collect();
            let mut all: Vec<u32> = (0..values.len() as u32).collect();
            all.sort_by(|a, b| values[*b as usize].total_cmp(&values[*a as usize]));
            all.truncate(k);
            prop_assert_eq!(top(&values, k), all);
        }
    }
}
