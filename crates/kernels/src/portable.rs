//! The product of a panel with a row, in plain integers: the reference of the others.

use crate::{
    activations::Rounded,
    format::Format,
    layout::{GROUP, GROUPS, LANES, Layout, Scales},
    quantized::{read_scales, super_of},
};

/// The 8 outputs of a panel for one row.
#[expect(clippy::inline_always, reason = "it takes the instruction set of its caller")]
#[inline(always)]
pub(crate) fn tile(format: Format, records: &[u8], supers: &[u16], x: &[Rounded]) -> [f32; LANES] {
    let layout = Layout::of(format);
    let mut sums = [0.0_f32; LANES];
    for (block, (record, x)) in records.chunks_exact(layout.bytes()).zip(x).enumerate() {
        let scales = read_scales(layout, record, super_of(layout, supers, block));
        for (lane, sum) in sums.iter_mut().enumerate() {
            let mut dots = x.sums.map(|sum| -layout.offset * sum);
            for group in 0..GROUPS {
                for (i, x) in x.codes[group].to_le_bytes().into_iter().enumerate() {
                    let code = layout.code(record, group, lane * GROUP + i);
                    let code = match format {
                        Format::Q8_0 => i32::from(code.cast_signed()),
                        _ => i32::from(code),
                    };
                    dots[group / (GROUPS / 2)] += code * i32::from(x.cast_signed());
                }
            }
            let [first, second] = scales.by_half.map(|scale| scale[lane] * x.scale);
            *sum = match layout.scales {
                Scales::TwoSteps => {
                    second.mul_add(dots[1] as f32, first.mul_add(dots[0] as f32, *sum))
                }
                Scales::Half => first.mul_add((dots[0] + dots[1]) as f32, *sum),
                Scales::HalfMin | Scales::StepMin => {
                    let min = scales.min[lane].mul_add(x.total, *sum);
                    first.mul_add((dots[0] + dots[1]) as f32, min)
                }
            };
        }
    }
    sums
}
