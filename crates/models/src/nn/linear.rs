//! Linear layers: the one interface behind which kernels live.

use std::fmt::Debug;

use burn::tensor::{Device, Tensor, TensorData};
use espalier_kernels::Format;
use rayon::prelude::*;

use super::host::{from_host, to_host};
use crate::panels::Precision;

/// `y = x W + b`. What multiplies, and how the weights are stored, is the implementation's business.
pub trait Linear: Debug + Send + Sync {
    /// Applies the layer to every row.
    ///
    /// # Shapes
    ///
    /// - input: `[N, in]`
    /// - output: `[N, out]`
    fn forward(&self, input: Tensor<2>) -> Tensor<2> {
        let ([rows, _], device) = (input.dims(), input.device());
        let mut output = Vec::new();
        self.multiply(&to_host(input), &mut output);
        let outputs = output.len() / rows;
        from_host(output, [rows, outputs], &device)
    }

    /// [`forward`](Self::forward) in host memory. What `output` held is lost; its memory is used again.
    ///
    /// # Shapes
    ///
    /// - rows: `[N, in]`
    /// - output: `[N, out]`
    fn multiply(&self, rows: &[f32], output: &mut Vec<f32>);

    /// Number of weights a row is multiplied with, biases left out.
    fn parameters(&self) -> u64;

    /// Memory the layer holds, in bytes.
    fn bytes(&self) -> u64;

    /// What multiplies, for reports: a kernel, and the formats of weights it multiplies as they are.
    fn kernel(&self) -> Kernel;
}

/// What multiplies in a layer.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kernel {
    /// Burn's matrix product.
    Burn,
    /// Packed weights of this precision and their own kernel.
    Packed(Precision),
    /// Weights of these formats with activations of 8 bits.
    Quantized(Vec<Format>),
}

/// One `[out, in]` matrix in row-major order, as checkpoints store them.
#[derive(Debug)]
pub struct Matrix {
    /// Row-major values.
    pub values: Vec<f32>,
    /// Number of rows: output features.
    pub outputs: usize,
}

/// A dense `f32` layer in plain Burn operations: the reference, and the path on GPUs.
///
/// The weight is held `[in, out]` and contiguous, the layout in which small batches multiply fastest on
/// the CPU.
#[derive(Debug)]
pub struct Dense {
    weight: Tensor<2>,
    bias: Option<Tensor<2>>,
}

impl Dense {
    /// A layer whose outputs are those of `matrices`, one after the other.
    ///
    /// # Panics
    ///
    /// Where a matrix does not have `inputs` columns; loaders check shapes first.
    #[must_use]
    pub fn stack(
        inputs: usize,
        matrices: &[Matrix],
        bias: Option<Vec<f32>>,
        device: &Device,
    ) -> Self {
        let outputs: usize = matrices.iter().map(|matrix| matrix.outputs).sum();
        for matrix in matrices {
            assert_eq!(
                matrix.values.len(),
                matrix.outputs * inputs,
                "a matrix has `inputs` columns"
            );
        }
        let weight = TensorData::new(transpose(inputs, outputs, matrices), [inputs, outputs]);
        let bias = bias.map(|bias| TensorData::new(bias, [1, outputs]));
        Self {
            weight: Tensor::from_data(weight, device),
            bias: bias.map(|bias| Tensor::from_data(bias, device)),
        }
    }

    /// The weight, `[in, out]`.
    #[must_use]
    pub fn weight(&self) -> &Tensor<2> {
        &self.weight
    }
}

impl Linear for Dense {
    fn forward(&self, input: Tensor<2>) -> Tensor<2> {
        let output = input.matmul(self.weight.clone());
        match &self.bias {
            Some(bias) => output + bias.clone(),
            None => output,
        }
    }

    fn multiply(&self, rows: &[f32], output: &mut Vec<f32>) {
        let [inputs, _] = self.weight.dims();
        let shape = [rows.len() / inputs, inputs];
        *output = to_host(self.forward(from_host(rows.to_vec(), shape, &self.weight.device())));
    }

    fn parameters(&self) -> u64 {
        let [inputs, outputs] = self.weight.dims();
        (inputs * outputs) as u64
    }

    fn bytes(&self) -> u64 {
        let bias = self.bias.as_ref().map_or(0, |bias| bias.dims()[1]);
        (self.parameters() + bias as u64) * 4
    }

    fn kernel(&self) -> Kernel {
        Kernel::Burn
    }
}

/// `[out, in]` matrices, stacked along `out`, as one `[in, out]` matrix.
fn transpose(inputs: usize, outputs: usize, matrices: &[Matrix]) -> Vec<f32> {
    const ROWS: usize = 16;
    let mut transposed = vec![0.0; inputs * outputs];
    transposed.par_chunks_mut(ROWS * outputs).enumerate().for_each(|(block, rows)| {
        let first = block * ROWS;
        let n_rows = rows.len() / outputs;
        let mut column = 0;
        for matrix in matrices {
            for values in matrix.values.chunks_exact(inputs) {
                for (row, value) in values[first..first + n_rows].iter().enumerate() {
                    rows[row * outputs + column] = *value;
                }
                column += 1;
            }
        }
    });
    transposed
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stacked_matrices_multiply_side_by_side() {
        let device = Device::flex();
        let first = Matrix { values: vec![1.0, 2.0, 3.0, 4.0, 5.0, 6.0], outputs: 2 };
        let second = Matrix { values: vec![1.0, 0.0, -1.0], outputs: 1 };
        let layer = Dense::stack(3, &[first, second], Some(vec![0.5, 0.0, 0.0]), &device);
        let input = Tensor::<2>::from_data([[1.0, 1.0, 2.0], [0.0, 1.0, 0.0]], &device);
        let output = layer.forward(input).into_data().try_into_vec::<f32>().unwrap();
        assert_eq!(output, [9.5, 21.0, -1.0, 2.5, 5.0, 0.0]);
        assert_eq!((layer.parameters(), layer.bytes()), (9, 48));
    }

    #[test]
    fn transposition_covers_ragged_blocks() {
        let (inputs, outputs) = (37, 5);
        let values: Vec<f32> = (0..inputs * outputs).map(|i| i as f32).collect();
        let matrix = Matrix { values: values.clone(), outputs };
        let transposed = transpose(inputs, outputs, &[matrix]);
        for row in 0..inputs {
            for column in 0..outputs {
                let (ours, theirs) = (row * outputs + column, column * inputs + row);
                assert_eq!(transposed[ours].to_bits(), values[theirs].to_bits());
            }
        }
    }
}
