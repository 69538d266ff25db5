//! Prefill: a run of known tokens of one sequence, computed at once.

use burn::tensor::{Device, Tensor, TensorData, activation::softmax};
use espalier_core::TokenId;
use espalier_kernels::{across, rows::Turned};

use super::{
    core_loop::{Engine, Store, TAIL},
    runs::{Own, Runs, heads},
};
use crate::{
    config::ModelConfig,
    kv::{KvIx, KvPrecision, KvTree, Loc, Segment, segment::owned},
    nn::{Attend, AttendRows, Between, host::from_host},
};

/// Attention of one chunk over its path and, causally, itself, by Burn's operations.
struct ChunkAttention<'a> {
    tree: &'a KvTree<Store>,
    path: &'a [Loc],
    /// What keeps rows from looking ahead, `[1, N · G, N]`.
    mask: &'a Tensor<3>,
    kv: KvPrecision,
    keys: Vec<Tensor<3>>,
    values: Vec<Tensor<3>>,
}

impl Attend for ChunkAttention<'_> {
    fn attend(
        &mut self,
        layer: usize,
        queries: Tensor<3>,
        keys: Tensor<3>,
        values: Tensor<3>,
    ) -> Tensor<2> {
        let [rows, heads, dim] = queries.dims();
        let kv_heads = keys.dims()[1];
        let shared = heads / kv_heads;
        let [keys, values] = [keys, values].map(|new| kept(self.kv, new));
        let queries = queries.reshape([rows, kv_heads, shared, dim]).swap_dims(0, 1).reshape([
            kv_heads,
            rows * shared,
            dim,
        ]);

        let segments = self.path.iter().map(|loc| match &self.tree.node(loc.node).store {
            Store::Segment(segment) => {
                let cut =
                    |tensor: &Tensor<3>| self.kv.widened(tensor.clone().narrow(1, 0, loc.len));
                (cut(&segment.keys[layer]), cut(&segment.values[layer]), loc.len)
            }
            Store::Root | Store::Front(_) => unreachable!("a prompt is computed after segments"),
        });
        let segments: Vec<_> = segments.collect();
        let mut scores: Vec<Tensor<3>> = segments
            .iter()
            .map(|(keys, _, _)| queries.clone().matmul(keys.clone().swap_dims(1, 2)))
            .collect();
        let seen = self.kv.widened(keys.clone()).swap_dims(1, 2);
        let own = queries.matmul(seen) + self.mask.clone();
        let weights = if scores.is_empty() {
            softmax(own, 2)
        } else {
            scores.push(own);
            softmax(Tensor::cat(scores, 2), 2)
        };
        let mut column = 0;
        let mut attended: Option<Tensor<3>> = None;
        for (_, earlier, len) in &segments {
            let part = weights.clone().narrow(2, column, *len).matmul(earlier.clone());
            column += len;
            attended = Some(attended.map_or(part.clone(), |sum| sum + part));
        }
        let seen = self.kv.widened(values.clone());
        let part = weights.narrow(2, column, rows).matmul(seen);
        let attended = attended.map_or(part.clone(), |sum| sum + part);
        self.keys.push(keys);
        self.values.push(values);
        attended.reshape([kv_heads, rows, shared, dim]).swap_dims(0, 1).reshape([rows, heads * dim])
    }
}

/// Keys or values of a chunk, `[N, K, D]`, as a segment has them.
fn kept(kv: KvPrecision, new: Tensor<3>) -> Tensor<3> {
    kv.rounded(owned(new.swap_dims(0, 1)))
}

/// Keys or values of a chunk in host memory, `[N, K, D]`, as `[K, N, D]`.
fn by_head(rows: &[f32], kv_heads: usize, dim: usize) -> Vec<f32> {
    let mut values = Vec::with_capacity(rows.len());
    for head in 0..kv_heads {
        for row in rows.chunks_exact(kv_heads * dim) {
            values.extend_from_slice(&row[head * dim..][..dim]);
        }
    }
    values
}

/// The same on the CPU.
struct ChunkRows<'a> {
    tree: &'a KvTree<Store>,
    runs: &'a Runs,
    config: &'a ModelConfig,
    device: &'a Device,
    kv: KvPrecision,
    keys: Vec<Tensor<3>>,
    values: Vec<Tensor<3>>,
}

impl AttendRows for ChunkRows<'_> {
    fn attend(&mut self, layer: usize, rows: &Turned, attended: &mut Vec<f32>) {
        let ModelConfig { kv_heads, head_dim: dim, .. } = *self.config;
        let [keys, values] = [&rows.keys, &rows.values].map(|rows| by_head(rows, kv_heads, dim));
        let shape = [kv_heads, keys.len() / (kv_heads * dim), dim];
        let [keys, values] = [across(&keys, kv_heads, dim), values]
            .map(|kept| self.kv.rounded(from_host(kept, shape, self.device)));
        let own = Own::Chunk(&keys, &values);
        self.runs.attend(layer, &rows.queries, heads(self.config), self.tree, &own, attended);
        self.keys.push(keys);
        self.values.push(values);
    }
}

/// Zero where a row may look at a column of its own chunk.
fn causal(rows: usize, shared: usize, device: &Device) -> Tensor<3> {
    let mut mask = vec![-1.0e30_f32; rows * shared * rows];
    for row in 0..rows {
        for query in 0..shared {
            mask[(row * shared + query) * rows..][..=row].fill(0.0);
        }
    }
    Tensor::from_data(TensorData::new(mask, [1, rows * shared, rows]), device)
}

impl Engine {
    /// Computes `tokens` after `parent` and adds them to the tree as one segment, used once. Returns it
    /// with all their hidden rows, `[N, E]`; the segment itself keeps those from `hidden_from` on.
    pub(super) fn run(
        &mut self,
        parent: Loc,
        tokens: &[TokenId],
        hidden_from: usize,
        stages: Option<&mut Vec<Vec<f32>>>,
    ) -> (KvIx, Tensor<2>) {
        self.make_room(self.bytes_of((tokens.len() + TAIL) as u64));
        let parent = self.in_segment(parent);
        let start = self.tree.position(parent);
        let path = self.tree.path(parent);
        let positions: Vec<usize> = (start..start + tokens.len()).collect();
        let (config, device, kv) = (&self.decoder.config, &self.decoder.device, self.options.kv);
        let (n, tree) = (tokens.len(), &self.tree);
        let (keys, values) = (Vec::with_capacity(config.layers), Vec::with_capacity(config.layers));
        let (hidden, keys, values) = match self.decoder.between {
            Between::Burn => {
                let mask = &causal(n, config.heads / config.kv_heads, device);
                let path = &path;
                let mut attention = ChunkAttention { tree, path, mask, kv, keys, values };
                let hidden = self.decoder.trunk(tokens, &positions, &mut attention, stages);
                (hidden, attention.keys, attention.values)
            }
            Between::Kernels => {
                let runs = &Runs::of_chunk(tree, &path, n);
                let mut attention = ChunkRows { tree, runs, config, device, kv, keys, values };
                let rows = self.decoder.trunk_rows(tokens, &positions, &mut attention, stages);
                let hidden = from_host(rows, [n, config.hidden], device);
                (hidden, attention.keys, attention.values)
            }
        };
        let kept = tokens.len() - hidden_from;
        let last = owned(hidden.clone().narrow(0, hidden_from, kept));
        let segment = Segment::new(keys, values, last);
        self.stats.computed_tokens += tokens.len() as u64;
        self.segment_bytes += segment.bytes();
        let store = Store::Segment(Box::new(segment));
        let ix = self.tree.add(parent, tokens.to_vec(), hidden_from, store);
        self.note_peak();
        (ix, hidden)
    }
}
