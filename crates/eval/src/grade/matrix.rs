//! Matrices, and sums of them.

use super::lex::Token;
use super::parse::value;
use super::quotient::Quotient;
use super::shape::{Measure, Reading, Shape, reading, split, trim};
use crate::dataset::AnswerForm;

/// A matrix; `None` where the tokens are none.
pub(super) fn matrix(tokens: &[Token], form: AnswerForm, depth: u32) -> Option<Shape> {
    let tokens = match tokens {
        [open, inside @ .., close] if open.is('[') && close.is(']') => inside,
        _ => tokens,
    };
    let [begin, inside @ .., end] = tokens else { return None };
    let nested = |token: &Token| token.is_command("begin") || token.is_command("end");
    if !begin.is_command("begin") || !end.is_command("end") || inside.iter().any(nested) {
        return None;
    }
    let rows = inside.split(|token| token.is('\n')).map(trim).filter(|row| !row.is_empty());
    let cells = |row: &[Token]| {
        row.split(|token| token.is('&')).map(|cell| reading(cell, form, depth + 1)).collect()
    };
    Some(Shape::Matrix(rows.map(cells).collect()))
}

/// A sum or difference of matrices of the same size, or a multiple of one, computed; `None` where the tokens are none.
pub(super) fn sum_of_matrices(tokens: &[Token], form: AnswerForm, depth: u32) -> Option<Shape> {
    if !tokens.iter().any(|token| token.is_command("begin")) {
        return None;
    }
    let parts = split(tokens, |token| token.is('+') || token.is('-'));
    let mut sum: Option<Vec<Vec<Quotient>>> = None;
    let mut at = 0_usize;
    for part in parts {
        let sign = at.checked_sub(1).and_then(|before| tokens.get(before));
        let negative = sign.is_some_and(|sign| sign.is('-'));
        at += part.len() + 1;
        // A sign that stands first has nothing before it.
        if part.is_empty() && sum.is_none() && at == 1 {
            continue;
        }
        let scaled = multiple(part, negative, form, depth)?;
        sum = Some(match sum {
            None => scaled,
            Some(sum) => added(&sum, &scaled)?,
        });
    }
    let cells = |row: Vec<Quotient>| row.into_iter().map(Reading::computed).collect();
    Some(Shape::Matrix(sum?.into_iter().map(cells).collect()))
}

/// The cells of `2 \begin{pmatrix} … \end{pmatrix}`.
fn multiple(
    tokens: &[Token],
    negative: bool,
    form: AnswerForm,
    depth: u32,
) -> Option<Vec<Vec<Quotient>>> {
    let begin = tokens.iter().position(|token| token.is_command("begin"))?;
    let (factor, cells) = tokens.split_at(begin);
    let factor = match factor {
        [] => Quotient::whole(1),
        [before @ .., times] if times.is('*') => value(before).ok()?,
        _ => value(factor).ok()?,
    };
    let factor = if negative { factor.negate() } else { factor };
    let Some(Shape::Matrix(rows)) = matrix(trim(cells), form, depth) else { return None };
    let cell = |cell: &Reading| match &cell.shape {
        Shape::Value(Measure { value, unit: None, percent: false, .. }) => {
            value.multiply(&factor).ok()
        }
        _ => None,
    };
    rows.iter().map(|row| row.iter().map(cell).collect()).collect()
}

fn added(one: &[Vec<Quotient>], other: &[Vec<Quotient>]) -> Option<Vec<Vec<Quotient>>> {
    if one.len() != other.len() {
        return None;
    }
    let row = |(one, other): (&Vec<Quotient>, &Vec<Quotient>)| {
        if one.len() != other.len() {
            return None;
        }
        one.iter().zip(other).map(|(one, other)| one.add(other).ok()).collect()
    };
    one.iter().zip(other).map(row).collect()
}
