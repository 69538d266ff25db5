//! Heads: what is read off hidden rows beside the vocabulary: a value, or the classes of a step.

use burn::tensor::{Tensor, activation::relu};

use super::{Dense, Linear};

/// A head: one linear layer, or two with a `ReLU` between them.
#[derive(Debug)]
pub struct Head {
    /// Its name, as the checkpoint has it.
    pub name: String,
    /// The layer before the last, `[E, E]`, where it has one.
    pub inner: Option<Dense>,
    /// The last layer, `[E, outputs]`.
    pub outer: Dense,
}

impl Head {
    /// Applies the head to every row.
    ///
    /// # Shapes
    ///
    /// - hidden: `[N, E]`
    /// - output: `[N, outputs]`
    #[must_use]
    pub fn forward(&self, hidden: Tensor<2>) -> Tensor<2> {
        let hidden = match &self.inner {
            Some(inner) => relu(inner.forward(hidden)),
            None => hidden,
        };
        self.outer.forward(hidden)
    }

    /// Numbers it gives for one row.
    #[must_use]
    pub fn outputs(&self) -> usize {
        self.outer.weight().dims()[1]
    }

    /// Number of weights a row is multiplied with, biases left out.
    #[must_use]
    pub fn parameters(&self) -> u64 {
        self.layers().map(Linear::parameters).sum()
    }

    /// Memory the head holds, in bytes.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.layers().map(Linear::bytes).sum()
    }

    fn layers(&self) -> impl Iterator<Item = &Dense> {
        self.inner.iter().chain(Some(&self.outer))
    }
}

#[cfg(test)]
mod tests {
    use burn::tensor::Device;

    use super::*;
    use crate::nn::linear::Matrix;

    #[test]
    fn what_is_negative_inside_does_not_reach_the_outputs() {
        let device = Device::flex();
        let layer = |values: &[f32], bias: &[f32]| {
            let matrix = Matrix { values: values.to_vec(), outputs: values.len() / 2 };
            Dense::stack(2, &[matrix], Some(bias.to_vec()), &device)
        };
        let outer = || layer(&[1.0, 10.0], &[0.5]);
        let inner = Some(layer(&[1.0, 0.0, 0.0, -1.0], &[0.0, 0.0]));
        let hidden = || Tensor::<2>::from_data([[3.0, 2.0], [-3.0, -2.0]], &device);
        let read = |head: &Head| head.forward(hidden()).into_data().try_into_vec::<f32>().unwrap();
        let deep = Head { name: "score".to_owned(), inner, outer: outer() };
        assert_eq!(read(&deep), [3.5, 20.5]);
        assert_eq!((deep.outputs(), deep.parameters(), deep.bytes()), (1, 6, 36));
        let flat = Head { name: "score".to_owned(), inner: None, outer: outer() };
        assert_eq!(read(&flat), [23.5, -22.5]);
        assert_eq!((flat.outputs(), flat.parameters(), flat.bytes()), (1, 2, 12));
    }
}
