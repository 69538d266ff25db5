//! Graders: whether an answer is the gold answer, exactly.
//!
//! The gold answer of a puzzle is the puzzle: its expressions are computed, not compared. That of a function is its
//! hidden tests, which a [`Grader`] runs.
//!
//! Numbers are compared as exact rationals; polynomials, roots, powers, logarithms and functions of angles as exact
//! sums; tuples, sets and matrices item by item; everything else by its spelling. Numbers whose sums differ are told
//! apart by certain bounds of their values, and algebraic ones are equal where their difference is smaller than any
//! that is not zero. There is no tolerance that a [`Policy`] does not name, and a verdict of equal is a proof up to the
//! reading of the notation. What cannot be read, is too large, or needs more algebra than this is undecided: it counts
//! as wrong, and is counted.

mod ball;
mod bounds;
mod call;
mod compare;
mod definition;
mod fold;
mod found;
mod grader;
mod lex;
mod matrix;
mod monomial;
mod nearness;
mod pair;
mod parse;
mod poly;
mod power;
mod quotient;
mod relation;
mod shape;
mod sorted;
mod trigonometry;
mod unit;

pub use found::Notation;
pub use grader::Grader;
pub use pair::{Pair, PairOptions};

use espalier_core::Answer;
use serde::{Deserialize, Serialize};

use crate::countdown::{ExpressionError, Puzzle, answer_value, is_correct};
use crate::dataset::{AnswerForm, DatasetKind};
use crate::problem::{Gold, Item};

/// Rises whenever a verdict changes: records graded by another version can be regraded.
pub const GRADER_VERSION: u32 = 3;

/// What a grader found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// The answer is the gold answer.
    Equal,
    /// It is not.
    NotEqual,
    /// It could not be told.
    Undecided,
}

/// What a decimal gold answer stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Decimals {
    /// The number itself: 4.46 is not 4.5.
    Exact,
    /// Every number that rounds to it at its printed places: 1/3 is 0.33, but 0.33 is not 1/3.
    Printed,
    /// Every number that rounds to the same at this many places, where either is written as a decimal number.
    Places(u32),
}

/// What a per cent sign in an answer means where the gold answer has none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Percent {
    /// A hundredth: 50 % is 0.5 and not 50.
    ByValue,
    /// A unit the question asked for: 50 % is also 50.
    AsUnit,
}

/// How strictly to compare.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Policy {
    /// How answers are written.
    pub form: AnswerForm,
    /// What a decimal gold answer stands for.
    pub decimals: Decimals,
    /// What a per cent sign means.
    pub percent: Percent,
}

impl Policy {
    /// What a question asks for: rounding where it speaks of it, a percentage where it names one.
    ///
    /// ```
    /// use espalier_eval::{DatasetKind, Decimals, Percent, Policy};
    /// let policy = Policy::of(DatasetKind::Math500, "By what percent, to the nearest tenth?");
    /// assert_eq!((policy.decimals, policy.percent), (Decimals::Printed, Percent::AsUnit));
    /// ```
    #[must_use]
    pub fn of(kind: DatasetKind, question: &str) -> Self {
        let lower = question.to_ascii_lowercase();
        let speaks_of = |words: &[&str]| words.iter().any(|word| lower.contains(word));
        let rounded =
            speaks_of(&["nearest", "round your", "round to", "rounded to", "approximate"]);
        Self {
            form: kind.form(),
            decimals: if rounded { Decimals::Printed } else { Decimals::Exact },
            percent: if speaks_of(&["percent"]) { Percent::AsUnit } else { Percent::ByValue },
        }
    }
}

/// The exact value of an expression, in a notation of its own; `None` where it has none that can be told.
pub(crate) fn exact_value(expression: &str) -> Option<String> {
    let value = parse::value(&lex::lex(expression)?).ok()?;
    if value.is_elementary() { value.canonical() } else { None }
}

/// Grades an answer to a problem of a dataset. A function is undecided, for nothing is run here: a [`Grader`] runs it.
#[must_use]
pub fn grade_item(kind: DatasetKind, item: &Item, answer: &Answer) -> Verdict {
    grade(&item.gold, answer, Policy::of(kind, &item.problem.question))
}

/// Grades an answer.
///
/// ```
/// use espalier_core::Answer;
/// use espalier_eval::{DatasetKind, Gold, Policy, Verdict, grade};
/// let policy = Policy::of(DatasetKind::Math500, "");
/// let verdict = |gold: &str, answer: &str| {
///     grade(&Gold::new(gold.to_owned()), &Answer(answer.to_owned()), policy)
/// };
/// assert_eq!(verdict(r"\frac{1}{2}", "0.5"), Verdict::Equal);
/// assert_eq!(verdict(r"\frac{1}{3}", "0.333"), Verdict::NotEqual);
/// assert_eq!(verdict(r"2\sqrt{3}", r"\sqrt{12}"), Verdict::Equal);
/// assert_eq!(verdict(r"\sin x", r"\cos x"), Verdict::Undecided);
/// ```
#[must_use]
pub fn grade(gold: &Gold, answer: &Answer, policy: Policy) -> Verdict {
    if policy.form == AnswerForm::Expression {
        return grade_expression(gold, answer);
    }
    if policy.form == AnswerForm::Function {
        return Verdict::Undecided;
    }
    let read = |text: &str| shape::read(text, policy.form);
    match (read(gold.text()), read(&answer.0)) {
        (Some(gold), Some(answer)) => compare::compare(&gold, &answer, policy),
        _ => Verdict::Undecided,
    }
}

fn grade_expression(gold: &Gold, answer: &Answer) -> Verdict {
    match (Puzzle::parse(gold.text()), answer_value(&answer.0)) {
        (Ok(puzzle), Ok(_)) if is_correct(&puzzle, &answer.0) => Verdict::Equal,
        (Ok(_), Ok(_) | Err(ExpressionError::Undefined | ExpressionError::Claim)) => {
            Verdict::NotEqual
        }
        _ => Verdict::Undecided,
    }
}

/// A text that answers of the same class share: numbers by value whatever their unit, lists in any
/// order, expressions by their value and their numbers, functions by their text, everything else by its spelling.
pub(crate) fn class(answer: &Answer, form: AnswerForm) -> String {
    if form == AnswerForm::Expression {
        return match answer_value(&answer.0) {
            Ok((value, numbers)) => format!("= {value} of {numbers:?}"),
            // No expression begins so, and no class of one does.
            Err(_) => format!("? {}", answer.0),
        };
    }
    if form == AnswerForm::Function {
        return answer.0.trim().to_owned();
    }
    shape::read(&answer.0, form).map_or_else(|| answer.0.clone(), |reading| class_of(&reading))
}

fn class_of(reading: &shape::Reading) -> String {
    use shape::Shape;
    let list = |items: &[shape::Reading]| items.iter().map(class_of).collect::<Vec<_>>();
    let sorted = |items: &[shape::Reading]| {
        let mut items = list(items);
        items.sort_unstable();
        items.join(",")
    };
    match &reading.shape {
        Shape::Value(measure) => measure.value.canonical().unwrap_or_else(|| reading.text.clone()),
        Shape::Words(words) => words.replace(' ', ""),
        Shape::Assignment { value, .. } | Shape::Between { value, .. } => class_of(value),
        Shape::Sequence { open, close, items } => format!("{open}{}{close}", list(items).join(",")),
        Shape::Collection(items) if items.len() == 1 => class_of(&items[0]),
        Shape::Collection(items) => format!("set {}", sorted(items)),
        Shape::Union(items) => format!("union {}", sorted(items)),
        Shape::Matrix(rows) => {
            let rows: Vec<String> = rows.iter().map(|row| list(row).join(",")).collect();
            format!("matrix {}", rows.join(";"))
        }
        Shape::Nothing | Shape::Equation(_) | Shape::Positive { .. } | Shape::Opaque => {
            reading.text.clone()
        }
    }
}

/// The rational number an expression comes to.
pub(crate) fn evaluate(expression: &str) -> Option<num_rational::BigRational> {
    parse::value(&lex::lex(expression)?).ok()?.constant()
}

#[cfg(test)]
mod tests;
