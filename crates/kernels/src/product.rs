//! Products of rows with quantized matrices, on all threads.

use std::borrow::Borrow;

#[cfg(target_arch = "x86_64")]
use pulp::x86::V3;

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
    beside::Beside,
    dot::{Dot, Vectors},
    format::Format,
    tile::tile,
    vnni::{Avx512Vnni, AvxVnni, Wide},
};

/// What is left is divided into so many parts a thread, of which one is the next job: the last jobs are small,
/// so that all threads end at a time.
const PARTS: usize = 2;
/// Panels of a job at least.
const LEAST: usize = 4;
/// Rows from which on it pays to take a panel apart first.
#[cfg(target_arch = "x86_64")]
const MANY: usize = 4;

/// Bytes by which memory is asked for records before they are read: what it gives within the time that one
/// answer takes.
#[cfg(target_arch = "x86_64")]
pub(crate) const AHEAD: usize = 2 << 10;

/// The instructions that products are made of. All give the same bits.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub enum Instructions {
    /// Plain integers, anywhere.
    Portable,
    /// AVX2 and FMA, on machines that have them.
    #[cfg(target_arch = "x86_64")]
    Avx2(V3),
    /// Products of bytes on vectors of 256 bits, on machines that have them.
    #[cfg(target_arch = "x86_64")]
    AvxVnni(AvxVnni),
    /// Products of bytes on vectors of 512 bits, on machines that have them.
    #[cfg(target_arch = "x86_64")]
    Avx512Vnni(Avx512Vnni),
}

impl Instructions {
    /// The fastest this machine has.
    #[must_use]
    pub fn best() -> Self {
        Self::available().next().unwrap_or(Self::Portable)
    }

    /// All that this machine has, the fastest first.
    pub fn available() -> impl Iterator<Item = Self> {
        let all = [
            #[cfg(target_arch = "x86_64")]
            Avx512Vnni::try_new().map(Self::Avx512Vnni),
            #[cfg(target_arch = "x86_64")]
            AvxVnni::try_new().map(Self::AvxVnni),
            #[cfg(target_arch = "x86_64")]
            V3::try_new().map(Self::Avx2),
            Some(Self::Portable),
        ];
        all.into_iter().flatten()
    }

    /// The name reports have for them.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Portable => "portable",
            #[cfg(target_arch = "x86_64")]
            Self::Avx2(_) => "avx2",
            #[cfg(target_arch = "x86_64")]
            Self::AvxVnni(_) => "avx-vnni",
            #[cfg(target_arch = "x86_64")]
            Self::Avx512Vnni(_) => "avx512-vnni",
        }
    }

    /// Panels of the widest vector.
    fn panels(self) -> usize {
        match self {
            #[cfg(target_arch = "x86_64")]
            Self::Avx2(_) | Self::Avx512Vnni(_) => 2,
            _ => 1,
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
    let mut left: usize = matrices.iter().map(|matrix| matrix.panels()).sum();
    let threads = rayon::current_num_threads();
    // A thread alone has nobody to end with.
    let parts = if threads == 1 { 1 } else { PARTS * threads };
    let mut jobs: Vec<Job<'_>> = Vec::new();
    let mut first = 0;
    for matrix in matrices {
        let mut panel = 0;
        while panel < matrix.panels() {
            let share = left.div_ceil(parts).max(LEAST).next_multiple_of(instructions.panels());
            let share = share.min(matrix.panels() - panel);
            let columns = panel * LANES..matrix.outputs().min((panel + share) * LANES);
            jobs.push(Job {
                matrix,
                panel,
                rows,
                bias: bias.map(|bias| &bias[first + columns.start..first + columns.end]),
                columns: columns.len(),
                output: Vec::with_capacity(rows.rows()),
                next: None,
            });
            panel += share;
            left -= share;
        }
        first += matrix.outputs();
    }
    for at in threads..jobs.len() {
        jobs[at - threads].next = Some((jobs[at].matrix, jobs[at].panel));
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
pub(crate) struct Job<'a> {
    pub(crate) matrix: &'a Quantized,
    /// The first panel.
    pub(crate) panel: usize,
    pub(crate) rows: &'a Activations,
    /// Of the range's outputs.
    bias: Option<&'a [f32]>,
    /// Outputs of the range.
    columns: usize,
    /// The columns of the range, by row.
    pub(crate) output: Vec<&'a mut [f32]>,
    /// What its thread is likely to multiply next.
    pub(crate) next: Option<(&'a Quantized, usize)>,
}

impl Job<'_> {
    fn run(self, instructions: Instructions) {
        #[cfg(target_arch = "x86_64")]
        macro_rules! vectorized {
            ($narrow:expr, $wide:expr) => {
                vectorized!($narrow, $wide, Q8_0 Q4_0 Q4_1 Q5_0 Q5_1 Q4K Q5K Q6K)
            };
            ($narrow:expr, $wide:expr, $($format:ident)*) => {
                match self.matrix.format {
                    $(Format::$format => $narrow.vectorize(Vectorized::<
                        _,
                        _,
                        { Format::$format as usize },
                    > {
                        narrow: $narrow,
                        wide: $wide,
                        job: self,
                    }),)*
                }
            };
        }
        match instructions {
            Instructions::Portable => self.portable(),
            #[cfg(target_arch = "x86_64")]
            Instructions::Avx2(simd) => vectorized!(simd, Beside::<2>(simd)),
            #[cfg(target_arch = "x86_64")]
            Instructions::AvxVnni(simd) => vectorized!(simd, simd),
            #[cfg(target_arch = "x86_64")]
            Instructions::Avx512Vnni(simd) => vectorized!(simd, Wide(simd)),
        }
    }

    fn portable(mut self) {
        for panel in 0..self.columns.div_ceil(LANES) {
            for row in 0..self.output.len() {
                let (records, supers) = self.matrix.panel(self.panel + panel);
                let x = self.inputs(row);
                let sums = portable::tile(self.matrix.format, records, supers, x);
                self.write(panel, row, &sums);
            }
        }
    }

    /// The blocks of a row.
    #[expect(clippy::inline_always, reason = "it takes the instruction set of its caller")]
    #[inline(always)]
    fn inputs(&self, row: usize) -> &[Rounded] {
        let blocks = self.rows.inputs / BLOCK;
        &self.rows.blocks[row * blocks..][..blocks]
    }

    /// Writes the sums of a panel's outputs for a row, with their bias; those that the job has not are
    /// left out.
    #[expect(clippy::inline_always, reason = "it takes the instruction set of its caller")]
    #[inline(always)]
    pub(crate) fn write(&mut self, panel: usize, row: usize, sums: &[f32; LANES]) {
        let to = &mut self.output[row][panel * LANES..];
        let mut sums = *sums;
        if let Some(bias) = self.bias {
            sums.iter_mut().zip(&bias[panel * LANES..]).for_each(|(sum, bias)| *sum += bias);
        }
        if let Some(to) = to.first_chunk_mut() {
            *to = sums;
        } else {
            // Not as a slice, or both ways become one call that copies as many as there are.
            to.iter_mut().zip(sums).for_each(|(to, sum)| *to = sum);
        }
    }
}

/// A job on vectors; `FORMAT` counts in [`Format::ALL`](crate::Format::ALL).
#[cfg(target_arch = "x86_64")]
struct Vectorized<'a, D, W, const FORMAT: usize> {
    /// For vectors of a panel.
    narrow: D,
    /// For the widest vectors.
    wide: W,
    job: Job<'a>,
}

#[cfg(target_arch = "x86_64")]
impl<D: Dot<Simd = V3>, W: Dot, const FORMAT: usize> pulp::NullaryFnOnce
    for Vectorized<'_, D, W, FORMAT>
{
    type Output = ();

    #[expect(clippy::inline_always, reason = "as pulp asks, to get its vector instructions")]
    #[inline(always)]
    fn call(self) {
        let Self { narrow, wide, mut job } = self;
        let n_rows = job.output.len();
        let panels = job.columns.div_ceil(LANES);
        if n_rows >= MANY {
            let whole = panels / W::Simd::PANELS * W::Simd::PANELS;
            wide.many::<FORMAT>(&mut job, 0..whole);
            if const { W::Simd::PANELS > 1 } && whole < panels {
                narrow.many::<FORMAT>(&mut job, whole..panels);
            }
            return;
        }
        for panel in 0..panels {
            let (records, supers) = job.matrix.panel(job.panel + panel);
            let ahead = job.matrix.ahead(job.panel + panel, AHEAD);
            macro_rules! rows {
                ($n:literal) => {{
                    let mut x = [&[][..]; $n];
                    for (row, x) in x.iter_mut().enumerate() {
                        *x = job.inputs(row);
                    }
                    let sums = tile::<D, FORMAT, $n>(narrow, records, supers, x, ahead);
                    for (row, sums) in sums.iter().enumerate() {
                        job.write(panel, row, sums);
                    }
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
