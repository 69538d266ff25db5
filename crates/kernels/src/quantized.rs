//! Quantized matrices, packed for products with a few rows at a time.

use bytes::Bytes;
use rayon::prelude::*;

use crate::{
    blocks::{self, BLOCK},
    format::Format,
    half,
    layout::{GROUP, GROUPS, LANES, Layout, Scales},
    pages,
};

/// Weights that share a scale of scales in k-quants, in blocks of 32.
pub(crate) const BLOCKS_PER_SUPER: usize = 8;

/// Why blocks cannot be packed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PackError {
    /// A scale or a minimum is NaN or infinite.
    #[error("row {row} has a block whose scale is not a finite number")]
    NotFinite {
        /// The output it belongs to, from 0.
        row: usize,
    },
}

/// A matrix whose weights stay quantized: the codes and scales of a GGUF file in another order.
///
/// It takes the memory that the file's tensor takes, to within 3 % (5 % for `Q6_K`), outputs that fill no panel of 8 aside.
#[derive(Debug, Clone)]
pub struct Quantized {
    pub(crate) format: Format,
    inputs: usize,
    outputs: usize,
    /// `[ceil(outputs / 8), inputs / 32]` records.
    records: Bytes,
    /// `[ceil(outputs / 8), ceil(inputs / 256)]` scales of scales, as the layout says.
    supers: Vec<u16>,
}

impl Quantized {
    /// Packs rows of whole blocks: row `i` becomes output `i`.
    ///
    /// # Errors
    /// [`PackError`] naming a row that cannot be multiplied.
    ///
    /// # Panics
    /// If `inputs` is zero, or does not fill whole blocks, or a row is not that of `inputs` weights.
    ///
    /// # Complexity
    /// One pass over the rows, on the threads of the current rayon pool.
    pub fn pack(format: Format, inputs: usize, rows: &[&[u8]]) -> Result<Self, PackError> {
        assert!(inputs > 0 && inputs.is_multiple_of(format.values()), "{inputs} inputs");
        let row_bytes = inputs / format.values() * format.bytes();
        assert!(rows.iter().all(|row| row.len() == row_bytes), "a row has {row_bytes} bytes");
        let layout = Layout::of(format);
        let panels = rows.len().div_ceil(LANES);
        let (record_bytes, super_halves) = sizes(layout, inputs);
        let mut records = pages::zeroed(panels * record_bytes);
        let mut supers = vec![0; panels * super_halves];
        let mut lines: Vec<&mut [u16]> = Vec::new();
        if super_halves > 0 {
            lines.extend(supers.chunks_exact_mut(super_halves));
        } else {
            lines.resize_with(panels, || &mut []);
        }
        records
            .par_chunks_exact_mut(record_bytes)
            .zip(lines)
            .zip(rows.par_chunks(LANES))
            .enumerate()
            .try_for_each(|(panel, ((records, supers), rows))| {
                pack_panel(format, records, supers, rows)
                    .map_err(|lane| PackError::NotFinite { row: panel * LANES + lane })
            })?;
        Ok(Self { format, inputs, outputs: rows.len(), records: records.freeze(), supers })
    }

    /// The format its weights are stored in.
    #[must_use]
    pub fn format(&self) -> Format {
        self.format
    }

    /// Elements of an input row.
    #[must_use]
    pub fn inputs(&self) -> usize {
        self.inputs
    }

    /// Elements of an output row.
    #[must_use]
    pub fn outputs(&self) -> usize {
        self.outputs
    }

    /// Memory held, in bytes.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.records.len() + 2 * self.supers.len()
    }

    /// The weights of one output as numbers, the embedding of a token where the matrices are tied.
    ///
    /// # Panics
    /// If there is no such `output`, or `into` has not `inputs` elements.
    pub fn row(&self, output: usize, into: &mut [f32]) {
        assert!(output < self.outputs, "output {output} of {}", self.outputs);
        assert_eq!(into.len(), self.inputs, "elements of a row of weights");
        let layout = Layout::of(self.format);
        let (records, supers) = self.panel(output / LANES);
        let lane = output % LANES;
        let blocks = into.as_chunks_mut::<BLOCK>().0.iter_mut();
        for (block, (into, record)) in blocks.zip(records.chunks_exact(layout.bytes())).enumerate()
        {
            let scales = read_scales(layout, record, super_of(layout, supers, block));
            for (i, weight) in into.iter_mut().enumerate() {
                let code = layout.code(record, i / GROUP, lane * GROUP + i % GROUP);
                let code = match self.format {
                    Format::Q8_0 => i32::from(code.cast_signed()),
                    _ => i32::from(code) - layout.offset,
                };
                let scale = scales.by_half[i / (BLOCK / 2)][lane];
                *weight = scale * code as f32 + scales.min[lane];
            }
        }
    }

    /// Number of panels of 8 outputs.
    pub(crate) fn panels(&self) -> usize {
        self.outputs.div_ceil(LANES)
    }

    /// The records and scales of scales of 8 outputs.
    #[expect(clippy::inline_always, reason = "it takes the instruction set of its caller")]
    #[inline(always)]
    pub(crate) fn panel(&self, panel: usize) -> (&[u8], &[u16]) {
        let (record_bytes, super_halves) = sizes(Layout::of(self.format), self.inputs);
        (
            &self.records[panel * record_bytes..][..record_bytes],
            &self.supers[panel * super_halves..][..super_halves],
        )
    }

    /// All that lies `bytes` or more behind the first record of a panel.
    #[cfg(target_arch = "x86_64")]
    pub(crate) fn ahead(&self, panel: usize, bytes: usize) -> &[u8] {
        let (record_bytes, _) = sizes(Layout::of(self.format), self.inputs);
        self.records.get(panel * record_bytes + bytes..).unwrap_or_default()
    }
}

/// The bytes of records and the halves beside them of a panel.
const fn sizes(layout: Layout, inputs: usize) -> (usize, usize) {
    (inputs / BLOCK * layout.bytes(), inputs.div_ceil(BLOCK * BLOCKS_PER_SUPER) * layout.supers())
}

/// The scales of scales that a block's record needs.
#[expect(clippy::inline_always, reason = "it takes the instruction set of its caller")]
#[inline(always)]
pub(crate) fn super_of(layout: Layout, supers: &[u16], block: usize) -> &[u16] {
    &supers[block / BLOCKS_PER_SUPER * layout.supers()..][..layout.supers()]
}

/// The scales of a record, by output.
pub(crate) struct ByOutput {
    /// Of the first and the second 16 inputs; the same where a format has one for all 32.
    pub(crate) by_half: [[f32; LANES]; 2],
    /// What is added to every weight.
    pub(crate) min: [f32; LANES],
}

/// Reads the scales of a record.
#[expect(clippy::inline_always, reason = "it takes the instruction set of its caller")]
#[inline(always)]
pub(crate) fn read_scales(layout: Layout, record: &[u8], supers: &[u16]) -> ByOutput {
    let bytes = &record[layout.codes()..layout.bytes()];
    let half_at = |at: usize| half::single(u16::from_le_bytes([bytes[at], bytes[at + 1]]));
    let halves = |from: usize| -> [f32; LANES] {
        let mut to = [0.0; LANES];
        for (lane, to) in to.iter_mut().enumerate() {
            *to = half_at(2 * (from + lane));
        }
        to
    };
    let above = |from: usize| -> [f32; LANES] {
        let mut to = [0.0; LANES];
        for (to, half) in to.iter_mut().zip(&supers[from..from + LANES]) {
            *to = half::single(*half);
        }
        to
    };
    let stepped = |mut scales: [f32; LANES], from: usize, step: fn(u8) -> f32| {
        for (scale, byte) in scales.iter_mut().zip(&bytes[from..from + LANES]) {
            *scale *= step(*byte);
        }
        scales
    };
    match layout.scales {
        Scales::Half => ByOutput { by_half: [halves(0); 2], min: [0.0; LANES] },
        Scales::HalfMin => ByOutput { by_half: [halves(0); 2], min: halves(LANES) },
        Scales::StepMin => ByOutput {
            by_half: [stepped(above(0), 0, f32::from); 2],
            min: stepped(above(LANES), LANES, |step| -f32::from(step)),
        },
        Scales::TwoSteps => {
            let signed = |step: u8| f32::from(step.cast_signed());
            let scale = above(0);
            let by_half = [stepped(scale, 0, signed), stepped(scale, LANES, signed)];
            ByOutput { by_half, min: [0.0; LANES] }
        }
    }
}

/// Packs up to 8 rows into zeroed records; the lane whose scale is not finite is the error.
fn pack_panel(
    format: Format,
    records: &mut [u8],
    supers: &mut [u16],
    rows: &[&[u8]],
) -> Result<(), usize> {
    let layout = Layout::of(format);
    for (index, record) in records.chunks_exact_mut(layout.bytes()).enumerate() {
        for (lane, row) in rows.iter().enumerate() {
            let block = blocks::read(format, row, index);
            if !block.scales.into_iter().all(half::is_finite) {
                return Err(lane);
            }
            for (i, code) in block.codes.into_iter().enumerate() {
                layout.set_code(record, i / GROUP % GROUPS, lane * GROUP + i % GROUP, code);
            }
            let at = layout.codes();
            let above = index / BLOCKS_PER_SUPER * layout.supers() + lane;
            let mut put = |at: usize, half: u16| {
                record[at..at + 2].copy_from_slice(&half.to_le_bytes());
            };
            match layout.scales {
                Scales::Half => put(at + 2 * lane, block.scales[0]),
                Scales::HalfMin => {
                    put(at + 2 * lane, block.scales[0]);
                    put(at + 2 * (LANES + lane), block.scales[1]);
                }
                Scales::StepMin | Scales::TwoSteps => {
                    record[at + lane] = block.steps[0];
                    record[at + LANES + lane] = block.steps[1];
                    supers[above] = block.scales[0];
                    if layout.scales == Scales::StepMin {
                        supers[above + LANES] = block.scales[1];
                    }
                }
            }
        }
    }
    Ok(())
}
