//! Attention over spans, head by head of a row, in buffers that stay in the first cache.

use std::sync::Arc;

use burn::backend::autodiff::checkpoint::base::Checkpointer;
use burn::backend::autodiff::checkpoint::strategy::CheckpointStrategy;
use burn::backend::autodiff::grads::Gradients;
use burn::backend::autodiff::ops::{Backward, Ops, OpsKind};
use burn::backend::tensor::FloatTensor;
use burn::backend::{Autodiff, Flex, TensorMetadata as _};
use espalier_models::exp;
use pulp::Arch;

use super::lanes::{add, dot};
use super::spans::{Span, Spans};
use super::{Flat, tensor, with_values};

/// The output and the attention weights: of each row, each head, each token of its span in order.
pub(super) fn forward(qkv: &Flat, spans: &Spans) -> (Flat, Vec<f32>) {
    let (output, weights) = with_values(qkv, |qkv| Arch::new().dispatch(|| attended(qkv, spans)));
    (tensor(output, [spans.each.len(), spans.heads * spans.dim]), weights)
}

#[inline(always)]
#[expect(clippy::inline_always, reason = "it takes the instruction set of its caller")]
fn attended(qkv: &[f32], spans: &Spans) -> (Vec<f32>, Vec<f32>) {
    let Spans { width, heads, kv_heads, dim, .. } = *spans;
    let group = heads / kv_heads;
    let mut output = vec![0.0; spans.each.len() * heads * dim];
    let mut weights = Vec::new();
    let [mut queries, mut keys, mut values, mut across] = [(); 4].map(|()| vec![0.0; width * dim]);
    let mut scores = vec![0.0; width];
    for row in 0..spans.each.len() / width {
        let first = row * width;
        for head in 0..heads {
            if head % group == 0 {
                spans.turned(qkv, first, heads + head / group, 1.0, &mut keys);
                transpose(&keys, dim, &mut across);
                spans.plain(qkv, first, heads + kv_heads + head / group, &mut values);
            }
            spans.turned(qkv, first, head, (dim as f32).sqrt().recip(), &mut queries);
            for at in 0..width {
                let span = spans.each[first + at];
                let query = &queries[at * dim..][..dim];
                let scores = span.weigh(at, width, query, &across, &mut scores);
                let largest = scores.iter().copied().fold(f32::NEG_INFINITY, f32::max);
                for score in &mut *scores {
                    *score = exp(*score - largest);
                }
                let sum = scores.iter().sum::<f32>().recip();
                let into = &mut output[((first + at) * heads + head) * dim..][..dim];
                for (weight, other) in scores.iter_mut().zip(span.places(at)) {
                    *weight *= sum;
                    add(into, *weight, &values[other * dim..][..dim]);
                }
                weights.extend_from_slice(scores);
            }
        }
    }
    (output, weights)
}

/// The gradient of queries, keys and values, given that of the output.
///
/// With weights `p` and `dp = dy v`: `dv = p dy`, `ds = p (dp - Σ p dp)`, `dq = ds k`, `dk = ds q`; turned
/// back by each token's rotation.
#[inline(always)]
#[expect(clippy::inline_always, reason = "it takes the instruction set of its caller")]
fn gradient(dy: &[f32], qkv: &[f32], mut weights: &[f32], spans: &Spans) -> Vec<f32> {
    let Spans { width, heads, kv_heads, dim, .. } = *spans;
    let group = heads / kv_heads;
    let scale = (dim as f32).sqrt().recip();
    let mut output = vec![0.0; qkv.len()];
    let [mut queries, mut keys, mut values, mut across] = [(); 4].map(|()| vec![0.0; width * dim]);
    let [mut d_queries, mut d_keys, mut d_values] = [(); 3].map(|()| vec![0.0; width * dim]);
    let mut scores = vec![0.0; width];
    for row in 0..spans.each.len() / width {
        let first = row * width;
        for head in 0..heads {
            let (key_head, value_head) = (heads + head / group, heads + kv_heads + head / group);
            if head % group == 0 {
                spans.turned(qkv, first, key_head, 1.0, &mut keys);
                spans.plain(qkv, first, value_head, &mut values);
                transpose(&values, dim, &mut across);
                d_keys.fill(0.0);
                d_values.fill(0.0);
            }
            spans.turned(qkv, first, head, scale, &mut queries);
            d_queries.fill(0.0);
            for at in 0..width {
                let span = spans.each[first + at];
                let dy = &dy[((first + at) * heads + head) * dim..][..dim];
                let scores = span.weigh(at, width, dy, &across, &mut scores);
                let (own, rest) = weights.split_at(scores.len());
                weights = rest;
                let mean = dot(own, scores);
                let (query, d_query) =
                    (&queries[at * dim..][..dim], &mut d_queries[at * dim..][..dim]);
                for ((score, weight), other) in scores.iter().zip(own).zip(span.places(at)) {
                    let d_score = weight * (score - mean);
                    let other = other * dim..(other + 1) * dim;
                    add(d_query, d_score, &keys[other.clone()]);
                    add(&mut d_keys[other.clone()], d_score, query);
                    add(&mut d_values[other], *weight, dy);
                }
            }
            spans.turn_back(&d_queries, first, head, scale, &mut output);
            if (head + 1) % group == 0 {
                spans.turn_back(&d_keys, first, key_head, 1.0, &mut output);
                let parts = heads + 2 * kv_heads;
                for (at, from) in d_values.chunks_exact(dim).enumerate() {
                    let to = ((first + at) * parts + value_head) * dim;
                    output[to..to + dim].copy_from_slice(from);
                }
            }
        }
    }
    output
}

impl Span {
    /// The places the token at `at` attends to.
    #[inline(always)]
    #[expect(clippy::inline_always, reason = "it takes the instruction set of its caller")]
    fn places(self, at: usize) -> impl Iterator<Item = usize> {
        (self.start..self.start + self.shared).chain(self.own..=at)
    }

    /// The products of `vector`, `[D]`, with the columns of `across`, `[D, T]`, at the span's places.
    #[inline(always)]
    #[expect(clippy::inline_always, reason = "it takes the instruction set of its caller")]
    fn weigh<'a>(
        self,
        at: usize,
        width: usize,
        vector: &[f32],
        across: &[f32],
        into: &'a mut [f32],
    ) -> &'a mut [f32] {
        let own = at + 1 - self.own;
        let into = &mut into[..self.shared + own];
        into.fill(0.0);
        let (to_shared, to_own) = into.split_at_mut(self.shared);
        for (factor, line) in vector.iter().zip(across.chunks_exact(width)) {
            add(to_shared, *factor, &line[self.start..]);
            add(to_own, *factor, &line[self.own..=at]);
        }
        into
    }
}

impl Spans {
    /// One head of a row, as it is: `[T, D]`.
    fn plain(&self, qkv: &[f32], first: usize, head: usize, into: &mut [f32]) {
        let parts = self.heads + 2 * self.kv_heads;
        for (at, into) in into.chunks_exact_mut(self.dim).enumerate() {
            into.copy_from_slice(&qkv[((first + at) * parts + head) * self.dim..][..self.dim]);
        }
    }

    /// One head of a row, rotated, times `scale`: `[T, D]`.
    #[inline(always)]
    #[expect(clippy::inline_always, reason = "it takes the instruction set of its caller")]
    fn turned(&self, qkv: &[f32], first: usize, head: usize, scale: f32, into: &mut [f32]) {
        let (parts, half) = (self.heads + 2 * self.kv_heads, self.dim / 2);
        for (at, into) in into.chunks_exact_mut(self.dim).enumerate() {
            let from = &qkv[((first + at) * parts + head) * self.dim..][..self.dim];
            let angles = (first + at) * half..(first + at + 1) * half;
            let (cos, sin) = (&self.cos[angles.clone()], &self.sin[angles]);
            let ((a, b), (to_a, to_b)) = (from.split_at(half), into.split_at_mut(half));
            for i in 0..half {
                to_a[i] = (a[i] * cos[i] - b[i] * sin[i]) * scale;
                to_b[i] = (b[i] * cos[i] + a[i] * sin[i]) * scale;
            }
        }
    }

    /// The gradient of one head of a row, `[T, D]`, turned back into its place, times `scale`.
    #[inline(always)]
    #[expect(clippy::inline_always, reason = "it takes the instruction set of its caller")]
    fn turn_back(&self, from: &[f32], first: usize, head: usize, scale: f32, into: &mut [f32]) {
        let (parts, half) = (self.heads + 2 * self.kv_heads, self.dim / 2);
        for (at, from) in from.chunks_exact(self.dim).enumerate() {
            let into = &mut into[((first + at) * parts + head) * self.dim..][..self.dim];
            let angles = (first + at) * half..(first + at + 1) * half;
            let (cos, sin) = (&self.cos[angles.clone()], &self.sin[angles]);
            let ((a, b), (to_a, to_b)) = (from.split_at(half), into.split_at_mut(half));
            for i in 0..half {
                to_a[i] = (a[i] * cos[i] + b[i] * sin[i]) * scale;
                to_b[i] = (b[i] * cos[i] - a[i] * sin[i]) * scale;
            }
        }
    }
}

/// `[T, D]` to `[D, T]`.
fn transpose(from: &[f32], dim: usize, into: &mut [f32]) {
    let width = from.len() / dim;
    for (at, from) in from.chunks_exact(dim).enumerate() {
        for (i, value) in from.iter().enumerate() {
            into[i * width + at] = *value;
        }
    }
}

#[derive(Debug)]
struct Step;

impl Backward<Flex, 1> for Step {
    type State = (Flat, Arc<Vec<f32>>, Arc<Spans>);

    fn backward(self, ops: Ops<Self::State, 1>, grads: &mut Gradients, _: &mut Checkpointer) {
        let (qkv, weights, spans) = ops.state;
        let dy = grads.consume::<Flex>(&ops.node);
        if let [Some(node)] = ops.parents {
            let d_qkv = with_values(&dy, |dy| {
                with_values(&qkv, |qkv| {
                    Arch::new().dispatch(|| gradient(dy, qkv, &weights, &spans))
                })
            });
            grads.register::<Flex>(node.id, tensor(d_qkv, qkv.shape()));
        }
    }
}

pub(super) fn tracked<C: CheckpointStrategy>(
    qkv: FloatTensor<Autodiff<Flex, C>>,
    spans: Arc<Spans>,
) -> FloatTensor<Autodiff<Flex, C>> {
    let (qkv, node) = qkv.into_parts();
    let (output, weights) = forward(&qkv, &spans);
    match Step.prepare::<C>([node]).compute_bound().stateful() {
        OpsKind::Tracked(step) => step.finish((qkv, Arc::new(weights), spans), output),
        OpsKind::UnTracked(step) => step.finish(output),
    }
}
