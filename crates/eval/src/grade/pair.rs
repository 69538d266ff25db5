//! Pairs: a gold answer, a text that answers, and whether they are held to be equal; what tests of graders are made of.

use espalier_core::Answer;
use serde::{Deserialize, Serialize};

use super::found::{Notation, found};
use super::{Decimals, Percent, Policy, Verdict, grade};
use crate::dataset::{AnswerForm, DatasetKind};
use crate::extract::extract;
use crate::problem::Gold;

/// Digits after the point that Math-Verify rounds to where a test says nothing (`float_rounding`).
const MATH_VERIFY_PLACES: u32 = 6;

/// A line of a file of pairs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pair {
    /// The gold answer, or a text that holds it.
    pub gold: String,
    /// A text that answers.
    pub pred: String,
    /// Whether its source holds them to be equal.
    pub expected: bool,
    /// Where it comes from.
    #[serde(default)]
    pub source: String,
    /// The question, where its words decide how strictly to compare.
    #[serde(default)]
    pub question: String,
    /// What the test says of how to read and compare.
    #[serde(default)]
    pub options: PairOptions,
}

/// What a grader's test says of how to read and compare: the options of Math-Verify's `parse` and `verify`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PairOptions {
    /// Which notations are read: `latex` is mathematics between delimiters, `expr` is plain text [default: both].
    #[serde(default)]
    pub match_types: Vec<Notation>,
    /// Digits after the point to which decimal numbers are compared [default: 6].
    #[serde(default)]
    pub precision: Option<u32>,
    /// Whether differently named variables differ [default: they do].
    #[serde(default)]
    pub strict: Option<bool>,
    /// Whether a relation is compared to the set it describes when the relation is not gold's; sets and relations are
    /// compared either way here.
    #[serde(default)]
    pub allow_set_relation_comp: Option<bool>,
}

impl Pair {
    /// Grades the text as that of a grader's own test, its options honoured: both sides are searched for what they
    /// state, decimal numbers are equal that round alike.
    ///
    /// ```
    /// use espalier_eval::{Pair, Verdict};
    /// let line = r#"{"gold": "$\\frac{1}{12}$", "pred": "it comes to 0.0833333", "expected": true, "options": {"precision": 6}}"#;
    /// let pair: Pair = serde_json::from_str(line).unwrap();
    /// assert_eq!(pair.as_test(), Verdict::Equal);
    /// ```
    #[must_use]
    pub fn as_test(&self) -> Verdict {
        let all = [Notation::Latex, Notation::Expr];
        let notations = Some(&self.options.match_types[..]).filter(|some| !some.is_empty());
        let notations = notations.unwrap_or(&all);
        let (Some(gold), Some(answer)) =
            (found(&self.gold, notations), found(&self.pred, notations))
        else {
            return Verdict::Undecided;
        };
        let places = self.options.precision.unwrap_or(MATH_VERIFY_PLACES);
        let policy = Policy {
            form: AnswerForm::Latex,
            decimals: Decimals::Places(places),
            percent: Percent::ByValue,
        };
        let verdict = |gold: &str, answer: &str| {
            grade(&Gold::new(gold.to_owned()), &Answer(answer.to_owned()), policy)
        };
        match verdict(&gold, &answer) {
            Verdict::Equal => Verdict::Equal,
            _ if self.options.strict == Some(false) => verdict(&renamed(&gold), &renamed(&answer)),
            other => other,
        }
    }

    /// Grades the text as an evaluation on the dataset would: extracted, then compared.
    #[must_use]
    pub fn as_problem(&self, kind: DatasetKind) -> Verdict {
        match extract(&self.pred, kind.form()) {
            Some(found) => {
                let policy = Policy::of(kind, &self.question);
                grade(&Gold::new(self.gold.clone()), &found.answer, policy)
            }
            None => Verdict::Undecided,
        }
    }
}

/// The text with its variables, which are single small letters, named in the order of their appearance.
fn renamed(text: &str) -> String {
    let letters: Vec<char> = text.chars().collect();
    let mut names: Vec<char> = Vec::new();
    let alone = |at: usize| {
        let near = |at: Option<usize>| {
            at.and_then(|at| letters.get(at)).is_some_and(|c| c.is_alphabetic() || *c == '\\')
        };
        letters[at].is_ascii_lowercase() && !near(at.checked_sub(1)) && !near(Some(at + 1))
    };
    let mut name = |at: usize| {
        let index = names.iter().position(|name| *name == letters[at]).unwrap_or_else(|| {
            names.push(letters[at]);
            names.len() - 1
        });
        ('a'..='z').nth(index).unwrap_or(letters[at])
    };
    (0..letters.len()).map(|at| if alone(at) { name(at) } else { letters[at] }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn verdict(gold: &str, pred: &str, options: &str) -> Verdict {
        let options = serde_json::from_str(options).unwrap();
        let (gold, pred) = (gold.to_owned(), pred.to_owned());
        let (source, question) = (String::new(), String::new());
        Pair { gold, pred, expected: true, source, question, options }.as_test()
    }

    #[test]
    fn options_are_honoured() {
        use Verdict::{Equal, NotEqual, Undecided};
        for (gold, pred, options, expected) in [
            ("$9$", "that is 9", r#"{"match_types": ["latex"]}"#, Undecided),
            ("9", "that is 9", r#"{"match_types": ["expr"]}"#, Equal),
            ("$1/3$", "0.333", r#"{"precision": 3}"#, Equal),
            ("$1/3$", "0.333", "{}", NotEqual),
            ("$1/3$", "$0.333$", r#"{"precision": 4}"#, NotEqual),
            ("$f(x)$", "$f(y)$", r#"{"strict": false}"#, Equal),
            ("$x+y$", "$y+y$", r#"{"strict": false}"#, NotEqual),
        ] {
            assert_eq!(verdict(gold, pred, options), expected, "{gold}, {pred}, {options}");
        }
        assert!(serde_json::from_str::<PairOptions>(r#"{"presicion": 3}"#).is_err());
    }

    #[test]
    fn a_text_is_graded_as_in_an_evaluation() {
        let line = r#"{"gold": "18", "pred": "2 * 9 = 18\nA: 18", "expected": true}"#;
        let pair: Pair = serde_json::from_str(line).unwrap();
        assert_eq!(pair.as_problem(DatasetKind::Gsm8k), Verdict::Equal);
        assert_eq!(pair.as_problem(DatasetKind::Math500), Verdict::Undecided);
    }
}
