//! Comparison of two readings.

use num_bigint::BigInt;
use num_rational::BigRational;
use num_traits::Signed;

use super::quotient::Quotient;
use super::shape::{Measure, Reading, Shape};
use super::unit::{Fit, fit};
use super::{Decimals, Percent, Policy, Verdict};

/// Whether `answer` is `gold`.
pub(super) fn compare(gold: &Reading, answer: &Reading, policy: Policy) -> Verdict {
    use Shape::{
        Assignment, Between, Collection, Equation, Matrix, Nothing, Positive, Sequence, Union,
        Value, Words,
    };
    match (&gold.shape, &answer.shape) {
        (Nothing, _) | (_, Nothing) => Verdict::Undecided,
        _ if gold.text == answer.text => Verdict::Equal,
        (
            Assignment { name, value, difference, definition },
            Assignment {
                name: other_name,
                value: other_value,
                difference: other,
                definition: other_definition,
            },
        ) => {
            let defined = match (definition, other_definition) {
                (Some(one), Some(two)) if one.function == two.function => {
                    compare(&one.value, &two.value, policy)
                }
                _ => Verdict::Undecided,
            };
            if name == other_name {
                compare(value, other_value, policy)
            } else if defined == Verdict::Equal {
                Verdict::Equal
            } else {
                proportional(difference.as_ref(), other.as_ref())
            }
        }
        (Assignment { difference, .. }, Equation(other)) => {
            proportional(difference.as_ref(), Some(other))
        }
        (Equation(one), Assignment { difference, .. }) => {
            proportional(Some(one), difference.as_ref())
        }
        (Equation(one), Equation(other)) => proportional(Some(one), Some(other)),
        (Between { name, value }, Between { name: other_name, value: other })
            if name == other_name =>
        {
            compare(value, other, policy)
        }
        (
            Positive { difference, or_zero },
            Positive { difference: other, or_zero: other_or_zero },
        ) if or_zero == other_or_zero => match difference.factor(other) {
            Ok(Some(factor)) if factor.is_positive() => Verdict::Equal,
            _ => Verdict::Undecided,
        },
        (Assignment { value, .. }, _) | (Between { value, .. }, Sequence { .. } | Union(_)) => {
            compare(value, answer, policy)
        }
        (_, Assignment { value, .. }) | (Sequence { .. } | Union(_), Between { value, .. }) => {
            compare(gold, value, policy)
        }
        (Value(one), Value(other)) => values(one, other, policy),
        (Words(one), Words(other)) => same_words(one, other),
        (Words(letter), Value(_)) if choice(letter, &answer.text) => Verdict::Equal,
        (Value(_), Words(letter)) if choice(letter, &gold.text) => Verdict::Equal,
        (
            Sequence { open, close, items },
            Sequence { open: other_open, close: other_close, items: other },
        ) => {
            if (open, close) == (other_open, other_close) {
                in_order(items, other, policy)
            } else {
                Verdict::NotEqual
            }
        }
        (Collection(items), Collection(other)) | (Union(items), Union(other)) => {
            in_any_order(items, other, policy)
        }
        (Collection(items), _) if items.len() == 1 => compare(&items[0], answer, policy),
        (_, Collection(items)) if items.len() == 1 => compare(gold, &items[0], policy),
        (Matrix(rows), Matrix(other)) => {
            if rows.len() != other.len() {
                return Verdict::NotEqual;
            }
            all(rows.iter().zip(other).map(|(row, other)| in_order(row, other, policy)))
        }
        // A number is neither a point nor several numbers.
        (Value(_), Sequence { .. } | Matrix(_) | Equation(_))
        | (Sequence { .. } | Matrix(_) | Equation(_), Value(_)) => Verdict::NotEqual,
        (Value(_), Collection(items)) | (Collection(items), Value(_)) if all_values(items) => {
            Verdict::NotEqual
        }
        _ => Verdict::Undecided,
    }
}

fn all_values(items: &[Reading]) -> bool {
    items.len() > 1 && items.iter().all(|item| matches!(item.shape, Shape::Value(_)))
}

/// A choice or a variable, with and without `\text`.
fn choice(words: &str, text: &str) -> bool {
    words.chars().count() == 1 && text.to_lowercase() == words
}

fn same_words(one: &str, other: &str) -> Verdict {
    let letters = |text: &str| {
        let mut letters: Vec<char> = text.chars().filter(|c| c.is_alphanumeric()).collect();
        letters.sort_unstable();
        letters
    };
    if one == other || one.replace(' ', "") == other.replace(' ', "") {
        Verdict::Equal
    } else if letters(one) == letters(other) || one.contains(other) || other.contains(one) {
        Verdict::Undecided // products of letters, or the same said in more words
    } else {
        Verdict::NotEqual
    }
}

fn proportional(one: Option<&Quotient>, other: Option<&Quotient>) -> Verdict {
    match (one, other) {
        (Some(one), Some(other)) if one.proportional(other) == Ok(true) => Verdict::Equal,
        _ => Verdict::Undecided,
    }
}

fn values(gold: &Measure, answer: &Measure, policy: Policy) -> Verdict {
    let share = |measure: &Measure| measure.value.divide(&Quotient::whole(100));
    let decimal = |measure: &Measure| measure.places.is_some_and(|places| places > 0);
    let either = decimal(gold) || decimal(answer);
    let near = |gold: &Measure, answer: &Quotient, policy| near(gold, answer, either, policy);
    let literal = || near(gold, &answer.value, policy);
    let by_value = match (gold.percent, answer.percent) {
        (true, true) | (false, false) => literal(),
        (true, false) => share(gold).ok().and_then(|share| share.same(&answer.value).ok()),
        (false, true) => share(answer).ok().and_then(|share| near(gold, &share, policy)),
    };
    // Gold says "28 %": its reader may leave out the sign. The question asks for a percentage: its
    // reader may write the sign.
    let sign_is_spelling =
        gold.percent != answer.percent && (gold.percent || policy.percent == Percent::AsUnit);
    let equal = if sign_is_spelling && by_value == Some(false) { literal() } else { by_value };
    match (equal, fit(gold.unit.as_ref(), answer.unit.as_ref())) {
        (Some(true), Fit::Same) => Verdict::Equal,
        (Some(false), Fit::Same) | (Some(true), Fit::Different) => Verdict::NotEqual,
        (Some(false), Fit::Different) | (Some(_), Fit::Unknown) | (None, _) => Verdict::Undecided,
    }
}

/// Whether `answer` is gold's value, or rounds to it where the policy lets it; `None` if it cannot be
/// computed. `decimal` tells whether either is written as a decimal number.
fn near(gold: &Measure, answer: &Quotient, decimal: bool, policy: Policy) -> Option<bool> {
    if gold.value.same(answer).ok()? {
        return Some(true);
    }
    let rounded = || -> Option<bool> {
        let places = gold.places?;
        let (gold, answer) = (gold.value.constant()?, answer.constant()?);
        // 27.0 is 27, not something near it.
        Some(!gold.is_integer() && round(&answer, places) == gold)
    };
    let alike = |places| -> Option<bool> {
        let (gold, answer) = (gold.value.constant()?, answer.constant()?);
        Some(decimal && round(&gold, places) == round(&answer, places))
    };
    Some(match policy.decimals {
        Decimals::Exact => false,
        Decimals::Printed => rounded() == Some(true),
        Decimals::Places(places) => alike(places) == Some(true),
    })
}

/// Rounded to decimal places, halves away from zero.
fn round(value: &BigRational, places: u32) -> BigRational {
    let scale = BigRational::from_integer(BigInt::from(10).pow(places));
    let half = BigRational::new(1.into(), 2.into());
    let rounded = (value.abs() * &scale + half).floor() / scale;
    if value.is_negative() { -rounded } else { rounded }
}

fn in_order(gold: &[Reading], answer: &[Reading], policy: Policy) -> Verdict {
    if gold.len() != answer.len() {
        return Verdict::NotEqual;
    }
    all(gold.iter().zip(answer).map(|(gold, answer)| compare(gold, answer, policy)))
}

fn in_any_order(gold: &[Reading], answer: &[Reading], policy: Policy) -> Verdict {
    const MAX_PAIRS: usize = 10_000;
    if gold.len() * answer.len() > MAX_PAIRS {
        return Verdict::Undecided;
    }
    let mut left: Vec<&Reading> = answer.iter().collect();
    let mut undecided = false;
    let mut missing = false;
    for item in gold {
        let verdicts: Vec<Verdict> =
            left.iter().map(|answer| compare(item, answer, policy)).collect();
        if let Some(index) = verdicts.iter().position(|verdict| *verdict == Verdict::Equal) {
            left.swap_remove(index);
        } else {
            missing = true;
            undecided |= verdicts.contains(&Verdict::Undecided);
        }
    }
    let opaque = |item: &Reading| matches!(item.shape, Shape::Opaque);
    match (missing || !left.is_empty(), undecided || gold.iter().chain(answer).any(opaque)) {
        (false, _) => Verdict::Equal,
        (true, false) => Verdict::NotEqual,
        (true, true) => Verdict::Undecided,
    }
}

/// Equal if all are, not equal if one is not.
fn all(verdicts: impl Iterator<Item = Verdict>) -> Verdict {
    let mut sum = Verdict::Equal;
    for verdict in verdicts {
        match verdict {
            Verdict::NotEqual => return Verdict::NotEqual,
            Verdict::Undecided => sum = Verdict::Undecided,
            Verdict::Equal => {}
        }
    }
    sum
}
