//! Products of many rows with panels that are taken apart once for all of them.

use std::{any::Any, cell::Cell, ops::Range};

use pulp::bytemuck::{self, Pod};

use crate::{
    dot::Vectors,
    layout::{LANES, Layout},
    prefetch::prefetch,
    product::{AHEAD, Job},
    quantized::Quantized,
};

/// Rows that pass over a panel while it is in the first cache, and stay in the second themselves.
const ROWS: usize = 96;
/// Bytes by which memory is asked for records where few rows pass: their products lie between.
const FURTHER: usize = 2 * AHEAD;
/// Rows from which on what is taken apart next is asked of memory while they pass: fewer pass in less time than
/// memory gives it.
const PASSING: usize = 12;
/// Bytes of what is taken apart at a time at most: with that of a few rows they fit the first cache.
const BYTES: usize = 17 << 10;

thread_local! {
    /// Memory for what is taken apart, used again by the next job with such records.
    static TAKEN: Cell<Option<Box<dyn Any>>> = const { Cell::new(None) };
}

/// A way to take records apart and to multiply what comes of them.
pub(crate) trait Apart: Copy {
    type Simd: Vectors;
    /// The records of a vector's panels for 32 inputs, taken apart.
    type Record: Copy + 'static;
    /// 32 inputs of a row.
    type Block;

    fn simd(self) -> Self::Simd;

    /// With nothing in it.
    fn empty(self) -> Self::Record;

    /// Takes records of panel `panel` of a vector apart, the first of which is number `from` of its panel.
    /// Meanwhile memory is asked for what is `ahead`, as far as there is any.
    fn take(
        self,
        records: &[u8],
        supers: &[u16],
        from: usize,
        panel: usize,
        into: &mut [Self::Record],
        ahead: &[u8],
    );

    /// Adds the products of `ROWS` rows with records to `totals`, in the order of
    /// [`tile`](crate::tile::tile).
    fn add<const ROWS: usize>(
        self,
        records: &[Self::Record],
        x: [&[Self::Block]; ROWS],
        totals: &mut [<Self::Simd as Vectors>::Floats; ROWS],
    );
}

/// The products of all rows with panels of a job, which fill vectors; `rows` are the job's.
#[expect(clippy::inline_always, reason = "it takes the instruction set of its caller")]
#[inline(always)]
pub(crate) fn many<A: Apart>(apart: A, rows: &[A::Block], job: &mut Job<'_>, panels: Range<usize>) {
    let n_rows = job.output.len();
    let blocks = rows.len() / n_rows;
    // All chunks are alike, as far as they can be.
    let chunk = blocks.div_ceil(blocks.div_ceil(const { BYTES / size_of::<A::Record>() }));
    let mut taken = memory(apart.empty(), chunk);
    let simd = apart.simd();
    let zero = simd.float(0.0);
    let mut sums = [zero; ROWS];
    let bytes = Layout::of(job.matrix.format).bytes();
    for from in (0..n_rows).step_by(ROWS) {
        let to = n_rows.min(from + ROWS);
        for panel in panels.clone().step_by(A::Simd::PANELS) {
            let sums = &mut sums[..to - from];
            sums.fill(zero);
            for block in (0..blocks).step_by(chunk) {
                let until = blocks.min(block + chunk);
                let taken = &mut taken[..until - block];
                for at in 0..A::Simd::PANELS {
                    let (records, supers) = job.matrix.panel(job.panel + panel + at);
                    let records = &records[block * bytes..until * bytes];
                    let ahead = if sums.len() < PASSING {
                        job.matrix.ahead(job.panel + panel + at, block * bytes + FURTHER)
                    } else {
                        &[]
                    };
                    apart.take(records, supers, block, at, taken, ahead);
                }
                // What is taken apart next, asked of memory step by step while rows pass.
                let (after, first) =
                    if until < blocks { (panel, until) } else { (panel + A::Simd::PANELS, 0) };
                let asked = if after < panels.end {
                    Some((job.matrix, job.panel + after))
                } else if to < n_rows {
                    Some((job.matrix, job.panel + panels.start))
                } else {
                    job.next
                };
                let mut next = match asked.filter(|_| sums.len() >= PASSING) {
                    Some((matrix, panel)) => {
                        records::<A>(matrix, panel, first..blocks.min(first + chunk))
                    }
                    None => [&[][..]; 2],
                };
                let step = next[0].len().div_ceil(sums.len().div_ceil(A::Simd::TALL));
                let x = |row: usize| &rows[(from + row) * blocks..][block..until];
                let mut row = 0;
                macro_rules! rows {
                    ($n:literal) => {{
                        let mut some = [&[][..]; $n];
                        for (at, some) in some.iter_mut().enumerate() {
                            *some = x(row + at);
                            let to = &job.output[from + row + at][panel * LANES..];
                            // Lines that the vector may lie in.
                            prefetch(&to[..1]);
                            prefetch(&to[to.len().min(A::Simd::PANELS * LANES) - 1..][..1]);
                        }
                        for next in &mut next {
                            let now;
                            (now, *next) = next.split_at(step.min(next.len()));
                            prefetch(now);
                        }
                        if let Some(sums) = sums[row..].first_chunk_mut::<$n>() {
                            apart.add::<$n>(taken, some, sums);
                            if until == blocks {
                                write(job, panel, from + row, sums);
                            }
                        }
                        row += $n;
                    }};
                }
                while const { A::Simd::TALL >= 8 } && row + 8 <= sums.len() {
                    rows!(8);
                }
                while row + 4 <= sums.len() {
                    rows!(4);
                }
                match sums.len() - row {
                    3 => rows!(3),
                    2 => rows!(2),
                    1 => rows!(1),
                    _ => {}
                }
                debug_assert_eq!(row, sums.len());
            }
        }
    }
    TAKEN.set(Some(Box::new(taken)));
}

/// Memory for at least `n` records, whatever they are.
fn memory<R: Copy + 'static>(empty: R, n: usize) -> Vec<R> {
    let last = TAKEN.take().and_then(|memory| memory.downcast::<Vec<R>>().ok());
    let mut memory = last.map_or_else(Vec::new, |memory| *memory);
    if memory.len() < n {
        memory.resize(n, empty);
    }
    memory
}

/// The records of some blocks of a vector's panels from `panel` on, as far as the matrix has them.
#[expect(clippy::inline_always, reason = "it takes the instruction set of its caller")]
#[inline(always)]
fn records<A: Apart>(matrix: &Quantized, panel: usize, blocks: Range<usize>) -> [&[u8]; 2] {
    let bytes = Layout::of(matrix.format).bytes();
    let mut some = [&[][..]; 2];
    let panels = panel..matrix.panels().min(panel + A::Simd::PANELS);
    for (some, panel) in some.iter_mut().zip(panels) {
        *some = &matrix.panel(panel).0[blocks.start * bytes..blocks.end * bytes];
    }
    some
}

/// Writes the sums of a few rows from `row` on with a vector's panels from `panel` on.
#[expect(clippy::inline_always, reason = "it takes the instruction set of its caller")]
#[inline(always)]
fn write<F: Pod>(job: &mut Job<'_>, panel: usize, row: usize, sums: &[F]) {
    for (row, sums) in (row..).zip(sums) {
        let sums: &[[f32; LANES]] = bytemuck::cast_slice(std::slice::from_ref(sums));
        for (panel, sums) in (panel..).zip(sums) {
            job.write(panel, row, sums);
        }
    }
}
