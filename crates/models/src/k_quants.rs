//! K-quants: the GGUF formats that store 256 values in sub-blocks with quantized scales.
//!
//! `Q4_K` and `Q5_K` have 8 sub-blocks of 32 values, each with a 6-bit scale and a 6-bit minimum:
//! a value is `d * scale * q - dmin * min`. `Q6_K` has 16 sub-blocks of 16 values with an 8-bit
//! scale: a value is `d * scale * (q - 32)`.
//!
//! # Source
//! The block layouts of [ggml](https://github.com/ggml-org/ggml/blob/master/src/ggml-common.h).

use crate::quants::{for_blocks, half_at};

/// Values in a block.
const VALUES: usize = 256;

/// Reads `Q4_K`: `d`, `dmin`, 12 bytes of scales, then 4 bits a value.
///
/// The sub-blocks come in pairs that share 32 bytes: the first in the low halves.
pub(crate) fn q4_k(bytes: &[u8], out: &mut [f32]) {
    for_blocks::<144, VALUES>(bytes, out, |block, values| {
        let scales = Scales::read(block);
        let (pairs, _) = values.as_chunks_mut::<64>();
        for (p, (pair, q)) in pairs.iter_mut().zip(block[16..].chunks_exact(32)).enumerate() {
            let (low, high) = pair.split_at_mut(32);
            let (scale, min) = scales.get(2 * p);
            for (value, q) in low.iter_mut().zip(q) {
                *value = scale * f32::from(q & 15) - min;
            }
            let (scale, min) = scales.get(2 * p + 1);
            for (value, q) in high.iter_mut().zip(q) {
                *value = scale * f32::from(q >> 4) - min;
            }
        }
    });
}

/// Reads `Q5_K`: as `Q4_K`, with 32 bytes between scales and values that hold the fifth bits: bit
/// `s` of byte `i` belongs to value `i` of sub-block `s`.
pub(crate) fn q5_k(bytes: &[u8], out: &mut [f32]) {
    for_blocks::<176, VALUES>(bytes, out, |block, values| {
        let scales = Scales::read(block);
        let fifth = &block[16..48];
        let (pairs, _) = values.as_chunks_mut::<64>();
        for (p, (pair, q)) in pairs.iter_mut().zip(block[48..].chunks_exact(32)).enumerate() {
            let (low, high) = pair.split_at_mut(32);
            let (scale, min) = scales.get(2 * p);
            for ((value, q), bits) in low.iter_mut().zip(q).zip(fifth) {
                let q = q & 15 | (bits >> (2 * p) & 1) << 4;
                *value = scale * f32::from(q) - min;
            }
            let (scale, min) = scales.get(2 * p + 1);
            for ((value, q), bits) in high.iter_mut().zip(q).zip(fifth) {
                let q = q >> 4 | (bits >> (2 * p + 1) & 1) << 4;
                *value = scale * f32::from(q) - min;
            }
        }
    });
}

/// Reads `Q6_K`: 128 bytes of low 4 bits, 64 bytes of high 2 bits, 16 signed scales, then `d`.
///
/// Each half of the block, 128 values in four rows of 32, has its own 64 low and 32 high bytes:
/// rows 0 and 1 are the low halves of the first and second 32 low bytes, rows 2 and 3 their high
/// halves; the high bits of row `r` are bits `2r` and `2r + 1`.
pub(crate) fn q6_k(bytes: &[u8], out: &mut [f32]) {
    for_blocks::<210, VALUES>(bytes, out, |block, values| {
        let d = half_at(block, 208);
        for (h, half) in values.chunks_exact_mut(128).enumerate() {
            let low = &block[64 * h..64 * (h + 1)];
            let high = &block[128 + 32 * h..128 + 32 * (h + 1)];
            let scales = &block[192 + 8 * h..192 + 8 * (h + 1)];
            for (r, row) in half.chunks_exact_mut(32).enumerate() {
                let low = &low[32 * (r % 2)..32 * (r % 2 + 1)];
                let low_shift = 4 * (r / 2);
                for (i, ((value, low), high)) in row.iter_mut().zip(low).zip(high).enumerate() {
                    let scale = d * f32::from(scales[2 * r + i / 16].cast_signed());
                    let q = low >> low_shift & 15 | (high >> (2 * r) & 3) << 4;
                    *value = scale * (f32::from(q) - 32.0);
                }
            }
        }
    });
}

/// The scales and minima of a block's 8 sub-blocks, multiplied by `d` and `dmin`.
struct Scales {
    scale: [f32; 8],
    min: [f32; 8],
}

impl Scales {
    /// Reads `d`, `dmin` and the 12 bytes after them.
    ///
    /// The first four scales and minima are the low 6 bits of bytes 0–3 and 4–7. The last four
    /// have their low 4 bits in the halves of bytes 8–11, their high 2 bits in the high 2 bits of
    /// bytes 0–3 and 4–7.
    fn read(block: &[u8]) -> Self {
        let (d, dmin) = (half_at(block, 0), half_at(block, 2));
        let (s, m, rest) = (&block[4..8], &block[8..12], &block[12..16]);
        let mut scales = Self { scale: [0.0; 8], min: [0.0; 8] };
        for i in 0..4 {
            scales.scale[i] = d * f32::from(s[i] & 63);
            scales.min[i] = dmin * f32::from(m[i] & 63);
            scales.scale[i + 4] = d * f32::from(rest[i] & 15 | s[i] >> 6 << 4);
            scales.min[i + 4] = dmin * f32::from(rest[i] >> 4 | m[i] >> 6 << 4);
        }
        scales
    }

    fn get(&self, sub_block: usize) -> (f32, f32) {
        (self.scale[sub_block], self.min[sub_block])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scales_unpack_all_six_bits() {
        let mut block = [0; 16];
        block[1] = 0x3c;
        block[3] = 0x3c;
        block[4] = 0b1001_0001;
        block[8] = 0b0100_0010;
        block[12] = 0b0101_0011;
        let scales = Scales::read(&block);
        assert_eq!(scales.get(0), (17.0, 2.0));
        assert_eq!(scales.get(4), (f32::from(0b10_0011_u8), f32::from(0b01_0101_u8)));
    }

    #[test]
    fn a_zero_block_of_q6_k_is_minus_thirty_two_scales() {
        let mut block = [0; 210];
        block[192..208].fill(1);
        block[209] = 0x3c;
        let mut out = [0.0; VALUES];
        q6_k(&block, &mut out);
        assert!(out.iter().all(|value| value.to_bits() == (-32.0_f32).to_bits()));
    }
}
