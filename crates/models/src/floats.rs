//! Plain floats: the formats that store each value by itself, converted to `f32`.

use half::f16;
use half::slice::HalfFloatSliceExt;

/// Values converted at a time from half precision.
const LANES: usize = 64;

/// Reads little-endian `f32`.
pub(crate) fn f32(bytes: &[u8], out: &mut [f32]) {
    let (words, _) = bytes.as_chunks::<4>();
    for (word, value) in words.iter().zip(out) {
        *value = f32::from_le_bytes(*word);
    }
}

/// Reads little-endian IEEE half precision.
pub(crate) fn f16(bytes: &[u8], out: &mut [f32]) {
    let mut halves = [f16::ZERO; LANES];
    for (bytes, out) in bytes.chunks(2 * LANES).zip(out.chunks_mut(LANES)) {
        let (words, _) = bytes.as_chunks::<2>();
        for (word, half) in words.iter().zip(&mut halves) {
            *half = f16::from_le_bytes(*word);
        }
        halves[..out.len()].convert_to_f32_slice(out);
    }
}

/// Reads little-endian bfloat16: the upper half of an `f32`.
pub(crate) fn bf16(bytes: &[u8], out: &mut [f32]) {
    let (words, _) = bytes.as_chunks::<2>();
    for (word, value) in words.iter().zip(out) {
        *value = f32::from_bits(u32::from(u16::from_le_bytes(*word)) << 16);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn values() -> Vec<f32> {
        (0..131_u16).map(|i| (f32::from(i) - 65.0) * 0.375).collect()
    }

    #[test]
    fn every_format_keeps_values_it_can_represent() {
        let values = values();
        let mut out = vec![f32::NAN; values.len()];
        let bytes: Vec<u8> = values.iter().flat_map(|v| v.to_le_bytes()).collect();
        f32(&bytes, &mut out);
        assert_eq!(out, values);
        out.fill(f32::NAN);
        let bytes: Vec<u8> = values.iter().flat_map(|v| f16::from_f32(*v).to_le_bytes()).collect();
        f16(&bytes, &mut out);
        assert_eq!(out, values);
        out.fill(f32::NAN);
        let bytes: Vec<u8> =
            values.iter().flat_map(|v| half::bf16::from_f32(*v).to_le_bytes()).collect();
        bf16(&bytes, &mut out);
        assert_eq!(out, values);
    }

    #[test]
    fn infinities_and_subnormals_survive() {
        let mut out = [0.0; 3];
        f16(&[0x00, 0x7c, 0x00, 0xfc, 0x01, 0x00], &mut out);
        let expected = [f32::INFINITY, f32::NEG_INFINITY, 2.0_f32.powi(-24)];
        assert_eq!(out.map(f32::to_bits), expected.map(f32::to_bits));
    }
}
