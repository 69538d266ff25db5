//! Attention of many rows over runs of keys and values that they share.
//!
//! A score is a chain of fused multiply-adds over the head's elements, an attended value one over the
//! positions from 0 on; the sum of weights has lanes that positions go to by their number. So the bits do
//! not depend on where runs begin and end, who shares them, and which rows are computed together.

use std::{cell::Cell, f32::consts::LOG2_E, ops::Range};

use pulp::{Arch, Simd, WithSimd};

use crate::{
    chain::{add_products, products},
    exponential::exp2,
    numbers::Numbers,
    prefetch::Ahead,
    rows::sum_made_in,
    shares::shares,
    threads,
    transpose::{PANEL, turn},
};

/// Positions whose values stay in the first cache while all queries pass over them.
const NEAR: usize = 64;

thread_local! {
    /// Memory for the weights of a tile, used again by the next.
    static WEIGHTS: Cell<Vec<f32>> = const { Cell::new(Vec::new()) };
    /// Memory for a panel of keys, widened and turned, used again by the next tile.
    static KEYS: Cell<Vec<f32>> = const { Cell::new(Vec::new()) };
}

/// Sizes of heads.
#[derive(Debug, Clone, Copy)]
pub struct Heads {
    /// Key/value heads, `K`.
    pub kv_heads: usize,
    /// Query heads of each, `G`.
    pub shared: usize,
    /// Elements of a head, `D`.
    pub dim: usize,
}

/// Keys of successive positions, heads apart.
#[derive(Debug, Clone, Copy)]
pub enum Keys<'a> {
    /// `[K, T, D]`, as they come.
    Rows(Numbers<'a>),
    /// `[K, T · D]`, each head's [`across`](crate::across), as they are read best.
    Across(Numbers<'a>),
}

/// Keys and values of successive positions.
#[derive(Debug)]
pub struct Run<'a> {
    /// Of `T` positions.
    pub keys: Keys<'a>,
    /// `[K, T, D]`, of which the heads are `stride` apart.
    pub values: Numbers<'a>,
    /// Elements from one head to the next, `T · D`.
    pub stride: usize,
    /// The position of the first.
    pub start: usize,
    /// The first row that sees any.
    pub row: usize,
    /// How many each row sees, from `row` on.
    pub visible: &'a [usize],
}

impl Run<'_> {
    /// The rows that see any.
    fn rows(&self) -> Range<usize> {
        self.row..self.row + self.visible.len()
    }
}

/// Writes `softmax(q kᵀ) v` of every row over the runs that it sees, which must cover the positions from 0 on,
/// each once, in ascending order.
///
/// # Shapes
///
/// - queries, scaled: `[N, H, D]`
/// - order: the row of `queries` that each row of `runs` is
/// - output: `[N, H · D]`; what it held is lost, its memory is used again
///
/// # Panics
/// If a slice has not the length its shape asks for, a row is twice in the order or sees nothing, or runs
/// leave a gap.
pub fn attend(
    heads: Heads,
    queries: &[f32],
    order: &[usize],
    runs: &[Run<'_>],
    output: &mut Vec<f32>,
) {
    let Heads { kv_heads, shared, dim } = heads;
    let width = kv_heads * shared * dim;
    assert_eq!(queries.len(), order.len() * width, "elements of the queries");
    let mut seen = vec![0; order.len()];
    for run in runs {
        for (row, visible) in run.rows().zip(run.visible).filter(|(_, visible)| **visible > 0) {
            assert_eq!(seen[row], run.start, "runs follow each other");
            seen[row] += visible;
        }
    }
    assert!(seen.iter().all(|&seen| seen > 0), "a row sees itself at least");
    output.resize(queries.len(), 0.0);
    // Of each row and head.
    let mut places: Vec<Option<&mut [f32]>> =
        output.chunks_exact_mut(shared * dim).map(Some).collect();
    let tiles: Vec<(Tile<'_>, Vec<&mut [f32]>)> =
        shares(order.len(), kv_heads, rayon::current_num_threads())
            .into_iter()
            .map(|(rows, head)| {
                let mine = order[rows.clone()].iter().map(|row| {
                    places[row * kv_heads + head].take().expect("a row has one place in the order")
                });
                let mine = mine.collect();
                (Tile { heads, head, queries, order, runs, seen: &seen[rows.clone()], rows }, mine)
            })
            .collect();
    let arch = Arch::new();
    threads::for_each(tiles, |(tile, places)| {
        let attended = arch.dispatch(Attended(&tile));
        for (place, attended) in places.into_iter().zip(attended.chunks_exact(shared * dim)) {
            place.copy_from_slice(attended);
        }
    });
}

/// A few rows and the queries of one key/value head.
struct Tile<'a> {
    heads: Heads,
    head: usize,
    queries: &'a [f32],
    order: &'a [usize],
    runs: &'a [Run<'a>],
    rows: Range<usize>,
    /// Positions that each of the rows sees.
    seen: &'a [usize],
}

struct Attended<'a>(&'a Tile<'a>);

impl WithSimd for Attended<'_> {
    type Output = Vec<f32>;

    #[expect(clippy::inline_always, reason = "as pulp asks, to get its vector instructions")]
    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) -> Vec<f32> {
        // A register block is as many queries by 32 elements.
        if S::REGISTER_COUNT >= 32 {
            self.0.attended::<S, 6>(simd)
        } else {
            self.0.attended::<S, 3>(simd)
        }
    }
}

/// Turns scores into weights that are not normalized; returns what normalizes them.
#[expect(clippy::inline_always, reason = "it takes the instruction set of its caller")]
#[inline(always)]
fn soften(scores: &mut [f32]) -> f32 {
    let mut largest = [f32::NEG_INFINITY; 16];
    let (whole, rest) = scores.as_chunks::<16>();
    for chunk in whole {
        for (largest, score) in largest.iter_mut().zip(chunk) {
            *largest = if *score > *largest { *score } else { *largest };
        }
    }
    let largest = largest.into_iter().chain(rest.iter().copied()).fold(f32::NEG_INFINITY, f32::max);
    // In base 2, in which the powers cost less.
    let largest = largest * LOG2_E;
    sum_made_in(scores, |score| exp2(score.mul_add(LOG2_E, -largest))).recip()
}

impl Tile<'_> {
    /// The runs that rows of the tile see, with those rows, counted from the tile's first.
    fn runs(&self) -> impl Iterator<Item = (&Run<'_>, Range<usize>)> {
        self.runs.iter().filter_map(|run| {
            let rows = run.rows();
            let from = rows.start.max(self.rows.start);
            let to = rows.end.min(self.rows.end);
            (from < to).then(|| (run, from - self.rows.start..to - self.rows.start))
        })
    }

    fn visible(&self, run: &Run<'_>, row: usize) -> usize {
        run.visible[self.rows.start + row - run.row]
    }

    /// The most positions of a run that any of these rows sees.
    fn most(&self, run: &Run<'_>, rows: &Range<usize>) -> usize {
        rows.clone().map(|row| self.visible(run, row)).max().unwrap_or(0)
    }

    /// `[rows, G · D]` of the tile.
    #[expect(clippy::inline_always, reason = "inlined, it gets the instructions of its caller")]
    #[inline(always)]
    fn attended<S: Simd, const TALL: usize>(&self, simd: S) -> Vec<f32> {
        let Heads { shared, dim, .. } = self.heads;
        let width = self.seen.iter().max().map_or(0, |seen| seen.next_multiple_of(PANEL)) + PANEL;
        let mut memory = WEIGHTS.take();
        let needed = self.seen.len() * shared * width;
        if memory.len() < needed {
            memory.resize(needed, 0.0);
        }
        // What the last tile left is not looked at: a row has as many weights as it sees positions.
        let weights = &mut memory[..needed];
        self.scores::<S, TALL>(simd, width, weights);
        let mut scales = Vec::with_capacity(self.seen.len() * shared);
        for (row, seen) in weights.chunks_exact_mut(shared * width).zip(self.seen) {
            for query in row.chunks_exact_mut(width) {
                scales.push(soften(&mut query[..*seen]));
            }
        }
        let mut output = vec![0.0; self.seen.len() * shared * dim];
        self.values::<S, TALL>(simd, width, weights, &mut output);
        WEIGHTS.set(memory);
        for (output, scale) in output.chunks_exact_mut(dim).zip(scales) {
            for value in output {
                *value *= scale;
            }
        }
        output
    }

    /// Writes the score of every query and position that it sees to `[rows · G, width]`.
    #[expect(clippy::inline_always, reason = "inlined, it gets the instructions of its caller")]
    #[inline(always)]
    fn scores<S: Simd, const TALL: usize>(&self, simd: S, width: usize, scores: &mut [f32]) {
        let Heads { kv_heads, shared, dim } = self.heads;
        let mut memory = KEYS.take();
        if memory.len() < 2 * PANEL * dim {
            memory.resize(2 * PANEL * dim, 0.0);
        }
        let (turned, room) = memory[..2 * PANEL * dim].split_at_mut(PANEL * dim);
        let mut gathered = Vec::with_capacity(self.rows.len() * shared * dim);
        for row in &self.order[self.rows.clone()] {
            let at = (row * kv_heads + self.head) * shared * dim;
            gathered.extend_from_slice(&self.queries[at..at + shared * dim]);
        }
        let mut ahead = self.ahead(
            |run| match run.keys {
                Keys::Rows(keys) | Keys::Across(keys) => keys,
            },
            PANEL,
            TALL,
        );
        for (run, rows) in self.runs() {
            let most = self.most(run, &rows);
            let queries = rows.start * shared..rows.end * shared;
            // What is written beyond the last position that a row sees is written again by the run that it sees
            // next, or not looked at; a row that sees nothing of this run may have its scores there.
            let all = rows.clone().all(|row| self.visible(run, row) > 0);
            for first in (0..most).step_by(PANEL) {
                let panel = self.panel(run, first, most, room, turned);
                let panel = panel.as_chunks().0;
                let at = run.start + first;
                for from in queries.clone().step_by(TALL) {
                    ahead.ask();
                    let n = TALL.min(queries.end - from);
                    // The last block repeats its last query.
                    let mut x = [&[][..]; TALL];
                    for (i, x) in x.iter_mut().enumerate() {
                        *x = &gathered[(from + i.min(n - 1)) * dim..][..dim];
                    }
                    let mut rows = scores[from * width..].chunks_exact_mut(width);
                    if all && n == TALL {
                        let mut to = [(); TALL]
                            .map(|()| &mut rows.next().expect("a row a query")[at..at + PANEL]);
                        products::<S, TALL, PANEL>(simd, x, panel, &mut to);
                    } else {
                        let mut sums = [[0.0; PANEL]; TALL];
                        let mut to = sums.each_mut().map(|sums| &mut sums[..]);
                        products::<S, TALL, PANEL>(simd, x, panel, &mut to);
                        for ((query, row), sums) in (from..).zip(rows).zip(&sums[..n]) {
                            if self.visible(run, query / shared) > 0 {
                                row[at..at + PANEL].copy_from_slice(sums);
                            }
                        }
                    }
                }
            }
        }
        KEYS.set(memory);
    }

    /// What the tile reads of the runs' keys or values, to be asked for while as many queries at a time pass over
    /// as many positions.
    fn ahead<'b>(
        &'b self,
        numbers: impl Fn(&Run<'b>) -> Numbers<'b>,
        positions: usize,
        queries: usize,
    ) -> Ahead<'b> {
        let Heads { shared, dim, .. } = self.heads;
        let mut steps = 0;
        let parts = self.runs().map(|(run, rows)| {
            let most = self.most(run, &rows);
            steps += most.div_ceil(positions) * (rows.len() * shared).div_ceil(queries);
            let head = self.head * run.stride;
            (numbers(run), head..head + most * dim)
        });
        Ahead::new(parts.collect(), positions * dim, steps)
    }

    /// The keys of a run from position `first` on, at most 32 of `most`, as `[D, 32]`.
    #[expect(clippy::inline_always, reason = "inlined, it gets the instructions of its caller")]
    #[inline(always)]
    fn panel<'b>(
        &'b self,
        run: &Run<'b>,
        first: usize,
        most: usize,
        room: &'b mut [f32],
        panel: &'b mut [f32],
    ) -> &'b [f32] {
        let (dim, head) = (self.heads.dim, self.head * run.stride);
        let positions = run.stride / dim - first;
        match run.keys {
            Keys::Rows(keys) => {
                // By eights where there are as many, of which those beyond the last are not looked at.
                let n_keys = (most - first).next_multiple_of(8).min(positions).min(PANEL);
                let keys = keys.from(head + first * dim).widened(0..n_keys * dim, room);
                turn(keys, dim, panel, PANEL);
            }
            Keys::Across(keys) => {
                let wide = PANEL.min(positions);
                let keys = keys.from(head + first * dim).widened(0..wide * dim, room);
                if wide == PANEL {
                    return keys;
                }
                for (to, from) in panel.chunks_exact_mut(PANEL).zip(keys.chunks_exact(wide)) {
                    to[..wide].copy_from_slice(from);
                }
            }
        }
        panel
    }

    /// Adds the weighted values to `[rows · G, D]`.
    #[expect(clippy::inline_always, reason = "inlined, it gets the instructions of its caller")]
    #[inline(always)]
    fn values<S: Simd, const TALL: usize>(
        &self,
        simd: S,
        width: usize,
        weights: &[f32],
        output: &mut [f32],
    ) {
        let Heads { shared, dim, .. } = self.heads;
        let ahead = &mut self.ahead(|run| run.values, NEAR, TALL);
        let mut room = Vec::new();
        for (run, rows) in self.runs() {
            let values = run.values.from(self.head * run.stride);
            let all = rows.clone().map(|row| self.visible(run, row)).min().unwrap_or(0);
            if let Numbers::F16(_) = values {
                room.resize(NEAR * dim, 0.0);
            }
            let part = Part { values, dim, width, start: run.start, weights };
            let queries = rows.start * shared..rows.end * shared;
            part.add::<S, TALL>(simd, queries, 0..all, output, &mut room, ahead);
            for row in rows {
                let visible = self.visible(run, row);
                if visible > all {
                    part.add::<S, TALL>(
                        simd,
                        row * shared..(row + 1) * shared,
                        all..visible,
                        output,
                        &mut room,
                        ahead,
                    );
                }
            }
        }
    }
}

/// One head's values of a run, and the weights of the positions from `start` on.
struct Part<'a> {
    values: Numbers<'a>,
    dim: usize,
    width: usize,
    start: usize,
    /// `[queries, width]`.
    weights: &'a [f32],
}

impl Part<'_> {
    /// Adds the weighted values of some positions of the run to `[queries, D]`.
    #[expect(clippy::inline_always, reason = "inlined, it gets the instructions of its caller")]
    #[inline(always)]
    fn add<S: Simd, const TALL: usize>(
        &self,
        simd: S,
        queries: Range<usize>,
        positions: Range<usize>,
        output: &mut [f32],
        room: &mut [f32],
        ahead: &mut Ahead<'_>,
    ) {
        let dim = self.dim;
        // A chain goes on where it was: parts give the bits of the whole.
        for from in positions.clone().step_by(NEAR) {
            let to = positions.end.min(from + NEAR);
            let values = self.values.widened(from * dim..to * dim, room);
            self.add_widened::<S, TALL>(simd, queries.clone(), from..to, values, output, ahead);
        }
    }

    /// [`add`](Self::add) of these values.
    #[expect(clippy::inline_always, reason = "inlined, it gets the instructions of its caller")]
    #[inline(always)]
    fn add_widened<S: Simd, const TALL: usize>(
        &self,
        simd: S,
        queries: Range<usize>,
        positions: Range<usize>,
        values: &[f32],
        output: &mut [f32],
        ahead: &mut Ahead<'_>,
    ) {
        let dim = self.dim;
        let mut output = output[queries.start * dim..queries.end * dim].chunks_exact_mut(dim);
        let mut first = queries.start;
        while first + TALL <= queries.end {
            ahead.ask();
            let mut x = [&[][..]; TALL];
            for (i, x) in x.iter_mut().enumerate() {
                *x = self.weights(first + i, &positions);
            }
            let mut sums = [(); TALL].map(|()| output.next().expect("a row a query"));
            add_products::<S, TALL>(simd, x, values, &mut sums);
            first += TALL;
        }
        for (query, sums) in (first..queries.end).zip(output) {
            add_products::<S, 1>(simd, [self.weights(query, &positions)], values, &mut [sums]);
        }
    }

    fn weights(&self, query: usize, positions: &Range<usize>) -> &[f32] {
        let from = query * self.width + self.start;
        &self.weights[from + positions.start..from + positions.end]
    }
}
