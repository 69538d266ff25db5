//! Formats: how GGUF files store blocks of quantized weights.

/// A block format of GGUF files whose weights are multiplied as they are.
///
/// # Source
/// The block layouts of [ggml](https://github.com/ggml-org/ggml/blob/master/src/ggml-common.h).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Format {
    /// 32 signed bytes and a scale.
    Q8_0,
    /// 32 values of 4 bits around 8 and a scale.
    Q4_0,
    /// 32 values of 4 bits, a scale and a minimum.
    Q4_1,
    /// 32 values of 5 bits around 16 and a scale.
    Q5_0,
    /// 32 values of 5 bits, a scale and a minimum.
    Q5_1,
    /// 256 values of 4 bits; scales and minima of 6 bits for every 32.
    Q4K,
    /// 256 values of 5 bits; scales and minima of 6 bits for every 32.
    Q5K,
    /// 256 values of 6 bits around 32; scales of 8 bits for every 16.
    Q6K,
}

impl Format {
    /// Every format.
    pub const ALL: [Self; 8] = [
        Self::Q8_0,
        Self::Q4_0,
        Self::Q4_1,
        Self::Q5_0,
        Self::Q5_1,
        Self::Q4K,
        Self::Q5K,
        Self::Q6K,
    ];

    /// The format of a GGUF type's name, e.g. `Q4_K`.
    ///
    /// # Example
    ///
    /// ```
    /// use espalier_kernels::Format;
    /// assert_eq!(Format::from_name("Q4_K"), Some(Format::Q4K));
    /// assert_eq!(Format::from_name("F16"), None);
    /// ```
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|format| format.name() == name)
    }

    /// The name GGUF has for it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Q8_0 => "Q8_0",
            Self::Q4_0 => "Q4_0",
            Self::Q4_1 => "Q4_1",
            Self::Q5_0 => "Q5_0",
            Self::Q5_1 => "Q5_1",
            Self::Q4K => "Q4_K",
            Self::Q5K => "Q5_K",
            Self::Q6K => "Q6_K",
        }
    }

    /// Values in a block of the file.
    #[must_use]
    pub const fn values(self) -> usize {
        match self {
            Self::Q4K | Self::Q5K | Self::Q6K => 256,
            _ => 32,
        }
    }

    /// Bytes of a block of the file.
    #[must_use]
    pub const fn bytes(self) -> usize {
        match self {
            Self::Q8_0 => 34,
            Self::Q4_0 => 18,
            Self::Q4_1 => 20,
            Self::Q5_0 => 22,
            Self::Q5_1 => 24,
            Self::Q4K => 144,
            Self::Q5K => 176,
            Self::Q6K => 210,
        }
    }
}
