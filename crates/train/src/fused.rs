//! Fused operations: the parts of a layer that are neither products nor sums, each one pass over its
//! input, forward and backward.
//!
//! Composed of Burn's operations they take three fifths of a training step on a CPU, mostly in writing
//! intermediate tensors and in exponentials of scores that are hidden. On Flex they are computed here;
//! other devices compose them ([`net`](crate::net)). A test holds both to the same gradients.

mod attend;
mod gate;
mod lanes;
mod norm;
mod spans;

use std::sync::Arc;

use burn::backend::autodiff::checkpoint::strategy::CheckpointStrategy;
use burn::backend::tensor::FloatTensor;
use burn::backend::{Autodiff, Backend, Dispatch, Flex, backend_extension};
use burn::tensor::{Tensor, TensorData};

pub use spans::{Span, Spans};

/// A tensor of the CPU backend.
type Flat = FloatTensor<Flex>;

/// The fused operations, as a Burn extension.
#[backend_extension(Flex, Autodiff)]
pub trait Fused: Backend {
    /// See [`rms_norm`].
    fn fused_rms_norm(
        input: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        epsilon: f32,
    ) -> FloatTensor<Self>;

    /// See [`swiglu`].
    fn fused_swiglu(both: FloatTensor<Self>) -> FloatTensor<Self>;

    /// See [`attend`].
    fn fused_attend(qkv: FloatTensor<Self>, spans: Arc<Spans>) -> FloatTensor<Self>;
}

impl Fused for Flex {
    fn fused_rms_norm(input: Flat, weight: Flat, epsilon: f32) -> Flat {
        norm::forward(&input, &weight, epsilon)
    }

    fn fused_swiglu(both: Flat) -> Flat {
        gate::forward(&both)
    }

    fn fused_attend(qkv: Flat, spans: Arc<Spans>) -> Flat {
        attend::forward(&qkv, &spans).0
    }
}

impl<C: CheckpointStrategy> Fused for Autodiff<Flex, C> {
    fn fused_rms_norm(
        input: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        epsilon: f32,
    ) -> FloatTensor<Self> {
        norm::tracked::<C>(input, weight, epsilon)
    }

    fn fused_swiglu(both: FloatTensor<Self>) -> FloatTensor<Self> {
        gate::tracked::<C>(both)
    }

    fn fused_attend(qkv: FloatTensor<Self>, spans: Arc<Spans>) -> FloatTensor<Self> {
        attend::tracked::<C>(qkv, spans)
    }
}

/// `x / sqrt(mean(x²) + ε) · w`, row by row.
///
/// # Shapes
///
/// - input, output: `[N, E]`
/// - weight: `[E]`
///
/// Source: Zhang and Sennrich 2019, <https://arxiv.org/abs/1910.07467>, equation 4.
#[must_use]
pub fn rms_norm(input: Tensor<2>, weight: Tensor<1>, epsilon: f32) -> Tensor<2> {
    let (input, weight) = (input.into_dispatch(), weight.into_dispatch());
    Tensor::from_dispatch(<Dispatch as Fused>::fused_rms_norm(input, weight, epsilon))
}

/// `silu(gate) · up`.
///
/// # Shapes
///
/// - both: `[N, 2 F]`, the gate first
/// - output: `[N, F]`
///
/// Source: Shazeer 2020, <https://arxiv.org/abs/2002.05202>, equation 6.
#[must_use]
pub fn swiglu(both: Tensor<2>) -> Tensor<2> {
    Tensor::from_dispatch(<Dispatch as Fused>::fused_swiglu(both.into_dispatch()))
}

/// Rotated, grouped-query attention of every token to those of its span, and to no others: what is
/// hidden costs nothing.
///
/// # Shapes
///
/// - qkv: `[B · T, (H + 2 K) D]`: queries, keys, values, not rotated
/// - output: `[B · T, H D]`
///
/// Sources: Vaswani et al. 2017, <https://arxiv.org/abs/1706.03762>, section 3.2.1; Su et al. 2021,
/// <https://arxiv.org/abs/2104.09864>, section 3.2.2.
#[must_use]
pub fn attend(qkv: Tensor<2>, spans: Arc<Spans>) -> Tensor<2> {
    Tensor::from_dispatch(<Dispatch as Fused>::fused_attend(qkv.into_dispatch(), spans))
}

/// The values of a tensor, row by row, without a copy where they already lie so.
fn with_values<R>(tensor: &Flat, then: impl FnOnce(&[f32]) -> R) -> R {
    match tensor.as_slice::<f32>() {
        Some(values) => then(values),
        None => then(tensor.to_contiguous().storage::<f32>()),
    }
}

fn tensor(values: Vec<f32>, shape: impl Into<burn::tensor::Shape>) -> Flat {
    Flat::from_data(TensorData::new(values, shape))
}
