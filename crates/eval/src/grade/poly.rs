//! Exact values: quotients of polynomials over the rationals, with square roots, `i` and π.
//!
//! A polynomial is a sum of rational multiples of distinct monomials. A monomial is a product of one
//! square root of a square-free integer, perhaps `i`, and powers of names; π and `e` are names. Square
//! roots of distinct square-free integers are linearly independent over the rationals, and names are
//! taken to be independent, so two polynomials are the same value if and only if they are the same sum.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use num_bigint::BigInt;
use num_rational::BigRational;
use num_traits::{One, Signed, ToPrimitive, Zero};

/// Most terms of a polynomial.
const MAX_TERMS: usize = 256;
/// Most bits of a numerator or denominator.
const MAX_BITS: u64 = 40_000;
/// Largest exponent of a polynomial with several terms.
const MAX_POWER: u32 = 32;
/// Largest integer under a root.
const MAX_RADICAND: u64 = 1_000_000_000_000;

/// An expression is not one of these values, or is too large to be computed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Beyond;

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Monomial {
    /// Square-free; 1 without a root.
    root: u64,
    imaginary: bool,
    /// No power is zero.
    powers: BTreeMap<String, i32>,
}

impl Monomial {
    fn one() -> Self {
        Self { root: 1, imaginary: false, powers: BTreeMap::new() }
    }

    /// The product, and the rational factor that falls out of it.
    fn times(&self, other: &Self) -> Result<(Self, BigInt), Beyond> {
        let common = num_gcd(self.root, other.root);
        let root = (self.root / common).checked_mul(other.root / common).ok_or(Beyond)?;
        let mut factor = BigInt::from(common);
        if self.imaginary && other.imaginary {
            factor = -factor;
        }
        let mut powers = self.powers.clone();
        for (name, power) in &other.powers {
            let sum = powers.entry(name.clone()).or_insert(0);
            *sum = sum.checked_add(*power).ok_or(Beyond)?;
        }
        powers.retain(|_, power| *power != 0);
        Ok((Self { root, imaginary: self.imaginary != other.imaginary, powers }, factor))
    }

    /// The inverse, and the rational factor that falls out of it.
    fn inverse(&self) -> (Self, BigRational) {
        let powers = self.powers.iter().map(|(name, power)| (name.clone(), -power)).collect();
        let sign = if self.imaginary { -1 } else { 1 };
        let factor = BigRational::new(BigInt::from(sign), BigInt::from(self.root));
        (Self { root: self.root, imaginary: self.imaginary, powers }, factor)
    }
}

fn num_gcd(mut a: u64, mut b: u64) -> u64 {
    while b != 0 {
        (a, b) = (b, a % b);
    }
    a
}

/// No coefficient is zero.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Poly(BTreeMap<Monomial, BigRational>);

impl Poly {
    fn term(monomial: Monomial, coefficient: BigRational) -> Self {
        let mut terms = BTreeMap::new();
        if !coefficient.is_zero() {
            terms.insert(monomial, coefficient);
        }
        Self(terms)
    }

    fn add(&self, other: &Self) -> Result<Self, Beyond> {
        let mut sum = self.0.clone();
        for (monomial, coefficient) in &other.0 {
            *sum.entry(monomial.clone()).or_insert_with(BigRational::zero) += coefficient;
        }
        Self(sum).bounded()
    }

    fn multiply(&self, other: &Self) -> Result<Self, Beyond> {
        if self.0.len() * other.0.len() > MAX_TERMS * 4 {
            return Err(Beyond);
        }
        let mut product = BTreeMap::new();
        for (left, a) in &self.0 {
            for (right, b) in &other.0 {
                let (monomial, factor) = left.times(right)?;
                *product.entry(monomial).or_insert_with(BigRational::zero) += a * b * factor;
            }
        }
        Self(product).bounded()
    }

    fn bounded(mut self) -> Result<Self, Beyond> {
        self.0.retain(|_, coefficient| !coefficient.is_zero());
        let large = |c: &BigRational| c.numer().bits() > MAX_BITS || c.denom().bits() > MAX_BITS;
        if self.0.len() > MAX_TERMS || self.0.values().any(large) { Err(Beyond) } else { Ok(self) }
    }

    fn constant(&self) -> Option<BigRational> {
        match self.0.first_key_value() {
            None => Some(BigRational::zero()),
            Some((monomial, coefficient)) if self.0.len() == 1 && *monomial == Monomial::one() => {
                Some(coefficient.clone())
            }
            Some(_) => None,
        }
    }
}

/// A quotient of two polynomials; the denominator is 1 where it can be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Quotient {
    over: Poly,
    under: Poly,
}

impl Quotient {
    pub(super) fn rational(value: BigRational) -> Self {
        Self { over: Poly::term(Monomial::one(), value), under: unit() }
    }

    pub(super) fn name(name: &str) -> Self {
        let powers = BTreeMap::from([(name.to_owned(), 1)]);
        let monomial = Monomial { powers, ..Monomial::one() };
        Self { over: Poly::term(monomial, BigRational::one()), under: unit() }
    }

    pub(super) fn imaginary() -> Self {
        let monomial = Monomial { imaginary: true, ..Monomial::one() };
        Self { over: Poly::term(monomial, BigRational::one()), under: unit() }
    }

    fn reduced(over: Poly, under: Poly) -> Result<Self, Beyond> {
        match under.0.first_key_value() {
            None => Err(Beyond),
            Some((monomial, coefficient)) if under.0.len() == 1 => {
                let (inverse, factor) = monomial.inverse();
                let inverse = Poly::term(inverse, factor / coefficient);
                Ok(Self { over: over.multiply(&inverse)?, under: unit() })
            }
            Some(_) => Ok(Self { over, under }),
        }
    }

    pub(super) fn add(&self, other: &Self) -> Result<Self, Beyond> {
        if self.under == other.under {
            return Self::reduced(self.over.add(&other.over)?, self.under.clone());
        }
        let over = self.over.multiply(&other.under)?.add(&other.over.multiply(&self.under)?)?;
        Self::reduced(over, self.under.multiply(&other.under)?)
    }

    pub(super) fn negate(&self) -> Self {
        let negated = self.over.0.iter().map(|(m, c)| (m.clone(), -c)).collect();
        Self { over: Poly(negated), under: self.under.clone() }
    }

    pub(super) fn multiply(&self, other: &Self) -> Result<Self, Beyond> {
        Self::reduced(self.over.multiply(&other.over)?, self.under.multiply(&other.under)?)
    }

    pub(super) fn divide(&self, other: &Self) -> Result<Self, Beyond> {
        Self::reduced(self.over.multiply(&other.under)?, self.under.multiply(&other.over)?)
    }

    pub(super) fn power(&self, exponent: &Self) -> Result<Self, Beyond> {
        let exponent = exponent.constant().ok_or(Beyond)?;
        if exponent == BigRational::new(BigInt::one(), BigInt::from(2)) {
            return self.sqrt();
        }
        let steps = exponent.is_integer().then(|| exponent.to_integer()).ok_or(Beyond)?;
        let count = steps.abs().to_u32().ok_or(Beyond)?;
        if let Some(base) = self.constant() {
            let bits = base.numer().bits().max(base.denom().bits());
            if base.is_zero() && !steps.is_positive()
                || bits > 1 && bits.saturating_mul(count.into()) > MAX_BITS
            {
                return Err(Beyond);
            }
            let power = num_traits::pow(base, count as usize);
            let power = if steps.is_negative() { power.recip() } else { power };
            return Ok(Self::rational(power));
        }
        if count > MAX_POWER {
            return Err(Beyond);
        }
        let mut power = Self::rational(BigRational::one());
        for _ in 0..count {
            power = power.multiply(self)?;
        }
        if steps.is_negative() {
            Self::rational(BigRational::one()).divide(&power)
        } else {
            Ok(power)
        }
    }

    pub(super) fn sqrt(&self) -> Result<Self, Beyond> {
        let value = self.constant().ok_or(Beyond)?;
        let radicand = (value.numer().abs() * value.denom()).to_u64().ok_or(Beyond)?;
        let (outside, root) = square_part(radicand)?;
        let monomial = Monomial { root, imaginary: value.is_negative(), ..Monomial::one() };
        let coefficient = BigRational::new(BigInt::from(outside), value.denom().clone());
        Ok(Self { over: Poly::term(monomial, coefficient), under: unit() })
    }

    /// The rational `degree`-th root, where there is one.
    pub(super) fn root(&self, degree: u32) -> Result<Self, Beyond> {
        if degree == 2 {
            return self.sqrt();
        }
        let value = self.constant().ok_or(Beyond)?;
        if degree < 2 || value.is_negative() && degree.is_multiple_of(2) {
            return Err(Beyond);
        }
        let root = BigRational::new(value.numer().nth_root(degree), value.denom().nth_root(degree));
        let exact = num_traits::pow(root.clone(), degree as usize) == value;
        if exact { Ok(Self::rational(root)) } else { Err(Beyond) }
    }

    /// The rational number this is, if it is one.
    pub(super) fn constant(&self) -> Option<BigRational> {
        if self.under == unit() { self.over.constant() } else { None }
    }

    /// Returns true if and only if both are the same value.
    pub(super) fn same(&self, other: &Self) -> Result<bool, Beyond> {
        if self.under == other.under {
            return Ok(self.over == other.over);
        }
        Ok(self.over.multiply(&other.under)? == other.over.multiply(&self.under)?)
    }

    /// Returns true if and only if one is a rational multiple of the other and neither is zero.
    pub(super) fn proportional(&self, other: &Self) -> Result<bool, Beyond> {
        Ok(self.factor(other)?.is_some())
    }

    /// The number that makes this the other, where there is one.
    pub(super) fn factor(&self, other: &Self) -> Result<Option<BigRational>, Beyond> {
        let (one, two) = (self.over.multiply(&other.under)?, other.over.multiply(&self.under)?);
        let (Some((_, a)), Some((_, b))) = (one.0.first_key_value(), two.0.first_key_value())
        else {
            return Ok(None);
        };
        let factor = b / a;
        let scaled = one.multiply(&Poly::term(Monomial::one(), factor.clone()))?;
        Ok((scaled == two).then_some(factor))
    }

    /// A text that is the same for the same value; `None` for true quotients.
    pub(super) fn canonical(&self) -> Option<String> {
        if self.under != unit() {
            return None;
        }
        if let Some(value) = self.constant() {
            return Some(value.to_string());
        }
        let mut text = String::new();
        for (Monomial { root, imaginary, powers }, coefficient) in &self.over.0 {
            let _ = write!(text, "+{coefficient}");
            if *root != 1 {
                let _ = write!(text, "√{root}");
            }
            if *imaginary {
                text.push('i');
            }
            for (name, power) in powers {
                let _ = write!(text, "·{name}^{power}");
            }
        }
        Some(text)
    }
}

fn unit() -> Poly {
    Poly::term(Monomial::one(), BigRational::one())
}

/// `n` as outside² · root with `root` square-free.
fn square_part(n: u64) -> Result<(u64, u64), Beyond> {
    if n == 0 {
        return Ok((0, 1));
    }
    if n > MAX_RADICAND {
        return Err(Beyond);
    }
    let (mut rest, mut outside, mut root, mut factor) = (n, 1, 1, 2);
    // Past the cube root, `rest` is a prime, a product of two primes, or the square of one.
    while factor * factor * factor <= rest {
        while rest.is_multiple_of(factor * factor) {
            rest /= factor * factor;
            outside *= factor;
        }
        if rest.is_multiple_of(factor) {
            rest /= factor;
            root *= factor;
        }
        factor += 1;
    }
    let whole = rest.isqrt();
    if whole * whole == rest { Ok((outside * whole, root)) } else { Ok((outside, root * rest)) }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn square_parts_multiply_back(n in 1_u64..2_000_000) {
            let (outside, root) = square_part(n).unwrap();
            prop_assert_eq!(outside * outside * root, n);
            prop_assert!((2..=root.isqrt()).all(|f| !root.is_multiple_of(f * f)));
        }
    }

    #[test]
    fn roots_and_units() {
        let int = |n: i64| Quotient::rational(BigRational::from_integer(n.into()));
        let root = |n| int(n).sqrt().unwrap();
        assert_eq!(root(12), int(2).multiply(&root(3)).unwrap());
        assert_eq!(root(2).multiply(&root(6)).unwrap(), int(2).multiply(&root(3)).unwrap());
        assert_eq!(int(1).divide(&root(3)).unwrap(), root(3).divide(&int(3)).unwrap());
        assert_eq!(root(-4), int(2).multiply(&Quotient::imaginary()).unwrap());
        assert_eq!(int(1).divide(&int(0)), Err(Beyond));
        assert_eq!(int(-27).root(3).unwrap(), int(-3));
        assert!(int(9).power(&int(1_000_000)).is_err());
    }
}
