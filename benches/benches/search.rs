//! The bookkeeping of Monte-Carlo tree search: select, expand and back up, with an instant model.
//!
//! Row 6 of the design: PUCT, branching 4, depth at most 64, a million nodes; the time of one element is
//! that of one node. Values and priors come from the seed's hash, whose cost is in the figure.

use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use espalier_core::Seed;
use espalier_search::allocation::softmax;
use espalier_search::visits::{Child, Leaf, Pucb, Visits};

/// Nodes of a tree.
const NODES: usize = 1_000_000;

/// Children of an expanded node.
const BRANCHING: u64 = 4;

/// Steps of a path, at most.
const DEPTH: u32 = 64;

/// Grows a tree; `value` is that of a child at a depth, given a number in [0, 1). Returns the greatest
/// depth.
fn grow(exploration: f64, value: fn(u32, f64) -> f64) -> u32 {
    let (rule, seed) = (Pucb { exploration }, Seed::run(1));
    let mut visits = Visits::new();
    let mut depths = vec![0_u32];
    while depths.len() < NODES {
        let Some(leaf) = visits.descend(&rule) else { break };
        let depth = depths[leaf.index()] + 1;
        let seed = seed.fold(leaf.0.into());
        let logits: Vec<Option<f64>> = (0..BRANCHING).map(|k| Some(-seed.uniform(k))).collect();
        let leaf_is = if depth < DEPTH { Leaf::Open } else { Leaf::Dead };
        let child = |(k, prior): (usize, f64)| {
            let value = value(depth, seed.uniform(BRANCHING + k as u64));
            Child { value, prior, leaf: leaf_is }
        };
        let children: Vec<Child> =
            softmax(&logits, 1.0).into_iter().enumerate().map(child).collect();
        visits.expand(leaf, children);
        depths.extend([depth; BRANCHING as usize]);
    }
    depths.into_iter().max().unwrap_or(0)
}

fn puct(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("puct");
    group.sample_size(10).throughput(Throughput::Elements(NODES as u64));
    // Any value at any depth: a broad tree.
    group.bench_function("broad", |bench| bench.iter(|| grow(black_box(1.0), |_, draw| draw)));
    // Deeper is better: paths go down to the greatest depth.
    let deep = |depth: u32, draw: f64| f64::from(depth) / f64::from(DEPTH) * 0.9 + 0.1 * draw;
    assert_eq!(grow(0.1, deep), DEPTH, "paths reach the greatest depth");
    group.bench_function("deep", |bench| bench.iter(|| grow(black_box(0.1), deep)));
    group.finish();
}

criterion_group!(benches, puct);
criterion_main!(benches);
