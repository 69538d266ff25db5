//! Polynomials: sums of rational multiples of distinct monomials.

use std::fmt::Write as _;

use num_bigint::BigInt;
use num_rational::BigRational;
use num_traits::{One, Signed, Zero};

use super::monomial::{Atom, Exponent, Monomial, Product};
use super::quotient::Quotient;
use super::sorted::Sorted;

/// Most terms of a polynomial.
pub(super) const MAX_TERMS: usize = 256;
/// Most bits of a numerator or denominator.
pub(super) const MAX_BITS: u64 = 40_000;
/// Largest exponent of a polynomial with several terms.
pub(super) const MAX_POWER: u32 = 32;

/// An expression is not one of these values, or is too large to be computed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Beyond;

/// No coefficient is zero.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Poly(pub(super) Sorted<Monomial, BigRational>);

impl Poly {
    pub(super) fn term(monomial: Monomial, coefficient: BigRational) -> Self {
        let zero = coefficient.is_zero();
        Self(if zero { Sorted::new() } else { Sorted::one(monomial, coefficient) })
    }

    pub(super) fn rational(value: BigRational) -> Self {
        Self::term(Monomial::one(), value)
    }

    /// A product, its sums multiplied out.
    pub(super) fn product(product: Product) -> Result<Self, Beyond> {
        let Product { coefficient, monomial, sums } = product;
        let mut value = Self::term(monomial, coefficient);
        for (sum, count) in sums {
            for _ in 0..count {
                value = value.multiply(&sum)?;
            }
        }
        Ok(value)
    }

    pub(super) fn add(&self, other: &Self) -> Result<Self, Beyond> {
        let mut sum = self.clone();
        for (monomial, coefficient) in other.0.iter() {
            sum.put(monomial.clone(), coefficient.clone());
        }
        sum.bounded()
    }

    pub(super) fn negate(&self) -> Self {
        Self(self.0.map(|coefficient| -coefficient))
    }

    pub(super) fn multiply(&self, other: &Self) -> Result<Self, Beyond> {
        if self.0.len() * other.0.len() > MAX_TERMS * 4 {
            return Err(Beyond);
        }
        let mut value = Self(Sorted::new());
        for (left, a) in self.0.iter() {
            for (right, b) in other.0.iter() {
                if right.is_one() {
                    value.put(left.clone(), times(a, b));
                    continue;
                }
                let mut product = left.times(right)?;
                product.coefficient = times(&times(a, b), &product.coefficient);
                if product.sums.is_empty() {
                    value.put(product.monomial, product.coefficient);
                } else {
                    value = value.add(&Self::product(product)?)?;
                }
            }
        }
        value.bounded()
    }

    /// Adds a term; a coefficient may come to zero.
    pub(super) fn put(&mut self, monomial: Monomial, coefficient: BigRational) {
        self.0.put(monomial, coefficient, plus);
    }

    fn bounded(mut self) -> Result<Self, Beyond> {
        self.0.retain(|coefficient| !coefficient.is_zero());
        let large = |c: &BigRational| c.numer().bits() > MAX_BITS || c.denom().bits() > MAX_BITS;
        if self.0.len() > MAX_TERMS || self.0.values().any(large) { Err(Beyond) } else { Ok(self) }
    }

    pub(super) fn constant(&self) -> Option<BigRational> {
        match self.0.first() {
            None => Some(BigRational::zero()),
            Some((monomial, coefficient)) if self.0.len() == 1 && monomial.is_one() => {
                Some(coefficient.clone())
            }
            Some(_) => None,
        }
    }

    pub(super) fn is_zero(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn is_one(&self) -> bool {
        self.0.len() == 1 && self.0.first().is_some_and(|(m, c)| m.is_one() && c.is_one())
    }

    /// The only term.
    pub(super) fn single(&self) -> Option<(&Monomial, &BigRational)> {
        self.0.first().filter(|_| self.0.len() == 1)
    }

    pub(super) fn monomials(&self) -> impl Iterator<Item = &Monomial> {
        self.0.keys()
    }

    /// The positive number that leaves whole coefficients without a common factor, and what it leaves.
    pub(super) fn primitive(&self) -> (BigRational, Self) {
        let common = self.0.values().fold(BigInt::zero(), |common, c| gcd(common, c.numer().abs()));
        let under = self.denominator();
        if common.is_zero() {
            return (BigRational::one(), self.clone());
        }
        let content = BigRational::new(common, under);
        let rest = Self(self.0.map(|coefficient| coefficient / &content));
        (content, rest)
    }

    /// The least positive integer that makes all coefficients whole.
    pub(super) fn denominator(&self) -> BigInt {
        self.0.values().fold(BigInt::one(), |lcm, c| {
            let common = gcd(lcm.clone(), c.denom().clone());
            lcm / common * c.denom()
        })
    }

    /// The complex conjugate, names being real; beyond reach where an exponent is neither real nor `i` times real.
    pub(super) fn conjugate(&self) -> Result<Self, Beyond> {
        let mut value = Self(Sorted::new());
        for (monomial, coefficient) in self.0.iter() {
            let sign = if monomial.imaginary { -coefficient } else { coefficient.clone() };
            let start = Monomial { imaginary: monomial.imaginary, ..Monomial::one() };
            let mut product = Product { coefficient: sign, ..Product::of(start) };
            for (atom, power) in monomial.powers.iter() {
                let turns = match atom {
                    Atom::Exponential(exponent) if exponent.has_real_atoms() => exponent.imaginary,
                    Atom::Exponential(_) => return Err(Beyond),
                    _ => false,
                };
                product.raise(atom, if turns { -power } else { *power })?;
            }
            value = value.add(&Self::product(product)?)?;
        }
        Ok(value)
    }

    /// Terms, those of arguments and of what is under roots included.
    pub(super) fn weight(&self) -> usize {
        self.monomials().map(|monomial| 1 + monomial.weight()).sum()
    }

    /// A text that is the same for the same sum.
    pub(super) fn text(&self) -> String {
        if let Some(value) = self.constant() {
            return value.to_string();
        }
        let mut text = String::new();
        for (monomial, coefficient) in self.0.iter() {
            let _ = write!(text, "+{coefficient}{}", monomial.text());
        }
        text
    }
}

impl Monomial {
    fn weight(&self) -> usize {
        let weight = |atom: &Atom| match atom {
            Atom::Prime(_) | Atom::Name(_) => 0,
            Atom::Sum(sum) => sum.weight(),
            Atom::Exponential(exponent) => exponent.weight(),
            Atom::Function(_, arguments) => arguments
                .iter()
                .map(|argument| argument.over.weight() + argument.under.weight())
                .sum(),
        };
        self.powers.keys().map(weight).sum::<usize>() + self.powers.len()
    }

    fn text(&self) -> String {
        let mut text = String::new();
        let half = Exponent::new(1, 2);
        let roots = self.powers.iter().filter_map(|(atom, power)| match atom {
            Atom::Prime(prime) if *power == half => Some(BigInt::from(*prime)),
            _ => None,
        });
        if let Some(root) = roots.reduce(|product, prime| product * prime) {
            let _ = write!(text, "√{root}");
        }
        if self.imaginary {
            text.push('i');
        }
        for (atom, power) in self.powers.iter() {
            let _ = match atom {
                Atom::Prime(_) if *power == half => Ok(()),
                Atom::Prime(prime) => write!(text, "·{prime}^{power}"),
                Atom::Name(name) => write!(text, "·{name}^{power}"),
                Atom::Sum(sum) => write!(text, "·({})^{power}", sum.text()),
                Atom::Exponential(exponent) => write!(text, "·e^({})^{power}", exponent.text()),
                Atom::Function(function, arguments) => {
                    let arguments: Vec<_> = arguments.iter().map(Quotient::text).collect();
                    write!(text, "·{function:?}({})^{power}", arguments.join(","))
                }
            };
        }
        text
    }
}

fn gcd(mut a: BigInt, mut b: BigInt) -> BigInt {
    while !b.is_zero() {
        let rest = a % &b;
        a = std::mem::replace(&mut b, rest);
    }
    a
}

/// The product; without a common factor to look for where both are whole.
fn times(a: &BigRational, b: &BigRational) -> BigRational {
    if a.is_integer() && b.is_integer() {
        BigRational::from_integer(a.numer() * b.numer())
    } else {
        a * b
    }
}

/// The sum, likewise.
fn plus(a: &BigRational, b: &BigRational) -> BigRational {
    if a.is_integer() && b.is_integer() {
        BigRational::from_integer(a.numer() + b.numer())
    } else {
        a + b
    }
}
