//! Equations: arithmetic that a line of prose states, computed again.
//!
//! What is read is deliberately narrow, so that nothing is called false that is not: numbers, the four operations,
//! powers, parentheses, fractions of LaTeX, and a unit after a number. Variables, functions, percentages, times of
//! day and rounding signs are left alone, and so are equations between unlike units.

use std::collections::BTreeSet;

use num_bigint::BigInt;
use num_rational::BigRational;
use num_traits::Signed;

use super::tokens::{Token, tokens};
use crate::grade::evaluate;

/// The longest line that is looked at, in bytes.
const MAX_BYTES: usize = 4096;

/// Tokens looked at on either side of an equals sign.
const MAX_TOKENS: usize = 64;

/// Words of a unit, at most: "4 blue pens".
const MAX_UNIT: usize = 2;

/// Words that are operations: what follows them is not the whole of a side.
const OPERATIONS: [&str; 11] =
    ["of", "times", "plus", "minus", "by", "twice", "thrice", "double", "triple", "half", "over"];

/// Deepest nesting looked at.
const MAX_DEPTH: u32 = 16;

/// An equation with an operation in it, both of whose sides have a value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Equation {
    /// The value of what stands left of the sign.
    pub left: BigRational,
    /// The value of what stands right of it: most often the result.
    pub right: BigRational,
    /// Whether it is true: the sides are equal, or one is a decimal that the other rounds to.
    pub holds: bool,
}

/// The equations that a line states and that can be checked, in order.
///
/// ```
/// use espalier_eval::validation::equations::equations;
/// let holds = |line: &str| equations(line).iter().map(|one| one.holds).collect::<Vec<_>>();
/// assert_eq!(holds("So 4 boxes x 6 pens = 24 pens, and 24 - 9 = 14."), [true, false]);
/// assert_eq!(holds(r"\[ \frac{9}{2} \times 4 = 18 \]"), [true]);
/// assert_eq!(holds("100 / 3 = 33.33"), [true]); // rounded as printed
/// assert!(holds("x + 3 = 7, x = 4, 50% * 8 = 4, 2 hours = 2 * 60 minutes").is_empty());
/// ```
#[must_use]
pub fn equations(line: &str) -> Vec<Equation> {
    if line.len() > MAX_BYTES || !line.contains('=') {
        return Vec::new();
    }
    let tokens = tokens(line);
    let signs = tokens.iter().enumerate().filter(|(_, token)| **token == Token::Equals);
    signs.filter_map(|(at, _)| equation(&tokens[..at], &tokens[at + 1..])).collect()
}

fn equation(before: &[Token], after: &[Token]) -> Option<Equation> {
    let edge = |token: &Token| matches!(token, Token::Equals | Token::Break);
    let before = &before[before.iter().rposition(edge).map_or(0, |at| at + 1)..];
    let after = &after[..after.iter().position(edge).unwrap_or(after.len())];
    let (one, other) = (suffix(before)?, prefix(after)?);
    if one.operations + other.operations == 0 {
        return None;
    }
    let (left, right) = (evaluate(&one.text)?, evaluate(&other.text)?);
    let holds = left == right
        || other.places.is_some_and(|places| rounds_to(&left, &right, places))
        || one.places.is_some_and(|places| rounds_to(&right, &left, places));
    let units: BTreeSet<&String> = one.units.iter().chain(&other.units).collect();
    let remainder = units.iter().any(|unit| unit.starts_with("remainder"));
    // Unlike units make unlike numbers: 3 hours are 180 minutes.
    (holds || units.len() <= 1 && !remainder).then_some(Equation { left, right, holds })
}

/// Returns true if and only if `value` is within half a unit of the last of `places` places of `decimal`.
fn rounds_to(value: &BigRational, decimal: &BigRational, places: u32) -> bool {
    let unit = BigRational::new(1.into(), num_traits::pow(BigInt::from(10), places as usize));
    (value - decimal).abs() * BigRational::from_integer(2.into()) <= unit
}

/// An expression as read: its text for the exact arithmetic of the graders.
#[derive(Debug, Default)]
struct Expression {
    text: String,
    operations: usize,
    units: BTreeSet<String>,
    /// The decimal places where it is nothing but a decimal number.
    places: Option<u32>,
}

/// The expression that `tokens` begin with; `None` where they go on in a way that makes another of it.
fn prefix(tokens: &[Token]) -> Option<Expression> {
    let tokens = &tokens[..tokens.len().min(MAX_TOKENS)];
    let (expression, end) = read(tokens)?;
    let open = matches!(tokens.get(end), Some(Token::Op(_) | Token::Name | Token::Open));
    (!open).then_some(expression)
}

/// The longest expression that `tokens` end with; `None` where what is before it makes another of it.
fn suffix(tokens: &[Token]) -> Option<Expression> {
    let first = tokens.len().saturating_sub(MAX_TOKENS);
    let (start, expression) = (first..tokens.len()).find_map(|start| {
        let (expression, end) = read(&tokens[start..])?;
        (start + end == tokens.len()).then_some((start, expression))
    })?;
    let signed = matches!(tokens[start], Token::Op(_));
    let open = match start.checked_sub(1).map(|before| &tokens[before]) {
        Some(Token::Op(_) | Token::Name | Token::Number { .. } | Token::Close) => true,
        Some(Token::Word(word)) => signed || OPERATIONS.contains(&word.as_str()),
        _ => false,
    };
    (!open).then_some(expression)
}

/// The longest expression at the start of `tokens`, and where it ends.
fn read(tokens: &[Token]) -> Option<(Expression, usize)> {
    let mut reader = Reader { tokens, at: 0, found: Expression::default() };
    reader.sum(0)?;
    let Reader { at, mut found, .. } = reader;
    found.places = match &tokens[0] {
        Token::Number { places, .. } if found.operations == 0 && *places > 0 => Some(*places),
        _ => None,
    };
    Some((found, at))
}

struct Reader<'a> {
    tokens: &'a [Token],
    at: usize,
    found: Expression,
}

impl Reader<'_> {
    /// Operands and operations in turn, as many as there are.
    fn sum(&mut self, depth: u32) -> Option<()> {
        self.operand(depth)?;
        while let Some(Token::Op(op)) = self.tokens.get(self.at) {
            let (at, length) = (self.at, self.found.text.len());
            let (operations, units) = (self.found.operations, self.found.units.clone());
            self.at += 1;
            self.found.text.push(*op);
            self.found.operations += 1;
            if self.operand(depth).is_none() {
                self.at = at;
                self.found.text.truncate(length);
                (self.found.operations, self.found.units) = (operations, units);
                break;
            }
        }
        Some(())
    }

    fn operand(&mut self, depth: u32) -> Option<()> {
        if depth > MAX_DEPTH {
            return None;
        }
        if self.tokens.get(self.at) == Some(&Token::Op('-')) {
            self.at += 1;
            self.found.text.push('-');
        }
        match self.tokens.get(self.at)? {
            Token::Number { text, money, .. } => {
                self.found.text.push_str(text);
                self.found.units.extend(money.then(|| "dollar".to_owned()));
                self.at += 1;
            }
            Token::Open => {
                self.at += 1;
                self.found.text.push('(');
                self.sum(depth + 1)?;
                (self.tokens.get(self.at)? == &Token::Close).then_some(())?;
                self.at += 1;
                self.found.text.push(')');
            }
            _ => return None,
        }
        let words = self.tokens[self.at..].iter().map_while(|token| match token {
            Token::Word(word) => Some(word),
            _ => None,
        });
        let words: Vec<&String> = words.take(MAX_UNIT).collect();
        if let Some(last) = words.last() {
            self.at += words.len();
            self.found.units.insert(last.trim_end_matches('s').to_owned());
        }
        Some(())
    }
}
