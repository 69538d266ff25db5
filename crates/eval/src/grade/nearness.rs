//! Whether a number is zero, by balls that are narrowed until they leave it out or are too narrow to.
//!
//! An algebraic number that is not zero keeps a distance from it. Each sum here, multiplied by its common denominator,
//! is an algebraic integer: whole multiples of products of roots. Its conjugates come from other choices of those
//! roots, and each is at most `u`, what the sum comes to with every term and every root at its largest magnitude. There
//! are at most `D` of them, the product of the degrees of the roots; their product is a whole number, so that what is
//! not zero is at least `u^(1 − D)` (the argument of Burnikel et al., "A strong and easily computable separation bound
//! for arithmetic expressions involving radicals", Algorithmica 27, 2000). Of other numbers no zero is ever proved.

use std::cmp::Ordering;
use std::collections::BTreeMap;

use num_rational::BigRational;
use num_traits::{Signed, ToPrimitive};

use super::ball::{Ball, pi};
use super::monomial::{Atom, Exponent, Function, Monomial};
use super::poly::{Beyond, Poly};
use super::quotient::has_variable;

/// Most terms of a number that is approximated, those under its roots included; chosen here.
const MAX_WEIGHT: usize = 64;
/// Bits of the first approximation, the last of numbers that are not algebraic, and the last of all; chosen here.
const BITS: (u64, u64, u64) = (64, 512, 2048);

/// Whether a number is not zero; `None` where that cannot be told, as of what has variables.
pub(super) fn is_nonzero(number: &Poly) -> Option<bool> {
    match near(number).ok()? {
        Near::Zero => Some(false),
        Near::Away(_) => Some(true),
    }
}

/// The sign of a real number.
pub(super) fn sign(number: &Poly) -> Result<Ordering, Beyond> {
    if let Some(value) = number.constant() {
        return Ok(value.cmp(&BigRational::from_integer(0.into())));
    }
    if number.monomials().any(has_variable) || number.conjugate()? != *number {
        return Err(Beyond);
    }
    match near(number)? {
        Near::Zero => Ok(Ordering::Equal),
        Near::Away(value) if value.real.is_positive() => Ok(Ordering::Greater),
        Near::Away(value) if value.real.negate().is_positive() => Ok(Ordering::Less),
        Near::Away(_) => Err(Beyond),
    }
}

enum Near {
    Zero,
    Away(Complex),
}

struct Complex {
    real: Ball,
    imaginary: Ball,
}

impl Complex {
    fn multiply(&self, other: &Self) -> Self {
        let (a, b) = (self.real.multiply(&other.real), self.imaginary.multiply(&other.imaginary));
        let (c, d) = (self.real.multiply(&other.imaginary), self.imaginary.multiply(&other.real));
        Self { real: a.add(&b.negate()), imaginary: c.add(&d) }
    }
}

fn near(number: &Poly) -> Result<Near, Beyond> {
    if number.is_zero() {
        return Ok(Near::Zero);
    }
    if number.weight() > MAX_WEIGHT || number.monomials().any(has_variable) {
        return Err(Beyond);
    }
    let scale = BigRational::from_integer(number.denominator());
    let whole = number.multiply(&Poly::rational(scale))?;
    let (first, last, most) = BITS;
    let distance = separation(&whole).filter(|distance| *distance < most / 2);
    let last = if distance.is_some() { most } else { last };
    let mut bits = first;
    while bits <= last {
        // Too few bits may leave a part undefined that more bits define.
        if let Some(value) = approximate(&whole, bits) {
            if value.real.is_nonzero() || value.imaginary.is_nonzero() {
                return Ok(Near::Away(value));
            }
            // One bit more for the two parts of the distance.
            let within = |distance| {
                value.real.is_within(distance + 1) && value.imaginary.is_within(distance + 1)
            };
            if distance.is_some_and(within) {
                return Ok(Near::Zero);
            }
        }
        bits *= 2;
    }
    Err(Beyond)
}

fn approximate(sum: &Poly, bits: u64) -> Option<Complex> {
    let zero = || Ball::whole(0, bits);
    let mut total = Complex { real: zero(), imaginary: zero() };
    for (monomial, coefficient) in sum.0.iter() {
        let coefficient = Complex { real: Ball::rational(coefficient, bits), imaginary: zero() };
        let term = monomial_near(monomial, bits)?.multiply(&coefficient);
        total.real = total.real.add(&term.real);
        total.imaginary = total.imaginary.add(&term.imaginary);
    }
    Some(total)
}

fn monomial_near(monomial: &Monomial, bits: u64) -> Option<Complex> {
    let (one, zero) = (Ball::whole(1, bits), Ball::whole(0, bits));
    let (real, imaginary) = if monomial.imaginary { (zero, one) } else { (one, zero) };
    let mut product = Complex { real, imaginary };
    for (atom, power) in monomial.powers.iter() {
        product = product.multiply(&atom_near(atom, *power, bits)?);
    }
    Some(product)
}

/// A power of an atom. What stands under a root is real and positive.
fn atom_near(atom: &Atom, power: Exponent, bits: u64) -> Option<Complex> {
    let rational = BigRational::new((*power.numer()).into(), (*power.denom()).into());
    let power_near = Ball::rational(&rational, bits);
    let zero = || Ball::whole(0, bits);
    let logarithm = match atom {
        Atom::Prime(prime) => Ball::whole(*prime, bits).logarithm()?,
        Atom::Name(name) if name == "e" => Ball::whole(1, bits),
        Atom::Name(name) if name == "π" => pi(bits).logarithm()?,
        Atom::Sum(sum) => approximate(sum, bits)?.real.logarithm()?,
        Atom::Exponential(exponent) => {
            let exponent = monomial_near(exponent, bits)?;
            let size = exponent.real.multiply(&power_near).exponential()?;
            let (cosine, sine) = exponent.imaginary.multiply(&power_near).circle()?;
            return Some(Complex { real: size.multiply(&cosine), imaginary: size.multiply(&sine) });
        }
        Atom::Function(Function::Logarithm, arguments) => {
            let argument = approximate(&arguments[0].over, bits)?.real.logarithm()?;
            let (count, inverse) = (power.to_integer(), power.is_negative());
            let factor = if inverse { argument.inverse()? } else { argument };
            if !power.is_integer() || count.abs() > 32 {
                return None;
            }
            let one = Ball::whole(1, bits);
            let real = (0..count.abs()).fold(one, |product, _| product.multiply(&factor));
            return Some(Complex { real, imaginary: zero() });
        }
        Atom::Name(_) | Atom::Function(..) => return None,
    };
    Some(Complex { real: logarithm.multiply(&power_near).exponential()?, imaginary: zero() })
}

/// Added to binary logarithms: far more than rounding takes from them.
const SLACK: f64 = 1e-6;

/// Bits `b` such that the sum is zero if it is nearer to it than 2^−b; `None` where it is no algebraic integer, or the
/// bound is out of reach.
fn separation(sum: &Poly) -> Option<u64> {
    let mut degrees = BTreeMap::new();
    let size = size_bits(sum, &mut degrees)?;
    let degree = degrees.iter().try_fold(1_u64, |product, (atom, degree)| {
        let turn = matches!(atom, Atom::Exponential(_));
        product.checked_mul(if turn { totient(degree.checked_mul(2)?) } else { *degree })
    })?;
    let bits = size.max(0.0) * (degree - 1) as f64;
    (bits < 1e6).then_some(bits as u64 + 2)
}

/// The binary logarithm of what bounds each conjugate, and the degrees of the roots that are used; of roots of unity
/// the denominators of their shares of a half turn.
fn size_bits(sum: &Poly, degrees: &mut BTreeMap<Atom, u64>) -> Option<f64> {
    let mut sizes = Vec::new();
    for (monomial, coefficient) in sum.0.iter() {
        if !coefficient.is_integer() {
            return None;
        }
        let numerator = coefficient.numer().abs();
        let exact = numerator.to_f64().filter(|number| number.is_finite());
        let mut size = exact.map_or(numerator.bits() as f64, f64::log2);
        if monomial.imaginary {
            degrees.insert(Atom::Name("i".to_owned()), 2);
        }
        for (atom, power) in monomial.powers.iter() {
            let share = power.to_f64()?;
            let degree = power.denom().unsigned_abs().into();
            match atom {
                Atom::Prime(prime) => size += share * (*prime as f64).log2(),
                Atom::Sum(inside) => size += share * size_bits(inside, degrees)?,
                Atom::Exponential(exponent) if exponent.is_half_turn() => {}
                _ => return None,
            }
            let known = degrees.entry(atom.clone()).or_insert(1);
            *known = lcm(*known, degree)?;
        }
        sizes.push(size + SLACK);
    }
    let largest = sizes.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let together: f64 = sizes.iter().map(|size| (size - largest).exp2()).sum();
    Some(largest + together.log2() + SLACK)
}

/// The degree of the roots of unity of an order: how many numbers below it share no factor with it.
fn totient(order: u64) -> u64 {
    let (mut rest, mut count, mut factor) = (order, order, 2);
    while factor * factor <= rest {
        if rest.is_multiple_of(factor) {
            count -= count / factor;
            while rest.is_multiple_of(factor) {
                rest /= factor;
            }
        }
        factor += 1;
    }
    if rest > 1 { count - count / rest } else { count }
}

fn lcm(a: u64, b: u64) -> Option<u64> {
    let (mut x, mut y) = (a, b);
    while y != 0 {
        (x, y) = (y, x % y);
    }
    (a / x).checked_mul(b)
}
