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
    // By pairs: a chain of products is what it would wait for.
    let squared = r * r;
    let pair = |odd: f32, even: f32| r.mul_add(odd, even);
    let high = pair(1.987_569_1e-4, 1.398_199_9e-3);
    let middle = high.mul_add(squared, pair(8.333_452e-3, 4.166_579_6e-2));
    let sum = middle.mul_add(squared, pair(1.666_666_5e-1, 0.5));
    // What is below the exponent falls out at the top.
    let power = shifted.to_bits().wrapping_add(127) << 23;
    sum.mul_add(squared, r + 1.0) * f32::from_bits(power)
}

/// `2ˣ`, to two units in the last place for `x` from −126 to 127; below it stays, above it is not to be asked.
///
/// With fewer operations than [`exp`]: the remainder of a number is exact in base 2.
///
/// # Source
/// The remainder's polynomial is that of degree 5 whose largest relative error is least (Remez), with 1 at 0.
#[inline(always)]
#[expect(clippy::inline_always, reason = "it must become part of a loop that is vectorized")]
#[expect(clippy::approx_constant, reason = "the polynomial's factor is not quite ln 2")]
pub(crate) fn exp2(x: f32) -> f32 {
    // What is not a number stays so.
    let x = if x < -126.0 { -126.0 } else { x };
    let shifted = x + SHIFT;
    let r = x - (shifted - SHIFT);
    let squared = r * r;
    let high = r.mul_add(1.326_472_7e-3, 9.671_513e-3);
    let middle = r.mul_add(5.550_733_6e-2, 0.240_222_42);
    let low = r.mul_add(0.693_147, 1.0);
    let power = shifted.to_bits().wrapping_add(127) << 23;
    high.mul_add(squared, middle).mul_add(squared, low) * f32::from_bits(power)
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

    #[test]
    fn it_is_the_power_of_two() {
        for step in -126_000..=127_000 {
            let x = step as f32 / 1000.0;
            let exact = f64::from(x).exp2();
            let error = (f64::from(exp2(x)) - exact).abs() / exact;
            assert!(error < 2.0 * f64::from(f32::EPSILON), "{x}: {error}");
        }
        assert!(exp2(f32::NEG_INFINITY) > 0.0 && exp2(-1e9) < 1.2e-38);
        assert!(exp2(f32::NAN).is_nan());
        assert_eq!(exp2(0.0).to_bits(), 1.0_f32.to_bits());
    }
}
