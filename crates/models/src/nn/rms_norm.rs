//! Root-mean-square normalization.

use burn::tensor::{Device, Tensor, TensorData};
use espalier_kernels::rows::rms_norm;

/// `y = x / sqrt(mean(x²) + ε) · w`, row by row.
///
/// Source: Zhang and Sennrich 2019, <https://arxiv.org/abs/1910.07467>, equation 4.
#[derive(Debug)]
pub struct RmsNorm {
    /// `[1, E]`.
    weight: Tensor<2>,
    /// The same, for kernels.
    host: Vec<f32>,
    epsilon: f32,
}

impl RmsNorm {
    /// A norm with these weights.
    #[must_use]
    pub fn new(weight: Vec<f32>, epsilon: f32, device: &Device) -> Self {
        let data = TensorData::new(weight.clone(), [1, weight.len()]);
        Self { weight: Tensor::from_data(data, device), host: weight, epsilon }
    }

    /// Normalizes every row, by Burn's operations.
    ///
    /// # Shapes
    ///
    /// - input, output: `[N, E]`
    pub fn forward(&self, input: Tensor<2>) -> Tensor<2> {
        let square = input.clone() * input.clone();
        let scale = square.mean_dim(1).add_scalar(self.epsilon).sqrt().recip();
        input * scale * self.weight.clone()
    }

    /// [`forward`](Self::forward) by kernels, in host memory. What `output` held is lost; its memory is used
    /// again.
    pub fn rows(&self, rows: &[f32], output: &mut Vec<f32>) {
        rms_norm(rows, &self.host, self.epsilon, output);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nn::host::to_host;

    #[test]
    fn rows_are_normalized_by_themselves() {
        let device = Device::flex();
        let norm = RmsNorm::new(vec![1.0, 2.0], 0.0, &device);
        let input = Tensor::<2>::from_data([[3.0, 4.0], [1.0, 1.0]], &device);
        let rms = 12.5_f32.sqrt();
        let expected = [3.0 / rms, 8.0 / rms, 1.0, 2.0];
        let mut rows = Vec::new();
        norm.rows(&to_host(input.clone()), &mut rows);
        for output in [rows, to_host(norm.forward(input))] {
            for (got, expected) in output.iter().zip(expected) {
                assert!((got - expected).abs() < 1e-6, "{output:?}");
            }
        }
    }
}
