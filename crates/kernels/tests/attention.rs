//! Attention over runs: right, and the same bits however keys and values are cut and shared.

use espalier_kernels::{Heads, Keys, Numbers, Run, across, attend};
use proptest::prelude::*;
use rayon::ThreadPoolBuilder;

fn numbers(count: usize, seed: u64) -> Vec<f32> {
    let mut state = seed;
    let mut next = || {
        state =
            state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as f32 / 2.0_f32.powi(30) - 1.0
    };
    (0..count).map(|_| next()).collect()
}

/// Keys or values of `len` tokens: `[K, len, D]`.
type Store = Vec<f32>;

/// A run of a random tree: where it begins in another, and its keys, the same across, and its values.
struct Node {
    parent: Option<(usize, usize)>,
    start: usize,
    len: usize,
    keys: Store,
    across: Store,
    values: Store,
}

/// The runs from the root to the first `len` tokens of a node, with the tokens seen of each.
fn path(nodes: &[Node], node: usize, len: usize) -> Vec<(usize, usize)> {
    let mut path = vec![(node, len)];
    while let Some((parent, len)) = nodes[path[path.len() - 1].0].parent {
        path.push((parent, len));
    }
    path.reverse();
    path
}

fn bits(numbers: &[f32]) -> Vec<u32> {
    numbers.iter().map(|number| number.to_bits()).collect()
}

/// A node that neighbouring rows see, the first of them, and how much each sees of it.
type Shared = (usize, usize, Vec<usize>);

/// What rows with these paths see, neighbours that go on alike together.
fn shared(paths: &[Vec<(usize, usize)>]) -> Vec<Shared> {
    let mut all: Vec<Shared> = Vec::new();
    let depth = paths.iter().map(Vec::len).max().unwrap_or(0);
    for level in 0..depth {
        for (row, path) in paths.iter().enumerate() {
            let Some(&(node, len)) = path.get(level) else { continue };
            match all.last_mut() {
                Some((last, first, seen)) if *last == node && *first + seen.len() == row => {
                    seen.push(len);
                }
                _ => all.push((node, row, vec![len])),
            }
        }
    }
    all
}

fn attended(heads: Heads, queries: &[f32], order: &[usize], runs: &[Run<'_>]) -> Vec<f32> {
    let mut attended = vec![f32::NAN; 3];
    attend(heads, queries, order, runs, &mut attended);
    attended
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn shared_runs_give_the_bits_of_one_whole_run(
        kv_heads in 1_usize..4,
        group in 1_usize..4,
        dim in prop::sample::select(vec![2_usize, 8, 18, 64]),
        tree in prop::collection::vec((any::<prop::sample::Index>(), any::<prop::sample::Index>(), 1_usize..70), 1..7),
        rows in prop::collection::vec((any::<prop::sample::Index>(), any::<prop::sample::Index>()), 1..40),
        threads in 1_usize..5,
        seed in any::<u64>(),
    ) {
        let heads = Heads { kv_heads, shared: group, dim };
        let mut nodes: Vec<Node> = Vec::new();
        for (index, (parent, cut, len)) in tree.into_iter().enumerate() {
            let parent = (index > 0).then(|| {
                let parent = parent.index(index);
                (parent, 1 + cut.index(nodes[parent].len))
            });
            let start = parent.map_or(0, |(parent, len)| nodes[parent].start + len);
            let size = kv_heads * len * dim;
            let [keys, values] = [0, 1].map(|i| numbers(size, seed ^ (2 * index as u64 + i)));
            let across = across(&keys, kv_heads, dim);
            nodes.push(Node { parent, start, len, keys, across, values });
        }
        let mut paths: Vec<Vec<(usize, usize)>> = rows
            .iter()
            .map(|(node, cut)| {
                let node = node.index(nodes.len());
                path(&nodes, node, 1 + cut.index(nodes[node].len))
            })
            .collect();
        paths.sort();
        let n_rows = paths.len();
        // Rows lie elsewhere in the batch than in the plan.
        let order: Vec<usize> = (0..n_rows).map(|row| (row * 7 + 3) % n_rows).collect();
        prop_assume!(!n_rows.is_multiple_of(7));
        let width = kv_heads * group * dim;
        let queries = numbers(n_rows * width, seed ^ 0x3e7);
        let seen = shared(&paths);
        let runs: Vec<Run<'_>> = seen
            .iter()
            .map(|(node, row, visible)| {
                let Node { keys, across, values, start, len, .. } = &nodes[*node];
                let keys = match node % 2 {
                    0 => Keys::Across(Numbers::F32(across)),
                    _ => Keys::Rows(Numbers::F32(keys)),
                };
                let values = Numbers::F32(values);
                Run { keys, values, stride: len * dim, start: *start, row: *row, visible }
            })
            .collect();
        let pool = ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        let found = pool.install(|| attended(heads, &queries, &order, &runs));

        for (path, &at) in paths.iter().zip(&order) {
            let query = &queries[at * width..][..width];
            // All its keys and values as one run.
            let whole = |store: fn(&Node) -> &Store| -> Vec<f32> {
                let mut all = Vec::new();
                for head in 0..kv_heads {
                    for &(node, len) in path {
                        let stride = nodes[node].len * dim;
                        all.extend_from_slice(&store(&nodes[node])[head * stride..][..len * dim]);
                    }
                }
                all
            };
            let (keys, values) = (whole(|node| &node.keys), whole(|node| &node.values));
            let len = keys.len() / (kv_heads * dim);
            let (wide_keys, wide_values) =
                (Keys::Rows(Numbers::F32(&keys)), Numbers::F32(&values));
            let run = Run { keys: wide_keys, values: wide_values, stride: len * dim, start: 0, row: 0, visible: &[len] };
            let alone = attended(heads, query, &[0], &[run]);
            prop_assert_eq!(bits(&found[at * width..][..width]), bits(&alone));

            for (index, query) in query.chunks(dim).enumerate() {
                let head = index / group;
                let key = |at: usize| &keys[(head * len + at) * dim..][..dim];
                let dot = |at: usize| -> f64 {
                    query.iter().zip(key(at)).map(|(q, k)| f64::from(*q) * f64::from(*k)).sum()
                };
                let weights: Vec<f64> = (0..len).map(|at| dot(at).exp()).collect();
                let total: f64 = weights.iter().sum();
                for element in 0..dim {
                    let value = |at: usize| f64::from(values[(head * len + at) * dim + element]);
                    let expected: f64 = (0..len).map(|at| weights[at] / total * value(at)).sum();
                    let error = (f64::from(alone[index * dim + element]) - expected).abs();
                    prop_assert!(error < 1e-5, "{error:e}");
                }
            }
        }
    }
}

/// The bits of a half near a number of magnitude 2⁻¹⁴ to 2¹⁵, and its value: what a fraction has beyond 10 bits is
/// cut off.
fn half(number: f32) -> (u16, f32) {
    let bits = number.to_bits() & !0x1fff;
    let exponent = (bits >> 23 & 255) as i32 - 127 + 15;
    let half = (bits >> 16 & 0x8000) as u16 | (exponent as u16) << 10 | (bits >> 13 & 0x3ff) as u16;
    (half, f32::from_bits(bits))
}

#[test]
fn halves_attend_as_the_numbers_that_they_stand_for() {
    for (kv_heads, shared, dim, len) in [(1, 1, 2, 1), (2, 3, 64, 33), (3, 2, 18, 100)] {
        let heads = Heads { kv_heads, shared, dim };
        let stored = |seed: u64| -> (Vec<u16>, Vec<f32>) {
            let numbers = numbers(kv_heads * len * dim, seed).into_iter();
            numbers.map(|number| half(number.abs().max(0.01).copysign(number))).unzip()
        };
        let ((keys, wide_keys), (values, wide_values)) = (stored(1), stored(2));
        let wide_across = across(&wide_keys, kv_heads, dim);
        let keys_across: Vec<u16> = wide_across.iter().map(|key| half(*key).0).collect();
        let rows = 7.min(len);
        let visible: Vec<usize> = (len + 1 - rows..=len).collect();
        let order: Vec<usize> = (0..rows).collect();
        let queries = numbers(rows * kv_heads * shared * dim, 3);
        let attended = |keys, values| {
            let stride = len * dim;
            let run = Run { keys, values, stride, start: 0, row: 0, visible: &visible };
            bits(&attended(heads, &queries, &order, &[run]))
        };
        let wide = attended(Keys::Rows(Numbers::F32(&wide_keys)), Numbers::F32(&wide_values));
        for keys in [
            Keys::Rows(Numbers::F16(&keys)),
            Keys::Across(Numbers::F16(&keys_across)),
            Keys::Across(Numbers::F32(&wide_across)),
        ] {
            let narrow = attended(keys, Numbers::F16(&values));
            assert_eq!(narrow, wide, "{kv_heads} {shared} {dim} {len}");
        }
    }
}

/// A run from position 0 on, of one head of 64 elements, whose keys are its values.
fn run_of<'a>((len, stored): &'a (usize, Vec<f32>), row: usize, visible: &'a [usize]) -> Run<'a> {
    let stored = Numbers::F32(stored);
    Run { keys: Keys::Rows(stored), values: stored, stride: len * 64, start: 0, row, visible }
}

#[test]
fn a_run_leaves_a_row_alone_that_sees_nothing_of_it() {
    // Blocks of queries that are full with one row, and with two.
    for shared in [2, 3, 6] {
        let heads = Heads { kv_heads: 1, shared, dim: 64 };
        let [one, other] = [40, 50].map(|len| (len, numbers(len * 64, len as u64)));
        let queries = numbers(3 * shared * 64, 7);
        // The middle row's comes first; the run of the others has it between them, and seeing nothing.
        let runs = [run_of(&one, 1, &[40]), run_of(&other, 0, &[50, 0, 50])];
        let all = attended(heads, &queries, &[0, 1, 2], &runs);
        let alone = attended(
            heads,
            &queries[shared * 64..][..shared * 64],
            &[0],
            &[run_of(&one, 0, &[40])],
        );
        assert_eq!(bits(&all[shared * 64..][..shared * 64]), bits(&alone), "{shared}");
    }
}
