//! The precision in which keys and values are kept.

use std::str::FromStr;

use burn::tensor::{DType, FloatDType, Tensor};
use serde::Serialize;

/// The precision in which keys and values are kept. They are rounded once, when they are made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum KvPrecision {
    /// 32 bits, as they are computed.
    #[default]
    F32,
    /// IEEE half precision: half the memory, for an error of 2⁻¹¹ of each number.
    F16,
}

/// A name that is none of [`KvPrecision`].
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("unknown precision of keys and values `{0}`: use `f32` or `f16`")]
pub struct UnknownKvPrecision(String);

impl FromStr for KvPrecision {
    type Err = UnknownKvPrecision;

    fn from_str(name: &str) -> Result<Self, UnknownKvPrecision> {
        match name {
            "f32" => Ok(Self::F32),
            "f16" => Ok(Self::F16),
            _ => Err(UnknownKvPrecision(name.to_owned())),
        }
    }
}

impl KvPrecision {
    /// Bytes of a number.
    #[must_use]
    pub const fn bytes(self) -> usize {
        match self {
            Self::F32 => 4,
            Self::F16 => 2,
        }
    }

    /// The type of tensors of this precision.
    pub(crate) fn dtype(self) -> DType {
        match self {
            Self::F32 => DType::F32,
            Self::F16 => DType::F16,
        }
    }

    /// Rounds keys or values as they are kept.
    pub(crate) fn rounded<const D: usize>(self, tensor: Tensor<D>) -> Tensor<D> {
        match self {
            Self::F32 => tensor,
            Self::F16 => tensor.cast(FloatDType::F16),
        }
    }

    /// Keys or values that were kept, as Burn's operations compute with them.
    pub(crate) fn widened<const D: usize>(self, tensor: Tensor<D>) -> Tensor<D> {
        match self {
            Self::F32 => tensor,
            Self::F16 => tensor.cast(FloatDType::F32),
        }
    }
}
