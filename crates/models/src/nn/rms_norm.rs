//! Root-mean-square normalization.

use burn::tensor::{Device, Tensor, TensorData};
use espalier_kernels::rows::rms_norm;

use super::host::{Between, from_host, to_host};

/// `y = x / sqrt(mean(x²) + ε) · w`, row by row.
///
/// Source: Zhang and Sennrich 2019, <https://arxiv.org/abs/1910.07467>, equation 4.
#[derive(Debug)]
pub struct RmsNorm {
    weight: Weight,
    epsilon: f32,
}

#[derive(Debug)]
enum Weight {
    /// `[1, E]`.
    Tensor(Box<Tensor<2>>),
    Host(Vec<f32>),
}

impl RmsNorm {
    /// A norm with these weights.
    #[must_use]
    pub fn new(weight: Vec<f32>, epsilon: f32, between: Between, device: &Device) -> Self {
        let shape = [1, weight.len()];
        let weight = match between {
            Between::Burn => {
                let weight = Tensor::from_data(TensorData::new(weight, shape), device);
                Weight::Tensor(Box::new(weight))
            }
            Between::Kernels => Weight::Host(weight),
        };
        Self { weight, epsilon }
    }

    /// Normalizes every row.
    ///
    /// # Shapes
    ///
    /// - input, output: `[N, E]`
    pub fn forward(&self, input: Tensor<2>) -> Tensor<2> {
        match &self.weight {
            Weight::Tensor(weight) => {
                let square = input.clone() * input.clone();
                let scale = square.mean_dim(1).add_scalar(self.epsilon).sqrt().recip();
                input * scale * weight.as_ref().clone()
            }
            Weight::Host(_) => {
                let (device, shape) = (input.device(), input.dims());
                from_host(self.rows(&to_host(input)), shape, &device)
            }
        }
    }

    /// [`forward`](Self::forward) in host memory: `[N, E]`.
    #[must_use]
    pub fn rows(&self, rows: &[f32]) -> Vec<f32> {
        match &self.weight {
            Weight::Tensor(weight) => {
                let [_, size] = weight.dims();
                let shape = [rows.len() / size, size];
                to_host(self.forward(from_host(rows.to_vec(), shape, &weight.device())))
            }
            Weight::Host(weight) => rms_norm(rows, weight, self.epsilon),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_normalized_by_themselves() {
        let device = Device::flex();
        for between in [Between::Burn, Between::Kernels] {
            let norm = RmsNorm::new(vec![1.0, 2.0], 0.0, between, &device);
            let input = Tensor::<2>::from_data([[3.0, 4.0], [1.0, 1.0]], &device);
            let output = norm.forward(input).into_data().try_into_vec::<f32>().unwrap();
            let rms = 12.5_f32.sqrt();
            for (got, expected) in output.iter().zip([3.0 / rms, 8.0 / rms, 1.0, 2.0]) {
                assert!((got - expected).abs() < 1e-6, "{output:?}");
            }
        }
    }
}
