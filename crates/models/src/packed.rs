//! A weight matrix laid out in panels of 32 outputs, for products with a few rows at a time.

use espalier_kernels::threads;
use pulp::Arch;
use rayon::prelude::*;

use crate::{
    packed_job::{Job, LINE, PANEL, Tallest, interleave},
    panels::{Precision, Store},
};

/// Panel ranges a thread gets on average, so that a late thread leaves work to the others.
const JOBS_PER_THREAD: usize = 4;

/// A weight matrix packed for multiplying few rows at a time.
///
/// Each element of a product is one chain of fused multiply-adds over ascending inputs, then the
/// bias: its bits depend on neither the other rows, nor the threads, nor the instruction set.
#[derive(Debug)]
pub struct Packed {
    inputs: usize,
    outputs: usize,
    /// `[ceil(outputs / 32), inputs, 32]`, zero where there is no output.
    store: Store,
}

impl Packed {
    /// Packs row-major `[outputs, inputs]` matrices, each with its outputs, one after another, and keeps
    /// them in a precision that can represent them.
    ///
    /// # Panics
    /// If `inputs` is zero, or a matrix has not `outputs × inputs` elements.
    pub fn stack(inputs: usize, matrices: &[(&[f32], usize)], precision: Precision) -> Self {
        assert!(inputs > 0, "a matrix without inputs");
        for (matrix, outputs) in matrices {
            assert_eq!(matrix.len(), outputs * inputs, "elements of a matrix of {outputs} outputs");
        }
        let rows: Vec<&[f32]> =
            matrices.iter().flat_map(|(matrix, _)| matrix.chunks_exact(inputs)).collect();
        let size = rows.len().div_ceil(PANEL) * PANEL * inputs;
        let mut panels = vec![0.0; size + LINE];
        let start = panels.as_ptr().align_offset(LINE * size_of::<f32>()).min(LINE);
        panels[start..][..size]
            .par_chunks_exact_mut(PANEL * inputs)
            .zip(rows.par_chunks(PANEL))
            .for_each(|(panel, rows)| {
                for (input, to) in panel.as_chunks_mut::<PANEL>().0.iter_mut().enumerate() {
                    for (to, row) in to.iter_mut().zip(rows) {
                        *to = row[input];
                    }
                }
            });
        let outputs = rows.len();
        Self { inputs, outputs, store: Store::new(panels, start, precision) }
    }

    /// Returns the elements of an input row.
    pub fn inputs(&self) -> usize {
        self.inputs
    }

    /// Returns the elements of an output row.
    pub fn outputs(&self) -> usize {
        self.outputs
    }

    /// Returns the memory the weights take, in bytes.
    pub fn bytes(&self) -> usize {
        self.store.bytes()
    }

    /// Returns the precision in which the weights are kept.
    pub fn precision(&self) -> Precision {
        self.store.precision()
    }

    /// Copies the weights of one output, the embedding of a token where the matrices are tied.
    ///
    /// # Panics
    /// If there is no such `output`, or `into` has not `inputs` elements.
    pub fn row(&self, output: usize, into: &mut [f32]) {
        assert!(output < self.outputs, "output {output} of {}", self.outputs);
        assert_eq!(into.len(), self.inputs, "elements of a row of weights");
        self.store.panels().row(self.inputs, output, into);
    }

    /// Writes the product of `input`, `[rows, inputs]`, with the weights, plus the bias of each
    /// output, to `output`, `[rows, outputs]`, on the threads of the current rayon pool.
    ///
    /// # Panics
    /// If a slice has not the length its shape asks for.
    pub fn multiply(&self, rows: usize, input: &[f32], bias: Option<&[f32]>, output: &mut [f32]) {
        self.multiply_with(Arch::new(), rows, input, bias, output);
    }

    fn multiply_with(
        &self,
        arch: Arch,
        rows: usize,
        input: &[f32],
        bias: Option<&[f32]>,
        output: &mut [f32],
    ) {
        assert_eq!(input.len(), rows * self.inputs, "elements of the input");
        assert_eq!(output.len(), rows * self.outputs, "elements of the output");
        assert!(bias.is_none_or(|bias| bias.len() == self.outputs), "elements of the bias");
        if output.is_empty() {
            return;
        }
        let tallest = arch.dispatch(Tallest);
        let input = interleave(self.inputs, tallest, input);
        let panels = self.outputs.div_ceil(PANEL);
        let share = panels.div_ceil(JOBS_PER_THREAD * rayon::current_num_threads());
        let all = self.store.panels();
        let mut jobs: Vec<Job<'_>> = (0..panels)
            .step_by(share)
            .map(|from| {
                let to = panels.min(from + share);
                Job {
                    inputs: self.inputs,
                    tallest,
                    panels: all.cut(PANEL * self.inputs, from, to),
                    n_panels: to - from,
                    input: &input,
                    bias: bias.map(|bias| &bias[from * PANEL..]),
                    output: Vec::with_capacity(rows),
                }
            })
            .collect();
        for row in output.chunks_exact_mut(self.outputs) {
            for (job, columns) in jobs.iter_mut().zip(row.chunks_mut(share * PANEL)) {
                job.output.push(columns);
            }
        }
        threads::for_each(jobs, |job| arch.dispatch(job));
    }
}

#[cfg(test)]
mod tests {
    use rayon::ThreadPoolBuilder;

    use super::*;

    /// Numbers whose sums round.
    fn numbers(count: usize, seed: usize) -> Vec<f32> {
        (0..count).map(|i| ((i * 7919 + seed) % 2003) as f32 / 977.0 - 1.0).collect()
    }

    fn bits(numbers: &[f32]) -> Vec<u32> {
        numbers.iter().map(|number| number.to_bits()).collect()
    }

    #[test]
    fn an_element_is_the_fused_chain_over_ascending_inputs_on_every_instruction_set() {
        let inputs = 37;
        let mut archs = vec![Arch::Scalar, Arch::new()];
        #[cfg(target_arch = "x86_64")]
        archs.extend(pulp::x86::V3::try_new().map(Arch::V3));
        for (first, second) in [(1, 0), (20, 12), (40, 33), (500, 11)] {
            let weights = numbers((first + second) * inputs, 1);
            let (head, tail) = weights.split_at(first * inputs);
            let packed = Packed::stack(inputs, &[(head, first), (tail, second)], Precision::F32);
            let outputs = packed.outputs();
            let bias = numbers(outputs, 2);
            for (rows, bias) in (0..27).flat_map(|rows| [(rows, None), (rows, Some(&bias[..]))]) {
                let input = numbers(rows * inputs, 3);
                let chain = |at: usize| {
                    let (row, output) = (at / outputs, at % outputs);
                    let pair = input[row * inputs..].iter().zip(&weights[output * inputs..]);
                    let sum = pair.take(inputs).fold(0.0, |sum: f32, (x, w)| x.mul_add(*w, sum));
                    bias.map_or(sum, |bias| sum + bias[output])
                };
                let expected: Vec<f32> = (0..rows * outputs).map(chain).collect();
                for &arch in &archs {
                    let mut output = vec![f32::NAN; rows * outputs];
                    packed.multiply_with(arch, rows, &input, bias, &mut output);
                    assert_eq!(bits(&output), bits(&expected), "{rows} rows, {arch:?}");
                }
            }
        }
    }

    #[test]
    fn a_row_has_the_same_bits_alone_among_others_and_on_any_number_of_threads() {
        let (rows, inputs, outputs) = (64, 576, 200);
        let packed =
            Packed::stack(inputs, &[(&numbers(outputs * inputs, 4), outputs)], Precision::F32);
        let input = numbers(rows * inputs, 5);
        let all = [1, 2, 5].map(|threads| {
            let mut output = vec![0.0; rows * outputs];
            let pool =
                ThreadPoolBuilder::new().num_threads(threads).build().expect("threads start");
            pool.install(|| packed.multiply(rows, &input, None, &mut output));
            bits(&output)
        });
        assert!(all[0] == all[1] && all[0] == all[2]);
        for (input, expected) in input.chunks(inputs).zip(all[0].chunks(outputs)) {
            let mut output = vec![0.0; outputs];
            packed.multiply(1, input, None, &mut output);
            assert_eq!(bits(&output), expected);
        }
    }

    #[test]
    fn a_row_of_weights_is_the_one_that_was_packed() {
        let weights = numbers(70 * 9, 6);
        let parts = [(&weights[..45 * 9], 45), (&weights[45 * 9..], 25)];
        let packed = Packed::stack(9, &parts, Precision::F32);
        let mut row = [0.0; 9];
        for (output, expected) in weights.chunks(9).enumerate() {
            packed.row(output, &mut row);
            assert_eq!(bits(&row), bits(expected));
        }
    }

    #[test]
    fn halves_multiply_as_the_numbers_that_they_stand_for() {
        let (inputs, outputs) = (70, 77);
        for precision in [Precision::F16, Precision::Bf16] {
            let mut weights = numbers(outputs * inputs, 8);
            for weight in &mut weights {
                *weight = match precision {
                    Precision::F16 => half::f16::from_f32(*weight).to_f32(),
                    _ => half::bf16::from_f32(*weight).to_f32(),
                };
            }
            let matrix = [(&weights[..], outputs)];
            let (narrow, wide) = (
                Packed::stack(inputs, &matrix, precision),
                Packed::stack(inputs, &matrix, Precision::F32),
            );
            assert!(narrow.bytes() * 2 <= wide.bytes() && narrow.precision() == precision);
            for rows in [0, 1, 5, 26] {
                let input = numbers(rows * inputs, 9);
                let [found, expected] = [&narrow, &wide].map(|packed| {
                    let mut output = vec![0.0; rows * outputs];
                    packed.multiply(rows, &input, None, &mut output);
                    output
                });
                for (found, expected) in found.iter().zip(&expected) {
                    let alike = found.to_bits() == expected.to_bits();
                    assert!(alike || found.is_nan() && expected.is_nan(), "{precision:?}");
                }
            }
            let mut odd = weights.clone();
            odd[3] = f32::INFINITY;
            odd[2 * inputs] = f32::NAN;
            let odd = Packed::stack(inputs, &[(&odd, outputs)], precision);
            let mut output = vec![0.0; outputs];
            odd.multiply(1, &vec![1.0; inputs], None, &mut output);
            assert!(output[0] > f32::MAX && output[2].is_nan() && output[1].is_finite());
            let mut row = vec![0.0; inputs];
            narrow.row(40, &mut row);
            assert_eq!(bits(&row), bits(&weights[40 * inputs..41 * inputs]));
        }
    }
}
