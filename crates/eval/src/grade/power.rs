//! Powers, roots, exponentials and logarithms.

use std::cmp::Ordering;
use std::sync::Arc;

use num_bigint::BigInt;
use num_rational::BigRational;
use num_traits::{CheckedMul, One, Signed, ToPrimitive, Zero};

use super::monomial::{Atom, Exponent, Function, Monomial, Product, factors};
use super::nearness::sign;
use super::poly::{Beyond, Poly};
use super::quotient::{Quotient, has_variable};

/// Most terms under a root, in an exponent and in an argument; chosen here.
const MAX_WEIGHT: usize = 64;

impl Quotient {
    /// To any power: by multiplication, as a root, or as `e^(exponent · ln self)`.
    pub(super) fn power(&self, exponent: &Self) -> Result<Self, Beyond> {
        self.finite()?;
        match exponent.constant() {
            Some(exponent) if exponent.is_integer() => self.whole_power(&exponent),
            Some(exponent) => self.rational_power(&exponent),
            None => exponent.multiply(&self.logarithm()?)?.exponential(),
        }
    }

    /// The root of this degree: the real one where it is odd.
    pub(super) fn root(&self, degree: u32) -> Result<Self, Beyond> {
        self.finite()?;
        let exponent = BigRational::new(BigInt::one(), BigInt::from(degree.max(1)));
        let number = !self.over.monomials().chain(self.under.monomials()).any(has_variable);
        if degree % 2 == 1 && number && self.sign()? == Ordering::Less {
            return Ok(self.negate().rational_power(&exponent)?.negate());
        }
        self.rational_power(&exponent)
    }

    /// The sign of a real number.
    pub(super) fn sign(&self) -> Result<Ordering, Beyond> {
        let (over, under) = (sign(&self.over)?, sign(&self.under)?);
        Ok(if under == Ordering::Less { over.reverse() } else { over })
    }

    fn rational_power(&self, exponent: &BigRational) -> Result<Self, Beyond> {
        let power = as_exponent(exponent)?;
        if power.is_negative() {
            let positive = self.rational_power(&-exponent)?;
            return Self::whole(1).divide(&positive);
        }
        if let Some(value) = self.constant() {
            return number_to(&value, power);
        }
        let number = !self.over.monomials().chain(self.under.monomials()).any(has_variable);
        if !self.under.is_one() {
            // (p/q)^(a/b) = (p q^(b−1))^(a/b) / |q|^a, of numbers.
            if !number || sign(&self.under)? != Ordering::Greater {
                return Err(Beyond);
            }
            let under = Self::from(self.under.clone());
            let whole = |n: i32| BigRational::from_integer(n.into());
            let raised = under.whole_power(&whole(power.denom() - 1))?;
            let over = Self::from(self.over.clone()).multiply(&raised)?.rational_power(exponent)?;
            return over.divide(&under.whole_power(&whole(*power.numer()))?);
        }
        let (content, primitive) = self.over.primitive();
        let outside = number_to(&content, power)?;
        outside.multiply(&sum_to(&primitive, power, number)?)
    }

    /// e to this power.
    pub(super) fn exponential(&self) -> Result<Self, Beyond> {
        if !self.under.is_one() || self.over.weight() > MAX_WEIGHT {
            return Err(Beyond);
        }
        let mut value = Self::whole(1);
        for (monomial, coefficient) in self.over.0.iter() {
            let factor =
                if let Some(Atom::Function(Function::Logarithm, arguments)) = monomial.single() {
                    arguments[0].power(&Self::rational(coefficient.clone()))?
                } else {
                    let atom = if monomial.is_one() {
                        Atom::Name("e".to_owned())
                    } else {
                        Atom::Exponential(Arc::new(monomial.clone()))
                    };
                    let mut product = Product::of(Monomial::one());
                    product.raise(&atom, as_exponent(coefficient)?)?;
                    Poly::product(product)?.into()
                };
            value = value.multiply(&factor)?;
        }
        Ok(value)
    }

    /// The natural logarithm. That of a product is a sum only where at most one factor is not surely positive.
    pub(super) fn logarithm(&self) -> Result<Self, Beyond> {
        if !self.under.is_one() || self.over.weight() > MAX_WEIGHT {
            return Err(Beyond);
        }
        if let Some(value) = self.constant() {
            return number_logarithm(&value);
        }
        let number = !self.over.monomials().any(has_variable);
        if number && sign(&self.over)? != Ordering::Greater {
            return Err(Beyond);
        }
        let (content, primitive) = self.over.primitive();
        let outside = number_logarithm(&content)?;
        let of = |value: Self| Self::atom(Atom::Function(Function::Logarithm, Arc::from([value])));
        if let Some(powers) = separable(&primitive) {
            return powers.iter().try_fold(outside, |sum, (atom, power)| {
                let logarithm = match atom {
                    Atom::Name(name) if name == "e" => Self::whole(1),
                    Atom::Exponential(exponent) => {
                        Poly::term(Monomial::clone(exponent), BigRational::one()).into()
                    }
                    Atom::Prime(prime) => of(Self::rational(BigInt::from(*prime).into())),
                    other => of(Self::atom((*other).clone())),
                };
                let power = Self::rational(BigRational::new(
                    (*power.numer()).into(),
                    (*power.denom()).into(),
                ));
                sum.add(&logarithm.multiply(&power)?)
            });
        }
        if self.over.monomials().any(|monomial| monomial.imaginary) {
            return Err(Beyond);
        }
        outside.add(&of(primitive.into()))
    }

    /// The absolute value, names being real.
    pub(super) fn absolute(&self) -> Result<Self, Beyond> {
        let number = !self.over.monomials().chain(self.under.monomials()).any(has_variable);
        if number {
            return Ok(if self.sign()? == Ordering::Less { self.negate() } else { self.clone() });
        }
        let imaginary = self.over.monomials().any(|monomial| monomial.imaginary);
        if !self.under.is_one() || imaginary || self.over.weight() > MAX_WEIGHT {
            return Err(Beyond);
        }
        let (content, primitive) = self.over.primitive();
        let negative = primitive.0.first().is_some_and(|(_, c)| c.is_negative());
        let inside = if negative { primitive.negate() } else { primitive };
        let atom = Atom::Function(Function::Absolute, Arc::from([Self::from(inside)]));
        Self::atom(atom).multiply(&Self::rational(content))
    }

    /// A function of arguments, kept as it is.
    pub(super) fn function(function: Function, arguments: &[Self]) -> Result<Self, Beyond> {
        let weight = |argument: &Self| argument.over.weight() + argument.under.weight();
        if arguments.iter().map(weight).sum::<usize>() > MAX_WEIGHT {
            return Err(Beyond);
        }
        Ok(Self::atom(Atom::Function(function, Arc::from(arguments))))
    }
}

fn as_exponent(value: &BigRational) -> Result<Exponent, Beyond> {
    let part = |part: &BigInt| part.to_i32().filter(|n| n.abs() < 1 << 24).ok_or(Beyond);
    Ok(Exponent::new(part(value.numer())?, part(value.denom())?))
}

/// A number to a positive power that is not whole.
fn number_to(value: &BigRational, power: Exponent) -> Result<Quotient, Beyond> {
    if value.is_negative() {
        let root = number_to(&-value, power)?;
        let square = power == Exponent::new(1, 2);
        return if square { root.multiply(&Quotient::imaginary()) } else { Err(Beyond) };
    }
    if value.is_zero() || value.is_one() {
        return Ok(Quotient::rational(value.clone()));
    }
    let degree = *power.denom() as u32;
    if u64::from(degree) <= value.numer().bits().max(value.denom().bits()) {
        let (over, under) = (value.numer().nth_root(degree), value.denom().nth_root(degree));
        if over.pow(degree) == *value.numer() && under.pow(degree) == *value.denom() {
            let numerator = BigRational::from_integer((*power.numer()).into());
            return Quotient::rational(BigRational::new(over, under)).whole_power(&numerator);
        }
    }
    let mut product = Product::of(Monomial::one());
    for (prime, count) in factors(value)? {
        let count = Exponent::from_integer(count);
        let power = power.checked_mul(&count).ok_or(Beyond)?;
        product.raise(&Atom::Prime(prime), power)?;
    }
    Ok(Poly::product(product)?.into())
}

/// A primitive sum, which is no rational number, to a positive power that is not whole.
fn sum_to(sum: &Poly, power: Exponent, number: bool) -> Result<Quotient, Beyond> {
    let mut product = Product::of(Monomial::one());
    if let Some(powers) = separable(sum) {
        for (atom, own) in powers {
            let power = power.checked_mul(&own).ok_or(Beyond)?;
            product.raise(atom, power)?;
        }
        return Ok(Poly::product(product)?.into());
    }
    let square = power == Exponent::new(1, 2);
    if number {
        match sign(sum)? {
            Ordering::Equal => return Ok(Quotient::whole(0)),
            Ordering::Less if square => {
                let root = sum_to(&sum.negate(), power, number)?;
                return root.multiply(&Quotient::imaginary());
            }
            Ordering::Less => return Err(Beyond),
            Ordering::Greater => {}
        }
    }
    if let Some(root) = square.then(|| denested(sum)).flatten() {
        return Ok(root);
    }
    let imaginary = sum.monomials().any(|monomial| monomial.imaginary);
    if sum.weight() > MAX_WEIGHT || !number && imaginary {
        return Err(Beyond);
    }
    product.raise(&Atom::Sum(Arc::new(sum.clone())), power)?;
    Ok(Poly::product(product)?.into())
}

/// The atoms of a product whose powers are the products of theirs: all are positive, but for one name to the power 1.
fn separable(sum: &Poly) -> Option<Vec<(&Atom, Exponent)>> {
    let (monomial, coefficient) = sum.single().filter(|(_, c)| c.is_one())?;
    let mut variables = 0;
    let mut separable = !monomial.imaginary && coefficient.is_one();
    for (atom, power) in monomial.powers.iter() {
        separable &= match atom {
            Atom::Prime(_) => true,
            Atom::Name(name) if name == "π" || name == "e" => true,
            Atom::Name(_) => {
                variables += 1;
                power.is_one()
            }
            Atom::Exponential(exponent) => {
                !exponent.imaginary && exponent.has_real_atoms() && !has_variable(exponent)
            }
            Atom::Sum(sum) => !sum.monomials().any(has_variable),
            Atom::Function(..) => false,
        };
    }
    let powers = || monomial.powers.iter().map(|(atom, power)| (atom, *power)).collect();
    (separable && variables <= 1).then(powers)
}

/// `√(a + b√c)` as `√s ± √t` where `a² − b²c` is a square `d²`: `s` and `t` are half of `a ± d`.
fn denested(sum: &Poly) -> Option<Quotient> {
    let half = Exponent::new(1, 2);
    let mut terms = sum.0.iter();
    let ((one, a), (other, b), None) = (terms.next()?, terms.next()?, terms.next()) else {
        return None;
    };
    let mut radicand = BigInt::one();
    for (atom, power) in other.powers.iter() {
        match atom {
            Atom::Prime(prime) if *power == half => radicand *= *prime,
            _ => return None,
        }
    }
    if !one.is_one() || other.imaginary || !a.is_positive() {
        return None;
    }
    let square = a * a - b * b * BigRational::from_integer(radicand);
    if square.is_negative() {
        return None;
    }
    let (over, under) = (square.numer().sqrt(), square.denom().sqrt());
    if &over * &over != *square.numer() || &under * &under != *square.denom() {
        return None;
    }
    let d = BigRational::new(over, under);
    let two = BigRational::from_integer(2.into());
    let large = number_to(&((a + &d) / &two), half).ok()?;
    let small = number_to(&((a - &d) / &two), half).ok()?;
    large.add(&if b.is_negative() { small.negate() } else { small }).ok()
}

fn number_logarithm(value: &BigRational) -> Result<Quotient, Beyond> {
    let mut sum = Quotient::whole(0);
    for (prime, count) in factors(value)? {
        let argument = Quotient::rational(BigInt::from(prime).into());
        let atom = Atom::Function(Function::Logarithm, Arc::from([argument]));
        sum = sum.add(&Quotient::atom(atom).multiply(&Quotient::whole(count.into()))?)?;
    }
    Ok(sum)
}
