//! Rotary position embedding over whole rows, in the half-split layout.

use burn::tensor::{Device, Tensor, TensorData};
use espalier_models::ModelConfig;

/// The rotations of the positions of a batch.
///
/// Source: Su et al. 2021, <https://arxiv.org/abs/2104.09864>, section 3.2.2; unscaled frequencies.
#[derive(Debug, Clone)]
pub struct Rotation {
    cos: Tensor<4>,
    sin: Tensor<4>,
}

impl Rotation {
    /// Rotations of `positions`, row by row: `[B, 1, T, D / 2]` each.
    #[must_use]
    pub fn new(config: &ModelConfig, positions: &[u32], rows: usize, device: &Device) -> Self {
        let shape = [rows, 1, positions.len() / rows, config.head_dim / 2];
        let [cos, sin] = tables(config, positions)
            .map(|values| Tensor::from_data(TensorData::new(values, shape), device));
        Self { cos, sin }
    }

    /// Rotates every head of every token by the token's position.
    ///
    /// # Shapes
    ///
    /// - heads, output: `[B, heads, T, D]`
    #[must_use]
    pub fn apply(&self, heads: Tensor<4>) -> Tensor<4> {
        let half = heads.dims()[3] / 2;
        let first = heads.clone().narrow(3, 0, half);
        let second = heads.narrow(3, half, half);
        let turned_first = first.clone() * self.cos.clone() - second.clone() * self.sin.clone();
        let turned_second = second * self.cos.clone() + first * self.sin.clone();
        Tensor::cat(vec![turned_first, turned_second], 3)
    }
}

/// Cosine and sine of every angle of `positions`: `[positions, D / 2]` each.
pub(crate) fn tables(config: &ModelConfig, positions: &[u32]) -> [Vec<f32>; 2] {
    let half = config.head_dim / 2;
    let frequencies: Vec<f64> = (0..half)
        .map(|i| config.rope_theta.powf(-((2 * i) as f64) / config.head_dim as f64))
        .collect();
    [f64::cos, f64::sin].map(|of| {
        let angles =
            positions.iter().flat_map(|&at| frequencies.iter().map(move |f| f64::from(at) * f));
        angles.map(|angle| of(angle) as f32).collect()
    })
}
