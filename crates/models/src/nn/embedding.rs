//! The embedding: from token ids to rows.

use std::sync::Arc;

use burn::tensor::{Device, FloatDType, Int, Tensor, TensorData};
use espalier_kernels::Quantized;

use super::{packed_linear, quantized_linear};
use crate::{packed::Packed, panels::Precision};

/// The vectors of the vocabulary.
#[derive(Debug)]
pub enum Embedding {
    /// A table of its own, `[V, E]`.
    Rows(Tensor<2>),
    /// The output head's weight, `[E, V]`: tied models hold the table once.
    Tied(Tensor<2>),
    /// The output head's packed weight.
    TiedPacked(Arc<Packed>),
    /// A table of its own that stays quantized. CPU only, as is the next.
    Quantized(Arc<Quantized>),
    /// The output head's quantized weight.
    TiedQuantized(Arc<Quantized>),
}

impl Embedding {
    /// A table of its own from `[V, E]` values, kept in a precision that can represent them.
    #[must_use]
    pub fn rows(values: Vec<f32>, hidden: usize, precision: Precision, device: &Device) -> Self {
        let vocab = values.len() / hidden;
        let table = Tensor::<2>::from_data(TensorData::new(values, [vocab, hidden]), device);
        Self::Rows(match precision {
            Precision::F32 => table,
            Precision::F16 => table.cast(FloatDType::F16),
            Precision::Bf16 => table.cast(FloatDType::BF16),
        })
    }

    /// Memory held, in bytes; none where the head holds it.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        match self {
            Self::Rows(table) => (table.shape().num_elements() * table.dtype().size()) as u64,
            Self::Quantized(table) => table.bytes() as u64,
            Self::Tied(_) | Self::TiedPacked(_) | Self::TiedQuantized(_) => 0,
        }
    }

    /// The vectors of `ids`.
    ///
    /// # Shapes
    ///
    /// - ids: `[N]`
    /// - output: `[N, E]`
    pub fn forward(&self, ids: Tensor<1, Int>) -> Tensor<2> {
        match self {
            Self::Rows(table) => table.clone().select(0, ids).cast(FloatDType::F32),
            Self::Tied(head) => head.clone().select(1, ids).transpose(),
            Self::TiedPacked(head) => packed_linear::rows(head, ids),
            Self::Quantized(table) => quantized_linear::rows(table, ids),
            Self::TiedQuantized(head) => quantized_linear::rows(head, ids),
        }
    }
}
