//! Prefill: a run of known tokens of one sequence, computed at once.

use burn::tensor::{Device, Tensor, TensorData, activation::softmax};
use espalier_core::TokenId;

use super::{
    core_loop::{Engine, Store, TAIL},
    runs::{Own, Runs},
};
use crate::{
    kv::{KvIx, KvPrecision, KvTree, Loc, Segment, segment::owned},
    nn::{Attend, Between},
};

/// How rows are kept from looking ahead.
enum Sight {
    /// A mask, `[1, N · G, N]`.
    Mask(Box<Tensor<3>>),
    /// On the CPU: what each row sees.
    Runs(Runs),
}

/// Attention of one chunk over its path and, causally, itself.
struct ChunkAttention<'a> {
    tree: &'a KvTree<Store>,
    path: &'a [Loc],
    sight: &'a Sight,
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
        let [keys, values] = [keys, values].map(|new| self.kv.rounded(owned(new.swap_dims(0, 1))));
        let mask = match self.sight {
            Sight::Mask(mask) => mask,
            Sight::Runs(runs) => {
                let own = Own::Chunk(&keys, &values);
                let attended = runs.attend(layer, queries, kv_heads, self.tree, &own);
                self.keys.push(keys);
                self.values.push(values);
                return attended;
            }
        };
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
        let own = queries.matmul(seen) + mask.as_ref().clone();
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
        watch: impl FnMut(usize, &Tensor<2>),
    ) -> (KvIx, Tensor<2>) {
        self.make_room(self.bytes_of((tokens.len() + TAIL) as u64));
        let parent = self.in_segment(parent);
        let start = self.tree.position(parent);
        let path = self.tree.path(parent);
        let positions: Vec<usize> = (start..start + tokens.len()).collect();
        let config = &self.decoder.config;
        let sight = match self.decoder.between {
            Between::Burn => Sight::Mask(Box::new(causal(
                tokens.len(),
                config.heads / config.kv_heads,
                &self.decoder.device,
            ))),
            Between::Kernels => Sight::Runs(Runs::of_chunk(&self.tree, &path, tokens.len())),
        };
        let mut attention = ChunkAttention {
            tree: &self.tree,
            path: &path,
            sight: &sight,
            kv: self.options.kv,
            keys: Vec::with_capacity(config.layers),
            values: Vec::with_capacity(config.layers),
        };
        let hidden = self.decoder.trunk_with(tokens, &positions, &mut attention, watch);
        let kept = tokens.len() - hidden_from;
        let segment = Segment {
            keys: attention.keys,
            values: attention.values,
            hidden: owned(hidden.clone().narrow(0, hidden_from, kept)),
        };
        self.stats.computed_tokens += tokens.len() as u64;
        self.segment_bytes += segment.bytes();
        let store = Store::Segment(Box::new(segment));
        let ix = self.tree.add(parent, tokens.to_vec(), hidden_from, store);
        self.note_peak();
        (ix, hidden)
    }
}
