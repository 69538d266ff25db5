//! Layouts: where a packed record of 8 outputs and 32 inputs has its codes and scales.

use crate::{blocks::BLOCK, format::Format};

/// Outputs of a record: the 32-bit lanes of an AVX2 vector.
pub(crate) const LANES: usize = 8;
/// Inputs whose codes lie side by side in a 32-bit lane.
pub(crate) const GROUP: usize = 4;
/// Groups of a record.
pub(crate) const GROUPS: usize = BLOCK / GROUP;
/// Bytes of a cache line.
pub(crate) const LINE: usize = 64;
/// Codes of a group of all outputs.
pub(crate) const VECTOR: usize = LANES * GROUP;

/// How scales are stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Scales {
    /// A half for each output.
    Half,
    /// A half, and the minimum as another.
    HalfMin,
    /// A byte, and another for the minimum, which is subtracted; their halves once in 256 inputs.
    StepMin,
    /// A signed byte for each 16 inputs; their half once in 256 inputs.
    TwoSteps,
}

/// The layout of a format's records.
///
/// A record has its codes first: vectors of 32 bytes, in which byte `4 · output + i` belongs to input
/// `4 · group + i`. Codes of a byte have a vector for each group. Of smaller codes, the low half of vector
/// `g` has the low 4 bits of group `g`, the high half those of group `g + 4`; `planes` more vectors have
/// the fifth bit of group `g` in bit `g`, or the fifth and sixth of groups 0–3 and 4–7 from bit
/// `2 · (g mod 4)` on. Then come the scales.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Layout {
    /// Bytes of the codes, or of their low halves.
    pub(crate) low: usize,
    /// Vectors of the other bits.
    pub(crate) planes: usize,
    /// What is subtracted from a code.
    pub(crate) offset: i32,
    pub(crate) scales: Scales,
    /// Products of a pair of codes and activations that can be added in 16 bits, centred where codes have
    /// an offset.
    pub(crate) fit: usize,
}

impl Layout {
    pub(crate) const fn of(format: Format) -> Self {
        let (low, planes, offset, scales) = match format {
            Format::Q8_0 => (GROUPS * VECTOR, 0, 0, Scales::Half),
            Format::Q4_0 => (GROUPS * VECTOR / 2, 0, 8, Scales::Half),
            Format::Q4_1 => (GROUPS * VECTOR / 2, 0, 0, Scales::HalfMin),
            Format::Q5_0 => (GROUPS * VECTOR / 2, 1, 16, Scales::Half),
            Format::Q5_1 => (GROUPS * VECTOR / 2, 1, 0, Scales::HalfMin),
            Format::Q4K => (GROUPS * VECTOR / 2, 0, 0, Scales::StepMin),
            Format::Q5K => (GROUPS * VECTOR / 2, 1, 0, Scales::StepMin),
            Format::Q6K => (GROUPS * VECTOR / 2, 2, 32, Scales::TwoSteps),
        };
        let fit = match (offset, planes) {
            _ if low == GROUPS * VECTOR => 1,
            // Sums are right as long as they end in bounds, whatever is beyond on the way.
            (8 | 16, _) => GROUPS,
            (32, _) => GROUPS / 2,
            // A pair of products is at most 2 · 127 · code; 32767 holds as many.
            (_, 0) => 8, // codes to 15
            _ => 4,      // codes to 31
        };
        Self { low, planes, offset, scales, fit }
    }

    /// Bytes of the codes of a record.
    pub(crate) const fn codes(self) -> usize {
        self.low + self.planes * VECTOR
    }

    /// Bytes of a record.
    pub(crate) const fn bytes(self) -> usize {
        self.codes()
            + match self.scales {
                Scales::Half | Scales::StepMin | Scales::TwoSteps => 2 * LANES,
                Scales::HalfMin => 4 * LANES,
            }
    }

    /// Halves of 8 outputs and 256 inputs that lie beside the records.
    pub(crate) const fn supers(self) -> usize {
        match self.scales {
            Scales::Half | Scales::HalfMin => 0,
            Scales::StepMin => 2 * LANES,
            Scales::TwoSteps => LANES,
        }
    }

    /// The code at `at` in each vector, of a group.
    pub(crate) fn code(self, record: &[u8], group: usize, at: usize) -> u8 {
        if self.low == GROUPS * VECTOR {
            return record[group * VECTOR + at];
        }
        let low = record[group % 4 * VECTOR + at] >> (4 * (group / 4)) & 15;
        let plane = |index: usize| record[self.low + index * VECTOR + at];
        match self.planes {
            0 => low,
            1 => low | (plane(0) >> group & 1) << 4,
            _ => low | (plane(group / 4) >> (2 * (group % 4)) & 3) << 4,
        }
    }

    /// Writes the code at `at` in each vector, of a group, into a record that is zero there.
    pub(crate) fn set_code(self, record: &mut [u8], group: usize, at: usize, code: u8) {
        if self.low == GROUPS * VECTOR {
            record[group * VECTOR + at] = code;
            return;
        }
        record[group % 4 * VECTOR + at] |= (code & 15) << (4 * (group / 4));
        match self.planes {
            0 => {}
            1 => record[self.low + at] |= (code >> 4) << group,
            _ => record[self.low + group / 4 * VECTOR + at] |= (code >> 4) << (2 * (group % 4)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_many_products_fit_as_are_said_to() {
        for format in Format::ALL {
            let layout = Layout::of(format);
            let largest = match layout.planes {
                _ if layout.low == GROUPS * VECTOR => 128,
                _ if layout.offset > 0 => layout.offset,
                planes => (16 << planes) - 1,
            };
            assert!(layout.fit as i32 * 2 * 127 * largest <= 32_767, "{format:?}");
        }
    }

    #[test]
    fn every_code_has_its_place() {
        for format in Format::ALL {
            let layout = Layout::of(format);
            let largest = if layout.low == 256 { 255 } else { (16 << layout.planes) - 1 };
            let code = |group: usize, at: usize| ((group * 37 + at * 11) % (largest + 1)) as u8;
            let mut record = vec![0; layout.bytes()];
            for (group, at) in (0..GROUPS).flat_map(|g| (0..VECTOR).map(move |at| (g, at))) {
                layout.set_code(&mut record, group, at, code(group, at));
            }
            for (group, at) in (0..GROUPS).flat_map(|g| (0..VECTOR).map(move |at| (g, at))) {
                assert_eq!(layout.code(&record, group, at), code(group, at), "{format:?}");
            }
        }
    }
}
