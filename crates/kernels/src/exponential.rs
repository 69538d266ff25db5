//! The exponential function without branches, so that loops over it vectorize.

use std::f32::consts::LOG2_E;

/// 1.5 · 2²³: adding it rounds a number of small magnitude to a whole one, in the low bits.
const SHIFT: f32 = 12_582_912.0;

/// ln 2 in two parts, of which the first has few bits.
const LN_2: (f32, f32) = (0.693_359_4, -2.121_944_4e-4);

/// `eˣ`, to three units in the last place for `x` from −87 to 88, beyond which it stays.
///
/// # Source
/// The remainder's polynomial is that of Cephes (Moshier), `expf`.
#[inline(always)]
#[expect(clippy::inline_always, reason = "it must become part of a loop that is vectorized")]
#[must_use]
pub fn exp(x: f32) -> f32 {
    let x = x.clamp(-87.0, 88.0);
    let shifted = x.mul_add(LOG2_E, SHIFT);
    let whole = shifted - SHIFT;
    let r = whole.mul_add(-LN_2.1, whole.mul_add(-LN_2.0, x));
    let mut sum = 1.987_569_1e-4_f32;
    for factor in [1.398_199_9e-3, 8.333_452e-3, 4.166_579_6e-2, 1.666_666_5e-1, 0.5] {
        sum = sum.mul_add(r, factor);
    }
    // What is below the exponent falls out at the top.
    let power = shifted.to_bits().wrapping_add(127) << 23;
    (sum * r).mul_add(r, r + 1.0) * f32::from_bits(power)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_the_exponential() {
        for step in -87_000..=88_000 {
            let x = step as f32 / 1000.0;
            let exact = f64::from(x).exp();
            let error = (f64::from(exp(x)) - exact).abs() / exact;
            assert!(error < 3.0 * f64::from(f32::EPSILON), "{x}: {error}");
        }
        let (least, most) = (exp(-1e9), exp(1e9));
        assert!(least > 0.0 && least < 1e-37 && most > 1e38 && most.is_finite());
        assert!(exp(f32::NAN).is_nan());
        assert_eq!(exp(0.0).to_bits(), 1.0_f32.to_bits());
    }
}
