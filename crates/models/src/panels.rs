//! Panels of packed weights, in the precision that a checkpoint has them in.

use espalier_kernels::numbers::widen;
use half::{
    bf16, f16,
    slice::{HalfBitsSliceExt, HalfFloatSliceExt},
};

use crate::packed_job::{LINE, PANEL};

/// How a weight is stored. All are multiplied as the `f32` they stand for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Precision {
    /// 32 bits.
    F32,
    /// IEEE half precision.
    F16,
    /// The upper half of an `f32`.
    Bf16,
}

impl Precision {
    /// The name reports have for it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::F32 => "f32",
            Self::F16 => "f16",
            Self::Bf16 => "bf16",
        }
    }

    /// The precision of a checkpoint's type, `F32` where it is none of these.
    #[must_use]
    pub fn of_type(name: &str) -> Self {
        match name {
            "F16" => Self::F16,
            "BF16" => Self::Bf16,
            _ => Self::F32,
        }
    }
}

/// Successive panels.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Panels<'a> {
    F32(&'a [f32]),
    /// The bits of finite halves.
    F16(&'a [u16]),
    Bf16(&'a [bf16]),
}

impl<'a> Panels<'a> {
    /// The panels from `from` to `to`, of `size` weights each.
    pub(crate) fn cut(self, size: usize, from: usize, to: usize) -> Self {
        let range = from * size..to * size;
        match self {
            Self::F32(all) => Self::F32(&all[range]),
            Self::F16(all) => Self::F16(&all[range]),
            Self::Bf16(all) => Self::Bf16(&all[range]),
        }
    }

    /// One panel as `f32`, in place or in `room`, which holds it and a cache line more.
    #[expect(clippy::inline_always, reason = "it takes the instruction set of its caller")]
    #[inline(always)]
    pub(crate) fn widened<'b>(self, size: usize, panel: usize, room: &'b mut [f32]) -> &'b [f32]
    where
        'a: 'b,
    {
        let range = panel * size..(panel + 1) * size;
        match self {
            Self::F32(all) => &all[range],
            Self::F16(all) => {
                let to = on_a_line(room, size);
                widen(&all[range], to);
                to
            }
            Self::Bf16(all) => {
                let to = on_a_line(room, size);
                for (to, weight) in to.iter_mut().zip(&all[range]) {
                    *to = f32::from_bits(u32::from(weight.to_bits()) << 16);
                }
                to
            }
        }
    }

    /// Elements of the room to widen a panel in; none where that is not needed.
    pub(crate) fn room(self, size: usize) -> usize {
        match self {
            Self::F32(_) => 0,
            Self::F16(_) | Self::Bf16(_) => size + LINE,
        }
    }

    /// The weights of one output.
    pub(crate) fn row(self, inputs: usize, output: usize, into: &mut [f32]) {
        let first = output / PANEL * PANEL * inputs + output % PANEL;
        for (input, to) in into.iter_mut().enumerate() {
            let at = first + input * PANEL;
            *to = match self {
                Self::F32(all) => all[at],
                Self::F16(all) => f16::from_bits(all[at]).to_f32(),
                Self::Bf16(all) => all[at].to_f32(),
            };
        }
    }
}

/// The first elements of a room that open a cache line.
fn on_a_line(room: &mut [f32], size: usize) -> &mut [f32] {
    let start = room.as_ptr().align_offset(LINE * size_of::<f32>()).min(LINE);
    &mut room[start..][..size]
}

/// Panels and their memory.
#[derive(Debug)]
pub(crate) enum Store {
    /// The weights, from an index on that opens a cache line.
    F32(Vec<f32>, usize),
    F16(Vec<u16>),
    Bf16(Vec<bf16>),
}

impl Store {
    /// Narrows weights that this precision can represent; others are rounded. Weights that are not finite stay
    /// `f32`.
    pub(crate) fn new(panels: Vec<f32>, start: usize, precision: Precision) -> Self {
        match precision {
            Precision::F16 if panels.iter().all(|weight| weight.is_finite()) => {
                let mut narrow = vec![0; panels.len() - start];
                let halves: &mut [f16] = narrow.reinterpret_cast_mut();
                halves.convert_from_f32_slice(&panels[start..]);
                Self::F16(narrow)
            }
            Precision::F32 | Precision::F16 => Self::F32(panels, start),
            Precision::Bf16 => {
                Self::Bf16(panels[start..].iter().map(|weight| bf16::from_f32(*weight)).collect())
            }
        }
    }

    pub(crate) fn panels(&self) -> Panels<'_> {
        match self {
            Self::F32(all, start) => Panels::F32(&all[*start..]),
            Self::F16(all) => Panels::F16(all),
            Self::Bf16(all) => Panels::Bf16(all),
        }
    }

    pub(crate) fn bytes(&self) -> usize {
        match self {
            Self::F32(all, _) => size_of_val(&all[..]),
            Self::F16(all) => size_of_val(&all[..]),
            Self::Bf16(all) => size_of_val(&all[..]),
        }
    }

    pub(crate) fn precision(&self) -> Precision {
        match self {
            Self::F32(..) => Precision::F32,
            Self::F16(_) => Precision::F16,
            Self::Bf16(_) => Precision::Bf16,
        }
    }
}
