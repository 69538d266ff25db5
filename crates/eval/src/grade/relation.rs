//! Relations: bounds of a variable, inequalities, and answers with both signs.

use super::bounds::absolute_bounds;
use super::lex::{Kind, Token};
use super::parse::value;
use super::shape::{Reading, Shape, is_name, reading, spelling, split};
use crate::dataset::AnswerForm;

const SIGNS: &str = "<>≤≥";

/// What tokens with `<`, `≤`, `>`, `≥` or `±` outside of brackets make; `None` where that cannot be told.
pub(super) fn relation(tokens: &[Token], form: AnswerForm, depth: u32) -> Option<Shape> {
    if tokens.iter().filter(|token| token.is('±')).count() == 1 {
        return Some(both_signs(tokens, form, depth));
    }
    let sides = split(tokens, |token| SIGNS.chars().any(|sign| token.is(sign)));
    let signs: Vec<char> = sides[..sides.len() - 1]
        .iter()
        .scan(0, |at, side| {
            *at += side.len() + 1;
            tokens[*at - 1].text.chars().next()
        })
        .collect();
    match (&sides[..], &signs[..]) {
        ([low, name, high], [first, second]) if is_name(name) => {
            between(low, name, high, (*first, *second), form, depth)
        }
        _ if let Some(bounds) = absolute_bounds(&sides, &signs) => Some(bounds),
        ([left, right], [sign]) => {
            let (left, right) = (value(left).ok()?, value(right).ok()?);
            let (less, more) = if "<≤".contains(*sign) { (left, right) } else { (right, left) };
            let difference = more.add(&less.negate()).ok()?;
            Some(Shape::Positive { difference, or_zero: "≤≥".contains(*sign) })
        }
        _ => None,
    }
}

/// `low < name ≤ high`, or the same from above.
fn between(
    low: &[Token],
    name: &[Token],
    high: &[Token],
    signs: (char, char),
    form: AnswerForm,
    depth: u32,
) -> Option<Shape> {
    let (low, high, signs) = match signs {
        ('<' | '≤', '<' | '≤') => (low, high, signs),
        ('>' | '≥', '>' | '≥') => (high, low, (signs.1, signs.0)),
        _ => return None,
    };
    let open = if "<>".contains(signs.0) { '(' } else { '[' };
    let close = if "<>".contains(signs.1) { ')' } else { ']' };
    let items: Vec<Reading> =
        [low, high].into_iter().map(|bound| reading(bound, form, depth + 1)).collect();
    let text = format!("{open}{},{}{close}", items[0].text, items[1].text);
    let value = Box::new(Reading { text, shape: Shape::Sequence { open, close, items } });
    Some(Shape::Between { name: spelling(name), value })
}

/// Two answers, the one with `+` and the one with `-`.
fn both_signs(tokens: &[Token], form: AnswerForm, depth: u32) -> Shape {
    let with = |sign: char| {
        let signed = |token: &Token| {
            if token.is('±') {
                Token { kind: Kind::Symbol(sign), text: sign.to_string(), ..token.clone() }
            } else {
                token.clone()
            }
        };
        let tokens: Vec<Token> = tokens.iter().map(signed).collect();
        reading(&tokens, form, depth + 1)
    };
    Shape::Collection(vec![with('+'), with('-')])
}
