//! Blocks as files have them, taken apart into codes and scales.

use crate::format::Format;

/// Weights that one scale pair and one block of activations belong to.
pub(crate) const BLOCK: usize = 32;

/// 32 weights of one output, taken apart.
///
/// Weight `i` is `scale · step · (code − offset)`, plus or minus the minimum: see [`Block::weights`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Block {
    /// Unsigned; of `Q8_0` the signed byte's bits.
    pub(crate) codes: [u8; BLOCK],
    /// Bits of halves: the scale, and the minimum or the scale of minima where there is one.
    pub(crate) scales: [u16; 2],
    /// What multiplies the scales in k-quants, for each scale (or 16 weights of `Q6_K`).
    pub(crate) steps: [u8; 2],
}

/// Takes block `index` of 32 apart, of a row of whole blocks of the file.
pub(crate) fn read(format: Format, row: &[u8], index: usize) -> Block {
    let per_block = format.values() / BLOCK;
    let block = &row[index / per_block * format.bytes()..][..format.bytes()];
    let half = |at: usize| u16::from_le_bytes([block[at], block[at + 1]]);
    let simple = |codes, min| Block { codes, scales: [half(0), min], steps: [1; 2] };
    let sub = index % per_block;
    match format {
        Format::Q8_0 => simple(std::array::from_fn(|i| block[2 + i]), 0),
        Format::Q4_0 => simple(nibbles(&block[2..]), 0),
        Format::Q4_1 => simple(nibbles(&block[4..]), half(2)),
        Format::Q5_0 => simple(fifth(&block[2..6], nibbles(&block[6..])), 0),
        Format::Q5_1 => simple(fifth(&block[4..8], nibbles(&block[8..])), half(2)),
        Format::Q4K | Format::Q5K => {
            let values = if format == Format::Q4K { 16 } else { 48 };
            let low = &block[values + 32 * (sub / 2)..];
            let mut codes = std::array::from_fn(|i| low[i] >> (4 * (sub % 2)) & 15);
            if format == Format::Q5K {
                for (code, bits) in codes.iter_mut().zip(&block[16..48]) {
                    *code |= (bits >> sub & 1) << 4;
                }
            }
            Block { codes, scales: [half(0), half(2)], steps: six_bits(&block[4..16], sub) }
        }
        Format::Q6K => {
            let (part, line) = (sub / 4, sub % 4);
            let low = &block[64 * part + 32 * (line % 2)..];
            let high = &block[128 + 32 * part..];
            let code =
                |i: usize| low[i] >> (4 * (line / 2)) & 15 | (high[i] >> (2 * line) & 3) << 4;
            let steps = 192 + 8 * part + 2 * line;
            Block {
                codes: std::array::from_fn(code),
                scales: [half(208), 0],
                steps: [block[steps], block[steps + 1]],
            }
        }
    }
}

/// Value `i` is the low half of byte `i`, value `i + 16` the high half of the same byte.
fn nibbles(bytes: &[u8]) -> [u8; BLOCK] {
    std::array::from_fn(|i| bytes[i % 16] >> (4 * (i / 16)) & 15)
}

/// Adds the fifth bits, one a value.
fn fifth(bits: &[u8], mut codes: [u8; BLOCK]) -> [u8; BLOCK] {
    for (i, code) in codes.iter_mut().enumerate() {
        *code |= (bits[i / 8] >> (i % 8) & 1) << 4;
    }
    codes
}

/// The scale and the minimum of a sub-block of `Q4_K` and `Q5_K`, 6 bits each.
///
/// The first four scales and minima are the low 6 bits of bytes 0–3 and 4–7. The last four have their low
/// 4 bits in the halves of bytes 8–11, their high 2 bits in the high 2 bits of bytes 0–3 and 4–7.
fn six_bits(bytes: &[u8], sub: usize) -> [u8; 2] {
    if sub < 4 {
        return [bytes[sub] & 63, bytes[sub + 4] & 63];
    }
    let low = bytes[sub + 4];
    [low & 15 | bytes[sub - 4] >> 6 << 4, low >> 4 | bytes[sub] >> 6 << 4]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scales_unpack_all_six_bits() {
        let mut bytes = [0; 12];
        bytes[0] = 0b1001_0001;
        bytes[4] = 0b0100_0010;
        bytes[8] = 0b0101_0011;
        assert_eq!(six_bits(&bytes, 0), [17, 2]);
        assert_eq!(six_bits(&bytes, 4), [0b10_0011, 0b01_0101]);
    }

    #[test]
    fn low_halves_come_first_and_the_fifth_bit_adds_sixteen() {
        let mut block = [0; 22];
        block[2 + 2] = 1; // the fifth bit of value 16
        block[6] = 0x53;
        let codes = read(Format::Q5_0, &block, 0).codes;
        assert_eq!((codes[0], codes[1], codes[16]), (3, 0, 16 + 5));
    }
}
