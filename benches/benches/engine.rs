//! DESIGN §8 rows 1 and 3: decoding branches that share a 512-token prefix, and prefill of 512 tokens,
//! SmolLM2-135M on the CPU.
//!
//! `ESPALIER_MODELS` is the folder of `SmolLM2-135M-Instruct.Q4_1.gguf`; without it nothing is measured.

use std::{path::PathBuf, sync::Arc, time::Duration};

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use espalier_core::{Request, Sampling, Seed, Service, Stops, Tokens, Until, collect};
use espalier_models::{DeviceChoice, EngineOptions, LocalPolicy, load, share};

const PREFIX: u32 = 512;
const GENERATED: u32 = 32;

#[expect(clippy::disallowed_methods, clippy::print_stderr, reason = "a bench finds its model")]
fn model() -> Option<PathBuf> {
    let default = concat!(env!("CARGO_MANIFEST_DIR"), "/../target/models");
    let folder = std::env::var("ESPALIER_MODELS").unwrap_or_else(|_| default.to_owned());
    let path = PathBuf::from(folder).join("SmolLM2-135M-Instruct.Q4_1.gguf");
    if !path.exists() {
        eprintln!("SKIPPED: {} is not there; set ESPALIER_MODELS", path.display());
        return None;
    }
    Some(path)
}

fn policy() -> Option<LocalPolicy> {
    let path = model()?;
    let model = load(&path, DeviceChoice::Cpu, EngineOptions::default()).expect("the model loads");
    Some(share(model.engine).0)
}

/// A prefix that no earlier iteration has left in the KV tree.
fn prefix(number: u64) -> Tokens {
    (0..PREFIX).map(|at| 1000 + (at * 37 + number as u32 * 7919) % 40_000).collect()
}

fn request(prefix: &Tokens, branch: u64, tokens: u32) -> Request {
    Request {
        prefix: Arc::clone(prefix),
        until: Until::Tokens(tokens),
        max_tokens: tokens,
        stops: Arc::new(Stops::default()),
        sampling: Sampling::at(1.0),
        seed: Seed::run(branch),
        retain: true,
    }
}

#[expect(clippy::disallowed_methods, reason = "a bench reads the clock")]
fn time(work: impl FnOnce()) -> Duration {
    let start = std::time::Instant::now();
    work();
    start.elapsed()
}

/// The time of `rows` rows at the rate at which these branches' distinct rows were computed: branches
/// that sample the same tokens share a row, which would flatter the figure.
fn decode(policy: &mut LocalPolicy, number: u64, branches: u64) -> Duration {
    let prefix = prefix(number);
    let held = collect(policy, [request(&prefix, 0, 1)]);
    let before = policy.stats().computed_tokens;
    let requests: Vec<Request> =
        (0..branches).map(|branch| request(&prefix, branch, GENERATED)).collect();
    let took = time(|| drop(collect(policy, requests)));
    drop(held);
    let computed = policy.stats().computed_tokens - before;
    let wanted = branches * u64::from(GENERATED);
    took.mul_f64(wanted as f64 / computed.max(1) as f64)
}

fn decoding(criterion: &mut Criterion) {
    let Some(mut policy) = policy() else { return };
    let mut group = criterion.benchmark_group("decode_512_prefix");
    group.sample_size(10).warm_up_time(Duration::from_secs(1));
    let mut number = 0;
    for branches in [1, 16, 64] {
        group.throughput(Throughput::Elements(branches * u64::from(GENERATED)));
        group.bench_function(format!("{branches}_branches"), |bencher| {
            bencher.iter_custom(|iterations| {
                let mut sum = Duration::ZERO;
                for _ in 0..iterations {
                    number += 1;
                    sum += decode(&mut policy, number, branches);
                }
                sum
            });
        });
    }
    group.finish();
}

fn prefill(criterion: &mut Criterion) {
    let Some(mut policy) = policy() else { return };
    let mut group = criterion.benchmark_group("prefill");
    group.sample_size(10).warm_up_time(Duration::from_secs(1));
    group.throughput(Throughput::Elements(u64::from(PREFIX)));
    let mut number = 1_000;
    group.bench_function("512_tokens", |bencher| {
        bencher.iter_custom(|iterations| {
            let mut sum = Duration::ZERO;
            for _ in 0..iterations {
                number += 1;
                let request = request(&prefix(number), 0, 1);
                sum += time(|| drop(collect(&mut policy, [request])));
                assert!(policy.poll().is_empty());
            }
            sum
        });
    });
    group.finish();
}

criterion_group!(benches, decoding, prefill);
criterion_main!(benches);
