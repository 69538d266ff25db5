//! Cuts: what rows of the front hold, copied on all threads as kernels read it in segments.

use std::ops::Range;

use burn::tensor::{DType, Device, Tensor, TensorData};
use espalier_kernels::{Number, Numbers, head_across, threads};
use half::{f16, vec::HalfBitsVecExt};

use crate::nn::host::{View, from_host};

/// The first tokens of a row of the front.
#[derive(Debug, Clone, Copy)]
pub struct Cut {
    /// The row's slot.
    pub slot: usize,
    /// How many tokens.
    pub len: usize,
}

/// How vectors of keys or values become a segment's, `[K, T, D]` each.
#[derive(Debug, Clone, Copy)]
enum Way {
    /// Each head's [across](espalier_kernels::across).
    Across,
    /// As they come.
    Rows,
}

/// Numbers of one row and layer.
enum Copied {
    F32(Vec<f32>),
    F16(Vec<u16>),
}

/// The keys, across, and the values of each cut, by layers, `[K, T, D]`.
///
/// # Shapes
///
/// - layers: keys and values, `[rows, K, C, D]` each
pub(super) fn copied(
    layers: &[[&Tensor<4>; 2]],
    cuts: &[Cut],
    device: &Device,
) -> Vec<[Vec<Tensor<3>>; 2]> {
    let Some([keys, _]) = layers.first() else {
        return cuts.iter().map(|_| [Vec::new(), Vec::new()]).collect();
    };
    let [_, kv_heads, columns, dim] = keys.dims();
    let views: Vec<[View; 2]> = layers.iter().map(|layer| layer.map(View::new)).collect();
    let all_copied = threads::map(views.iter().collect(), |[keys, values]: &[View; 2]| {
        let one = |cut: &Cut| {
            let rows = cut.slot * kv_heads..(cut.slot + 1) * kv_heads;
            let heads: Vec<Range<usize>> =
                rows.map(|head| head * columns * dim).map(|at| at..at + cut.len * dim).collect();
            [(keys, Way::Across), (values, Way::Rows)]
                .map(|(view, way)| numbers_of(view.values(), &heads, dim, way))
        };
        cuts.iter().map(one).collect::<Vec<_>>()
    });
    let mut all: Vec<[Vec<Tensor<3>>; 2]> = cuts.iter().map(|_| [Vec::new(), Vec::new()]).collect();
    for layer in all_copied {
        for ((made, copied), cut) in all.iter_mut().zip(layer).zip(cuts) {
            for (made, copied) in made.iter_mut().zip(copied) {
                made.push(tensor(copied, [kv_heads, cut.len, dim], device));
            }
        }
    }
    all
}

fn numbers_of(numbers: Numbers<'_>, heads: &[Range<usize>], dim: usize, way: Way) -> Copied {
    match numbers {
        Numbers::F32(numbers) => Copied::F32(gathered(numbers, heads, dim, way)),
        Numbers::F16(halves) => Copied::F16(gathered(halves, heads, dim, way)),
    }
}

/// In memory of just that size: it is held as long as the segment.
fn gathered<T: Number>(numbers: &[T], heads: &[Range<usize>], dim: usize, way: Way) -> Vec<T> {
    let mut all = Vec::with_capacity(heads.iter().map(Range::len).sum());
    for head in heads {
        match way {
            Way::Across => head_across(&numbers[head.clone()], dim, &mut all),
            Way::Rows => all.extend_from_slice(&numbers[head.clone()]),
        }
    }
    all
}

fn tensor(copied: Copied, shape: [usize; 3], device: &Device) -> Tensor<3> {
    match copied {
        Copied::F32(numbers) => from_host(numbers, shape, device),
        Copied::F16(halves) => {
            let halves: Vec<f16> = halves.reinterpret_into();
            Tensor::from_data(TensorData::new(halves, shape), (device, DType::F16))
        }
    }
}

#[cfg(test)]
mod tests {
    use espalier_kernels::across;

    use super::*;
    use crate::nn::host::to_host;

    #[test]
    fn cuts_have_the_first_tokens_of_their_rows_in_either_precision() {
        let (rows, kv_heads, columns, dim) = (3, 2, 40, 8);
        let device = Device::flex();
        let size = rows * kv_heads * columns * dim;
        let all = |first: usize| -> Vec<f32> { (0..size).map(|i| (first + i) as f32).collect() };
        let [keys, values] = [0, 100].map(all);
        let tensors = [&keys, &values]
            .map(|all| from_host(all.clone(), [rows, kv_heads, columns, dim], &device));
        let cuts = [Cut { slot: 2, len: 33 }, Cut { slot: 0, len: 5 }];
        let expected = |all: &[f32], Cut { slot, len }: Cut| -> Vec<f32> {
            let heads = all.chunks_exact(columns * dim).skip(slot * kv_heads).take(kv_heads);
            heads.flat_map(|head| head[..len * dim].to_vec()).collect()
        };
        for dtype in [DType::F32, DType::F16] {
            let [keys_kept, values_kept] = tensors.clone().map(|tensor| tensor.cast(dtype));
            let layers = [[&keys_kept, &values_kept]; 2];
            let made = copied(&layers, &cuts, &device);
            assert_eq!(made.len(), 2);
            for ([some_keys, some_values], cut) in made.into_iter().zip(cuts) {
                assert_eq!((some_keys.len(), some_values.len()), (2, 2));
                let keys = across(&expected(&keys, cut), kv_heads, dim);
                for (tensors, numbers) in [(some_keys, keys), (some_values, expected(&values, cut))]
                {
                    for tensor in tensors {
                        assert_eq!(
                            (tensor.dims(), tensor.dtype()),
                            ([kv_heads, cut.len, dim], dtype)
                        );
                        assert_eq!(to_host(tensor.cast(DType::F32)), numbers);
                    }
                }
            }
        }
    }
}
