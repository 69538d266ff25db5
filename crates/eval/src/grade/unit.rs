//! Units: what stands behind a number and does not change it.

use super::call::is_trigonometric;
use super::lex::{Kind, Token};
use crate::dataset::AnswerForm;

/// Spellings of units, the name first.
const UNITS: &[&[&str]] = &[
    &["$", "dollar", "usd", "buck"],
    &["cent", "¢"],
    &["€", "euro"],
    &["£"],
    &["°", "degree", "deg"],
    &["mm", "millimeter", "millimetre"],
    &["cm", "centimeter", "centimetre"],
    &["m", "meter", "metre"],
    &["km", "kilometer", "kilometre"],
    &["in", "inch", "inche"],
    &["ft", "foot", "feet"],
    &["yd", "yard"],
    &["mi", "mile"],
    &["mg", "milligram"],
    &["g", "gram"],
    &["kg", "kilogram", "kilo"],
    &["lb", "pound"],
    &["oz", "ounce"],
    &["ml", "milliliter", "millilitre"],
    &["l", "liter", "litre"],
    &["gal", "gallon"],
    &["s", "sec", "second"],
    &["min", "minute"],
    &["h", "hr", "hour"],
    &["day"],
    &["week"],
    &["month"],
    &["year", "yr"],
    &["mph"],
    &["km/h", "kph"],
    &["unit"],
];

/// Words that are no unit: they change the number or join it to another.
const NOT_UNITS: &[&str] = &[
    "and",
    "or",
    "plus",
    "minus",
    "times",
    "divided",
    "over",
    "to",
    "hundred",
    "thousand",
    "million",
    "billion",
    "trillion",
    "dozen",
    "half",
    "third",
    "quarter",
    "pi",
    "sqrt",
    "log",
    "ln",
    "exp",
    "sin",
    "cos",
    "tan",
    "cot",
    "sec",
    "csc",
    "mod",
    "not",
    "if",
    "when",
    "where",
    "less",
    "more",
    "through",
    "than",
    "remainder",
    "r",
    "base",
];

/// A unit: words as written and the known unit they name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Unit {
    words: String,
    known: Option<String>,
}

/// What two units mean for the numbers before them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fit {
    /// The same, or one is not given.
    Same,
    /// Different: metres and centimetres.
    Different,
    /// Words nobody here knows.
    Unknown,
}

impl Unit {
    /// Whether this is a degree of an angle.
    pub(super) fn is_degree(&self) -> bool {
        self.known.as_deref() == Some("°")
    }

    fn named(text: &str) -> Self {
        let words = text.to_lowercase();
        let known = canonical(&words);
        Self { words, known }
    }
}

/// How two units fit; `None` is a bare number.
pub(super) fn fit(one: Option<&Unit>, other: Option<&Unit>) -> Fit {
    let (Some(one), Some(other)) = (one, other) else { return Fit::Same };
    match (&one.known, &other.known) {
        (Some(a), Some(b)) if a == b => Fit::Same,
        (Some(_), Some(_)) => Fit::Different,
        _ if one.words.starts_with(&other.words) || other.words.starts_with(&one.words) => {
            Fit::Same
        }
        _ => Fit::Unknown,
    }
}

/// `square centimeters`, `cm^2` and `sq. cm` as `cm^2`; `None` where a word is not known.
fn canonical(words: &str) -> Option<String> {
    let mut power = "";
    let mut rest = words.trim().trim_end_matches('.');
    for (prefix, exponent) in [("square ", "^2"), ("sq. ", "^2"), ("sq ", "^2"), ("cubic ", "^3")] {
        if let Some(stripped) = rest.strip_prefix(prefix) {
            (rest, power) = (stripped, exponent);
        }
    }
    for exponent in ["^2", "^3"] {
        if let Some(stripped) = rest.strip_suffix(exponent) {
            (rest, power) = (stripped.trim_end(), exponent);
        }
    }
    let bare = rest.strip_suffix('s').filter(|bare| !bare.is_empty()).unwrap_or(rest);
    let named = |word: &str| UNITS.iter().find(|names| names.contains(&word));
    let name = named(rest).or_else(|| named(bare))?[0];
    Some(format!("{name}{power}"))
}

/// A number's tokens, the unit around them, and whether it is a percentage.
pub(super) struct Measured<'a> {
    pub(super) number: &'a [Token],
    pub(super) negative: bool,
    pub(super) unit: Option<Unit>,
    pub(super) percent: bool,
}

/// Takes the unit off both ends.
pub(super) fn measure(tokens: &[Token], form: AnswerForm) -> Measured<'_> {
    let (mut number, mut negative, mut unit) = (tokens, false, None);
    let currency = |token: &Token| "$€£".chars().any(|symbol| token.is(symbol));
    match tokens {
        [sign, money, ..] if sign.is('-') && currency(money) => {
            (number, negative) = (&tokens[2..], true);
            unit = Some(Unit::named(&money.text));
        }
        [money, ..] if currency(money) => {
            number = &tokens[1..];
            unit = Some(Unit::named(&money.text));
        }
        _ => {}
    }
    for start in 1..number.len() {
        let (head, tail) = number.split_at(start);
        if !matches!(head[start - 1].kind, Kind::Number { .. })
            && !head[start - 1].is('}')
            && !head[start - 1].is(')')
            && !tail[0].is('°')
            && !tail[0].is('%')
            && tail[0].kind != Kind::Text
            || tail[0].is('°') && head.iter().any(is_trigonometric)
        {
            continue;
        }
        if let Some((words, percent)) = unit_words(tail, form) {
            let behind = (!words.is_empty()).then(|| Unit::named(&words));
            // "$5 dollars per day" is in dollars, whatever else it says.
            return Measured { number: head, negative, unit: unit.or(behind), percent };
        }
    }
    Measured { number, negative, unit, percent: false }
}

/// The words of a unit that takes up all of `tokens`, and whether they say per cent.
fn unit_words(tokens: &[Token], form: AnswerForm) -> Option<(String, bool)> {
    let mut words = String::new();
    let mut percent = false;
    let plain = tokens.iter().filter(|token| token.kind == Kind::Word).count();
    let mut index = 0;
    while index < tokens.len() {
        let token = &tokens[index];
        let lower = token.text.to_lowercase();
        match &token.kind {
            Kind::Text | Kind::Word
                if matches!(&lower[..], "percent" | "pct" | "percentage" | "percents" | "%") =>
            {
                percent = true;
            }
            Kind::Text => {
                let number_word = lower.split_whitespace().any(|word| NOT_UNITS.contains(&word));
                if number_word && lower.split_whitespace().count() < 3
                    || lower.chars().any(|c| c.is_ascii_digit())
                {
                    return None;
                }
                push(&mut words, &lower);
            }
            Kind::Word => {
                if !is_unit_word(token, &lower, form, plain, index == 0) {
                    return None;
                }
                push(&mut words, &lower);
            }
            Kind::Symbol('%') => percent = true,
            Kind::Symbol(symbol @ ('°' | '$' | '€' | '£' | '¢')) => {
                push(&mut words, &symbol.to_string());
            }
            Kind::Symbol('^') if !words.is_empty() => {
                let power = tokens.get(index + 1).filter(|t| t.text == "2" || t.text == "3");
                let braced = tokens[index + 1..].first().is_some_and(|t| t.is('{'));
                let power = match (power, &tokens[index + 1..]) {
                    (Some(power), _) => power,
                    (None, [_, inner, close, ..])
                        if braced && close.is('}') && (inner.text == "2" || inner.text == "3") =>
                    {
                        index += 2;
                        inner
                    }
                    _ => return None,
                };
                words.push('^');
                words.push_str(&power.text);
                index += 1;
            }
            Kind::Symbol('/') if !words.is_empty() && index + 1 < tokens.len() => words.push('/'),
            Kind::Symbol('.' | ',' | '\'' | '’') if index > 0 => {}
            Kind::Symbol('-') if index > 0 && !tokens[index].spaced => words.push('-'),
            _ => return None,
        }
        index += 1;
    }
    Some((words, percent))
}

/// Whether a plain word is part of a unit or of prose, and not a product of letters.
fn is_unit_word(token: &Token, lower: &str, form: AnswerForm, plain: usize, first: bool) -> bool {
    // Past the first words, prose may say anything but another number.
    if NOT_UNITS.contains(&lower) && (first || plain < 3) {
        return false;
    }
    let letters = lower.chars().count();
    let known = canonical(lower).is_some();
    match form {
        AnswerForm::Number => letters >= 2 || known && token.spaced || !first,
        AnswerForm::Latex | AnswerForm::Expression | AnswerForm::Function => {
            known && letters >= 2
                || token.spaced && (letters >= 4 || plain > 1 && (letters >= 2 || !first))
        }
    }
}

fn push(words: &mut String, word: &str) {
    if !words.is_empty() && !words.ends_with(['/', '-']) {
        words.push(' ');
    }
    words.push_str(word);
}

#[cfg(test)]
mod tests {
    use super::super::lex::lex;
    use super::*;

    fn split(text: &str, form: AnswerForm) -> (usize, Option<String>, bool) {
        let tokens = lex(text).unwrap();
        let measured = measure(&tokens, form);
        let unit = measured.unit.map(|unit| unit.known.unwrap_or(unit.words));
        (measured.number.len(), unit, measured.percent)
    }

    #[test]
    fn units_are_taken_off() {
        for (text, unit, percent) in [
            (r"10\text{ cm}", Some("cm"), false),
            ("10 centimeters", Some("cm"), false),
            (r"15\mbox{ cm}^2", Some("cm^2"), false),
            ("15 square centimeters", Some("cm^2"), false),
            (r"864 \mbox{ inches}^2", Some("in^2"), false),
            (r"\$18", Some("$"), false),
            ("18 dollars", Some("$"), false),
            ("$18 per day", Some("$"), false),
            (r"5.4 \text{ cents}", Some("cent"), false),
            (r"90^\circ", Some("°"), false),
            (r"50\%", None, true),
            ("28 pct", None, true),
            ("42 because geometry proves it", Some("because geometry proves it"), false),
            ("12 apples", Some("apples"), false),
        ] {
            assert_eq!(
                split(text, AnswerForm::Latex),
                (1, unit.map(str::to_owned), percent),
                "{text}"
            );
        }
        assert_eq!(split("3 h", AnswerForm::Number).1.as_deref(), Some("h"));
    }

    #[test]
    fn products_and_number_words_are_not_units() {
        for text in
            ["2k", "3 xy", "5 or", "2 million", "3x", r"3 \text{ or }", "2 pi", "5 and more"]
        {
            assert_eq!(split(text, AnswerForm::Latex).1, None, "{text}");
        }
        assert_eq!(split("2 dozen", AnswerForm::Number).1, None);
        assert_eq!(split("5x", AnswerForm::Number).1, None);
    }

    #[test]
    fn metres_are_not_centimetres() {
        let unit = |text: &str| Unit::named(text);
        assert_eq!(fit(Some(&unit("cm")), Some(&unit("m"))), Fit::Different);
        assert_eq!(fit(Some(&unit("cm")), Some(&unit("centimeters"))), Fit::Same);
        assert_eq!(fit(Some(&unit("dollars")), Some(&unit("dollars per day"))), Fit::Same);
        assert_eq!(fit(Some(&unit("eggs")), Some(&unit("hens"))), Fit::Unknown);
        assert_eq!(fit(Some(&unit("eggs")), None), Fit::Same);
        assert_eq!(fit(Some(&unit("$")), Some(&unit("cents"))), Fit::Different);
    }
}
