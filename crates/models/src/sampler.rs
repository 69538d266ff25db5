//! The sampler: from a row of logits to one token.

use espalier_core::{Sampling, TokenId};
use pulp::{Arch, Simd, WithSimd};

use crate::distribution::{BLOCK, Distribution, LANES, exp, top};

/// Draws a token. `draw` is uniform in [0, 1); `sequence` is what a repetition penalty looks at.
///
/// The same arguments give the same token. Temperature 0 takes the likeliest token, ties to the lowest
/// id. Filters are applied to the distribution at temperature 1, in the order top-k, min-p, top-p.
///
/// # Complexity
///
/// O(V), plus a sort of the tokens that filters leave.
#[must_use]
pub fn sample(
    logits: &[f32],
    distribution: &Distribution,
    sampling: &Sampling,
    sequence: &[TokenId],
    draw: f64,
) -> TokenId {
    let penalized = sampling.repetition_penalty.map(|penalty| penalize(logits, sequence, penalty));
    let (logits, max) = match &penalized {
        Some(logits) => {
            let max = logits.iter().fold(f32::NEG_INFINITY, |max, logit| max.max(*logit));
            (logits.as_slice(), max)
        }
        None => (logits, distribution.max()),
    };
    if sampling.temperature <= 0.0 {
        return logits.iter().position(|logit| *logit >= max).unwrap_or(0) as TokenId;
    }
    let filtered = sampling.top_k.is_some() || sampling.top_p.is_some() || sampling.min_p.is_some();
    let scale = Scale { max, inverse: sampling.temperature.recip().min(f32::MAX) };
    if !filtered {
        // At temperature 1 the weights are those of the distribution, and added already.
        let at = if penalized.is_none() && scale.inverse.to_bits() == 1.0_f32.to_bits() {
            pick(logits, scale, distribution.weights(), draw)
        } else {
            pick(logits, scale, &block_sums(logits, scale), draw)
        };
        return at as TokenId;
    }
    let kept = filter(logits, max, sampling);
    let left: Vec<f32> = kept.iter().map(|id| logits[*id as usize]).collect();
    kept[pick(&left, scale, &block_sums(&left, scale), draw).min(kept.len() - 1)]
}

/// Divides positive and multiplies negative logits of tokens in `sequence`, each once.
///
/// Source: Keskar et al. 2019 (CTRL), <https://arxiv.org/abs/1909.05858>, section 4.1; the case of
/// negative logits is Hugging Face's.
fn penalize(logits: &[f32], sequence: &[TokenId], penalty: f32) -> Vec<f32> {
    let mut changed = logits.to_vec();
    for &id in sequence {
        let logit = logits[id as usize];
        changed[id as usize] = if logit > 0.0 { logit / penalty } else { logit * penalty };
    }
    changed
}

/// The tokens that top-k, min-p and top-p leave, likeliest first; at least one.
fn filter(logits: &[f32], max: f32, sampling: &Sampling) -> Vec<TokenId> {
    let mut kept = match (sampling.top_k, sampling.min_p) {
        (Some(k), _) => top(logits, k as usize),
        (None, Some(min_p)) => {
            let floor = max + min_p.max(f32::MIN_POSITIVE).ln();
            let likely = (0..logits.len() as TokenId).filter(|id| logits[*id as usize] >= floor);
            let mut likely: Vec<TokenId> = likely.collect();
            likely.sort_by(|a, b| logits[*b as usize].total_cmp(&logits[*a as usize]));
            likely
        }
        (None, None) => return nucleus(logits, max, sampling.top_p.unwrap_or(1.0)),
    };
    if let Some(min_p) = sampling.min_p {
        kept.retain(|id| exp(logits[*id as usize] - max) >= min_p);
    }
    if let Some(top_p) = sampling.top_p {
        let reached = reached(&kept, logits, max, f64::from(top_p) * total(logits, max));
        kept.truncate(reached.unwrap_or(kept.len()).max(1));
    }
    kept
}

/// The likeliest tokens that have `top_p` of the weight together, likeliest first: looked for among few,
/// then among more.
fn nucleus(logits: &[f32], max: f32, top_p: f32) -> Vec<TokenId> {
    let wanted = f64::from(top_p) * total(logits, max);
    let mut k = 64;
    loop {
        let mut kept = top(logits, k);
        let reached = reached(&kept, logits, max, wanted);
        if reached.is_some() || k >= logits.len() {
            kept.truncate(reached.unwrap_or(kept.len()).max(1));
            return kept;
        }
        k *= 8;
    }
}

/// The weight of all tokens.
fn total(logits: &[f32], max: f32) -> f64 {
    logits.iter().map(|logit| f64::from(exp(logit - max))).sum()
}

/// How many of the tokens have the wanted weight together.
fn reached(ids: &[TokenId], logits: &[f32], max: f32, wanted: f64) -> Option<usize> {
    let mut sum = 0.0;
    let last = ids.iter().position(|id| {
        sum += f64::from(exp(logits[*id as usize] - max));
        sum >= wanted
    });
    last.map(|at| at + 1)
}

/// How a logit becomes a weight: `e^((logit − max) · inverse)`.
#[derive(Debug, Clone, Copy)]
struct Scale {
    max: f32,
    /// Of the temperature.
    inverse: f32,
}

impl Scale {
    #[expect(clippy::inline_always, reason = "it must become part of a loop that is vectorized")]
    #[inline(always)]
    fn weight(self, logit: f32) -> f32 {
        exp((logit - self.max) * self.inverse)
    }
}

/// The index at which the running sum of weights passes `draw` of their total: first the block, of which
/// `blocks` are the sums, then the place in it.
fn pick(logits: &[f32], scale: Scale, blocks: &[f64], draw: f64) -> usize {
    let mut left = draw * blocks.iter().sum::<f64>();
    let mut last = 0;
    for (block, sum) in blocks.iter().enumerate().filter(|(_, sum)| **sum > 0.0) {
        last = block;
        if left < *sum {
            break;
        }
        left -= sum;
    }
    let first = last * BLOCK;
    let mut at = first;
    for (place, logit) in (first..).zip(&logits[first..logits.len().min(first + BLOCK)]) {
        let weight = scale.weight(*logit);
        if weight > 0.0 {
            at = place;
            left -= f64::from(weight);
            if left < 0.0 {
                break;
            }
        }
    }
    at
}

/// The sum of the weights of each block.
fn block_sums(logits: &[f32], scale: Scale) -> Vec<f64> {
    Arch::new().dispatch(BlockSums { logits, scale })
}

struct BlockSums<'a> {
    logits: &'a [f32],
    scale: Scale,
}

impl WithSimd for BlockSums<'_> {
    type Output = Vec<f64>;

    #[expect(clippy::inline_always, reason = "as pulp asks, to get its vector instructions")]
    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) -> Vec<f64> {
        let mut sums = Vec::with_capacity(self.logits.len().div_ceil(BLOCK));
        for block in self.logits.chunks(BLOCK) {
            let mut lanes = [0.0_f32; LANES];
            let (whole, rest) = block.as_chunks::<LANES>();
            for chunk in whole {
                for (lane, logit) in lanes.iter_mut().zip(chunk) {
                    *lane += self.scale.weight(*logit);
                }
            }
            for (lane, logit) in lanes.iter_mut().zip(rest) {
                *lane += self.scale.weight(*logit);
            }
            sums.push(lanes.into_iter().map(f64::from).sum());
        }
        sums
    }
}

#[cfg(test)]
mod tests {
    use espalier_core::Seed;

    use super::*;

    fn draws(logits: &[f32], sampling: Sampling, n: u64) -> Vec<f64> {
        let distribution = Distribution::new(logits).unwrap();
        let mut counts = vec![0.0; logits.len()];
        for i in 0..n {
            let draw = Seed::run(3).uniform(i);
            counts[sample(logits, &distribution, &sampling, &[], draw) as usize] += 1.0 / n as f64;
        }
        counts
    }

    #[test]
    fn frequencies_follow_the_distribution() {
        let probabilities = [0.5_f32, 0.25, 0.2, 0.05];
        let logits = probabilities.map(f32::ln);
        for (temperature, power) in [(1.0, 1.0_f64), (0.5, 2.0), (2.0, 0.5)] {
            let counts = draws(&logits, Sampling::at(temperature), 20_000);
            let total: f64 = probabilities.iter().map(|p| f64::from(*p).powf(power)).sum();
            for (count, p) in counts.iter().zip(probabilities) {
                assert!((count - f64::from(p).powf(power) / total).abs() < 0.015, "{counts:?}");
            }
        }
    }

    #[test]
    fn at_temperature_one_weights_are_those_of_the_distribution() {
        for size in [1, 15, 512, 513, 5000] {
            let logits: Vec<f32> = (0..size).map(|i| (i * 7919 % 4001) as f32 / -50.0).collect();
            let distribution = Distribution::new(&logits).unwrap();
            let scale = Scale { max: distribution.max(), inverse: 1.0 };
            let bits = |sums: &[f64]| sums.iter().map(|sum| sum.to_bits()).collect::<Vec<_>>();
            assert_eq!(bits(distribution.weights()), bits(&block_sums(&logits, scale)), "{size}");
        }
    }

    #[test]
    fn a_nucleus_is_the_shortest_sorted_prefix_that_has_the_weight() {
        for (size, spread) in [(1, 1.0), (63, 3.0), (700, 0.01), (5000, 2.0)] {
            let logits: Vec<f32> =
                (0..size).map(|i| ((i * 7919) % 4001) as f32 / 4001.0 * spread).collect();
            let max = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
            let sorted = top(&logits, logits.len());
            for top_p in [1e-6, 0.05, 0.5, 0.95, 1.0] {
                let found = nucleus(&logits, max, top_p);
                assert_eq!(found, sorted[..found.len()]);
                let weight = |ids: &[u32]| -> f64 {
                    ids.iter().map(|id| f64::from(exp(logits[*id as usize] - max))).sum()
                };
                let wanted = f64::from(top_p) * total(&logits, max);
                assert!(found.len() == size || weight(&found) >= wanted, "{size} {top_p}");
                assert!(weight(&found[..found.len() - 1]) < wanted, "{size} {top_p}");
            }
        }
    }

    #[test]
    fn temperature_zero_takes_the_first_of_the_likeliest() {
        let counts = draws(&[1.0, 3.0, 3.0], Sampling::greedy(), 10);
        assert!(counts[1] > 0.99);
    }

    #[test]
    fn a_temperature_whose_inverse_is_no_number_takes_the_likeliest() {
        for temperature in [f32::MIN_POSITIVE, 1e-39, 1e-45] {
            let counts = draws(&[1.0, 3.0, 2.9], Sampling::at(temperature), 10);
            assert!(counts[1] > 0.99, "{temperature:e}: {counts:?}");
        }
    }

    #[test]
    fn filters_leave_only_what_they_say() {
        let logits = [0.5_f32, 0.25, 0.2, 0.05].map(f32::ln);
        let seen = |sampling: Sampling| {
            let counts = draws(&logits, sampling, 4_000);
            counts.iter().filter(|count| **count > 0.0).count()
        };
        let all = Sampling::at(1.0);
        assert_eq!(seen(all), 4);
        assert_eq!(seen(Sampling { top_k: Some(2), ..all }), 2);
        assert_eq!(seen(Sampling { top_p: Some(0.74), ..all }), 2);
        assert_eq!(seen(Sampling { top_p: Some(0.76), ..all }), 3);
        assert_eq!(seen(Sampling { min_p: Some(0.3), ..all }), 3);
        assert_eq!(seen(Sampling { top_p: Some(0.01), ..all }), 1);
    }

    #[test]
    fn a_repetition_penalty_changes_the_choice() {
        let logits = [2.0, 1.9, -1.0];
        let distribution = Distribution::new(&logits).unwrap();
        let sampling = Sampling { repetition_penalty: Some(1.5), ..Sampling::greedy() };
        assert_eq!(sample(&logits, &distribution, &sampling, &[0], 0.0), 1);
        assert_eq!(sample(&logits, &distribution, &sampling, &[], 0.0), 0);
    }
}
