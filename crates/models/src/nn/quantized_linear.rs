//! Linear layers on the CPU whose weights stay quantized.

use std::sync::Arc;

use burn::tensor::{Int, Tensor, TensorData};
use espalier_kernels::{Activations, Quantized, multiply};

use super::{Linear, linear::Kernel};

/// A layer of quantized matrices side by side. CPU only: rows pass through the host.
#[derive(Debug)]
pub struct QuantizedLinear {
    weights: Vec<Arc<Quantized>>,
    bias: Option<Vec<f32>>,
}

impl QuantizedLinear {
    /// A layer of matrices with as many inputs, one after the other.
    ///
    /// # Panics
    ///
    /// Where there is no matrix.
    #[must_use]
    pub fn new(weights: Vec<Arc<Quantized>>, bias: Option<Vec<f32>>) -> Self {
        assert!(!weights.is_empty(), "a layer has a matrix");
        Self { weights, bias }
    }
}

impl Linear for QuantizedLinear {
    fn multiply(&self, rows: &[f32], output: &mut Vec<f32>) {
        let outputs: usize = self.weights.iter().map(|weight| weight.outputs()).sum();
        let rows = Activations::new(self.weights[0].inputs(), rows);
        output.resize(rows.rows() * outputs, 0.0);
        multiply(&self.weights, &rows, self.bias.as_deref(), output);
    }

    fn parameters(&self) -> u64 {
        self.weights.iter().map(|weight| (weight.inputs() * weight.outputs()) as u64).sum()
    }

    fn bytes(&self) -> u64 {
        let bias = self.bias.as_ref().map_or(0, Vec::len) * 4;
        let weights: usize = self.weights.iter().map(|weight| weight.bytes()).sum();
        (weights + bias) as u64
    }

    fn kernel(&self) -> Kernel {
        Kernel::Quantized(self.weights.iter().map(|weight| weight.format()).collect())
    }
}

/// The vectors of `ids` in a quantized table: `[N, E]`.
pub(super) fn rows(table: &Quantized, ids: Tensor<1, Int>) -> Tensor<2> {
    let (device, n) = (ids.device(), ids.dims()[0]);
    let inputs = table.inputs();
    let mut values = vec![0.0; n * inputs];
    for (id, row) in ids.into_data().iter::<i64>().zip(values.chunks_exact_mut(inputs)) {
        table.row(id as usize, row);
    }
    Tensor::from_data(TensorData::new(values, [n, inputs]), &device)
}
