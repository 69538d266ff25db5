//! Balls: real numbers known to within a radius, so that what is computed with them is certain.
//!
//! A ball of so many bits is an integer and a radius, both in units of 2^−bits. Every operation rounds the radius up by
//! what it may have cut off, as in Johansson's "Arb: efficient arbitrary-precision midpoint-radius interval arithmetic"
//! (2017); nothing is computed in floating point.

use num_bigint::BigInt;
use num_rational::BigRational;
use num_traits::{One, Signed, Zero};

/// Bits beyond those asked for, with which series are summed.
const GUARD: u64 = 64;
/// Largest magnitude of an exponent, in bits.
const MAX_EXPONENT_BITS: u64 = 10;
/// Largest magnitude of an angle, in bits.
const MAX_ANGLE_BITS: u64 = 32;

#[derive(Debug, Clone)]
pub(super) struct Ball {
    mid: BigInt,
    radius: BigInt,
    bits: u64,
}

impl Ball {
    pub(super) fn rational(value: &BigRational, bits: u64) -> Self {
        let mid = (value.numer() << bits) / value.denom();
        Self { mid, radius: BigInt::one(), bits }
    }

    pub(super) fn whole(value: impl Into<BigInt>, bits: u64) -> Self {
        Self { mid: value.into() << bits, radius: BigInt::zero(), bits }
    }

    /// Whether zero is surely outside.
    pub(super) fn is_nonzero(&self) -> bool {
        self.mid.abs() > self.radius
    }

    pub(super) fn is_positive(&self) -> bool {
        self.mid > self.radius
    }

    /// Whether all of it is nearer to zero than 2^−distance.
    pub(super) fn is_within(&self, distance: u64) -> bool {
        distance <= self.bits
            && self.mid.abs() + &self.radius < BigInt::one() << (self.bits - distance)
    }

    pub(super) fn add(&self, other: &Self) -> Self {
        let (mid, radius) = (&self.mid + &other.mid, &self.radius + &other.radius);
        Self { mid, radius, bits: self.bits }
    }

    pub(super) fn negate(&self) -> Self {
        Self { mid: -&self.mid, ..self.clone() }
    }

    pub(super) fn multiply(&self, other: &Self) -> Self {
        let spread = self.mid.abs() * &other.radius
            + other.mid.abs() * &self.radius
            + &self.radius * &other.radius;
        let mid = (&self.mid * &other.mid) >> self.bits;
        Self { mid, radius: (spread >> self.bits) + 2, bits: self.bits }
    }

    /// Divided by a positive integer.
    fn over(&self, divisor: u64) -> Self {
        let radius = &self.radius / divisor + 2;
        Self { mid: &self.mid / divisor, radius, bits: self.bits }
    }

    /// 1 by this; `None` where it may be zero.
    pub(super) fn inverse(&self) -> Option<Self> {
        let least = self.mid.abs() - &self.radius;
        if !least.is_positive() {
            return None;
        }
        let one = BigInt::one() << (2 * self.bits);
        let radius = (&one * &self.radius) / (least * self.mid.abs()) + 2;
        Some(Self { mid: one / &self.mid, radius, bits: self.bits })
    }

    /// With so many bits.
    fn with_bits(&self, bits: u64) -> Self {
        if bits >= self.bits {
            let more = bits - self.bits;
            return Self { mid: &self.mid << more, radius: &self.radius << more, bits };
        }
        let less = self.bits - bits;
        Self { mid: &self.mid >> less, radius: (&self.radius >> less) + 2, bits }
    }

    /// Its middle alone, with so many bits.
    fn middle(&self, bits: u64) -> Self {
        Self { radius: BigInt::zero(), ..self.clone() }.with_bits(bits)
    }

    /// Bits before the point of its magnitude, at most.
    fn magnitude_bits(&self) -> u64 {
        (self.mid.abs() + &self.radius).bits().saturating_sub(self.bits)
    }

    fn widen(mut self, by: BigInt) -> Self {
        self.radius += by;
        self
    }

    /// Whether terms of a series no longer count.
    fn is_negligible(&self) -> bool {
        self.mid.abs() <= BigInt::from(4)
    }

    /// What bounds its magnitude, in its unit.
    fn bound(&self) -> BigInt {
        self.mid.abs() + &self.radius
    }

    /// e to this; `None` where it is too large.
    pub(super) fn exponential(&self) -> Option<Self> {
        let unit = BigInt::one() << self.bits;
        if self.magnitude_bits() > MAX_EXPONENT_BITS || self.radius > unit {
            return None;
        }
        // e^x = (e^(x/2^h))^(2^h), where x/2^h is less than a half.
        let halvings = self.magnitude_bits() + 2;
        let whole = 3_u64 << self.magnitude_bits();
        let work = self.bits + 2 * halvings + whole + GUARD;
        let mut small = self.middle(work);
        small = Self { mid: small.mid >> halvings, radius: BigInt::one(), bits: work };
        let mut sum = Self::whole(1, work);
        let mut term = sum.clone();
        for n in 1.. {
            term = term.multiply(&small).over(n);
            sum = sum.add(&term);
            if term.is_negligible() {
                break;
            }
        }
        let mut power = sum.widen(term.bound());
        for _ in 0..halvings {
            power = power.multiply(&power);
        }
        let power = power.with_bits(self.bits);
        // e^r − 1 ≤ 2r for r ≤ 1.
        let spread = ((power.bound() * &self.radius * 2) >> self.bits) + 1;
        Some(power.widen(spread))
    }

    /// The natural logarithm; `None` where this may not be positive.
    pub(super) fn logarithm(&self) -> Option<Self> {
        if !self.is_positive() {
            return None;
        }
        // x = m 2^k with m from 1/2 to 1, and ln m = 2 artanh((m − 1)/(m + 1)).
        let work = self.bits + GUARD;
        let length = self.mid.bits();
        let mid =
            if length > work { &self.mid >> (length - work) } else { &self.mid << (work - length) };
        let reduced = Self { mid, radius: BigInt::one(), bits: work };
        let one = Self::whole(1, work);
        let ratio = reduced.add(&one.negate()).multiply(&reduced.add(&one).inverse()?);
        let third = Self::whole(3, work).inverse()?;
        let shift = Self::whole(BigInt::from(length) - BigInt::from(self.bits), work);
        let twice = ratio.artanh().add(&third.artanh().multiply(&shift));
        let logarithm = twice.add(&twice).with_bits(self.bits);
        let spread = (&self.radius << self.bits) / (&self.mid - &self.radius) + 1;
        Some(logarithm.widen(spread))
    }

    /// The inverse hyperbolic tangent of a ratio of at most a third.
    fn artanh(&self) -> Self {
        let square = self.multiply(self);
        let (mut power, mut sum) = (self.clone(), self.clone());
        for n in 1.. {
            power = power.multiply(&square);
            sum = sum.add(&power.over(2 * n + 1));
            if power.is_negligible() {
                break;
            }
        }
        sum.widen(power.bound())
    }

    /// Cosine and sine; `None` where the angle is too large.
    pub(super) fn circle(&self) -> Option<(Self, Self)> {
        if self.magnitude_bits() > MAX_ANGLE_BITS {
            return None;
        }
        let work = self.bits + MAX_ANGLE_BITS + GUARD;
        let half = pi(work);
        let turn = half.add(&half);
        let angle = self.middle(work);
        let turns = (&angle.mid + (&turn.mid >> 1_u32)) / &turn.mid;
        let angle = angle.add(&turn.multiply(&Self::whole(-turns, work)));
        let (mut cosine, mut sine) = (Self::whole(1, work), Self::whole(0, work));
        let mut term = cosine.clone();
        for n in 1_u64.. {
            term = term.multiply(&angle).over(n);
            let signed = if n % 4 > 1 { term.negate() } else { term.clone() };
            let sum = if n % 2 == 0 { &mut cosine } else { &mut sine };
            *sum = sum.add(&signed);
            // Past twice the angle, which is less than 10, terms halve.
            if n > 20 && term.is_negligible() {
                break;
            }
        }
        let end =
            |sum: Self| sum.widen(term.bound()).with_bits(self.bits).widen(self.radius.clone());
        Some((end(cosine), end(sine)))
    }
}

/// π, by Machin's formula.
pub(super) fn pi(bits: u64) -> Ball {
    let arctangent = |n: u64| {
        let inverse = Ball { mid: (BigInt::one() << bits) / n, radius: BigInt::one(), bits };
        let (mut power, mut sum) = (inverse.clone(), inverse);
        for at in 1_u64.. {
            power = power.over(n * n);
            let term = power.over(2 * at + 1);
            sum = sum.add(&if at % 2 == 1 { term.negate() } else { term });
            if power.is_negligible() {
                return sum.widen(power.bound());
            }
        }
        sum
    };
    let times = |ball: Ball, n: i64| ball.multiply(&Ball::whole(n, bits));
    times(arctangent(5), 16).add(&times(arctangent(239), -4))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Whether a decimal number, cut off, is within the ball or a unit of its last digit from it.
    fn holds(ball: &Ball, digits: &str) -> bool {
        let (whole, places) = digits.split_once('.').unwrap();
        let scale = BigInt::from(10).pow(places.len() as u32);
        let number: BigInt = format!("{whole}{places}").parse().unwrap();
        let far = (&ball.mid * &scale - (number << ball.bits)).abs();
        far <= &ball.radius * &scale + (BigInt::one() << ball.bits)
            && (&ball.radius << 20_u32) < BigInt::one() << ball.bits
    }

    fn number(over: i64, under: i64, bits: u64) -> Ball {
        Ball::rational(&BigRational::new(over.into(), under.into()), bits)
    }

    #[test]
    fn known_digits() {
        for bits in [64, 128, 200] {
            let one = number(1, 1, bits);
            let of = |over, under| number(over, under, bits);
            for (ball, digits) in [
                (pi(bits), "3.14159265358979323846264338327950288419716939937510"),
                (
                    one.exponential().unwrap(),
                    "2.71828182845904523536028747135266249775724709369995",
                ),
                (of(-7, 2).exponential().unwrap(), "0.03019738342231850073"),
                (of(25, 1).exponential().unwrap(), "72004899337.38587252416135146612"),
                (
                    of(2, 1).logarithm().unwrap(),
                    "0.69314718055994530941723212145817656807550013436025",
                ),
                (of(1000, 1).logarithm().unwrap(), "6.90775527898213705205"),
                (of(1, 1000).logarithm().unwrap().negate(), "6.90775527898213705205"),
                (one.circle().unwrap().0, "0.54030230586813971740"),
                (one.circle().unwrap().1, "0.84147098480789650665"),
                (of(100, 1).circle().unwrap().0, "0.86231887228768393410"),
                (of(-1000, 1).circle().unwrap().1.negate(), "0.82687954053200256025"),
                (of(3, 1).inverse().unwrap(), "0.33333333333333333333"),
            ] {
                assert!(holds(&ball, digits), "{digits} {bits} {ball:?}");
            }
        }
        assert!(number(5000, 1, 64).exponential().is_none());
        assert!(number(0, 1, 64).logarithm().is_none());
        assert!(number(0, 1, 64).inverse().is_none());
    }

    proptest! {
        #[test]
        fn balls_of_few_bits_hold_what_many_bits_say(over in -4000_i64..4000, under in 1_i64..400) {
            let (few, many) = (number(over, under, 40), number(over, under, 300));
            let near = |few: &Ball, many: &Ball| {
                let far = (&few.mid - &many.with_bits(40).mid).abs();
                far <= &few.radius + 2
            };
            prop_assert!(near(&few, &many));
            if let (Some(few), Some(many)) = (few.exponential(), many.exponential()) {
                prop_assert!(near(&few, &many));
            }
            if let (Some(few), Some(many)) = (few.logarithm(), many.logarithm()) {
                prop_assert!(near(&few, &many));
                prop_assert!(near(&many.exponential().unwrap().with_bits(40), &number(over, under, 300)));
            }
            let ((cosine, sine), (one, other)) = (few.circle().unwrap(), many.circle().unwrap());
            prop_assert!(near(&cosine, &one) && near(&sine, &other));
            let square = one.multiply(&one).add(&other.multiply(&other));
            prop_assert!(!square.add(&Ball::whole(-1, 300)).is_nonzero());
        }
    }
}
