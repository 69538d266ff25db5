//! Runs: the stretches of keys and values that rows of a batch see, and attention over them on the CPU.

use burn::tensor::Tensor;
use espalier_kernels::{Heads, Keys, Run, attend, rows::Turned};

use super::core_loop::Store;
use crate::{
    config::ModelConfig,
    kv::{Front, KvIx, KvTree, Loc},
    nn::{AttendRows, host::View},
};

/// Where a stretch of keys and values lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    /// In a run of the tree.
    Segment(KvIx),
    /// In the front's row of this slot.
    Tail(usize),
    /// In the chunk that is being computed.
    Chunk,
}

/// Successive positions that neighbouring rows see.
#[derive(Debug)]
struct Stretch {
    place: Place,
    /// Position of the first.
    start: usize,
    /// The first row, in plan order.
    row: usize,
    /// How many each row sees.
    visible: Vec<usize>,
}

/// What each row of a batch sees. Made once a step, used by every layer.
#[derive(Debug)]
pub(super) struct Runs {
    stretches: Vec<Stretch>,
    /// The batch's row of each row in plan order, in which those that share runs are neighbours.
    order: Vec<usize>,
}

impl Runs {
    /// The runs of rows of the front with these paths above their tails, and these tail lengths, in slot
    /// order.
    pub(super) fn of_front(tree: &KvTree<Store>, paths: &[Vec<Loc>], tails: &[usize]) -> Self {
        let mut order: Vec<usize> = (0..paths.len()).collect();
        order.sort_by(|&one, &other| paths[one].cmp(&paths[other]));
        let sorted: Vec<&[Loc]> = order.iter().map(|&row| paths[row].as_slice()).collect();
        let mut stretches = above(tree, &sorted);
        stretches.extend(order.iter().enumerate().map(|(row, &slot)| Stretch {
            place: Place::Tail(slot),
            start: paths[slot].last().map_or(0, |loc| tree.position(*loc)),
            row,
            visible: vec![tails[slot]],
        }));
        Self { stretches, order }
    }

    /// The runs of a chunk of successive rows after a path.
    pub(super) fn of_chunk(tree: &KvTree<Store>, path: &[Loc], rows: usize) -> Self {
        let mut stretches = above(tree, &vec![path; rows]);
        stretches.push(Stretch {
            place: Place::Chunk,
            start: path.last().map_or(0, |loc| tree.position(*loc)),
            row: 0,
            visible: (1..=rows).collect(),
        });
        Self { stretches, order: (0..rows).collect() }
    }

    /// Attention of one layer, to `attended`.
    ///
    /// # Shapes
    ///
    /// - queries: `[N, H, D]`
    /// - attended: `[N, H · D]`
    pub(super) fn attend(
        &self,
        layer: usize,
        queries: &[f32],
        heads: Heads,
        tree: &KvTree<Store>,
        own: &Own<'_>,
        attended: &mut Vec<f32>,
    ) {
        let Heads { kv_heads, dim, .. } = heads;
        let rows = self.order.len();
        let (own_keys, own_values, own_stride) = match own {
            Own::Front(front) => {
                let (keys, values, columns) = front.layer(layer);
                (View::new(keys), View::new(values), columns * dim)
            }
            Own::Chunk(keys, values) => (View::new(keys), View::new(values), rows * dim),
        };
        let (own_keys, own_values) = (own_keys.values(), own_values.values());
        let mut runs: Vec<Run<'_>> = Vec::with_capacity(self.stretches.len());
        for stretch in &self.stretches {
            let (keys, values, stride) = match stretch.place {
                Place::Segment(ix) => {
                    let Store::Segment(segment) = &tree.node(ix).store else {
                        unreachable!("runs above a tail are segments")
                    };
                    let [keys, values] = segment.views(layer).each_ref().map(View::values);
                    (Keys::Across(keys), values, keys.len() / kv_heads)
                }
                Place::Tail(slot) => {
                    let from = slot * kv_heads * own_stride;
                    (Keys::Rows(own_keys.from(from)), own_values.from(from), own_stride)
                }
                Place::Chunk => (Keys::Across(own_keys), own_values, own_stride),
            };
            let Stretch { start, row, ref visible, .. } = *stretch;
            runs.push(Run { keys, values, stride, start, row, visible });
        }
        attend(heads, queries, &self.order, &runs, attended);
    }
}

/// The sizes of a model's heads.
pub(super) fn heads(config: &ModelConfig) -> Heads {
    let ModelConfig { heads, kv_heads, head_dim, .. } = *config;
    Heads { kv_heads, shared: heads / kv_heads, dim: head_dim }
}

/// Attention of one decode step on the CPU.
#[derive(Debug)]
pub(super) struct FrontAttention<'a> {
    pub(super) runs: &'a Runs,
    pub(super) tree: &'a KvTree<Store>,
    pub(super) front: &'a mut Front,
    /// The column each slot's new token goes to.
    pub(super) columns: &'a [usize],
    pub(super) config: &'a ModelConfig,
}

impl AttendRows for FrontAttention<'_> {
    fn attend(&mut self, layer: usize, rows: &Turned, attended: &mut Vec<f32>) {
        self.front.write_rows(layer, self.columns, &rows.keys, &rows.values);
        let own = Own::Front(self.front);
        self.runs.attend(layer, &rows.queries, heads(self.config), self.tree, &own, attended);
    }
}

/// Keys and values that are not in the tree's segments.
#[derive(Debug)]
pub(super) enum Own<'a> {
    /// The front's rows.
    Front(&'a Front),
    /// A chunk's, `[K, N, D]` each, keys across.
    Chunk(&'a Tensor<3>, &'a Tensor<3>),
}

/// The stretches of segments that rows in plan order see, those of the tree's upper levels first.
fn above(tree: &KvTree<Store>, paths: &[&[Loc]]) -> Vec<Stretch> {
    let mut stretches: Vec<Stretch> = Vec::new();
    let depth = paths.iter().map(|path| path.len()).max().unwrap_or(0);
    for level in 0..depth {
        for (row, path) in paths.iter().enumerate() {
            let Some(loc) = path.get(level) else { continue };
            let place = Place::Segment(loc.node);
            match stretches.last_mut() {
                Some(last) if last.place == place && last.row + last.visible.len() == row => {
                    last.visible.push(loc.len);
                }
                _ => stretches.push(Stretch {
                    place,
                    start: tree.node(loc.node).start,
                    row,
                    visible: vec![loc.len],
                }),
            }
        }
    }
    stretches
}
