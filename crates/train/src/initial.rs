//! Initial weights: where each tensor of a network begins.

use std::convert::Infallible;

use burn::module::{Param, ParamId};
use burn::tensor::{Device, Tensor, TensorData};
use espalier_core::Seed;
use espalier_models::{Architecture, LoadError, WeightSource, read_shaped};

/// Gives every tensor of a network its first values, under its Hugging Face name.
///
/// Parameters are numbered in the order they are asked for, so that two networks of one shape agree on
/// which is which and an optimizer's state fits both.
pub trait Initial {
    /// Why a tensor cannot be had.
    type Error;

    /// The values of a matrix, row by row; `scale` multiplies what is drawn.
    ///
    /// # Errors
    ///
    /// As the source fails.
    fn values(&mut self, name: &str, shape: &[usize], draw: Draw) -> Result<Vec<f32>, Self::Error>;

    /// Where parameters live, and the number of the next one.
    fn place(&mut self) -> (&Device, ParamId);

    /// A matrix `[rows, columns]`.
    ///
    /// # Errors
    ///
    /// As the source fails.
    fn matrix(
        &mut self,
        name: &str,
        rows: usize,
        columns: usize,
    ) -> Result<Param<Tensor<2>>, Self::Error> {
        self.stacked(&[(name, rows)], columns)
    }

    /// Matrices of as many columns, one below the other.
    ///
    /// # Errors
    ///
    /// As the source fails.
    fn stacked(
        &mut self,
        parts: &[(&str, usize)],
        columns: usize,
    ) -> Result<Param<Tensor<2>>, Self::Error> {
        let mut values = Vec::new();
        for (name, rows) in parts {
            values.extend(self.values(name, &[*rows, columns], Draw::Normal { depth: None })?);
        }
        Ok(self.parameter(values, [parts.iter().map(|(_, rows)| rows).sum(), columns]))
    }

    /// A matrix that adds to the residual stream of a network of `depth` layers.
    ///
    /// # Errors
    ///
    /// As the source fails.
    fn residual(
        &mut self,
        name: &str,
        rows: usize,
        columns: usize,
        depth: usize,
    ) -> Result<Param<Tensor<2>>, Self::Error> {
        let values = self.values(name, &[rows, columns], Draw::Normal { depth: Some(depth) })?;
        Ok(self.parameter(values, [rows, columns]))
    }

    /// The weights of a norm.
    ///
    /// # Errors
    ///
    /// As the source fails.
    fn norm(&mut self, name: &str, len: usize) -> Result<Param<Tensor<1>>, Self::Error> {
        let values = self.values(name, &[len], Draw::Constant(1.0))?;
        Ok(self.parameter(values, [len]))
    }

    /// The biases of query, key and value projections, for the architectures that have them.
    ///
    /// # Errors
    ///
    /// As the source fails.
    fn biases(
        &mut self,
        architecture: Architecture,
        parts: &[(&str, usize)],
    ) -> Result<Option<Param<Tensor<1>>>, Self::Error> {
        if architecture != Architecture::Qwen2 {
            return Ok(None);
        }
        let mut values = Vec::new();
        for (name, len) in parts {
            values.extend(self.values(name, &[*len], Draw::Constant(0.0))?);
        }
        let len = values.len();
        Ok(Some(self.parameter(values, [len])))
    }

    /// Values as the next parameter.
    fn parameter<const D: usize>(
        &mut self,
        values: Vec<f32>,
        shape: [usize; D],
    ) -> Param<Tensor<D>> {
        let (device, id) = self.place();
        let tensor = Tensor::from_data(TensorData::new(values, shape), device);
        let trained = device.is_autodiff();
        Param::initialized(id, if trained { tensor.require_grad() } else { tensor })
    }
}

/// How a fresh tensor is drawn.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Draw {
    /// All entries are this.
    Constant(f32),
    /// Normal with variance 2 / (5 E), E being the width of the input; divided by 2 × depth where the
    /// matrix adds to the residual stream of that many layers.
    ///
    /// Source: Nguyen and Salazar 2019, <https://arxiv.org/abs/1910.05895>, section 2.2; the division
    /// is that of Radford et al. 2019 (GPT-2), section 2.3.
    Normal {
        /// Layers, for matrices that add to the residual stream.
        depth: Option<usize>,
    },
}

/// Random weights from a seed.
#[derive(Debug)]
pub struct Fresh {
    seed: Seed,
    device: Device,
    next: u64,
}

impl Fresh {
    /// Weights on `device`; on one that differentiates, they can be trained.
    #[must_use]
    pub fn new(seed: u64, device: Device) -> Self {
        Self { seed: Seed::run(seed), device, next: 0 }
    }
}

impl Initial for Fresh {
    type Error = Infallible;

    fn values(&mut self, name: &str, shape: &[usize], draw: Draw) -> Result<Vec<f32>, Infallible> {
        let len = shape.iter().product();
        let Draw::Normal { depth } = draw else {
            let Draw::Constant(value) = draw else { unreachable!("there are two kinds") };
            return Ok(vec![value; len]);
        };
        let inputs = shape.last().copied().unwrap_or(1) as f64;
        let layers = depth.map_or(1.0, |layers| 2.0 * layers as f64);
        let deviation = (2.0 / (5.0 * inputs) / layers).sqrt();
        let seed = self.seed.problem(espalier_eval::content_hash(name));
        Ok((0..len as u64).map(|at| (deviation * normal(seed, at)) as f32).collect())
    }

    fn place(&mut self) -> (&Device, ParamId) {
        self.next += 1;
        (&self.device, ParamId::from(self.next))
    }
}

/// The `at`-th standard normal number of a seed.
///
/// Source: Box and Muller 1958, <https://doi.org/10.1214/aoms/1177706645>.
fn normal(seed: Seed, at: u64) -> f64 {
    let radius = (-2.0 * (1.0 - seed.uniform(2 * at)).ln()).sqrt();
    radius * (std::f64::consts::TAU * seed.uniform(2 * at + 1)).cos()
}

/// The weights of a checkpoint.
#[derive(Debug)]
pub struct Loaded<'a> {
    source: &'a dyn WeightSource,
    device: Device,
    next: u64,
}

impl<'a> Loaded<'a> {
    /// The weights of `source`, which must have Hugging Face names, on `device`.
    #[must_use]
    pub fn new(source: &'a dyn WeightSource, device: Device) -> Self {
        Self { source, device, next: 0 }
    }
}

impl Initial for Loaded<'_> {
    type Error = LoadError;

    fn values(&mut self, name: &str, shape: &[usize], _: Draw) -> Result<Vec<f32>, LoadError> {
        read_shaped(self.source, name, shape)
    }

    fn place(&mut self) -> (&Device, ParamId) {
        self.next += 1;
        (&self.device, ParamId::from(self.next))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn normal_numbers_have_mean_0_and_variance_1() {
        let seed = Seed::run(3);
        let n = 20_000;
        let numbers: Vec<f64> = (0..n).map(|at| normal(seed, at)).collect();
        let mean = numbers.iter().sum::<f64>() / n as f64;
        let variance = numbers.iter().map(|x| x * x).sum::<f64>() / n as f64;
        assert!(mean.abs() < 0.03 && (variance - 1.0).abs() < 0.05, "{mean} {variance}");
    }

    #[test]
    fn a_tensor_depends_on_the_seed_and_its_name_alone() {
        let of = |seed, name: &str| {
            Fresh::new(seed, Device::flex())
                .values(name, &[4, 8], Draw::Normal { depth: None })
                .expect("nothing can fail")
        };
        assert_eq!(of(1, "a"), of(1, "a"));
        assert_ne!(of(1, "a"), of(1, "b"));
        assert_ne!(of(1, "a"), of(2, "a"));
    }
}
