//! Throughput: how fast a model prefills and decodes, on whatever device it is.

use std::sync::Arc;

use espalier_core::{Clock, Request, Sampling, Seed, Stops, Tokens, Until, collect};
use espalier_models::LocalPolicy;

use super::failure::Failure;
use crate::WallClock;

/// One measurement.
#[derive(Debug, serde::Serialize)]
pub(super) struct Throughput {
    /// Branches decoded together.
    pub(super) branches: u32,
    /// Tokens of the prefix that they share.
    pub(super) prefix: u32,
    /// Prompt tokens computed in a second.
    pub(super) prefill: f64,
    /// Distinct tokens computed in a second of decoding. Branches that sample the same tokens share
    /// them, so this is not the branches' tokens.
    pub(super) decode: f64,
}

/// Prefills `prefix` tokens and decodes `branches` branches of `tokens` tokens each, once to warm up and
/// then `repeats` times; the medians.
pub(super) fn measure(
    policy: &mut LocalPolicy,
    vocab: usize,
    (prefix, branches, tokens): (u32, u32, u32),
    repeats: u32,
) -> Result<Throughput, Failure> {
    let clock = WallClock::start();
    let (mut prefills, mut decodes) = (Vec::new(), Vec::new());
    for repeat in 0..=repeats {
        let start = (1 + repeat * 7919) % vocab as u32;
        let ids = (0..prefix).map(|at| (start + at * 37) % vocab as u32);
        let ids: Tokens = ids.map(|id| id.max(vocab as u32 / 50)).collect();
        let request = |branch: u32, tokens: u32| Request {
            prefix: Arc::clone(&ids),
            until: Until::Tokens(tokens),
            max_tokens: tokens,
            stops: Arc::new(Stops::default()),
            sampling: Sampling::at(1.0),
            seed: Seed::run(branch.into()),
            retain: true,
        };
        let begin = clock.now_ns();
        let held = collect(policy, [request(0, 1)]).remove(0)?;
        let filled = clock.now_ns();
        let before = policy.stats().computed_tokens;
        for done in collect(policy, (0..branches).map(|branch| request(branch, tokens))) {
            done?;
        }
        let computed = policy.stats().computed_tokens - before;
        let end = clock.now_ns();
        drop(held);
        if repeat > 0 {
            prefills.push(f64::from(prefix) * 1e9 / (filled - begin) as f64);
            decodes.push(computed as f64 * 1e9 / (end - filled) as f64);
        }
    }
    Ok(Throughput { branches, prefix, prefill: median(prefills), decode: median(decodes) })
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(0.0)
}
