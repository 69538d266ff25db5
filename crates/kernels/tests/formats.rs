//! What stored blocks stand for: each format by its definition, written out once more and in doubles.
//!
//! Source: the structures of [ggml-common.h](https://github.com/ggml-org/ggml/blob/master/src/ggml-common.h) and
//! the comments there.

use espalier_kernels::{Format, Quantized};

/// The number of a half.
fn half(block: &[u8], at: usize) -> f64 {
    let bits = u16::from_le_bytes([block[at], block[at + 1]]);
    let (exponent, fraction) = (i32::from(bits >> 10 & 31), f64::from(bits & 0x3ff) / 1024.0);
    let size = match exponent {
        0 => fraction * 2.0_f64.powi(-14),
        _ => (1.0 + fraction) * 2.0_f64.powi(exponent - 15),
    };
    if bits >> 15 == 1 { -size } else { size }
}

/// Bits `from..from + count` of a little-endian text of bits.
fn bits(bytes: &[u8], from: usize, count: usize) -> u32 {
    (0..count).map(|i| u32::from(bytes[(from + i) / 8] >> ((from + i) % 8) & 1) << i).sum()
}

/// The low four bits of value `i` of 32 whose halves lie in one byte, 16 apart.
fn nibble(bytes: &[u8], i: usize) -> u32 {
    bits(bytes, i % 16 * 8 + i / 16 * 4, 4)
}

/// Six-bit scale and minimum `sub` of eight, as `Q4_K` and `Q5_K` pack them into twelve bytes.
fn six(bytes: &[u8], sub: usize) -> (f64, f64) {
    let (scale, min) = if sub < 4 {
        (bits(bytes, 8 * sub, 6), bits(bytes, 8 * (sub + 4), 6))
    } else {
        let high = |byte: usize| bits(bytes, 8 * byte + 6, 2) << 4;
        let low = 8 * (sub + 4);
        (bits(bytes, low, 4) | high(sub - 4), bits(bytes, low + 4, 4) | high(sub))
    };
    (f64::from(scale), f64::from(min))
}

/// Weight `i` of a block.
fn weight(format: Format, block: &[u8], i: usize) -> f64 {
    let scale = || half(block, 0);
    match format {
        Format::Q8_0 => scale() * f64::from(block[2 + i].cast_signed()),
        Format::Q4_0 => scale() * (f64::from(nibble(&block[2..], i)) - 8.0),
        Format::Q4_1 => scale() * f64::from(nibble(&block[4..], i)) + half(block, 2),
        Format::Q5_0 => {
            let code = nibble(&block[6..], i) | bits(&block[2..], i, 1) << 4;
            scale() * (f64::from(code) - 16.0)
        }
        Format::Q5_1 => {
            let code = nibble(&block[8..], i) | bits(&block[4..], i, 1) << 4;
            scale() * f64::from(code) + half(block, 2)
        }
        // Of each 64 values, the first 32 are low halves, the others the high halves of the same bytes.
        Format::Q4K => {
            let code = bits(&block[16..], (i / 64 * 32 + i % 32) * 8 + i / 32 % 2 * 4, 4);
            let (step, min) = six(&block[4..16], i / 32);
            scale() * step * f64::from(code) - half(block, 2) * min
        }
        Format::Q5K => {
            let low = bits(&block[48..], (i / 64 * 32 + i % 32) * 8 + i / 32 % 2 * 4, 4);
            let code = low | bits(&block[16..], i % 32 * 8 + i / 32, 1) << 4;
            let (step, min) = six(&block[4..16], i / 32);
            scale() * step * f64::from(code) - half(block, 2) * min
        }
        // Of each 128 values, quarters of 32: low halves of 64 bytes, then their high halves.
        Format::Q6K => {
            let (part, quarter, at) = (i / 128, i % 128 / 32, i % 32);
            let low = bits(block, (64 * part + 32 * (quarter % 2) + at) * 8 + quarter / 2 * 4, 4);
            let high = bits(&block[128..], (32 * part + at) * 8 + 2 * quarter, 2);
            let step = f64::from(block[192 + i / 16].cast_signed());
            half(block, 208) * step * (f64::from(low | high << 4) - 32.0)
        }
    }
}

#[test]
fn every_weight_is_what_its_format_says() {
    let mut state = 11_u64;
    let mut noise = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        (state >> 33) as u32
    };
    for format in Format::ALL {
        let (blocks, outputs) = (3, 9);
        let row = |_| {
            // Halves of all bits but those of infinities and NaN, subnormal ones among them.
            let mut row: Vec<u8> = (0..blocks * format.bytes()).map(|_| noise() as u8).collect();
            for block in row.chunks_mut(format.bytes()) {
                for high in [1, 3, 209].into_iter().filter(|&at| at < format.bytes()) {
                    block[high] &= 0xbb;
                }
            }
            row
        };
        let rows: Vec<Vec<u8>> = (0..outputs).map(row).collect();
        let lines: Vec<&[u8]> = rows.iter().map(Vec::as_slice).collect();
        let inputs = blocks * format.values();
        let matrix = Quantized::pack(format, inputs, &lines).expect("scales are finite");
        let mut found = vec![0.0; inputs];
        for (output, row) in rows.iter().enumerate() {
            matrix.row(output, &mut found);
            for (at, found) in found.iter().enumerate() {
                let block = &row[at / format.values() * format.bytes()..];
                let expected = weight(format, block, at % format.values());
                let error = (f64::from(*found) - expected).abs();
                let size = match format {
                    // Two numbers that may be large leave a small one.
                    Format::Q4_1 | Format::Q5_1 | Format::Q4K | Format::Q5K => {
                        half(block, 0).abs().max(half(block, 2).abs()) * 63.0 * 31.0
                    }
                    _ => expected.abs(),
                };
                assert!(error <= size * 1e-6, "{format:?} {at}: {found}, not {expected}");
            }
        }
    }
}
