//! Segments: the keys and values of a finished run of tokens.

use burn::tensor::Tensor;

/// Keys and values, in the precision that they are kept in, and some hidden rows of a run of `T` tokens.
/// Never written after it is made.
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
        let kv = self.keys.iter().chain(&self.values);
        let kv = kv.map(|tensor| tensor.shape().num_elements() * tensor.dtype().size());
        let hidden = self.hidden.shape().num_elements() * size_of::<f32>();
        (kv.sum::<usize>() + hidden) as u64
    }
}

/// A tensor of its own with the same values: a view would keep all of what it looks into alive.
#[must_use]
pub fn owned<const D: usize>(view: Tensor<D>) -> Tensor<D> {
    view.mul_scalar(1.0)
}
