//! Segments: the keys and values of a finished run of tokens.

use burn::tensor::Tensor;

/// Keys, values and some hidden rows of a run of `T` tokens. Never written after it is made.
#[derive(Debug)]
pub struct Segment {
    /// One tensor a layer, `[K, T, D]`.
    pub keys: Vec<Tensor<3>>,
    /// One tensor a layer, `[K, T, D]`.
    pub values: Vec<Tensor<3>>,
    /// Hidden rows of the last tokens, `[≤ T, E]`.
    pub hidden: Tensor<2>,
}

impl Segment {
    /// Memory held, in bytes.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        let elements = |tensors: &[Tensor<3>]| {
            tensors.iter().map(|tensor| tensor.shape().num_elements()).sum::<usize>()
        };
        let all =
            elements(&self.keys) + elements(&self.values) + self.hidden.shape().num_elements();
        all as u64 * 4
    }
}

/// A tensor of its own with the same values: a view would keep all of what it looks into alive.
#[must_use]
pub fn owned<const D: usize>(view: Tensor<D>) -> Tensor<D> {
    view.mul_scalar(1.0)
}
