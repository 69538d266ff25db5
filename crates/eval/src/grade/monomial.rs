//! Monomials: products of atoms raised to rational powers, and perhaps `i`.
//!
//! Powers of primes, of sums under a root and of roots of unity are kept between 0 and 1: what is more is multiplied
//! out. So powers of primes, which are linearly independent over the rationals (Besicovitch 1940), have one spelling.

use std::sync::Arc;

use num_bigint::BigInt;
use num_rational::{BigRational, Ratio};
use num_traits::{CheckedAdd, One, Signed, ToPrimitive, Zero};

use super::poly::{Beyond, MAX_BITS, MAX_POWER, Poly};
use super::quotient::Quotient;
use super::sorted::Sorted;

/// A power of an atom.
pub(super) type Exponent = Ratio<i32>;

/// A factor that is no rational number.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Atom {
    /// A prime number, to a power that is not whole.
    Prime(u64),
    /// A variable, π or e.
    Name(String),
    /// What stands under a root: a positive number, or an expression with variables. Its coefficients are whole
    /// numbers without a common factor.
    Sum(Arc<Poly>),
    /// e to this power.
    Exponential(Arc<Monomial>),
    /// A function of these arguments.
    Function(Function, Arc<[Quotient]>),
}

/// A function that is kept as it is written.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Function {
    /// The natural logarithm.
    Logarithm,
    /// The absolute value.
    Absolute,
    /// An inverse trigonometric function, by its name.
    Inverse(String),
    /// The member of a sequence of this name.
    Member(String),
    /// The sum from the first argument to the second of the third.
    Series,
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Monomial {
    pub(super) imaginary: bool,
    /// No power is zero.
    pub(super) powers: Sorted<Atom, Exponent>,
}

impl Monomial {
    pub(super) const fn one() -> Self {
        Self { imaginary: false, powers: Sorted::new() }
    }

    pub(super) fn atom(atom: Atom) -> Self {
        Self { imaginary: false, powers: Sorted::one(atom, Exponent::one()) }
    }

    pub(super) fn is_one(&self) -> bool {
        !self.imaginary && self.powers.is_empty()
    }

    /// The one atom that this is.
    pub(super) fn single(&self) -> Option<&Atom> {
        let (atom, power) = self.powers.first()?;
        (!self.imaginary && self.powers.len() == 1 && power.is_one()).then_some(atom)
    }

    pub(super) fn times(&self, other: &Self) -> Result<Product, Beyond> {
        let mut product = Product::of(self.clone());
        product.monomial.imaginary = self.imaginary != other.imaginary;
        if self.imaginary && other.imaginary {
            product.coefficient = -product.coefficient;
        }
        for (atom, power) in other.powers.iter() {
            product.raise(atom, *power)?;
        }
        Ok(product)
    }

    /// The inverse, and what remains under it: sums that were under a root.
    pub(super) fn inverse(&self) -> Result<(Product, Vec<Arc<Poly>>), Beyond> {
        let mut inverse = Product::of(Self { imaginary: self.imaginary, ..Self::one() });
        let mut under = Vec::new();
        if self.imaginary {
            inverse.coefficient = -inverse.coefficient;
        }
        for (atom, power) in self.powers.iter() {
            if let Atom::Sum(sum) = atom {
                inverse.raise(atom, Exponent::one() - power)?;
                under.push(Arc::clone(sum));
            } else {
                inverse.raise(atom, -power)?;
            }
        }
        Ok((inverse, under))
    }

    /// Whether all of this but `i` is real where names are: what stands under a root and in a logarithm is.
    pub(super) fn has_real_atoms(&self) -> bool {
        self.powers.keys().all(|atom| match atom {
            Atom::Exponential(exponent) => !exponent.imaginary && exponent.has_real_atoms(),
            _ => true,
        })
    }

    /// Whether this is `iπ`: the exponents of e whose powers are roots of unity.
    pub(super) fn is_half_turn(&self) -> bool {
        self.imaginary
            && self.powers.len() == 1
            && self.powers.first().is_some_and(|(atom, power)| {
                power.is_one() && matches!(atom, Atom::Name(name) if name == "π")
            })
    }
}

/// A product as it is multiplied out.
#[derive(Debug)]
pub(super) struct Product {
    pub(super) coefficient: BigRational,
    pub(super) monomial: Monomial,
    /// Sums to multiply by, each so many times.
    pub(super) sums: Vec<(Arc<Poly>, u32)>,
}

impl Product {
    pub(super) fn of(monomial: Monomial) -> Self {
        Self { coefficient: BigRational::one(), monomial, sums: Vec::new() }
    }

    /// Multiplies by a power of an atom.
    pub(super) fn raise(&mut self, atom: &Atom, power: Exponent) -> Result<(), Beyond> {
        let old = self.monomial.powers.remove(atom).unwrap_or_else(Exponent::zero);
        let power = old.checked_add(&power).ok_or(Beyond)?;
        let whole = power.floor().to_integer();
        let mut rest = power - power.floor();
        match atom {
            Atom::Prime(prime) => {
                let count = whole.unsigned_abs();
                if u64::from(count) * u64::from(64 - prime.leading_zeros()) > MAX_BITS {
                    return Err(Beyond);
                }
                let factor = BigRational::from_integer(BigInt::from(*prime).pow(count));
                let factor = if whole < 0 { factor.recip() } else { factor };
                self.coefficient *= factor;
            }
            Atom::Sum(sum) => {
                let count = whole.to_u32().filter(|count| *count <= MAX_POWER).ok_or(Beyond)?;
                if count > 0 {
                    self.sums.push((Arc::clone(sum), count));
                }
            }
            Atom::Exponential(exponent) if exponent.is_half_turn() => {
                if whole % 2 != 0 {
                    self.coefficient = -std::mem::take(&mut self.coefficient);
                }
                let twelfths = rest * Exponent::from_integer(12);
                if twelfths.is_integer() && !twelfths.is_zero() {
                    self.sums.push((Arc::new(root_of_unity(twelfths.to_integer())), 1));
                    rest = Exponent::zero();
                }
            }
            Atom::Name(_) | Atom::Exponential(_) | Atom::Function(..) => rest = power,
        }
        if !rest.is_zero() {
            self.monomial.powers.put(atom.clone(), rest, |_, new| *new);
        }
        Ok(())
    }
}

/// `e` to so many twelfths of `iπ`, from 1 to 11, in square roots.
fn root_of_unity(twelfths: i32) -> Poly {
    let root = |prime: u64, imaginary: bool| {
        let powers = Sorted::one(Atom::Prime(prime), Exponent::new(1, 2));
        Monomial { imaginary, powers }
    };
    let half = |sign: i32| BigRational::new(BigInt::from(sign), BigInt::from(2));
    let number = |imaginary: bool| Monomial { imaginary, ..Monomial::one() };
    let sum = |(real, one): (Monomial, BigRational), (other, two): (Monomial, BigRational)| {
        let mut sum = Poly::term(real, one);
        sum.put(other, two);
        sum
    };
    // k/12 = thirds/3 + quarters/4.
    let thirds = twelfths.rem_euclid(3);
    let quarters = ((twelfths - 4 * thirds) / 3).rem_euclid(8);
    let third = match thirds {
        0 => Poly::term(Monomial::one(), BigRational::one()),
        1 => sum((number(false), half(1)), (root(3, true), half(1))),
        _ => sum((number(false), half(-1)), (root(3, true), half(1))),
    };
    let sign = if quarters < 4 { 1 } else { -1 };
    let quarter = match quarters % 4 {
        0 => Poly::term(number(false), BigRational::from_integer(sign.into())),
        1 => sum((root(2, false), half(sign)), (root(2, true), half(sign))),
        2 => Poly::term(number(true), BigRational::from_integer(sign.into())),
        _ => sum((root(2, false), half(-sign)), (root(2, true), half(sign))),
    };
    third.multiply(&quarter).expect("square roots of 2 and 3 multiply to such")
}

/// The prime factors of a positive rational number, those of its denominator with negative powers.
pub(super) fn factors(value: &BigRational) -> Result<Vec<(u64, i32)>, Beyond> {
    let part = |part: &BigInt| part.to_u64().filter(|n| *n <= MAX_FACTORED).ok_or(Beyond);
    if !value.is_positive() {
        return Err(Beyond);
    }
    let (over, under) = (part(value.numer())?, part(value.denom())?);
    let under = prime_factors(under).into_iter().map(|(prime, count)| (prime, -count));
    Ok(prime_factors(over).into_iter().chain(under).collect())
}

/// Largest integer that is factored; chosen here, a matter of milliseconds.
const MAX_FACTORED: u64 = 1_000_000_000_000;

fn prime_factors(mut rest: u64) -> Vec<(u64, i32)> {
    let mut factors = Vec::new();
    let mut factor = 2;
    while factor * factor <= rest {
        let mut count = 0;
        while rest.is_multiple_of(factor) {
            rest /= factor;
            count += 1;
        }
        if count > 0 {
            factors.push((factor, count));
        }
        factor += if factor == 2 { 1 } else { 2 };
    }
    if rest > 1 {
        factors.push((rest, 1));
    }
    factors
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn prime_factors_multiply_back(n in 1_u64..2_000_000) {
            let found = prime_factors(n);
            prop_assert_eq!(found.iter().map(|(p, k)| p.pow(*k as u32)).product::<u64>(), n);
            for (prime, _) in found {
                prop_assert!((2..=prime.isqrt()).all(|f| !prime.is_multiple_of(f)));
            }
        }
    }

    #[test]
    fn twelfths_of_a_half_turn_multiply_to_minus_one() {
        for twelfths in 1..12 {
            let other = root_of_unity(12 - twelfths);
            let product = root_of_unity(twelfths).multiply(&other).unwrap();
            assert_eq!(product.constant(), Some(-BigRational::one()), "{twelfths}");
        }
        assert_ne!(root_of_unity(1), root_of_unity(11));
    }
}
