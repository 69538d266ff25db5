//! Attention of many rows over the KV tree: each shared run is read once for all rows below it.

use std::ops::Range;

use burn::tensor::{Device, Int, Tensor, TensorData, activation::softmax};

use super::core_loop::Store;
use crate::{
    kv::{Front, KvIx, KvPrecision, KvTree, Loc, Segment},
    nn::Attend,
};

/// Added to scores that must not count.
const MASKED: f32 = -1.0e30;

/// One run of the tree as one step sees it: the rows below it and how much of it they see.
#[derive(Debug)]
struct Group {
    segment: KvIx,
    /// The most tokens of the run that any row sees.
    len: usize,
    /// Rows, in plan order.
    rows: Range<usize>,
    children: Vec<Self>,
}

impl Group {
    /// Score columns of the run and the widest of what lies below it.
    fn width(&self) -> usize {
        self.len + self.children.iter().map(Self::width).max().unwrap_or(0)
    }
}

/// Which rows share which runs in one decode step. Made once a step, used by every layer.
#[derive(Debug)]
pub(super) struct Plan {
    groups: Vec<Group>,
    rows: usize,
    width: usize,
    /// Columns of the longest tail.
    tail: usize,
    /// From slot order to plan order, and back; `None` where they are the same.
    order: Option<(Tensor<1, Int>, Tensor<1, Int>)>,
    /// `[1, R · G, width + tail]` in plan order; `None` where every row sees everything.
    mask: Option<Tensor<3>>,
}

impl Plan {
    /// A plan for rows with these paths above their tails, and these tail lengths, in slot order.
    /// `queries_per_kv` is `G`.
    pub(super) fn new(
        paths: &[Vec<Loc>],
        tails: &[usize],
        queries_per_kv: usize,
        device: &Device,
    ) -> Self {
        let rows = paths.len();
        let mut order: Vec<usize> = (0..rows).collect();
        let runs = |row: usize| paths[row].iter().map(|loc| loc.node);
        order.sort_by(|&one, &other| runs(one).cmp(runs(other)));
        let sorted: Vec<&[Loc]> = order.iter().map(|&row| paths[row].as_slice()).collect();
        let groups = group(&sorted, 0, 0..rows);
        let width = groups.iter().map(Group::width).max().unwrap_or(0);
        let tail = tails.iter().copied().max().unwrap_or(0);

        let mut mask = vec![MASKED; rows * (width + tail)];
        for row in 0..rows {
            let line = &mut mask[row * (width + tail)..][..width + tail];
            unmask(&groups, row, sorted[row], line);
            line[width..width + tails[order[row]]].fill(0.0);
        }
        let mask = mask.contains(&MASKED).then(|| {
            let repeated: Vec<f32> = mask
                .chunks_exact(width + tail)
                .flat_map(|line| std::iter::repeat_n(line, queries_per_kv).flatten().copied())
                .collect();
            let shape = [1, rows * queries_per_kv, width + tail];
            Tensor::from_data(TensorData::new(repeated, shape), device)
        });
        let identity = order.iter().enumerate().all(|(at, row)| at == *row);
        let order = (!identity).then(|| {
            let mut back = vec![0; rows];
            for (at, &row) in order.iter().enumerate() {
                back[row] = at;
            }
            (indices(&order, device), indices(&back, device))
        });
        Self { groups, rows, width, tail, order, mask }
    }

    fn to_plan<const D: usize>(&self, tensor: Tensor<D>) -> Tensor<D> {
        match &self.order {
            Some((order, _)) => tensor.select(0, order.clone()),
            None => tensor,
        }
    }

    fn to_slots<const D: usize>(&self, tensor: Tensor<D>) -> Tensor<D> {
        match &self.order {
            Some((_, back)) => tensor.select(0, back.clone()),
            None => tensor,
        }
    }
}

/// Groups sorted rows by the run at this depth of their paths; rows whose path ended have no group.
fn group(sorted: &[&[Loc]], depth: usize, rows: Range<usize>) -> Vec<Group> {
    let mut groups: Vec<Group> = Vec::new();
    for row in rows {
        let Some(loc) = sorted[row].get(depth) else { continue };
        match groups.last_mut() {
            Some(last) if last.segment == loc.node => {
                last.len = last.len.max(loc.len);
                last.rows.end = row + 1;
            }
            _ => groups.push(Group {
                segment: loc.node,
                len: loc.len,
                rows: row..row + 1,
                children: Vec::new(),
            }),
        }
    }
    for one in &mut groups {
        one.children = group(sorted, depth + 1, one.rows.clone());
    }
    groups
}

/// Clears the mask where a row sees: its part of each run on its path.
fn unmask(groups: &[Group], row: usize, path: &[Loc], line: &mut [f32]) {
    let (mut groups, mut column) = (groups, 0);
    for loc in path {
        let Some(group) = groups.iter().find(|group| group.rows.contains(&row)) else { return };
        line[column..column + loc.len].fill(0.0);
        column += group.len;
        groups = &group.children;
    }
}

fn indices(values: &[usize], device: &Device) -> Tensor<1, Int> {
    let values: Vec<i32> = values.iter().map(|&value| value as i32).collect();
    let len = values.len();
    Tensor::from_data(TensorData::new(values, [len]), device)
}

/// Attention of one decode step.
#[derive(Debug)]
pub(super) struct DecodeAttention<'a> {
    pub(super) plan: &'a Plan,
    pub(super) tree: &'a KvTree<Store>,
    pub(super) front: &'a mut Front,
    /// The column each slot's new token goes to.
    pub(super) columns: &'a [usize],
    pub(super) kv: KvPrecision,
}

impl Attend for DecodeAttention<'_> {
    fn attend(
        &mut self,
        layer: usize,
        queries: Tensor<3>,
        keys: Tensor<3>,
        values: Tensor<3>,
    ) -> Tensor<2> {
        let [_, heads, dim] = queries.dims();
        let kv_heads = keys.dims()[1];
        let shared = heads / kv_heads;
        let Plan { rows, width, tail, .. } = *self.plan;
        self.front.write(layer, self.columns, keys, values);
        let (tail_keys, tail_values) = self.front.tails(layer, tail);

        let queries = queries.reshape([rows, kv_heads, shared, dim]);
        let tail_scores = queries.clone().matmul(tail_keys.swap_dims(2, 3)); // [R, K, G, tail]
        if width == 0 {
            let scores = self.masked(by_head(self.plan.to_plan(tail_scores)));
            let weights = self.plan.to_slots(by_row(softmax(scores, 2), rows));
            return weights.matmul(tail_values).reshape([rows, heads * dim]);
        }
        let queries = by_head(self.plan.to_plan(queries)); // [K, R · G, D]
        let above = Runs { tree: self.tree, layer, shared, dim, kv: self.kv };
        let scores = above.scores(&self.plan.groups, &queries, 0..rows, width);
        let scores = Tensor::cat(vec![scores, by_head(self.plan.to_plan(tail_scores))], 2);
        let weights = softmax(self.masked(scores), 2);
        let attended =
            above.attended(&self.plan.groups, &weights.clone().narrow(2, 0, width), 0..rows);
        let tail_weights = by_row(weights.narrow(2, width, tail), rows);
        let tail_attended = self.plan.to_slots(tail_weights).matmul(tail_values);
        let attended = self.plan.to_slots(by_row(attended, rows));
        (attended + tail_attended).reshape([rows, heads * dim])
    }
}

impl DecodeAttention<'_> {
    fn masked(&self, scores: Tensor<3>) -> Tensor<3> {
        match &self.plan.mask {
            Some(mask) => scores + mask.clone(),
            None => scores,
        }
    }
}

/// `[R, K, G, X]` to `[K, R · G, X]`.
fn by_head(tensor: Tensor<4>) -> Tensor<3> {
    let [rows, kv_heads, shared, width] = tensor.dims();
    tensor.swap_dims(0, 1).reshape([kv_heads, rows * shared, width])
}

/// `[K, R · G, X]` to `[R, K, G, X]`.
fn by_row(tensor: Tensor<3>, rows: usize) -> Tensor<4> {
    let [kv_heads, all, width] = tensor.dims();
    tensor.reshape([kv_heads, rows, all / rows, width]).swap_dims(0, 1)
}

/// The runs above the tails, in one layer.
struct Runs<'a> {
    tree: &'a KvTree<Store>,
    layer: usize,
    shared: usize,
    dim: usize,
    kv: KvPrecision,
}

impl Runs<'_> {
    fn segment(&self, group: &Group) -> &Segment {
        match &self.tree.node(group.segment).store {
            Store::Segment(segment) => segment,
            Store::Root | Store::Front(_) => unreachable!("runs above a tail are segments"),
        }
    }

    /// Scores of `rows` against the runs in `groups`, padded to `width`: `[K, rows · G, width]`.
    fn scores(
        &self,
        groups: &[Group],
        queries: &Tensor<3>,
        rows: Range<usize>,
        width: usize,
    ) -> Tensor<3> {
        let kv_heads = queries.dims()[0];
        let device = queries.device();
        let nothing = |n_rows: usize, width: usize| {
            Tensor::<3>::zeros([kv_heads, n_rows * self.shared, width], &device)
        };
        let (mut parts, mut next) = (Vec::new(), rows.start);
        for group in groups {
            if group.rows.start > next {
                parts.push(nothing(group.rows.start - next, width));
            }
            next = group.rows.end;
            let n_rows = group.rows.len();
            let first = group.rows.start * self.shared;
            let mine = queries.clone().narrow(1, first, n_rows * self.shared);
            let keys = self.kv.widened(cut(&self.segment(group).keys[self.layer], group.len));
            let mut line = vec![mine.matmul(keys.swap_dims(1, 2))];
            let below = group.width() - group.len;
            if below > 0 {
                line.push(self.scores(&group.children, queries, group.rows.clone(), below));
            }
            if group.width() < width {
                line.push(nothing(n_rows, width - group.width()));
            }
            parts.push(join(line, 2));
        }
        if rows.end > next {
            parts.push(nothing(rows.end - next, width));
        }
        join(parts, 1)
    }

    /// Weighted sums of the runs' values for `rows`: `[K, rows · G, D]`. `weights` covers exactly these
    /// rows and the columns of `groups`.
    fn attended(&self, groups: &[Group], weights: &Tensor<3>, rows: Range<usize>) -> Tensor<3> {
        let kv_heads = weights.dims()[0];
        let device = weights.device();
        let nothing =
            |n_rows: usize| Tensor::<3>::zeros([kv_heads, n_rows * self.shared, self.dim], &device);
        let (mut parts, mut next) = (Vec::new(), rows.start);
        for group in groups {
            if group.rows.start > next {
                parts.push(nothing(group.rows.start - next));
            }
            next = group.rows.end;
            let first = (group.rows.start - rows.start) * self.shared;
            let mine = weights.clone().narrow(1, first, group.rows.len() * self.shared);
            let values = cut(&self.segment(group).values[self.layer], group.len);
            let values = self.kv.widened(values);
            let mut sum = mine.clone().narrow(2, 0, group.len).matmul(values);
            let below = group.width() - group.len;
            if below > 0 {
                let weights = mine.narrow(2, group.len, below);
                sum = sum + self.attended(&group.children, &weights, group.rows.clone());
            }
            parts.push(sum);
        }
        if rows.end > next {
            parts.push(nothing(rows.end - next));
        }
        join(parts, 1)
    }
}

/// The first `len` tokens of a run's keys or values.
fn cut(tensor: &Tensor<3>, len: usize) -> Tensor<3> {
    if tensor.dims()[1] == len { tensor.clone() } else { tensor.clone().narrow(1, 0, len) }
}

fn join(mut parts: Vec<Tensor<3>>, dim: usize) -> Tensor<3> {
    if parts.len() == 1 { parts.remove(0) } else { Tensor::cat(parts, dim) }
}
