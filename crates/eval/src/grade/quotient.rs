//! Exact values: quotients of two polynomials.
//!
//! Two quotients whose difference comes to no term are the same value where both are defined. Where terms remain,
//! they are different if the atoms are independent: names are taken to be, powers of primes are. Of other numbers
//! [`nearness`](super::nearness) may tell; of other expressions nothing is said.

use num_rational::BigRational;
use num_traits::{One, Signed, ToPrimitive, Zero};

use super::monomial::{Atom, Function, Monomial};
use super::nearness::is_nonzero;
use super::poly::{Beyond, MAX_BITS, MAX_POWER, Poly};

/// A quotient of two polynomials; the denominator is 1 where it can be.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Quotient {
    pub(super) over: Poly,
    pub(super) under: Poly,
}

impl From<Poly> for Quotient {
    fn from(over: Poly) -> Self {
        Self { over, under: unit() }
    }
}

impl Quotient {
    pub(super) fn rational(value: BigRational) -> Self {
        Poly::rational(value).into()
    }

    pub(super) fn whole(value: i64) -> Self {
        Self::rational(BigRational::from_integer(value.into()))
    }

    pub(super) fn name(name: &str) -> Self {
        Self::atom(Atom::Name(name.to_owned()))
    }

    pub(super) fn atom(atom: Atom) -> Self {
        Poly::term(Monomial::atom(atom), BigRational::one()).into()
    }

    pub(super) fn imaginary() -> Self {
        let monomial = Monomial { imaginary: true, ..Monomial::one() };
        Poly::term(monomial, BigRational::one()).into()
    }

    fn reduced(over: Poly, under: Poly) -> Result<Self, Beyond> {
        if under.is_one() {
            return Ok(Self { over, under });
        }
        let Some((monomial, coefficient)) = under.single() else {
            return if under.is_zero() { Err(Beyond) } else { Ok(Self { over, under }) };
        };
        let (mut inverse, sums) = monomial.inverse()?;
        inverse.coefficient /= coefficient;
        let over = over.multiply(&Poly::product(inverse)?)?;
        let under = sums.iter().try_fold(unit(), |under, sum| under.multiply(sum))?;
        Ok(Self { over, under })
    }

    /// Refuses infinity, with which nothing is computed.
    pub(super) fn finite(&self) -> Result<(), Beyond> {
        let infinite = self.over.single().is_some_and(
            |(monomial, _)| matches!(monomial.single(), Some(Atom::Name(name)) if name == "∞"),
        );
        if infinite { Err(Beyond) } else { Ok(()) }
    }

    pub(super) fn add(&self, other: &Self) -> Result<Self, Beyond> {
        self.finite().and(other.finite())?;
        if self.under == other.under {
            return Self::reduced(self.over.add(&other.over)?, self.under.clone());
        }
        let over = self.over.multiply(&other.under)?.add(&other.over.multiply(&self.under)?)?;
        Self::reduced(over, self.under.multiply(&other.under)?)
    }

    pub(super) fn negate(&self) -> Self {
        Self { over: self.over.negate(), under: self.under.clone() }
    }

    pub(super) fn multiply(&self, other: &Self) -> Result<Self, Beyond> {
        self.finite().and(other.finite())?;
        let over = self.over.multiply(&other.over)?;
        if self.under.is_one() {
            return Self::reduced(over, other.under.clone());
        }
        Self::reduced(over, self.under.multiply(&other.under)?)
    }

    pub(super) fn divide(&self, other: &Self) -> Result<Self, Beyond> {
        self.finite().and(other.finite())?;
        if !may_divide(&other.over) {
            return Err(Beyond);
        }
        Self::reduced(self.over.multiply(&other.under)?, self.under.multiply(&other.over)?)
    }

    /// To a whole power.
    pub(super) fn whole_power(&self, exponent: &BigRational) -> Result<Self, Beyond> {
        let steps = exponent.to_integer();
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
        let mut power = Self::whole(1);
        for _ in 0..count {
            power = power.multiply(self)?;
        }
        if steps.is_negative() { Self::whole(1).divide(&power) } else { Ok(power) }
    }

    /// The rational number this is, if it is one.
    pub(super) fn constant(&self) -> Option<BigRational> {
        if self.under.is_one() { self.over.constant() } else { None }
    }

    /// Returns true if and only if both are the same value.
    ///
    /// # Errors
    ///
    /// [`Beyond`] where that cannot be told.
    pub(super) fn same(&self, other: &Self) -> Result<bool, Beyond> {
        if self == other {
            return Ok(true);
        }
        let difference = if self.under == other.under {
            self.over.add(&other.over.negate())?
        } else {
            let cross = other.over.multiply(&self.under)?;
            self.over.multiply(&other.under)?.add(&cross.negate())?
        };
        if difference.is_zero() {
            return Ok(true);
        }
        let named = |atom: &Atom| matches!(atom, Atom::Prime(_) | Atom::Name(_));
        if difference.monomials().all(|monomial| monomial.powers.keys().all(named)) {
            return Ok(false);
        }
        is_nonzero(&difference).map(|nonzero| !nonzero).ok_or(Beyond)
    }

    /// Returns true if and only if one is a rational multiple of the other and neither is zero.
    pub(super) fn proportional(&self, other: &Self) -> Result<bool, Beyond> {
        Ok(self.factor(other)?.is_some())
    }

    /// The number that makes this the other, where there is one.
    pub(super) fn factor(&self, other: &Self) -> Result<Option<BigRational>, Beyond> {
        let (one, two) = (self.over.multiply(&other.under)?, other.over.multiply(&self.under)?);
        let (Some((_, a)), Some((_, b))) = (one.0.first(), two.0.first()) else {
            return Ok(None);
        };
        let factor = b / a;
        let scaled = one.multiply(&Poly::rational(factor.clone()))?;
        Ok((scaled == two).then_some(factor))
    }

    /// The name `x`, the rational number `a` and the number `b` of `a x + b`.
    pub(super) fn linear(&self) -> Option<(String, Self, Self)> {
        let mut variable = None;
        let mut rest = self.over.clone();
        for (monomial, coefficient) in self.over.0.iter() {
            if variable.is_none()
                && has_variable(monomial)
                && let Some(Atom::Name(name)) = monomial.single()
            {
                rest.0.remove(monomial);
                variable = Some((name.clone(), Self::rational(coefficient.clone())));
            }
        }
        let (name, slope) = variable?;
        let number = self.under.is_one() && !rest.monomials().any(has_variable);
        number.then(|| (name, slope, rest.into()))
    }

    /// A text that is the same for the same sum; `None` for true quotients.
    pub(super) fn canonical(&self) -> Option<String> {
        self.under.is_one().then(|| self.over.text())
    }

    /// Such a text for any value.
    pub(super) fn text(&self) -> String {
        self.canonical()
            .unwrap_or_else(|| format!("({})/({})", self.over.text(), self.under.text()))
    }

    /// Whether nothing but rational numbers, square roots, `i` and names makes this up.
    pub(super) fn is_elementary(&self) -> bool {
        let elementary = |monomial: &Monomial| {
            monomial.powers.iter().all(|(atom, power)| match atom {
                Atom::Prime(_) => *power.denom() == 2,
                Atom::Name(_) => power.is_integer(),
                _ => false,
            })
        };
        self.over.monomials().chain(self.under.monomials()).all(elementary)
    }
}

fn unit() -> Poly {
    Poly::rational(BigRational::one())
}

/// Whether a sum of such atoms is zero only if it has no term: they are independent, or taken to be.
fn is_free(sum: &Poly) -> bool {
    sum.monomials().flat_map(|monomial| monomial.powers.keys()).all(|atom| match atom {
        Atom::Prime(_) | Atom::Name(_) => true,
        // Exponentials of numbers may be numbers, those of variables are none.
        Atom::Exponential(exponent) => {
            has_variable(exponent) && exponent.powers.keys().all(is_plain)
        }
        Atom::Sum(_) | Atom::Function(..) => false,
    })
}

/// What may stand in the exponent of an independent exponential.
fn is_plain(atom: &Atom) -> bool {
    match atom {
        Atom::Prime(_) | Atom::Name(_) => true,
        Atom::Function(Function::Logarithm, arguments) => arguments.iter().all(|argument| {
            argument.constant().is_some()
                || matches!(argument.over.single(), Some((monomial, coefficient))
                    if coefficient.is_one() && matches!(monomial.single(), Some(Atom::Name(_))))
        }),
        _ => false,
    }
}

/// Whether a variable is part of this; π and e are numbers.
pub(super) fn has_variable(monomial: &Monomial) -> bool {
    monomial.powers.keys().any(|atom| match atom {
        Atom::Prime(_) => false,
        Atom::Name(name) => name != "π" && name != "e",
        Atom::Sum(sum) => sum.monomials().any(has_variable),
        Atom::Exponential(exponent) => has_variable(exponent),
        Atom::Function(function, arguments) => {
            !matches!(function, Function::Logarithm | Function::Absolute | Function::Inverse(_))
                || arguments.iter().any(|argument| {
                    argument.over.monomials().chain(argument.under.monomials()).any(has_variable)
                })
        }
    })
}

/// Whether a divisor is surely not zero, or zero at points alone: otherwise what is divided by it may be anything.
fn may_divide(divisor: &Poly) -> bool {
    if is_free(divisor) || is_nonzero(divisor) == Some(true) {
        return true;
    }
    let free = |quotient: &Quotient| is_free(&quotient.over) && is_free(&quotient.under);
    let factor = |atom: &Atom| match atom {
        Atom::Prime(_)
        | Atom::Name(_)
        | Atom::Exponential(_)
        | Atom::Function(Function::Member(_), _) => true,
        Atom::Sum(sum) => !sum.monomials().any(has_variable) || is_free(sum),
        Atom::Function(Function::Logarithm | Function::Absolute, arguments) => {
            let value = Poly::term(Monomial::atom(atom.clone()), BigRational::one());
            let variable = value.monomials().any(has_variable);
            if variable { arguments.iter().all(free) } else { is_nonzero(&value) == Some(true) }
        }
        Atom::Function(Function::Series | Function::Inverse(_), _) => false,
    };
    divisor.single().is_some_and(|(monomial, _)| monomial.powers.keys().all(factor))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn roots_and_units() {
        let int = Quotient::whole;
        let root = |n| int(n).root(2).unwrap();
        assert_eq!(root(12), int(2).multiply(&root(3)).unwrap());
        assert_eq!(root(2).multiply(&root(6)).unwrap(), int(2).multiply(&root(3)).unwrap());
        assert_eq!(int(1).divide(&root(3)).unwrap(), root(3).divide(&int(3)).unwrap());
        assert_eq!(root(-4), int(2).multiply(&Quotient::imaginary()).unwrap());
        assert_eq!(int(1).divide(&int(0)), Err(Beyond));
        assert_eq!(int(-27).root(3).unwrap(), int(-3));
        assert!(int(9).power(&int(1_000_000)).is_err());
    }
}
