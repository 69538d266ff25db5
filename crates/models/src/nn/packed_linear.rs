//! Linear layers on the CPU: prepacked weights of 32 or 16 bits and their own kernel.

use std::sync::Arc;

use burn::tensor::{Int, Tensor, TensorData};

use super::{Linear, linear::Kernel};
use crate::packed::Packed;

/// A layer whose weights are packed once, when they are loaded. CPU only: rows pass through the host.
#[derive(Debug)]
pub struct PackedLinear {
    weight: Arc<Packed>,
    bias: Option<Vec<f32>>,
}

impl PackedLinear {
    /// A layer of packed weights, `[in, out]`.
    #[must_use]
    pub fn new(weight: Arc<Packed>, bias: Option<Vec<f32>>) -> Self {
        Self { weight, bias }
    }
}

impl Linear for PackedLinear {
    fn multiply(&self, rows: &[f32], output: &mut Vec<f32>) {
        let n_rows = rows.len() / self.weight.inputs();
        output.resize(n_rows * self.weight.outputs(), 0.0);
        self.weight.multiply(n_rows, rows, self.bias.as_deref(), output);
    }

    fn parameters(&self) -> u64 {
        (self.weight.inputs() * self.weight.outputs()) as u64
    }

    fn bytes(&self) -> u64 {
        let bias = self.bias.as_ref().map_or(0, Vec::len) * 4;
        (self.weight.bytes() + bias) as u64
    }

    fn kernel(&self) -> Kernel {
        Kernel::Packed(self.weight.precision())
    }
}

/// The vectors of `ids` in a packed output head: `[N, E]`.
pub(super) fn rows(weight: &Packed, ids: Tensor<1, Int>) -> Tensor<2> {
    let (device, n) = (ids.device(), ids.dims()[0]);
    let ids = ids.into_data().iter::<i64>().collect::<Vec<i64>>();
    let inputs = weight.inputs();
    let mut values = vec![0.0; n * inputs];
    for (id, row) in ids.iter().zip(values.chunks_exact_mut(inputs)) {
        weight.row(*id as usize, row);
    }
    Tensor::from_data(TensorData::new(values, [n, inputs]), &device)
}
