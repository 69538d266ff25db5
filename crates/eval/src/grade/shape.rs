//! Shapes: what kind of thing an answer is, read from its tokens.

use super::call::is_trigonometric;
use super::definition::{Definition, definition};
use super::lex::{Kind, Token, lex};
use super::matrix::{matrix, sum_of_matrices};
use super::parse::value;
use super::quotient::Quotient;
use super::relation::relation;
use super::unit::{Unit, measure};
use crate::dataset::AnswerForm;

/// Deepest nesting of tuples, sets and matrices looked at.
const MAX_DEPTH: u32 = 16;

/// An answer as read.
#[derive(Debug, Clone)]
pub(super) struct Reading {
    /// Its tokens in one spelling: equal texts are equal answers.
    pub(super) text: String,
    pub(super) shape: Shape,
}

#[derive(Debug, Clone)]
pub(super) enum Shape {
    /// Nothing, or a word that says so.
    Nothing,
    /// A number or polynomial.
    Value(Measure),
    /// Words, in lower case.
    Words(String),
    /// Ordered, in brackets: a point, a tuple, an interval.
    Sequence {
        open: char,
        close: char,
        items: Vec<Reading>,
    },
    /// Unordered: a set, a list, several solutions.
    Collection(Vec<Reading>),
    /// A union of intervals and sets.
    Union(Vec<Reading>),
    Matrix(Vec<Vec<Reading>>),
    /// `name = value`; the difference of both sides where both are polynomials.
    Assignment {
        name: String,
        value: Box<Reading>,
        difference: Option<Quotient>,
        /// What it says of a function, whatever its variable is called.
        definition: Option<Definition>,
    },
    /// An equation: the difference of its sides.
    Equation(Quotient),
    /// An inequality: what is more than 0, or 0 too.
    Positive {
        difference: Quotient,
        or_zero: bool,
    },
    /// `low < name ≤ high`; the value is the interval.
    Between {
        name: String,
        value: Box<Reading>,
    },
    /// Anything else.
    Opaque,
}

#[derive(Debug, Clone)]
pub(super) struct Measure {
    pub(super) value: Quotient,
    /// Places after the point, if it is written as a decimal number.
    pub(super) places: Option<u32>,
    pub(super) unit: Option<Unit>,
    pub(super) percent: bool,
}

/// Reads an answer; `None` where it is too large to look at.
pub(super) fn read(text: &str, form: AnswerForm) -> Option<Reading> {
    Some(reading(&lex(text)?, form, 0))
}

impl Reading {
    /// That of a value which was computed.
    pub(super) fn computed(value: Quotient) -> Self {
        let text = value.text();
        let measure = Measure { value, places: None, unit: None, percent: false };
        Self { text, shape: Shape::Value(measure) }
    }
}

pub(super) fn reading(tokens: &[Token], form: AnswerForm, depth: u32) -> Reading {
    let tokens = trim(tokens);
    let shape = if depth > MAX_DEPTH { Shape::Opaque } else { shape(tokens, form, depth) };
    Reading { text: spelling(tokens), shape }
}

fn shape(tokens: &[Token], form: AnswerForm, depth: u32) -> Shape {
    let inner = |tokens: &[Token]| reading(tokens, form, depth + 1);
    if tokens.is_empty() {
        return Shape::Nothing;
    }
    if let Some(matrix) = matrix(tokens, form, depth) {
        return matrix;
    }
    if let Some(sum) = sum_of_matrices(tokens, form, depth) {
        return sum;
    }
    let listed = split(tokens, |token| {
        token.is(',') || token.is(';') || token.is_letters() && is_joiner(&token.text)
    });
    if listed.len() > 1 {
        let items = listed.into_iter().map(trim).filter(|item| !item.is_empty());
        return Shape::Collection(items.map(inner).collect());
    }
    if let [_, element, set @ ..] = tokens
        && element.is('∈')
    {
        return inner(set).shape;
    }
    let relates =
        |token: &Token| matches!(token.kind, Kind::Symbol('<' | '>' | '≤' | '≥' | '≠' | '±' | '∈'));
    if tokens.iter().any(relates) {
        return relation(tokens, form, depth).unwrap_or(Shape::Opaque);
    }
    let sides = split(tokens, |token| token.is('='));
    if sides.len() > 1 {
        return equation(&sides, form, depth);
    }
    let parts = split(tokens, |token| token.is('∪'));
    if parts.len() > 1 {
        return Shape::Union(parts.into_iter().map(inner).collect());
    }
    if let Some(enclosed) = enclosed(tokens, form, depth) {
        return enclosed;
    }
    if let Some(words) = words(tokens) {
        return words;
    }
    measured(tokens, form)
}

fn measured(tokens: &[Token], form: AnswerForm) -> Shape {
    let measured = measure(tokens, form);
    let places = match measured.number {
        [Token { kind: Kind::Number { places, .. }, .. }] => *places,
        [sign, Token { kind: Kind::Number { places, .. }, .. }] if sign.is('-') => *places,
        _ => None,
    };
    let Ok(value) = value(measured.number) else { return Shape::Opaque };
    let value = if measured.negative { value.negate() } else { value };
    // `\sin 30 degrees` is not the sine of 30.
    let angle = measured.number.iter().any(is_trigonometric);
    if angle && measured.unit.as_ref().is_some_and(Unit::is_degree) {
        return Shape::Opaque;
    }
    Shape::Value(Measure { value, places, unit: measured.unit, percent: measured.percent })
}

/// Words and nothing else. A single lower-case letter is a variable.
fn words(tokens: &[Token]) -> Option<Shape> {
    // `twenty-one` is a word, `p-q` is a difference.
    let long = |index: usize| {
        tokens.get(index).is_some_and(|t| t.is_letters() && t.text.chars().count() > 2)
    };
    let letters = tokens.iter().enumerate().all(|(index, token)| {
        let hyphen = token.is('-') && index > 0 && long(index - 1) && long(index + 1);
        token.is_letters() || token.is('.') || hyphen && !token.spaced
    });
    if !letters || !tokens[0].is_letters() {
        return None;
    }
    if let [Token { kind: Kind::Word, text, .. }] = tokens
        && (text.len() == 1 && text.chars().all(char::is_lowercase) || text == "π" || text == "∞")
    {
        return None;
    }
    let joined: Vec<String> = tokens
        .iter()
        .filter(|token| token.is_letters())
        .map(|token| token.text.to_lowercase().replace(['(', ')', '.', '~', '\\', '$'], ""))
        .collect();
    let joined = joined.join(" ").split_whitespace().collect::<Vec<_>>().join(" ");
    match joined.as_str() {
        "" | "none" | "nan" | "null" => Some(Shape::Nothing),
        // `\text{13}` is a number in disguise; leave it.
        words if words.chars().any(|c| c.is_ascii_digit()) => Some(Shape::Opaque),
        words => Some(Shape::Words(words.to_owned())),
    }
}

fn equation(sides: &[&[Token]], form: AnswerForm, depth: u32) -> Shape {
    let (first, last) = (trim(sides[0]), trim(sides[sides.len() - 1]));
    let difference = || -> Option<Quotient> {
        let (left, right) = (value(first).ok()?, value(last).ok()?);
        left.add(&right.negate()).ok()
    };
    let assigned = |name: &[Token], tokens: &[Token]| Shape::Assignment {
        name: spelling(name),
        value: Box::new(reading(tokens, form, depth + 1)),
        difference: difference(),
        definition: definition(name, tokens, form, depth),
    };
    if is_name(first) {
        return assigned(first, last);
    }
    let is_constant =
        |tokens: &[Token]| value(tokens).is_ok_and(|value| value.constant().is_some());
    if sides.len() == 2 && is_name(last) && is_constant(first) {
        return assigned(last, first);
    }
    // `9 * 2 = 18 dollars`: a calculation, and what comes out.
    let computed = |side: &&[Token]| is_constant(trim(side));
    if sides[..sides.len() - 1].iter().all(computed) {
        let result = reading(last, form, depth + 1);
        if matches!(&result.shape, Shape::Value(measure) if measure.value.constant().is_some()) {
            return result.shape;
        }
    }
    match difference() {
        Some(difference) if sides.len() == 2 => Shape::Equation(difference),
        _ => Shape::Opaque,
    }
}

/// What a value can be assigned to: `x`, `x_1`, `f(x)`, `AB`, `|AB|`, `\angle ABC`, `(x, y)`, `AB:CD`, `\frac{AB}{CD}`.
pub(super) fn is_name(tokens: &[Token]) -> bool {
    let letter = |token: &Token| token.kind == Kind::Word && token.text.chars().count() == 1;
    let capitals = |token: &Token| {
        token.kind == Kind::Word && token.text.chars().all(|c| c.is_ascii_uppercase())
    };
    match tokens {
        [one] => letter(one) || capitals(one),
        [angle, points] => angle.is_command("angle") && capitals(points),
        [open, points, close] if open.is('|') && close.is('|') => capitals(points),
        [fraction, over @ ..] if fraction.is_command("frac") => match over {
            [a, over, b, c, under, d] => {
                let braces = a.is('{') && b.is('}') && c.is('{') && d.is('}');
                let line = |token: &Token| capitals(token) && token.text.len() > 1;
                braces && line(over) && line(under)
            }
            _ => false,
        },
        [name, sub, _] => letter(name) && sub.is('_'),
        [name, open, argument, close] => {
            letter(name) && open.is('(') && letter(argument) && close.is(')')
        }
        [name, sub, open, _, close] if sub.is('_') => letter(name) && open.is('{') && close.is('}'),
        [open, inside @ .., close] if open.is('(') && close.is(')') => {
            let names: Vec<_> = inside.split(|token| token.is(',')).collect();
            names.len() > 1 && names.iter().all(|name| matches!(name, [one] if letter(one)))
        }
        _ => {
            let names: Vec<_> = tokens.split(|token| token.is(':')).collect();
            names.len() == 2 && names.iter().all(|name| !name.is_empty() && is_name(name))
        }
    }
}

/// What brackets around all tokens make of them.
fn enclosed(tokens: &[Token], form: AnswerForm, depth: u32) -> Option<Shape> {
    let [first, inside @ .., last] = tokens else { return None };
    let (Kind::Symbol(open), Kind::Symbol(close)) = (&first.kind, &last.kind) else { return None };
    let (open, close) = (*open, *close);
    if !"([{⦃".contains(open) || !")]}⦄".contains(close) || !closes_last(tokens) {
        return None;
    }
    let items = split(inside, |token| token.is(',') || token.is(';'));
    let read = |items: Vec<&[Token]>| -> Vec<Reading> {
        items.into_iter().map(|item| reading(item, form, depth + 1)).collect()
    };
    match (open, close, items.len()) {
        ('⦃', '⦄', _) | ('{', '}', 2..) => Some(Shape::Collection(read(items))),
        ('{', '}', _) | ('(', ')', 1) => Some(reading(inside, form, depth + 1).shape),
        ('(' | '[', ')' | ']', 2..) => Some(Shape::Sequence { open, close, items: read(items) }),
        _ => None,
    }
}

/// Whether the first bracket is closed by the last token and not before.
fn closes_last(tokens: &[Token]) -> bool {
    let mut depth = 0_i32;
    for (index, token) in tokens.iter().enumerate() {
        depth += nesting(token);
        if depth == 0 {
            return index == tokens.len() - 1;
        }
    }
    false
}

fn nesting(token: &Token) -> i32 {
    match token.kind {
        Kind::Symbol('(' | '[' | '{' | '⦃') => 1,
        Kind::Symbol(')' | ']' | '}' | '⦄') => -1,
        _ if token.is_command("begin") => 1,
        _ if token.is_command("end") => -1,
        _ => 0,
    }
}

/// The parts between separators that stand in no bracket.
pub(super) fn split(tokens: &[Token], separates: impl Fn(&Token) -> bool) -> Vec<&[Token]> {
    let mut depth = 0;
    tokens
        .split(|token| {
            depth += nesting(token);
            depth == 0 && separates(token)
        })
        .collect()
}

fn is_joiner(text: &str) -> bool {
    let text = text.trim();
    ["and", "or"].iter().any(|joiner| text.eq_ignore_ascii_case(joiner))
}

/// Leaves out what surrounds an answer in a sentence.
pub(super) fn trim(mut tokens: &[Token]) -> &[Token] {
    let decoration = |token: &Token| {
        matches!(token.kind, Kind::Symbol('.' | ',' | ';' | ':' | '*' | '`' | '"' | '\'' | '\n'))
            || token.kind == Kind::Text && token.text.trim().is_empty()
    };
    while let [first, rest @ ..] = tokens
        && decoration(first)
    {
        tokens = rest;
    }
    while let [rest @ .., last] = tokens
        && decoration(last)
    {
        tokens = rest;
    }
    tokens
}

/// One spelling of the tokens: spaces only where they keep words and numbers apart, no braces around
/// a single token.
pub(super) fn spelling(tokens: &[Token]) -> String {
    let mut text = String::new();
    let mut last: Option<&Token> = None;
    let mut index = 0;
    while index < tokens.len() {
        let mut token = &tokens[index];
        index += 1;
        if let [inner, close, ..] = &tokens[index..]
            && token.is('{')
            && close.is('}')
        {
            token = inner;
            index += 2;
        }
        let solid = |token: &Token| !matches!(token.kind, Kind::Symbol(_));
        if last.is_some_and(|last| solid(last) && solid(token)) {
            text.push(' ');
        }
        if token.kind == Kind::Command {
            text.push('\\');
        }
        text.push_str(&token.text);
        last = Some(token);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(answer: &str) -> String {
        read(answer, AnswerForm::Latex).unwrap().text
    }

    #[test]
    fn spellings_agree() {
        for (one, other) in [
            (r"\left( 3, \frac{\pi}{2} \right)", r"(3,\tfrac{\pi}2)"),
            (r"x^{2}", "x^2"),
            (r"\frac{1}{2}", r"\dfrac12"),
            (r"10,\!080", "10080"),
            (r"90^{\circ}.", r"90^\circ"),
            (r"a \leq b", r"a\le b"),
        ] {
            assert_eq!(text(one), text(other));
        }
        assert_ne!(text(r"\frac{11}{2}"), text(r"\frac{1}{12}"));
        assert_ne!(text("1 2"), text("12"));
        assert_ne!(text("x_{12}"), text("x_1 2"));
    }
}
