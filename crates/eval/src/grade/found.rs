//! What a text states: its mathematics, as tests of graders write it, delimiters and prose around it.
//!
//! [`extract()`](crate::extract()) reads answers of models and wants a mark; tests also hold graders to what stands last.
//! Rules, in order; the first that finds something wins:
//! 1. the last `\boxed{…}`, with those that are joined to it by "and", "or", a comma or nothing;
//! 2. what follows "final answer is" or "answer is";
//! 3. the last mathematics between delimiters, with what is joined to it likewise, and a unit after it;
//! 4. the last number of the text; or the whole text where it is no prose.

use serde::{Deserialize, Serialize};

/// A notation that is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Notation {
    /// LaTeX: mathematics between delimiters.
    Latex,
    /// Plain text.
    Expr,
    /// A letter of a choice, which is read as plain text.
    String,
}

/// A part of a text, by its bytes: with its delimiters, and without.
#[derive(Debug, Clone, Copy)]
struct Part {
    from: usize,
    to: usize,
    inner: (usize, usize),
}

/// What the text states; `None` where nothing is found in these notations.
pub(super) fn found(text: &str, notations: &[Notation]) -> Option<String> {
    // Some tests write each backslash twice.
    let single = if text.contains(r"\\\\") || !doubled(text) {
        text.to_owned()
    } else {
        text.replace(r"\\", r"\")
    };
    let text = single.split("<|im_start|>").next().unwrap_or_default();
    let latex = notations.contains(&Notation::Latex);
    let plain = notations.iter().any(|notation| *notation != Notation::Latex);
    if latex {
        let boxes = boxes(text);
        if let Some(last) = boxes.last() {
            let stated = joined(text, &boxes, last, joins_boxes);
            let rest = text[last.to..].trim_start_matches(['$', ' ']);
            let percent = starts_with_percent(rest) && !stated.ends_with('%');
            return Some(exact(&if percent { format!("{stated}\\%") } else { stated }));
        }
    }
    let tail = ["final answer is", "answer is", "final answer:", "answer:"]
        .iter()
        .find_map(|cue| Some(rfind_ignoring_case(text, cue)? + cue.len()))
        .map(|at| &text[at..]);
    let stated = |text: &str| {
        let after = if plain { number_after_mathematics(text) } else { None };
        let mathematics = || if latex { last_mathematics(text) } else { None };
        let found = after.or_else(mathematics);
        found.or_else(|| if plain { plain_answer(text) } else { None }).map(|text| exact(&text))
    };
    tail.and_then(stated).or_else(|| stated(text))
}

/// What stands before the approximation of it: `x = 1/3 \approx 0.33` is 1/3, `x \approx 11` is 11.
fn exact(text: &str) -> String {
    match text.split_once("\\approx") {
        Some((exact, _)) if exact.contains('=') => exact.to_owned(),
        Some((name, rest)) => format!("{name}={rest}"),
        None => text.to_owned(),
    }
}

fn starts_with_percent(text: &str) -> bool {
    ["%", "\\%", "percent", "pct"].iter().any(|sign| text.starts_with(sign))
}

/// The number of "the largest $n$ is 34".
fn number_after_mathematics(text: &str) -> Option<String> {
    let last = mathematics(text).last().copied()?;
    let rest = text[last.to..].trim().strip_prefix("is ")?;
    let number = rest.trim().trim_end_matches('.');
    let numeral = |c: char| c.is_ascii_digit() || "+-.,/".contains(c);
    (!number.is_empty() && number.chars().all(numeral)).then(|| decimal_comma(number))
}

/// Whether commands are written with two backslashes.
fn doubled(text: &str) -> bool {
    let commands = [r"\\boxed", r"\\frac", r"\\left", r"\\le ", r"\\text"];
    commands.iter().any(|command| text.contains(command))
}

fn rfind_ignoring_case(text: &str, cue: &str) -> Option<usize> {
    text.to_ascii_lowercase().rfind(cue)
}

/// All `\boxed{…}`, in their order. Braces that do not close end with the text or the mathematics.
fn boxes(text: &str) -> Vec<Part> {
    const BOX: &str = r"\boxed";
    let mut parts = Vec::new();
    let mut at = 0;
    while let Some(start) = text[at..].find(BOX).map(|offset| at + offset) {
        let open = start + BOX.len();
        at = open;
        let gap = text[open..].len() - text[open..].trim_start().len();
        let Some('{') = text[open + gap..].chars().next() else { continue };
        let inner = open + gap + 1;
        let mut depth = 1_u32;
        let mut escaped = false;
        let mut end = None;
        for (offset, c) in text[inner..].char_indices() {
            match c {
                _ if escaped => escaped = false,
                '\\' => escaped = true,
                '{' => depth += 1,
                '}' => depth -= 1,
                _ => {}
            }
            if depth == 0 {
                end = Some(inner + offset);
                break;
            }
        }
        let close = end.unwrap_or(text.len());
        let to = (close + usize::from(end.is_some())).min(text.len());
        if !text[inner..close].trim().is_empty() {
            parts.push(Part { from: start, to, inner: (inner, close) });
        }
        at = to;
    }
    parts
}

/// Mathematics between delimiters, in their order.
fn mathematics(text: &str) -> Vec<Part> {
    const DELIMITERS: [(&str, &str); 4] =
        [("$$", "$$"), ("$", "$"), (r"\[", r"\]"), (r"\(", r"\)")];
    let mut parts = Vec::new();
    let mut at = 0;
    while at < text.len() {
        let rest = &text[at..];
        let opened = DELIMITERS.iter().find(|(open, _)| rest.starts_with(open));
        let closed = opened.and_then(|(open, close)| {
            let inside = &rest[open.len()..];
            // An escaped dollar closes nothing, and a row ends with `\\[`.
            let end = inside.match_indices(close).map(|(end, _)| end);
            let end = end.into_iter().find(|end| !inside[..*end].ends_with('\\'))?;
            // Mathematics within a line stays within a line, as tests of Math-Verify have it.
            let inline = open.len() == 1 || *open == r"\(";
            (!inline || !inside[..end].contains('\n')).then_some((open.len(), end, close.len()))
        });
        if let Some((open, length, close)) = closed {
            let inner = (at + open, at + open + length);
            let to = inner.1 + close;
            if !text[inner.0..inner.1].trim().is_empty() {
                parts.push(Part { from: at, to, inner });
            }
            at = to;
        } else {
            let escaped = rest.starts_with('\\');
            let mut chars = rest.chars();
            at += chars.next().map_or(1, char::len_utf8);
            if escaped {
                at += chars.next().map_or(0, char::len_utf8);
            }
        }
    }
    parts
}

fn last_mathematics(text: &str) -> Option<String> {
    let parts = mathematics(text);
    let last = parts.last()?;
    let stated = joined(text, &parts, last, joins);
    // `$125$ miles`: one word and no more is a unit.
    let rest = text[last.to..].trim().trim_end_matches('.');
    let unit = rest.chars().all(char::is_alphabetic) && !rest.is_empty();
    Some(if unit { format!("{stated} \\text{{ {rest}}}") } else { stated })
}

/// The last part, and those before it that are joined to it.
fn joined(text: &str, parts: &[Part], last: &Part, joins: fn(&str) -> bool) -> String {
    let inner = |part: &Part| text[part.inner.0..part.inner.1].trim();
    let mut stated = vec![inner(last)];
    let mut begin = last.from;
    for part in parts[..parts.len() - 1].iter().rev() {
        if !joins(&text[part.to..begin]) {
            break;
        }
        stated.push(inner(part));
        begin = part.from;
    }
    stated.reverse();
    stated.join(" , ")
}

/// Whether what stands between two parts is an "and" alone.
fn joins(between: &str) -> bool {
    let mut words = between.split(|c: char| !c.is_alphabetic()).filter(|word| !word.is_empty());
    let bare = between.trim() == ",";
    let and = |word: &str| matches!(word, "and" | "or");
    bare || words.next().is_some_and(and) && words.all(and)
}

/// Whether what stands between two boxes says that both are meant.
fn joins_boxes(between: &str) -> bool {
    const MOST: usize = 60;
    let mut words = between.split(|c: char| !c.is_alphabetic());
    between.is_empty()
        || joins(between)
        || between.len() <= MOST && words.any(|word| matches!(word, "and" | "or"))
}

/// What a plain text states: a number, or the whole of a text that is no prose.
fn plain_answer(text: &str) -> Option<String> {
    let text = text.trim().trim_end_matches('.');
    let code = ["('", "__", "\""].iter().any(|mark| text.contains(mark));
    if text.is_empty() || code {
        return None;
    }
    let words: Vec<&str> = text.split_whitespace().collect();
    let long = |word: &str| word.chars().filter(|c| c.is_alphabetic()).count() > 2;
    // `10 cm` and `1 or 2` are no prose, `so it is 10` is.
    let short = |at: usize, word: &str| {
        word.chars().count() == 2
            && word.chars().all(char::is_alphabetic)
            && word != "or"
            && (at, at + 1) != (1, words.len())
    };
    let prose = words.iter().enumerate().filter(|(at, word)| {
        (long(word) || short(*at, word)) && !word.contains('\\') && **word != "and"
    });
    let prose = prose.count();
    let choice = text.chars().count() == 1;
    if choice || prose == 0 && text.contains(|c: char| c.is_ascii_digit()) && !glued(text) {
        return Some(decimal_comma(text));
    }
    let numeral =
        |word: &&str| word.starts_with(|c: char| c.is_ascii_digit() || "+-.$".contains(c));
    let at =
        words.iter().rposition(|word| numeral(word) && word.contains(|c: char| c.is_ascii_digit()));
    match at {
        Some(at) => {
            let sign = words.get(at + 1).filter(|word| {
                ["%", "percent", "percentage", "pct"].contains(&word.trim_end_matches('.'))
            });
            // `1,000.99m²`: what follows the number is a unit.
            let word = words[at].trim_start_matches('$');
            let end = word.find(|c: char| c.is_alphabetic() || c == '$').unwrap_or(word.len());
            let number = word[..end].trim_end_matches(['.', ',', '!', '?', ':', ';']);
            Some(decimal_comma(&format!("{number}{}", if sign.is_some() { "%" } else { "" })))
        }
        None => (prose > 0 && words.len() <= 3 && !glued(text)).then(|| text.to_owned()),
    }
}

/// Whether digits are part of a word.
fn glued(text: &str) -> bool {
    let mut chars = text.chars();
    chars.next().is_some_and(char::is_alphabetic)
        && text.split_whitespace().count() == 1
        && text.contains(|c: char| c.is_ascii_digit())
        && text.chars().all(char::is_alphanumeric)
}

/// `1000,99` as `1000.99`: a comma that can part no thousands is a decimal one.
fn decimal_comma(text: &str) -> String {
    let text = text.trim();
    let Some((whole, places)) = text.split_once(',') else { return text.to_owned() };
    let digits = |text: &str| !text.is_empty() && text.chars().all(|c| c.is_ascii_digit());
    let unsigned = whole.trim_start_matches(['+', '-']);
    let thousands = places.len() == 3 && unsigned.len() <= 3 && !unsigned.starts_with('0');
    if digits(unsigned) && digits(places) && !thousands {
        format!("{whole}.{places}")
    } else {
        text.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_stands_last_is_stated() {
        let both = [Notation::Latex, Notation::Expr];
        for (text, expected) in [
            (r"\boxed{1} papers and \boxed{2} bins", Some("1 , 2")),
            (r"\boxed{1} no no \boxed{2}", Some("2")),
            (r"\boxed{9} \boxed{42}", Some("42")),
            (r"$\boxed{1}\boxed{2}$", Some("1 , 2")),
            (r"$\boxed{28 pct}", Some("28 pct")),
            (r"\\boxed{004}", Some("004")),
            ("$1$ and $2$ and $3$", Some("1 , 2 , 3")),
            (r"so $x = 1$ and then \( 9 \)", Some("9")),
            (r"$1$, so it is $2$.", Some("2")),
            (r"\[ 9 \n \]", Some(r"9 \n")),
            ("$125$ miles", Some(r"125 \text{ miles}")),
            (r"$ \frac{1}{2} \$ = 3 $", Some(r"\frac{1}{2} \$ = 3")),
            ("The final answer is 12,000,023. I hope", Some("12,000,023")),
            ("28 percent", Some("28%")),
            ("1000,99", Some("1000.99")),
            ("0,111", Some("0.111")),
            ("1,234", Some("1,234")),
            ("Soucis : 2,74 $ a..", Some("2.74")),
            ("AZYUK2A", None),
            ("42 because geometry proves it", Some("42")),
            ("(3*sqrt(5))/7", Some("(3*sqrt(5))/7")),
            ("open('marker', 'w').write('x') or 0", None),
            ("no answer", Some("no answer")),
            ("so it is 3", Some("3")),
            ("10 cm", Some("10 cm")),
            ("1 or 2", Some("1 or 2")),
        ] {
            assert_eq!(found(text, &both).as_deref(), expected, "{text}");
        }
        assert_eq!(found("so 9", &[Notation::Latex]), None);
        assert_eq!(found("Answer $ \n 9 \n $", &[Notation::Latex]), None);
        assert_eq!(found("Answer $$ \n 9 \n $$", &[Notation::Latex]).as_deref(), Some("9"));
    }
}
