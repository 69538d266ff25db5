//! Packing: sequences laid end to end in rows of one width.

use std::collections::BTreeMap;
use std::sync::Arc;

use burn::tensor::{Device, Int, Tensor, TensorData};
use espalier_core::Seed;
use espalier_models::ModelConfig;

use crate::fused::{Span, Spans};
use crate::net::{Composed, Rotation, Sight, ids};
use crate::sequence::Sequence;

/// What keeps a token from looking where it may not: far below any score, far above `f32`'s limit.
const HIDDEN: f32 = -1e9;

/// Rows that stay open for a sequence that fits.
const OPEN: usize = 32;

/// The rows of one pass over the data, each a list of sequences that together fit `width`.
///
/// The order is that of `seed` and the epoch, so a run that is resumed sees the same rows. Sequences are
/// put into the fullest open row that holds them (best fit), which leaves a few per cent of padding.
///
/// # Panics
///
/// If a sequence is longer than `width`: examples are checked when they are read.
#[must_use]
pub fn rows(sequences: &[Sequence], width: usize, seed: u64, epoch: u64) -> Vec<Vec<usize>> {
    let order = permutation(sequences.len(), Seed::run(seed).problem(epoch));
    let mut done = Vec::new();
    // Free places, then age, which keeps rows of equal room in order.
    let mut open: BTreeMap<(usize, usize), Vec<usize>> = BTreeMap::new();
    for (age, index) in order.into_iter().enumerate() {
        let len = sequences[index].tokens.len();
        assert!(len <= width, "sequence `{index}` of {len} tokens is longer than a row");
        let fit = open.range((len, 0)..).next().map(|(key, _)| *key);
        let (room, mut row) = match fit.and_then(|key| Some((key.0, open.remove(&key)?))) {
            Some(found) => found,
            None => (width, Vec::new()),
        };
        row.push(index);
        if room == len {
            done.push(row);
        } else {
            open.insert((room - len, age), row);
        }
        if open.len() > OPEN {
            done.extend(open.pop_first().map(|(_, row)| row));
        }
    }
    done.extend(open.into_values());
    done
}

/// The numbers below `len`, shuffled.
///
/// Source: Durstenfeld 1964, <https://doi.org/10.1145/364520.364540>.
#[must_use]
pub fn permutation(len: usize, seed: Seed) -> Vec<usize> {
    let mut order: Vec<usize> = (0..len).collect();
    for last in (1..len).rev() {
        let other = (seed.uniform(last as u64) * (last + 1) as f64) as usize;
        order.swap(last, other.min(last));
    }
    order
}

/// Packed rows as tensors.
#[derive(Debug)]
pub struct Batch {
    /// `[B, T]`.
    pub ids: Tensor<2, Int>,
    /// Positions and who sees whom: a token sees the earlier ones of its own sequence and branch.
    pub sight: Sight,
    /// `[M]`: indices into the `B · T` tokens after which something is to be said.
    pub places: Tensor<1, Int>,
    /// `[M]`: what is to be said there.
    pub targets: Tensor<1, Int>,
    /// `[M]`: how much each counts.
    pub weights: Tensor<1>,
    /// The sum of `weights`.
    pub weight: f64,
    /// Tokens of sequences, padding left out.
    pub tokens: usize,
}

impl Batch {
    /// Lays out `rows` of `sequences` on `device`.
    #[must_use]
    pub fn new(
        sequences: &[Sequence],
        rows: &[Vec<usize>],
        width: usize,
        config: &ModelConfig,
        device: &Device,
    ) -> Self {
        let n_rows = rows.len();
        let mut tokens = vec![0_i32; n_rows * width];
        let mut positions = vec![0_u32; n_rows * width];
        let mut spans = Vec::with_capacity(n_rows * width);
        let (mut places, mut targets, mut weights) = (Vec::new(), Vec::new(), Vec::new());
        let mut filled = 0;
        for (row, members) in rows.iter().enumerate() {
            let mut start = 0;
            for sequence in members.iter().map(|&index| &sequences[index]) {
                let base = row * width + start;
                for (offset, &id) in sequence.tokens.iter().enumerate() {
                    let (own, shared) = sequence.sight(offset);
                    tokens[base + offset] = id as i32;
                    positions[base + offset] = (shared + offset - own) as u32;
                    spans.push(Span { start, shared, own: start + own });
                }
                for target in &sequence.targets {
                    places.push((base + target.at as usize) as i32);
                    targets.push(target.id as i32);
                    weights.push(target.weight);
                }
                start += sequence.tokens.len();
            }
            filled += start;
            // Padding looks at itself, so that its softmax is of something; nothing reads it.
            spans.extend((start..width).map(|own| Span { start: own, shared: 0, own }));
        }
        Self {
            ids: ids(tokens, device).reshape([n_rows, width]),
            sight: sight(config, width, spans, &positions, device),
            weight: weights.iter().map(|weight| f64::from(*weight)).sum(),
            weights: Tensor::from_data(TensorData::new(weights, [places.len()]), device),
            places: ids(places, device),
            targets: ids(targets, device),
            tokens: filled,
        }
    }
}

/// The fused operations are the CPU's.
fn sight(
    config: &ModelConfig,
    width: usize,
    spans: Vec<Span>,
    positions: &[u32],
    device: &Device,
) -> Sight {
    if device.clone().inner() == Device::flex() {
        Sight::Fused(Arc::new(Spans::new(config, width, spans, positions)))
    } else {
        composed(config, width, &spans, positions, device)
    }
}

/// Spans as a mask, for devices without fused operations.
#[must_use]
pub fn composed(
    config: &ModelConfig,
    width: usize,
    spans: &[Span],
    positions: &[u32],
    device: &Device,
) -> Sight {
    let rows = spans.len() / width;
    let mut mask = vec![HIDDEN; rows * width * width];
    for (at, Span { start, shared, own }) in spans.iter().enumerate() {
        let line = &mut mask[at * width..][..width];
        line[*start..start + shared].fill(0.0);
        line[*own..=at % width].fill(0.0);
    }
    let mask = TensorData::new(mask, [rows, 1, width, width]);
    Sight::Composed(Arc::new(Composed {
        rotation: Rotation::new(config, positions, rows, device),
        mask: Tensor::from_data(mask, device),
    }))
}
