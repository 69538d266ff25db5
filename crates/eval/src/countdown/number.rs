//! Numbers and operations: exact rationals whose arithmetic never overflows and never panics.

use std::fmt;

use num_rational::Ratio;

/// A rational number in lowest terms, the denominator positive.
///
/// Printed `24`, `-2` or `8/3`.
pub type Number = Ratio<i64>;

/// One of the four operations.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Op {
    /// Addition.
    Add,
    /// Subtraction.
    Sub,
    /// Multiplication.
    Mul,
    /// Division.
    Div,
}

impl Op {
    /// All four, in the order they are tried.
    pub const ALL: [Self; 4] = [Self::Add, Self::Sub, Self::Mul, Self::Div];

    /// How it is written.
    ///
    /// ```
    /// use espalier_eval::countdown::Op;
    /// assert_eq!(Op::ALL.map(Op::symbol), ['+', '-', '*', '/']);
    /// ```
    #[must_use]
    pub fn symbol(self) -> char {
        match self {
            Self::Add => '+',
            Self::Sub => '-',
            Self::Mul => '*',
            Self::Div => '/',
        }
    }

    /// The operation written so.
    #[must_use]
    pub fn of_symbol(symbol: char) -> Option<Self> {
        Self::ALL.into_iter().find(|op| op.symbol() == symbol)
    }

    /// `a` op `b`; `None` where it does not exist or does not fit: division by zero, overflow.
    ///
    /// ```
    /// use espalier_eval::countdown::{Number, Op};
    /// let [a, b] = [8, 3].map(Number::from_integer);
    /// assert_eq!(Op::Div.apply(a, b).unwrap().to_string(), "8/3");
    /// assert_eq!(Op::Div.apply(a, Number::from_integer(0)), None);
    /// assert_eq!(Op::Mul.apply(Number::from_integer(i64::MAX), b), None);
    /// ```
    #[must_use]
    pub fn apply(self, a: Number, b: Number) -> Option<Number> {
        let ([an, ad], [bn, bd]) = ([*a.numer(), *a.denom()], [*b.numer(), *b.denom()]);
        if [an, ad, bn, bd].iter().all(|part| part.unsigned_abs() < 1 << 30) {
            let (n, d) = match self {
                Self::Add => (an * bd + bn * ad, ad * bd),
                Self::Sub => (an * bd - bn * ad, ad * bd),
                Self::Mul => (an * bn, ad * bd),
                Self::Div => (an * bd, ad * bn),
            };
            return (d != 0)
                .then(|| if d == 1 { Ratio::from_integer(n) } else { Ratio::new(n, d) });
        }
        self.apply_wide(a, b)
    }

    fn apply_wide(self, a: Number, b: Number) -> Option<Number> {
        // Without the one value whose negation overflows, every sum of two products fits 128 bits.
        let part = |part: &i64| (*part != i64::MIN).then_some(i128::from(*part));
        let ([an, ad], [bn, bd]) =
            ([part(a.numer())?, part(a.denom())?], [part(b.numer())?, part(b.denom())?]);
        let (n, d) = match self {
            Self::Add => (an * bd + bn * ad, ad * bd),
            Self::Sub => (an * bd - bn * ad, ad * bd),
            Self::Mul => (an * bn, ad * bd),
            Self::Div => (an * bd, ad * bn),
        };
        if d == 0 {
            return None;
        }
        let reduced = Ratio::new(n, d);
        let narrow = |part: i128| i64::try_from(part).ok().filter(|part| *part != i64::MIN);
        Some(Ratio::new_raw(narrow(*reduced.numer())?, narrow(*reduced.denom())?))
    }
}

impl fmt::Display for Op {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.symbol())
    }
}

/// Reads a number exactly as it is printed: no plus, no spare zero, fractions in lowest terms.
pub(super) fn read_number(text: &str) -> Option<Number> {
    let (numerator, denominator) = text.split_once('/').unwrap_or((text, "1"));
    let part = |text: &str| text.parse::<i64>().ok().filter(|part| *part != i64::MIN);
    let (numerator, denominator) = (part(numerator)?, part(denominator)?);
    if denominator <= 0 {
        return None;
    }
    let number = Ratio::new(numerator, denominator);
    (number.to_string() == text).then_some(number)
}
