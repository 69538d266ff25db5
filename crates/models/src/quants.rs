//! Block quants: the GGUF formats that store 32 values with one scale, converted to `f32`.
//!
//! A value is `scale * q` or `scale * q + min`, with `q` of 4, 5 or 8 bits. The 4-bit part of value
//! `i` is the low half of byte `i`, that of value `i + 16` the high half of the same byte; a fifth
//! bit lies in a separate word, one bit a value.
//!
//! # Source
//! The block layouts of [ggml](https://github.com/ggml-org/ggml/blob/master/src/ggml-common.h).

use half::f16;

/// Values in a block.
const VALUES: usize = 32;

/// Applies `convert` to each block of `B` bytes and its `V` values.
pub(crate) fn for_blocks<const B: usize, const V: usize>(
    bytes: &[u8],
    out: &mut [f32],
    convert: impl Fn(&[u8; B], &mut [f32; V]),
) {
    let (blocks, _) = bytes.as_chunks::<B>();
    let (out, _) = out.as_chunks_mut::<V>();
    for (block, values) in blocks.iter().zip(out) {
        convert(block, values);
    }
}

/// The half-precision number at byte `at`.
pub(crate) fn half_at(block: &[u8], at: usize) -> f32 {
    f16::from_le_bytes([block[at], block[at + 1]]).to_f32()
}

/// Reads `Q8_0`: scale, then 32 signed bytes.
pub(crate) fn q8_0(bytes: &[u8], out: &mut [f32]) {
    for_blocks::<34, VALUES>(bytes, out, |block, values| {
        let scale = half_at(block, 0);
        for (value, q) in values.iter_mut().zip(&block[2..]) {
            *value = scale * f32::from(q.cast_signed());
        }
    });
}

/// Reads `Q4_0`: scale, then 32 values of 4 bits around 8.
pub(crate) fn q4_0(bytes: &[u8], out: &mut [f32]) {
    for_blocks::<18, VALUES>(bytes, out, |block, values| {
        let scale = half_at(block, 0);
        let (low, high) = values.split_at_mut(16);
        for ((low, high), q) in low.iter_mut().zip(high).zip(&block[2..]) {
            *low = scale * (f32::from(q & 15) - 8.0);
            *high = scale * (f32::from(q >> 4) - 8.0);
        }
    });
}

/// Reads `Q4_1`: scale, minimum, then 32 values of 4 bits.
pub(crate) fn q4_1(bytes: &[u8], out: &mut [f32]) {
    for_blocks::<20, VALUES>(bytes, out, |block, values| {
        let (scale, min) = (half_at(block, 0), half_at(block, 2));
        let (low, high) = values.split_at_mut(16);
        for ((low, high), q) in low.iter_mut().zip(high).zip(&block[4..]) {
            *low = scale * f32::from(q & 15) + min;
            *high = scale * f32::from(q >> 4) + min;
        }
    });
}

/// Reads `Q5_0`: scale, 32 fifth bits, then 32 values of 4 bits, around 16 together.
pub(crate) fn q5_0(bytes: &[u8], out: &mut [f32]) {
    for_blocks::<22, VALUES>(bytes, out, |block, values| {
        let scale = half_at(block, 0);
        let q = five_bits(&block[2..]);
        for (value, q) in values.iter_mut().zip(q) {
            *value = scale * (f32::from(q) - 16.0);
        }
    });
}

/// Reads `Q5_1`: scale, minimum, 32 fifth bits, then 32 values of 4 bits.
pub(crate) fn q5_1(bytes: &[u8], out: &mut [f32]) {
    for_blocks::<24, VALUES>(bytes, out, |block, values| {
        let (scale, min) = (half_at(block, 0), half_at(block, 2));
        let q = five_bits(&block[4..]);
        for (value, q) in values.iter_mut().zip(q) {
            *value = scale * f32::from(q) + min;
        }
    });
}

/// Joins the fifth bits, in the first 4 bytes, with the 4-bit parts in the next 16.
fn five_bits(packed: &[u8]) -> [u8; VALUES] {
    let fifth = u32::from_le_bytes([packed[0], packed[1], packed[2], packed[3]]);
    let mut q = [0; VALUES];
    for (i, byte) in packed[4..20].iter().enumerate() {
        q[i] = byte & 15 | ((fifth >> i & 1) << 4) as u8;
        q[i + 16] = byte >> 4 | ((fifth >> (i + 16) & 1) << 4) as u8;
    }
    q
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_offsets_make_the_middle_zero() {
        let mut out = [1.0; VALUES];
        let mut block = vec![0x00, 0x3c];
        block.extend([0x88; 16]);
        q4_0(&block, &mut out);
        assert!(out.iter().all(|value| value.to_bits() == 0));
        let mut block = vec![0x00, 0x3c, 0xff, 0xff, 0xff, 0xff];
        block.extend([0x00; 16]);
        q5_0(&block, &mut out);
        assert!(out.iter().all(|value| value.to_bits() == 0));
    }

    #[test]
    fn low_halves_come_first() {
        let mut out = [0.0; VALUES];
        // Scale 2, minimum −1, the first byte holds 3 (value 0) and 5 (value 16).
        let mut block = vec![0x00, 0x40, 0x00, 0xbc, 0x53];
        block.extend([0; 15]);
        q4_1(&block, &mut out);
        assert_eq!((out[0], out[1], out[16]), (5.0, -1.0, 9.0));
    }

    #[test]
    fn the_fifth_bit_adds_sixteen() {
        let mut packed = [0; 20];
        packed[2] = 1;
        assert_eq!(five_bits(&packed)[16], 16);
        assert_eq!(five_bits(&packed)[0], 0);
    }
}
