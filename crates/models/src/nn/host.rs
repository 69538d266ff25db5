//! Rows in host memory: how tensors of the CPU are read by kernels and made of what they write.

use burn::{
    backend::Flex,
    tensor::{DType, Device, Tensor, TensorData},
};
use burn_flex::FlexTensor;
use espalier_kernels::Numbers;
use half::{f16, slice::HalfFloatSliceExt};

/// What computes between the products of a decoder.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Between {
    /// Burn's operations, on any device.
    Burn,
    /// Kernels with one order of summation, one pass each, on the CPU.
    Kernels,
}

/// The values of a tensor, without a copy where nobody else has it.
///
/// # Panics
///
/// Where the tensor is not of `f32`.
pub(crate) fn to_host<const D: usize>(tensor: Tensor<D>) -> Vec<f32> {
    tensor.into_data().try_into_vec::<f32>().expect("activations are f32")
}

/// A tensor of these values.
pub(crate) fn from_host<const D: usize>(
    values: Vec<f32>,
    shape: [usize; D],
    device: &Device,
) -> Tensor<D> {
    Tensor::from_data(TensorData::new(values, shape), device)
}

/// A tensor of the CPU whose values can be read where they are. While it lives, writing to the tensor
/// copies it.
#[derive(Debug)]
pub(crate) struct View(FlexTensor);

impl View {
    /// A view of a tensor on the CPU.
    ///
    /// # Panics
    ///
    /// Where the tensor is on another device.
    pub(crate) fn new<const D: usize>(tensor: &Tensor<D>) -> Self {
        let tensor = tensor.clone().try_into_primitive::<Flex>().expect("kernels are for the CPU");
        Self(tensor.to_contiguous())
    }

    /// The values in row-major order.
    ///
    /// # Panics
    ///
    /// Where the tensor is neither of `f32` nor of `f16`.
    pub(crate) fn values(&self) -> Numbers<'_> {
        if let Some(values) = self.0.as_slice::<f32>() {
            return Numbers::F32(values);
        }
        let halves = self.0.as_slice::<f16>().expect("a contiguous tensor of f32 or f16");
        Numbers::F16(halves.reinterpret_cast())
    }
}

/// The values of a tensor, to be changed where they are.
pub(crate) enum Values<'a> {
    /// As they are.
    F32(&'a mut [f32]),
    /// As halves.
    F16(&'a mut [f16]),
}

/// Changes the values of a tensor on the CPU where they are, in row-major order. Where others have the
/// tensor, too, it becomes a copy first.
///
/// # Panics
///
/// Where the tensor is on another device, or neither of `f32` nor of `f16`.
pub(crate) fn change<const D: usize>(tensor: &mut Tensor<D>, change: impl FnOnce(Values<'_>)) {
    tensor.inplace(|tensor| {
        let mut held = tensor.try_into_primitive::<Flex>().expect("kernels are for the CPU");
        if !held.is_contiguous() {
            held = held.to_contiguous();
        }
        let (from, to) = held.layout().contiguous_offsets().expect("it is contiguous");
        match held.dtype() {
            DType::F32 => change(Values::F32(&mut held.storage_mut()[from..to])),
            DType::F16 => change(Values::F16(&mut held.storage_mut()[from..to])),
            other => unreachable!("keys and values are f32 or f16, not {other:?}"),
        }
        Tensor::from_primitive::<Flex>(held)
    });
}
