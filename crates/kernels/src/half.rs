//! Half-precision numbers, as scales are stored.

/// An `f32` with a half's exponent and fraction, times this, is the half, exactly.
pub(crate) const SCALE: f32 = f32::from_bits((127 + 112) << 23);

/// The number of a half's bits; subnormal ones included, infinities and NaN not.
#[expect(clippy::inline_always, reason = "it takes the instruction set of its caller")]
#[inline(always)]
pub(crate) fn single(half: u16) -> f32 {
    let half = u32::from(half);
    let size = f32::from_bits((half & 0x7fff) << 13) * SCALE;
    f32::from_bits(size.to_bits() | (half & 0x8000) << 16)
}

/// Returns true if and only if the half is neither infinite nor NaN.
#[expect(clippy::inline_always, reason = "it takes the instruction set of its caller")]
#[inline(always)]
pub(crate) fn is_finite(half: u16) -> bool {
    half & 0x7c00 != 0x7c00
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn halves_are_what_the_standard_says() {
        let cases = [
            (0x0000, 0.0),
            (0x3c00, 1.0),
            (0xc000, -2.0),
            (0x7bff, 65504.0),
            (0x0400, 2.0_f32.powi(-14)),
            (0x0001, 2.0_f32.powi(-24)),
            (0x83ff, -1023.0 * 2.0_f32.powi(-24)),
        ];
        for (half, expected) in cases {
            assert_eq!(single(half).to_bits(), f32::to_bits(expected), "{half:#x}");
            assert!(is_finite(half));
        }
        assert!(!is_finite(0x7c00) && !is_finite(0xfe00));
    }
}
