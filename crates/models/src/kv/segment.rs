//! Segments: the keys and values of a finished run of tokens.

use std::sync::OnceLock;

use burn::tensor::Tensor;

use crate::nn::host::View;

/// Keys and values, in the precision that they are kept in, and some hidden rows of a run of `T` tokens.
/// Never written after it is made.
#[derive(Debug)]
pub struct Segment {
    /// One tensor a layer, `[K, T, D]`; where kernels read them, each head's lie
    /// [across](espalier_kernels::across).
    pub keys: Vec<Tensor<3>>,
    /// One tensor a layer, `[K, T, D]`.
    pub values: Vec<Tensor<3>>,
    /// Hidden rows of the last tokens, `[≤ T, E]`.
    pub hidden: Tensor<2>,
    /// Keys and values of each layer where they lie on the CPU, once kernels have asked for them.
    views: OnceLock<Vec<[View; 2]>>,
}

impl Segment {
    /// A segment of these.
    #[must_use]
    pub fn new(keys: Vec<Tensor<3>>, values: Vec<Tensor<3>>, hidden: Tensor<2>) -> Self {
        Self { keys, values, hidden, views: OnceLock::new() }
    }

    /// A layer's keys and values, to be read where they lie.
    ///
    /// # Panics
    ///
    /// Where they are on another device than the CPU.
    pub(crate) fn views(&self, layer: usize) -> &[View; 2] {
        let made = || {
            let pairs = self.keys.iter().zip(&self.values);
            pairs.map(|(keys, values)| [View::new(keys), View::new(values)]).collect()
        };
        &self.views.get_or_init(made)[layer]
    }

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
