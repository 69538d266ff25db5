//! Bounds of an absolute value: `1 ≤ |x - 2| < 3` is a union of intervals of the real `x`.

use std::cmp::Ordering;

use super::lex::Token;
use super::parse::value;
use super::poly::Beyond;
use super::quotient::Quotient;
use super::shape::{Reading, Shape};

/// The end of an interval, and whether it is part of it.
#[derive(Debug, Clone)]
struct End {
    at: Quotient,
    closed: bool,
}

/// What sides with signs between them say of an absolute value of `a x + b`; `None` where it is no such thing, or the
/// order of its bounds cannot be told.
pub(super) fn absolute_bounds(sides: &[&[Token]], signs: &[char]) -> Option<Shape> {
    let end = |tokens: &[Token], sign: char| {
        Some(End { at: value(tokens).ok()?, closed: "≤≥".contains(sign) })
    };
    let (low, inside, high) = match (sides, signs) {
        ([low, middle, high], [first @ ('<' | '≤'), second @ ('<' | '≤')]) => {
            (Some(end(low, *first)?), inside_bars(middle)?, Some(end(high, *second)?))
        }
        ([high, middle, low], [first @ ('>' | '≥'), second @ ('>' | '≥')]) => {
            (Some(end(low, *second)?), inside_bars(middle)?, Some(end(high, *first)?))
        }
        ([left, right], [sign]) => {
            let less = "<≤".contains(*sign);
            match (inside_bars(left), inside_bars(right)) {
                (Some(inside), None) if less => (None, inside, Some(end(right, *sign)?)),
                (Some(inside), None) => (Some(end(right, *sign)?), inside, None),
                (None, Some(inside)) if less => (Some(end(left, *sign)?), inside, None),
                (None, Some(inside)) => (None, inside, Some(end(left, *sign)?)),
                _ => return None,
            }
        }
        _ => return None,
    };
    let (name, slope, offset) = value(inside).ok()?.linear()?;
    let parts = intervals(low, high).ok()??;
    let item = |(from, to): &(End, End)| interval(from, to, &slope, &offset).ok();
    let mut items = parts.iter().map(item).collect::<Option<Vec<_>>>()?;
    let reading = if items.len() == 1 {
        items.remove(0)
    } else {
        let text = items.iter().map(|item| item.text.as_str()).collect::<Vec<_>>().join("∪");
        Reading { text, shape: Shape::Union(items) }
    };
    Some(Shape::Between { name, value: Box::new(reading) })
}

/// What stands between the bars, where they are around all of the tokens.
fn inside_bars(tokens: &[Token]) -> Option<&[Token]> {
    let [open, inside @ .., close] = tokens else { return None };
    let bars = open.is('|') && close.is('|') && !inside.iter().any(|token| token.is('|'));
    (bars && !inside.is_empty()).then_some(inside)
}

/// Where a number is whose absolute value has these bounds; `None` where it is nowhere or anywhere.
fn intervals(low: Option<End>, high: Option<End>) -> Result<Option<Vec<(End, End)>>, Beyond> {
    let mirrored = |end: &End| End { at: end.at.negate(), closed: end.closed };
    if let (Some(low), Some(high)) = (&low, &high)
        && high.at.add(&low.at.negate())?.sign()? != Ordering::Greater
    {
        return Ok(None);
    }
    if let Some(high) = &high
        && high.at.sign()? != Ordering::Greater
    {
        return Ok(None);
    }
    let low = match low {
        Some(low) => match (low.at.sign()?, low.closed) {
            (Ordering::Less, _) | (Ordering::Equal, true) => None,
            _ => Some(low),
        },
        None => None,
    };
    let far = || End { at: Quotient::name("∞"), closed: false };
    Ok(match (low, high) {
        (None, None) => None,
        (None, Some(high)) => Some(vec![(mirrored(&high), high)]),
        (Some(low), high) => {
            let high = high.unwrap_or_else(far);
            Some(vec![(mirrored(&high), mirrored(&low)), (low, high)])
        }
    })
}

/// The interval of `x` where `slope x + offset` is in this one.
fn interval(from: &End, to: &End, slope: &Quotient, offset: &Quotient) -> Result<Reading, Beyond> {
    let forward = slope.sign()? == Ordering::Greater;
    let solved = |end: &End| -> Result<Quotient, Beyond> {
        let far = Quotient::name("∞");
        if end.at == far || end.at == far.negate() {
            return Ok(if forward { end.at.clone() } else { end.at.negate() });
        }
        end.at.add(&offset.negate())?.divide(slope)
    };
    let (from, to) = if forward { (from, to) } else { (to, from) };
    let items = vec![Reading::computed(solved(from)?), Reading::computed(solved(to)?)];
    let open = if from.closed { '[' } else { '(' };
    let close = if to.closed { ']' } else { ')' };
    let text = format!("{open}{},{}{close}", items[0].text, items[1].text);
    Ok(Reading { text, shape: Shape::Sequence { open, close, items } })
}
