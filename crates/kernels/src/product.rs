//! Products of rows with quantized matrices, on all threads.

use std::borrow::Borrow;

use crate::{
    activations::{Activations, Rounded},
    blocks::BLOCK,
    layout::LANES,
    portable,
    quantized::Quantized,
    threads,
};
#[cfg(target_arch = "x86_64")]
use crate::{
    decoded::{self, CHUNK, Decoded},
    layout::Layout,
};

/// Panel ranges a thread gets on average, so that a late thread leaves work to the others.
const JOBS_PER_THREAD: usize = 4;
/// Rows that pass over a panel while it is in the first cache, and stay in the second themselves.
const ROWS: usize = 96;
/// Rows from which on it pays to take a panel apart first.
#[cfg(target_arch = "x86_64")]
const MANY: usize = 4;

/// The instructions that products are made of. All give the same bits.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub enum Instructions {
    /// Plain integers, anywhere.
    Portable,
    /// AVX2 and FMA, on machines that have them.
    #[cfg(target_arch = "x86_64")]
    Avx2(pulp::x86::V3),
}

impl Instructions {
    /// The fastest this machine has.
    #[must_use]
    pub fn best() -> Self {
        #[cfg(target_arch = "x86_64")]
        if let Some(simd) = pulp::x86::V3::try_new() {
            return Self::Avx2(simd);
        }
        Self::Portable
    }

    /// The name reports have for them.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Portable => "portable",
            #[cfg(target_arch = "x86_64")]
            Self::Avx2(_) => "avx2",
        }
    }
}

/// Writes the products of `rows` with matrices side by side, plus the bias of each output, to `output`,
/// `[rows, sum of outputs]`, on the threads of the current rayon pool.
///
/// An element is, over ascending blocks of 32 inputs, a chain of fused multiply-adds: of the minimum and
/// the activations' sum where a format has a minimum, then of scales and the exact sum of the codes'
/// products; then the bias.
///
/// # Panics
/// If a slice has not the length its shape asks for, or matrices differ in inputs from the rows.
pub fn multiply(
    matrices: &[impl Borrow<Quantized>],
    rows: &Activations,
    bias: Option<&[f32]>,
    output: &mut [f32],
) {
    multiply_with(Instructions::best(), matrices, rows, bias, output);
}

/// [`multiply`] by given instructions.
///
/// # Panics
/// As [`multiply`] does.
pub fn multiply_with(
    instructions: Instructions,
    matrices: &[impl Borrow<Quantized>],
    rows: &Activations,
    bias: Option<&[f32]>,
    output: &mut [f32],
) {
    let matrices: Vec<&Quantized> = matrices.iter().map(Borrow::borrow).collect();
    let width: usize = matrices.iter().map(|matrix| matrix.outputs()).sum();
    assert!(matrices.iter().all(|matrix| matrix.inputs() == rows.inputs), "inputs of the rows");
    assert_eq!(output.len(), rows.rows() * width, "elements of the output");
    assert!(bias.is_none_or(|bias| bias.len() == width), "elements of the bias");
    if output.is_empty() {
        return;
    }
    let panels: usize = matrices.iter().map(|matrix| matrix.panels()).sum();
    let share = panels.div_ceil(JOBS_PER_THREAD * rayon::current_num_threads());
    let mut jobs: Vec<Job<'_>> = Vec::new();
    let mut first = 0;
    for matrix in matrices {
        for panel in (0..matrix.panels()).step_by(share) {
            let columns = panel * LANES..matrix.outputs().min((panel + share) * LANES);
            jobs.push(Job {
                matrix,
                panel,
                rows,
                bias: bias.map(|bias| &bias[first + columns.start..first + columns.end]),
                columns: columns.len(),
                output: Vec::with_capacity(rows.rows()),
            });
        }
        first += matrix.outputs();
    }
    for row in output.chunks_exact_mut(width) {
        let mut rest = row;
        for job in &mut jobs {
            let (columns, after) = rest.split_at_mut(job.columns);
            job.output.push(columns);
            rest = after;
        }
    }
    threads::for_each(jobs, |job| job.run(instructions));
}

/// The products of all rows with a range of a matrix's panels.
struct Job<'a> {
    matrix: &'a Quantized,
    /// The first panel.
    panel: usize,
    rows: &'a Activations,
    /// Of the range's outputs.
    bias: Option<&'a [f32]>,
    /// Outputs of the range.
    columns: usize,
    /// The columns of the range, by row.
    output: Vec<&'a mut [f32]>,
}

impl Job<'_> {
    fn run(self, instructions: Instructions) {
        match instructions {
            Instructions::Portable => self.panels(|matrix, panel, x: [&[Rounded]; 1]| {
                let (records, supers) = matrix.panel(panel);
                [portable::tile(matrix.format, records, supers, x[0])]
            }),
            #[cfg(target_arch = "x86_64")]
            Instructions::Avx2(simd) => match self.matrix.format as usize {
                0 => simd.vectorize(Vectors::<0>(simd, self)),
                1 => simd.vectorize(Vectors::<1>(simd, self)),
                2 => simd.vectorize(Vectors::<2>(simd, self)),
                3 => simd.vectorize(Vectors::<3>(simd, self)),
                4 => simd.vectorize(Vectors::<4>(simd, self)),
                5 => simd.vectorize(Vectors::<5>(simd, self)),
                6 => simd.vectorize(Vectors::<6>(simd, self)),
                _ => simd.vectorize(Vectors::<7>(simd, self)),
            },
        }
    }

    /// Calls `tile` for every panel and row, one row at a time.
    fn panels(mut self, tile: impl Fn(&Quantized, usize, [&[Rounded]; 1]) -> [[f32; LANES]; 1]) {
        for panel in 0..self.columns.div_ceil(LANES) {
            for row in 0..self.output.len() {
                let sums = tile(self.matrix, self.panel + panel, self.inputs(row));
                self.write(panel, row, sums);
            }
        }
    }

    /// The blocks of `N` rows from `row` on.
    #[expect(clippy::inline_always, reason = "it takes the instruction set of its caller")]
    #[inline(always)]
    fn inputs<const N: usize>(&self, row: usize) -> [&[Rounded]; N] {
        let blocks = self.rows.inputs / BLOCK;
        std::array::from_fn(|at| &self.rows.blocks[(row + at) * blocks..][..blocks])
    }

    /// Writes the sums of a panel for rows from `row` on, with their bias.
    #[expect(clippy::inline_always, reason = "it takes the instruction set of its caller")]
    #[inline(always)]
    fn write<const N: usize>(&mut self, panel: usize, row: usize, sums: [[f32; LANES]; N]) {
        for (sums, output) in sums.iter().zip(&mut self.output[row..]) {
            let to = &mut output[panel * LANES..];
            match (self.bias, to.first_chunk_mut::<LANES>()) {
                (Some(bias), _) => {
                    let bias = &bias[panel * LANES..];
                    to.iter_mut().zip(sums).zip(bias).for_each(|((to, sum), b)| *to = sum + b);
                }
                // What is as long as always needs no call to be copied.
                (None, Some(to)) => *to = *sums,
                (None, None) => to.copy_from_slice(&sums[..to.len()]),
            }
        }
    }
}

/// A job of AVX2 instructions; `FORMAT` counts in [`Format::ALL`](crate::Format::ALL).
#[cfg(target_arch = "x86_64")]
struct Vectors<'a, const FORMAT: usize>(pulp::x86::V3, Job<'a>);

#[cfg(target_arch = "x86_64")]
impl<const FORMAT: usize> pulp::NullaryFnOnce for Vectors<'_, FORMAT> {
    type Output = ();

    #[expect(clippy::inline_always, reason = "as pulp asks, to get its vector instructions")]
    #[inline(always)]
    fn call(self) {
        let Self(simd, mut job) = self;
        let n_rows = job.output.len();
        if n_rows >= MANY {
            return many::<FORMAT>(simd, &mut job);
        }
        for panel in 0..job.columns.div_ceil(LANES) {
            let (records, supers) = job.matrix.panel(job.panel + panel);
            macro_rules! rows {
                ($n:literal) => {{
                    let x = job.inputs::<$n>(0);
                    let sums = crate::avx2::tile::<FORMAT, $n>(simd, records, supers, x);
                    job.write(panel, 0, sums);
                }};
            }
            match n_rows {
                3 => rows!(3),
                2 => rows!(2),
                _ => rows!(1),
            }
        }
    }
}

/// The product of all rows with the panels of a job, each taken apart once for many rows.
#[cfg(target_arch = "x86_64")]
#[expect(clippy::inline_always, reason = "it takes the instruction set of its caller")]
#[inline(always)]
fn many<const FORMAT: usize>(simd: pulp::x86::V3, job: &mut Job<'_>) {
    let mut taken = vec![Decoded::ZERO; CHUNK];
    let mut sums = [[0.0; LANES]; ROWS];
    let (n_rows, blocks) = (job.output.len(), job.rows.inputs / BLOCK);
    let bytes = Layout::of(job.matrix.format).bytes();
    for from in (0..n_rows).step_by(ROWS) {
        let to = n_rows.min(from + ROWS);
        for panel in 0..job.columns.div_ceil(LANES) {
            let (records, supers) = job.matrix.panel(job.panel + panel);
            sums[..to - from].fill([0.0; LANES]);
            for block in (0..blocks).step_by(CHUNK) {
                let until = blocks.min(block + CHUNK);
                let taken = &mut taken[..until - block];
                let records = &records[block * bytes..until * bytes];
                decoded::decode::<FORMAT>(simd, records, supers, block, taken);
                let mut row = from;
                macro_rules! rows {
                    ($n:literal) => {{
                        let x = job.inputs::<$n>(row).map(|x| &x[block..until]);
                        if let Some(sums) = sums[row - from..].first_chunk_mut::<$n>() {
                            decoded::add::<FORMAT, $n>(simd, taken, x, sums);
                        }
                        row += $n;
                    }};
                }
                while row + 4 <= to {
                    rows!(4);
                }
                match to - row {
                    3 => rows!(3),
                    2 => rows!(2),
                    1 => rows!(1),
                    _ => {}
                }
                debug_assert_eq!(row, to);
            }
            for (row, &sums) in (from..to).zip(&sums) {
                job.write(panel, row, [sums]);
            }
        }
    }
}
