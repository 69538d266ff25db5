//! A tensor type: one of the number formats that a checkpoint stores tensors in.

use crate::{floats, k_quants, quants};

/// Writes the values of whole blocks; the output has one value for each that the blocks hold.
type Convert = fn(&[u8], &mut [f32]);

/// A number format: values are stored in blocks of a fixed number of values and bytes.
#[derive(Debug)]
pub(crate) struct TensorType {
    /// The format's number in a GGUF file.
    pub(crate) ggml: u32,
    /// The name, the same in GGUF and in safetensors where both have the format.
    pub(crate) name: &'static str,
    /// Values in a block.
    pub(crate) block_values: usize,
    /// Bytes in a block.
    pub(crate) block_bytes: usize,
    /// How to read the format, if it is read at all.
    pub(crate) convert: Option<Convert>,
}

impl TensorType {
    /// The format of a GGUF file's type number.
    pub(crate) fn from_ggml(ggml: u32) -> Option<&'static Self> {
        TYPES.iter().find(|kind| kind.ggml == ggml)
    }

    /// The format of a name.
    pub(crate) fn from_name(name: &str) -> Option<&'static Self> {
        TYPES.iter().find(|kind| kind.name == name)
    }

    /// Stored size in bytes of that many values; `None` if they do not fill whole blocks or the
    /// size overflows.
    pub(crate) fn bytes(&self, values: u64) -> Option<u64> {
        let block = self.block_values as u64;
        if !values.is_multiple_of(block) {
            return None;
        }
        (values / block).checked_mul(self.block_bytes as u64)
    }
}

const fn row(
    ggml: u32,
    name: &'static str,
    block_values: usize,
    block_bytes: usize,
    convert: Option<Convert>,
) -> TensorType {
    TensorType { ggml, name, block_values, block_bytes, convert }
}

/// The formats of GGUF files, those that are only named in errors included.
static TYPES: &[TensorType] = &[
    row(0, "F32", 1, 4, Some(floats::f32)),
    row(1, "F16", 1, 2, Some(floats::f16)),
    row(2, "Q4_0", 32, 18, Some(quants::q4_0)),
    row(3, "Q4_1", 32, 20, Some(quants::q4_1)),
    row(6, "Q5_0", 32, 22, Some(quants::q5_0)),
    row(7, "Q5_1", 32, 24, Some(quants::q5_1)),
    row(8, "Q8_0", 32, 34, Some(quants::q8_0)),
    row(9, "Q8_1", 32, 40, None),
    row(10, "Q2_K", 256, 84, None),
    row(11, "Q3_K", 256, 110, None),
    row(12, "Q4_K", 256, 144, Some(k_quants::q4_k)),
    row(13, "Q5_K", 256, 176, Some(k_quants::q5_k)),
    row(14, "Q6_K", 256, 210, Some(k_quants::q6_k)),
    row(15, "Q8_K", 256, 292, None),
    row(16, "IQ2_XXS", 256, 66, None),
    row(17, "IQ2_XS", 256, 74, None),
    row(18, "IQ3_XXS", 256, 98, None),
    row(19, "IQ1_S", 256, 50, None),
    row(20, "IQ4_NL", 32, 18, None),
    row(21, "IQ3_S", 256, 110, None),
    row(22, "IQ2_S", 256, 82, None),
    row(23, "IQ4_XS", 256, 136, None),
    row(24, "I8", 1, 1, None),
    row(25, "I16", 1, 2, None),
    row(26, "I32", 1, 4, None),
    row(27, "I64", 1, 8, None),
    row(28, "F64", 1, 8, None),
    row(29, "IQ1_M", 256, 56, None),
    row(30, "BF16", 1, 2, Some(floats::bf16)),
    row(34, "TQ1_0", 256, 54, None),
    row(35, "TQ2_0", 256, 66, None),
    row(39, "MXFP4", 32, 17, None),
    row(40, "NVFP4", 64, 36, None),
    row(41, "Q1_0", 128, 18, None),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_count_whole_blocks() {
        let kind = TensorType::from_name("Q4_K").unwrap();
        assert_eq!(kind.ggml, 12);
        assert_eq!(kind.bytes(512), Some(288));
        assert_eq!(kind.bytes(100), None);
        let kind = TensorType::from_ggml(8).unwrap();
        assert_eq!(kind.name, "Q8_0");
        assert_eq!(kind.bytes(u64::MAX - 31), None);
    }

    #[test]
    fn unknown_types_are_not_found() {
        assert!(TensorType::from_ggml(4).is_none());
        assert!(TensorType::from_name("F8_E4M3").is_none());
    }
}
