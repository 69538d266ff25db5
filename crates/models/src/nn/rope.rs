//! Rotary position embedding, in the half-split layout.

use burn::tensor::{Device, Tensor, TensorData};

/// How rotation frequencies are changed for contexts longer than those trained on.
#[derive(Debug, Clone, PartialEq)]
pub enum RopeScaling {
    /// Not at all.
    None,
    /// All divided by this factor.
    Linear(f32),
    /// Llama 3.1's smooth interpolation by wavelength.
    Llama3 {
        /// Division of long wavelengths.
        factor: f32,
        /// Wavelengths above context / this are divided by all of `factor`.
        low_freq_factor: f32,
        /// Wavelengths below context / this are left alone.
        high_freq_factor: f32,
        /// The context trained on, in tokens.
        original_context: f32,
    },
    /// One divisor for each frequency, as some GGUF files carry them.
    Divisors(Vec<f32>),
}

/// Rotations of query and key heads by their positions.
///
/// The pair `(x[i], x[i + D/2])` turns by `position · θ^(−2i/D)`, scaled as [`RopeScaling`] says.
///
/// Source: Su et al. 2021, <https://arxiv.org/abs/2104.09864>, section 3.2.2; the half-split pairing is
/// Hugging Face's.
#[derive(Debug, Clone)]
pub struct Rope {
    frequencies: Vec<f64>,
}

impl Rope {
    /// Rotations for heads of `head_dim` dimensions.
    #[must_use]
    pub fn new(head_dim: usize, theta: f64, scaling: &RopeScaling) -> Self {
        let plain = (0..head_dim / 2).map(|i| theta.powf(-((2 * i) as f64) / head_dim as f64));
        let frequencies = plain.enumerate().map(|(i, frequency)| match scaling {
            RopeScaling::None => frequency,
            RopeScaling::Linear(factor) => frequency / f64::from(*factor),
            RopeScaling::Divisors(divisors) => frequency / f64::from(divisors[i]),
            RopeScaling::Llama3 { factor, low_freq_factor, high_freq_factor, original_context } => {
                let turns = f64::from(*original_context) * frequency / std::f64::consts::TAU;
                let (low, high) = (f64::from(*low_freq_factor), f64::from(*high_freq_factor));
                let smooth = ((turns - low) / (high - low)).clamp(0.0, 1.0);
                frequency * (smooth + (1.0 - smooth) / f64::from(*factor))
            }
        });
        Self { frequencies: frequencies.collect() }
    }

    /// The rotations of rows at these positions.
    #[must_use]
    pub fn at(&self, positions: &[usize], device: &Device) -> Tables {
        let shape = [positions.len(), 1, self.frequencies.len()];
        let table = |values| Tensor::from_data(TensorData::new(values, shape), device);
        let Angles { cos, sin } = self.angles(positions);
        Tables { cos: table(cos), sin: table(sin) }
    }

    /// [`at`](Self::at), in host memory.
    #[must_use]
    pub fn angles(&self, positions: &[usize]) -> Angles {
        let table = |of: fn(f64) -> f64| {
            let angles = positions
                .iter()
                .flat_map(|&position| self.frequencies.iter().map(move |f| position as f64 * f));
            angles.map(|angle| of(angle) as f32).collect()
        };
        Angles { cos: table(f64::cos), sin: table(f64::sin) }
    }
}

/// Cosines and sines of rows' angles on a device, `[N, 1, D / 2]` each.
#[derive(Debug, Clone)]
pub struct Tables {
    /// Cosines.
    pub cos: Tensor<3>,
    /// Sines.
    pub sin: Tensor<3>,
}

/// Cosines and sines of rows' angles, `[N, D / 2]` each.
#[derive(Debug, Clone)]
pub struct Angles {
    /// Cosines.
    pub cos: Vec<f32>,
    /// Sines.
    pub sin: Vec<f32>,
}

impl Tables {
    /// Rotates every head of every row by the row's position.
    ///
    /// # Shapes
    ///
    /// - heads, output: `[N, heads, D]`
    pub fn apply(&self, heads: Tensor<3>) -> Tensor<3> {
        let half = heads.dims()[2] / 2;
        let first = heads.clone().narrow(2, 0, half);
        let second = heads.narrow(2, half, half);
        let turned_first = first.clone() * self.cos.clone() - second.clone() * self.sin.clone();
        let turned_second = second * self.cos.clone() + first * self.sin.clone();
        Tensor::cat(vec![turned_first, turned_second], 2)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pair_turns_by_its_angle() {
        let device = Device::flex();
        let rope = Rope::new(4, 100.0, &RopeScaling::None); // frequencies 1 and 0.1
        let heads = Tensor::<3>::from_data([[[1.0, 0.0, 0.0, 1.0]]], &device);
        let turned = rope.at(&[2], &device).apply(heads).into_data().try_into_vec::<f32>().unwrap();
        let expected = [2.0_f32.cos(), -(0.2_f32.sin()), 2.0_f32.sin(), 0.2_f32.cos()];
        for (got, expected) in turned.iter().zip(expected) {
            assert!((got - expected).abs() < 1e-6, "{turned:?}");
        }
    }

    #[test]
    fn llama3_scaling_leaves_short_wavelengths_and_divides_long_ones() {
        let (factor, low_freq_factor, high_freq_factor, original_context) = (8.0, 1.0, 4.0, 64.0);
        let scaling =
            RopeScaling::Llama3 { factor, low_freq_factor, high_freq_factor, original_context };
        let plain = Rope::new(16, 10_000.0, &RopeScaling::None).frequencies;
        let scaled = Rope::new(16, 10_000.0, &scaling).frequencies;
        assert!((scaled[0] - plain[0]).abs() < 1e-12);
        assert!((scaled[7] - plain[7] / 8.0).abs() < 1e-12);
    }
}
