//! Where the answer stands in a finished text.
//!
//! Rules, in order; the first that finds something wins, and is reported:
//! 1. the last balanced `\boxed{…}` or `\fbox{…}`;
//! 2. what follows the last `####` on its line;
//! 3. what follows the last "answer is …", "answer: …" or "final answer …", to the end of the sentence;
//! 4. where all answers are numbers: the last number.
//!
//! Answers that are expressions have one rule only: what follows the last `#ANSWER:` on its line. Functions are read
//! by [`Task::extract`](crate::code::Task::extract), for only the question says which function is the answer.

use espalier_core::Answer;
use serde::{Deserialize, Serialize};

use crate::countdown::ANSWER_MARK;
use crate::dataset::AnswerForm;

/// The rule that found an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Rule {
    /// The last balanced `\boxed{…}`.
    Boxed,
    /// After `####`.
    Hashes,
    /// After "the answer is".
    Phrase,
    /// The last number, nothing else having marked one.
    LastNumber,
    /// After `#ANSWER:`.
    AnswerMark,
    /// The last block of code that defines the function.
    Block,
    /// A text that goes on with the function that the question begins.
    Completion,
}

/// An answer and the rule that found it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Extracted {
    /// The answer, as written.
    pub answer: Answer,
    /// The rule.
    pub rule: Rule,
}

/// The answer in the text of a finished path; `None` is a parse failure.
///
/// A text cut off by a length limit has no answer: do not ask. No function is found: ask [`Votes`](crate::Votes).
///
/// ```
/// use espalier_eval::{AnswerForm, Rule, extract};
/// let found = extract(r"So \boxed{3}, no: $\boxed{\frac{1}{2}}$.", AnswerForm::Latex).unwrap();
/// assert_eq!((found.answer.0.as_str(), found.rule), (r"\frac{1}{2}", Rule::Boxed));
/// let found = extract("16 - 7 = 9, and 9 * 2 = 18 dollars", AnswerForm::Number).unwrap();
/// assert_eq!((found.answer.0.as_str(), found.rule), ("18", Rule::LastNumber));
/// assert_eq!(extract("I do not know.", AnswerForm::Number), None);
/// ```
///
/// # Complexity
///
/// Linear in the text.
#[must_use]
pub fn extract(text: &str, form: AnswerForm) -> Option<Extracted> {
    let found = |answer: &str, rule| Extracted { answer: Answer(answer.to_owned()), rule };
    if form == AnswerForm::Function {
        return None;
    }
    if form == AnswerForm::Expression {
        return marked(text, ANSWER_MARK).map(|answer| found(answer, Rule::AnswerMark));
    }
    boxed(text)
        .map(|answer| found(answer, Rule::Boxed))
        .or_else(|| marked(text, "####").map(|answer| found(answer, Rule::Hashes)))
        .or_else(|| phrase(text, form).map(|answer| found(answer, Rule::Phrase)))
        .or_else(|| match form {
            AnswerForm::Number => last_number(text).map(|answer| found(answer, Rule::LastNumber)),
            AnswerForm::Latex | AnswerForm::Expression | AnswerForm::Function => None,
        })
}

/// The content of the box that closes last. One pass: every brace is looked at once.
fn boxed(text: &str) -> Option<&str> {
    let bytes = text.as_bytes();
    let mut open: Vec<Option<usize>> = Vec::new();
    let mut last = None;
    let mut at = 0;
    while at < bytes.len() {
        match bytes[at] {
            b'\\' => {
                let name = ["boxed", "fbox"].iter().find(|name| {
                    let rest = &bytes[at + 1..];
                    rest.starts_with(name.as_bytes())
                        && !rest.get(name.len()).is_some_and(u8::is_ascii_alphabetic)
                });
                let Some(name) = name else {
                    at += 2; // an escaped brace is not a brace
                    continue;
                };
                at += 1 + name.len();
                while bytes.get(at) == Some(&b' ') {
                    at += 1;
                }
                if bytes.get(at) == Some(&b'{') {
                    at += 1;
                    open.push(Some(at));
                } else if let Some(bare) = bare_box(&text[at..]) {
                    last = Some(bare);
                }
            }
            b'{' => {
                open.push(None);
                at += 1;
            }
            b'}' => {
                if let Some(Some(start)) = open.pop() {
                    let content = text[start..at].trim();
                    if !content.is_empty() {
                        last = Some(content);
                    }
                }
                at += 1;
            }
            _ => at += 1,
        }
    }
    last
}

/// The answer of `\boxed 5`.
fn bare_box(rest: &str) -> Option<&str> {
    let end =
        rest.find(|c: char| c.is_whitespace() || "$.,;{}\\".contains(c)).unwrap_or(rest.len());
    (end > 0).then(|| &rest[..end])
}

/// What follows the last mark, to the end of its line.
fn marked<'a>(text: &'a str, mark: &str) -> Option<&'a str> {
    let (_, rest) = text.rsplit_once(mark)?;
    let line = rest.lines().next()?.trim();
    (!line.is_empty()).then_some(line)
}

fn phrase(text: &str, form: AnswerForm) -> Option<&str> {
    const CUE: &str = "answer";
    let lower = text.to_ascii_lowercase();
    for (start, _) in lower.rmatch_indices(CUE) {
        let end = start + CUE.len();
        let decoration: &[char] = &[' ', '*', '_', '\t'];
        let tail = &lower[end..];
        let bare = tail.trim_start_matches(decoration);
        let cue = ["is", ":", "="].into_iter().find(|cue| {
            bare.strip_prefix(cue)
                .is_some_and(|rest| *cue != "is" || !rest.starts_with(char::is_alphanumeric))
        });
        let finality = lower[..start].trim_end().ends_with("final") && bare.starts_with('\n');
        let skip = match cue {
            Some(cue) => tail.len() - bare.len() + cue.len(),
            None if finality => tail.len() - bare.len(),
            None => continue,
        };
        let tail = text[end + skip..]
            .trim_start_matches(|c: char| c.is_whitespace() || c == '*' || c == ':');
        let answer = sentence(tail);
        let answer = match form {
            AnswerForm::Number => number_in(answer, cue == Some("is")),
            AnswerForm::Latex | AnswerForm::Expression | AnswerForm::Function => {
                Some(answer).filter(|answer| !answer.is_empty())
            }
        };
        if answer.is_some() {
            return answer;
        }
    }
    None
}

/// The number a sentence begins with, reasons cut off; or, in prose, its last number.
fn number_in(sentence: &str, prose: bool) -> Option<&str> {
    if !sentence.starts_with(|c: char| c.is_ascii_digit() || "+-−.$(\\".contains(c)) {
        return prose.then(|| last_number(sentence)).flatten();
    }
    let reasons = [", ", " because", " since", " which", " so ", " as "];
    let end = reasons.iter().filter_map(|reason| sentence.find(reason)).min();
    let clipped = sentence[..end.unwrap_or(sentence.len())].trim();
    clipped.bytes().any(|b| b.is_ascii_digit()).then_some(clipped)
}

/// The mathematics that `tail` begins with, or else its first sentence.
fn sentence(tail: &str) -> &str {
    for (open, close) in [("\\(", "\\)"), ("\\[", "\\]"), ("$$", "$$"), ("$", "$")] {
        let Some(rest) = tail.strip_prefix(open) else { continue };
        if let Some(end) = rest.find(close) {
            let after = rest[end + close.len()..].chars().next();
            // "$18 per day, not $20": these are dollars.
            let money = open == "$"
                && (rest[..end].ends_with(char::is_whitespace)
                    || after.is_some_and(|c| c.is_ascii_digit()));
            if !money && !rest[..end].trim().is_empty() {
                return rest[..end].trim();
            }
        }
    }
    let line = tail.lines().next().unwrap_or("");
    let end = line
        .match_indices(['.', '!', '?'])
        .find(|(at, _)| line[at + 1..].chars().next().is_none_or(char::is_whitespace))
        .map_or(line.len(), |(at, _)| at);
    line[..end].trim_matches(|c: char| c.is_whitespace() || c == '*')
}

/// The last number, its sign, separators and per cent sign included.
fn last_number(text: &str) -> Option<&str> {
    let bytes = text.as_bytes();
    let digit = |at: usize| bytes.get(at).is_some_and(u8::is_ascii_digit);
    let digits_end = |mut at: usize| {
        while digit(at) {
            at += 1;
        }
        at
    };
    let mut last = None;
    let mut at = 0;
    while at < bytes.len() {
        let glued = at > 0 && (bytes[at - 1].is_ascii_alphanumeric() || bytes[at - 1] == b'_');
        if glued || !(digit(at) || bytes[at] == b'.' && digit(at + 1)) {
            at += 1;
            continue;
        }
        let start = at;
        at = digits_end(at);
        while bytes.get(at) == Some(&b',') && digits_end(at + 1) == at + 4 {
            at += 4;
        }
        if bytes.get(at) == Some(&b'.') && digit(at + 1) {
            at = digits_end(at + 1);
        }
        if bytes.get(at) == Some(&b'/') && digit(at + 1) {
            at = digits_end(at + 1);
        }
        let end = at
            + match bytes.get(at..) {
                Some([b'%', ..]) => 1,
                Some([b'\\', b'%', ..]) => 2,
                _ => 0,
            };
        last = Some(&text[sign(bytes, start)..end]);
        at = end.max(start + 1);
    }
    last
}

/// Where the number at `start` begins if the minus before it is its sign and not a subtraction.
fn sign(bytes: &[u8], start: usize) -> usize {
    let money = if start > 0 && bytes[start - 1] == b'$' { start - 1 } else { start };
    if money == 0 || bytes[money - 1] != b'-' {
        return start;
    }
    let minus = money - 1;
    let operand = bytes[..minus].iter().rev().find(|b| **b != b' ');
    let glued = minus > 0 && bytes[minus - 1].is_ascii_alphanumeric();
    let subtraction = glued || operand.is_some_and(|b| b.is_ascii_digit() || b")}%".contains(b));
    if subtraction { start } else { minus }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(text: &str, form: AnswerForm) -> Option<(String, Rule)> {
        extract(text, form).map(|found| (found.answer.0, found.rule))
    }

    #[test]
    fn rules_in_order() {
        for (text, answer, rule) in [
            (r"\boxed{1} then \boxed{2}", "2", Rule::Boxed),
            (r"\boxed{\frac{1}{2}} and \boxed{3", r"\frac{1}{2}", Rule::Boxed),
            (r"\fbox{7} #### 8", "7", Rule::Boxed),
            (r"$\boxed 5$.", "5", Rule::Boxed),
            (r"\boxed{\{1, 2\}}", r"\{1, 2\}", Rule::Boxed),
            (r"\boxed{} so the answer is 4", "4", Rule::Phrase),
            (r"\boxedness{3} #### 4", "4", Rule::Hashes),
            ("9 * 2 = 18\n#### 1,800\nmore", "1,800", Rule::Hashes),
            ("The answer is 12. I hope it is correct.", "12", Rule::Phrase),
            ("**Final Answer**\n\n42", "42", Rule::Phrase),
            ("**Answer:** $7.50 per box", "$7.50 per box", Rule::Phrase),
            ("the answer is $18 each, not $20.", "$18 each, not $20", Rule::Phrase),
            ("Final Answer: The final answer is $x^2$. I hope", "x^2", Rule::Phrase),
            (r"the final answer is: \(3\pi\)", r"3\pi", Rule::Phrase),
            ("The answer is 3.5.", "3.5", Rule::Phrase),
        ] {
            assert_eq!(read(text, AnswerForm::Latex), Some((answer.into(), rule)), "{text}");
        }
        assert_eq!(read("so it is 42", AnswerForm::Latex), None);
        assert_eq!(read("no answer island 5", AnswerForm::Latex), None);
    }

    #[test]
    fn expressions_follow_their_mark() {
        let text = "1 + 2 = 3 left 3\n#ANSWER: 1 + 1\n#ANSWER: (1 + 2) \nthe answer is 4";
        assert_eq!(read(text, AnswerForm::Expression), Some(("(1 + 2)".into(), Rule::AnswerMark)));
        for text in [r"\boxed{1 + 2}", "the answer is 3", "#ANSWER: \n3", ""] {
            assert_eq!(read(text, AnswerForm::Expression), None, "{text}");
        }
    }

    #[test]
    fn last_numbers() {
        for (text, answer) in [
            ("16 - 7 = 9", "9"),
            ("16-7", "7"),
            ("it is -5", "-5"),
            ("x = -$1,234.50.", "-$1,234.50"),
            ("from 1 to 2,345,678!", "2,345,678"),
            ("1,2345", "2345"),
            ("so 3/4 of it", "3/4"),
            ("so .5", ".5"),
            ("a 20% share", "20%"),
            ("H2O and 3 more", "3"),
            ("The answer is clear: 6 times 7 is 42", "42"),
            ("The answer is that she has 18 eggs. Or 19.", "18"),
            ("The answer is 18 because 9 * 2 is 18.", "18"),
            ("Answer: she has 3 eggs. So 4", "4"),
        ] {
            let (found, _) = read(text, AnswerForm::Number).unwrap();
            assert_eq!(found, answer, "{text}");
        }
        assert_eq!(read("the answer is unknown", AnswerForm::Number), None);
    }

    #[test]
    fn long_texts_take_linear_time() {
        let text = "\\boxed{ answer ".repeat(100_000);
        assert!(extract(&text, AnswerForm::Number).is_none());
    }

    proptest! {
        #[test]
        fn any_text_is_read(text in "([\\\\{}$#*.,0-9a-c√é −-]|\\\\boxed|answer is|####|#ANSWER:){0,60}") {
            for form in [AnswerForm::Number, AnswerForm::Latex, AnswerForm::Expression] {
                if let Some(found) = extract(&text, form) {
                    prop_assert!(text.contains(&found.answer.0));
                    prop_assert!(!found.answer.0.trim().is_empty());
                }
            }
        }
    }
}
