//! Heads: what is read off hidden rows beside the vocabulary: a value, or the classes of a step.

use burn::tensor::{Tensor, activation::relu};

use super::Linear;

/// A head: one linear layer, or two with a `ReLU` between them.
#[derive(Debug)]
pub struct Head {
    /// Its name, as the checkpoint has it.
    pub name: String,
    /// The layer before the last, `[E, E]`, where it has one.
    pub inner: Option<Box<dyn Linear>>,
    /// The last layer, `[E, outputs]`.
    pub outer: Box<dyn Linear>,
    /// Numbers it gives for one row.
    pub outputs: usize,
}

impl Head {
    /// Applies the head to every row, by Burn's operations.
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

    /// [`forward`](Self::forward) by kernels, in host memory.
    #[must_use]
    pub fn rows(&self, hidden: Vec<f32>) -> Vec<f32> {
        let mut passed = hidden;
        if let Some(inner) = &self.inner {
            let rows = std::mem::take(&mut passed);
            inner.multiply(&rows, &mut passed);
            // What is not a number stays so.
            passed.iter_mut().filter(|value| **value < 0.0).for_each(|value| *value = 0.0);
        }
        let mut output = Vec::new();
        self.outer.multiply(&passed, &mut output);
        output
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

    /// Its linear layers.
    pub(crate) fn layers(&self) -> impl Iterator<Item = &dyn Linear> {
        self.inner.as_deref().into_iter().chain(Some(&*self.outer))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use burn::tensor::Device;

    use super::*;
    use crate::{
        nn::{Dense, PackedLinear, host::to_host, linear::Matrix},
        packed::Packed,
        panels::Precision,
    };

    /// A layer of two inputs in Burn's operations and in the kernels'.
    fn layers(values: &[f32], bias: &[f32]) -> [Box<dyn Linear>; 2] {
        let outputs = values.len() / 2;
        let packed = Arc::new(Packed::stack(2, &[(values, outputs)], Precision::F32));
        let matrix = Matrix { values: values.to_vec(), outputs };
        let dense = Dense::stack(2, &[matrix], Some(bias.to_vec()), &Device::flex());
        [Box::new(dense), Box::new(PackedLinear::new(packed, Some(bias.to_vec())))]
    }

    fn heads(deep: bool) -> [Head; 2] {
        let inner = layers(&[1.0, 0.0, 0.0, -1.0], &[0.0, 0.0]).map(|layer| deep.then_some(layer));
        let mut inner = inner.into_iter();
        layers(&[1.0, 10.0], &[0.5]).map(|outer| {
            let inner = inner.next().unwrap();
            Head { name: "score".to_owned(), inner, outer, outputs: 1 }
        })
    }

    #[test]
    fn what_is_negative_inside_does_not_reach_the_outputs() {
        let rows = [3.0, 2.0, -3.0, -2.0];
        let hidden = || Tensor::<2>::from_data([[3.0, 2.0], [-3.0, -2.0]], &Device::flex());
        for (deep, expected, parameters) in [(true, [3.5, 20.5], 6), (false, [23.5, -22.5], 2)] {
            let [dense, packed] = heads(deep);
            assert_eq!(to_host(dense.forward(hidden())), expected);
            assert_eq!(packed.rows(rows.to_vec()), expected);
            assert_eq!((dense.parameters(), packed.parameters()), (parameters, parameters));
        }
        assert_eq!((heads(true)[0].bytes(), heads(false)[0].bytes()), (36, 12));
    }

    #[test]
    fn what_is_not_a_number_inside_reaches_the_outputs() {
        let [_, packed] = heads(true);
        assert!(packed.rows(vec![f32::NAN, 1.0])[0].is_nan());
    }
}
