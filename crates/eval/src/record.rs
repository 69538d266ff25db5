//! Records: what became of one problem.

use std::num::NonZeroU32;

use espalier_core::{Answer, Entry, NodeId, Spend, Stop, ToolError};
use serde::{Deserialize, Serialize};

use crate::answers::{Modulo, Votes};
use crate::dataset::DatasetKind;
use crate::ensemble::Pooled;
use crate::extract::Rule;
use crate::grade::{Grader, Verdict, grade_item};
use crate::problem::Item;

/// What a search did with a problem: everything a record holds but the grade.
#[derive(Debug, Clone, PartialEq)]
pub struct Outcome {
    /// Why the search ended.
    pub stop: Stop,
    /// What it spent.
    pub spend: Spend,
    /// What it did, in total.
    pub ledger: Entry,
    /// Nodes of its tree, the root included.
    pub nodes: u64,
    /// Rounds it took.
    pub rounds: u32,
    /// The selected node; `None` where no path was finished.
    pub node: Option<NodeId>,
    /// The text of the selected path; `None` where no path was finished.
    pub text: Option<String>,
    /// Seconds between its start and its end, by the wall clock.
    pub wall_s: f64,
    /// Answers are whole numbers, and count by their remainder by this.
    pub modulo: Option<NonZeroU32>,
}

/// One problem's line in `records.jsonl`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Record {
    /// The problem's name.
    pub id: String,
    /// The problem's content hash, in hexadecimal.
    #[serde(with = "hexadecimal")]
    pub hash: u64,
    /// The question; `None` in the records of versions that did not write it down.
    #[serde(default)]
    pub question: Option<String>,
    /// How hard the dataset says it is.
    pub level: Option<String>,
    /// The answer, as written; `None` where none was found.
    pub answer: Option<String>,
    /// The rule that found the answer.
    pub rule: Option<Rule>,
    /// What the grader found.
    pub verdict: Option<Verdict>,
    /// Whether the answer is right. No answer is wrong; `None` where the grader could not tell or the
    /// search failed.
    pub correct: Option<bool>,
    /// Why the search ended; `None` where it failed.
    pub stop: Option<Stop>,
    /// What it spent.
    pub spend: Spend,
    /// What it did, in total.
    pub ledger: Entry,
    /// Nodes of its tree, the root included.
    pub nodes: u64,
    /// Rounds it took.
    pub rounds: u32,
    /// The selected node; `None` also in the records of versions that did not write it down.
    #[serde(default)]
    pub node: Option<NodeId>,
    /// The text of the selected path.
    pub text: Option<String>,
    /// Seconds it took by the wall clock.
    pub wall_s: f64,
    /// Why the search failed; a failure is not a wrong answer.
    pub error: Option<String>,
    /// The answer is the remainder by this of what the text says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub modulo: Option<NonZeroU32>,
    /// How an ensemble came to the answer; `None` for a single model's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pooled: Option<Pooled>,
}

/// The answer of a text, and what the grader says of it.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Graded {
    /// The rule that found the answer.
    pub(crate) rule: Option<Rule>,
    /// The answer, as written; its remainder where answers count by that.
    pub(crate) answer: Option<Answer>,
    pub(crate) verdict: Option<Verdict>,
}

impl Graded {
    /// Grades without running anything: functions are undecided.
    pub(crate) fn of(
        text: &str,
        modulo: Option<NonZeroU32>,
        kind: DatasetKind,
        item: &Item,
    ) -> Self {
        let (rule, answer) = read(text, modulo, kind, item);
        let verdict = answer.as_ref().map(|answer| grade_item(kind, item, answer));
        Self { rule, answer, verdict }
    }
}

/// The answer of a text, and the rule that found it.
fn read(
    text: &str,
    modulo: Option<NonZeroU32>,
    kind: DatasetKind,
    item: &Item,
) -> (Option<Rule>, Option<Answer>) {
    let Some(found) = Votes::of(kind, &item.problem.question).find(text) else {
        return (None, None);
    };
    let answer = match modulo {
        Some(modulo) => Modulo::of(&found.answer, modulo),
        None => Some(found.answer),
    };
    (Some(found.rule), answer)
}

impl Record {
    /// Reads and grades the answer of a search. Nothing is run for it: see [`Self::graded_by`].
    #[must_use]
    pub fn graded(kind: DatasetKind, item: &Item, outcome: Outcome) -> Self {
        Self::graded_by(&Grader::new(kind), item, outcome)
    }

    /// Reads the answer of a search and has it graded. Where the grader's sandbox fails, so has the search, which is
    /// not a wrong answer.
    #[must_use]
    pub fn graded_by(grader: &Grader<'_>, item: &Item, outcome: Outcome) -> Self {
        let mut record = Self {
            stop: Some(outcome.stop),
            spend: outcome.spend,
            ledger: outcome.ledger,
            nodes: outcome.nodes,
            rounds: outcome.rounds,
            node: outcome.node,
            text: outcome.text,
            wall_s: outcome.wall_s,
            modulo: outcome.modulo,
            error: None,
            ..Self::blank(item)
        };
        if let Err(error) = record.regrade(grader, item) {
            record.error = Some(format!("the answer could not be graded: {error}"));
        }
        record
    }

    /// The record of a search that failed after `spend`.
    #[must_use]
    pub fn failed(item: &Item, error: String, spend: Spend, ledger: Entry) -> Self {
        Self { error: Some(error), spend, ledger, ..Self::blank(item) }
    }

    fn blank(item: &Item) -> Self {
        Self {
            id: item.problem.id.clone(),
            hash: item.problem.hash,
            question: Some(item.problem.question.clone()),
            level: item.problem.level.clone(),
            answer: None,
            rule: None,
            verdict: None,
            correct: None,
            stop: None,
            spend: Spend::default(),
            ledger: Entry::default(),
            nodes: 0,
            rounds: 0,
            node: None,
            text: None,
            wall_s: 0.0,
            error: None,
            modulo: None,
            pooled: None,
        }
    }

    /// Reads the answer from the text and grades it anew, without any model.
    ///
    /// # Errors
    ///
    /// [`ToolError`] where the grader's sandbox failed; the record then has no grade.
    pub fn regrade(&mut self, grader: &Grader<'_>, item: &Item) -> Result<(), ToolError> {
        if self.error.is_some() {
            return Ok(());
        }
        let answer = self.text.as_deref().map(|text| read(text, self.modulo, grader.kind(), item));
        let (rule, answer) = answer.unwrap_or_default();
        (self.rule, self.answer) = (rule, answer.as_ref().map(|answer| answer.0.clone()));
        (self.verdict, self.correct) = (None, None);
        self.verdict = answer.map(|answer| grader.grade(item, &answer)).transpose()?;
        self.correct = match self.verdict {
            Some(Verdict::Equal) => Some(true),
            Some(Verdict::NotEqual) | None => Some(false),
            Some(Verdict::Undecided) => None,
        };
        Ok(())
    }

    /// Returns true if and only if a resumed run need not try this problem again.
    pub fn is_finished(&self) -> bool {
        self.error.is_none() && !matches!(self.stop, Some(Stop::Interrupted | Stop::Failed))
    }

    /// The record without the fields that two runs of the same search need not share.
    #[must_use]
    pub fn timeless(&self) -> Self {
        Self {
            wall_s: 0.0,
            spend: Spend { nanoseconds: 0, ..self.spend },
            ledger: Entry { wall_ns: 0, queue_ns: 0, tool_cpu_ns: 0, ..self.ledger },
            ..self.clone()
        }
    }
}

/// `u64` as sixteen digits: JSON readers elsewhere round large numbers.
pub(crate) mod hexadecimal {
    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    #[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes fields by reference")]
    pub(crate) fn serialize<S: Serializer>(value: &u64, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&format!("{value:016x}"))
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(reader: D) -> Result<u64, D::Error> {
        let text = String::deserialize(reader)?;
        u64::from_str_radix(&text, 16)
            .map_err(|_| D::Error::custom(format!("hash `{text}` is not hexadecimal")))
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::problem::{Gold, Problem};

    pub(crate) fn item(id: &str, gold: &str) -> Item {
        Item {
            problem: Problem::new(id.to_owned(), format!("question {id}"), Some("easy".to_owned())),
            gold: Gold::new(gold.to_owned()),
        }
    }

    pub(crate) fn outcome(text: &str) -> Outcome {
        Outcome {
            stop: Stop::Done,
            spend: Spend {
                generated: 10,
                computed: 30,
                calls: 1,
                flops: 1 << 70,
                ..Spend::default()
            },
            ledger: Entry { decode_kept: 10, flops_uncached: 1 << 71, ..Entry::default() },
            nodes: 2,
            rounds: 1,
            node: Some(NodeId(1)),
            text: Some(text.to_owned()),
            wall_s: 0.5,
            modulo: None,
        }
    }

    #[test]
    fn json_and_back() {
        let record = Record::graded(
            DatasetKind::Builtin,
            &item("a\u{2028}\"", "5"),
            outcome("é \\boxed{5}\n"),
        );
        let line = serde_json::to_string(&record).unwrap();
        assert!(!line.contains('\n'));
        assert_eq!(serde_json::from_str::<Record>(&line).unwrap(), record);
        // Records of before there were questions and nodes in them.
        let old = line.replace("\"question\":", "\"x\":").replace("\"node\":", "\"y\":");
        let read: Record = serde_json::from_str(&old).unwrap();
        assert_eq!((read.question, read.node, read.text), (None, None, record.text));
    }

    #[test]
    fn no_answer_is_wrong_and_a_failure_is_not() {
        let item = item("a", "5");
        let correct =
            |text: &str| Record::graded(DatasetKind::Builtin, &item, outcome(text)).correct;
        assert_eq!(correct("so 5"), Some(true));
        assert_eq!(correct("so 6"), Some(false));
        assert_eq!(correct("so"), Some(false));
        assert_eq!(correct(r"\boxed{five}"), None);
        let failed = Record::failed(&item, "server".into(), Spend::default(), Entry::default());
        assert_eq!((failed.correct, failed.is_finished()), (None, false));
    }

    #[test]
    fn unfinished_searches_have_no_answer() {
        let mut cut = outcome("");
        cut.text = None;
        let record = Record::graded(DatasetKind::Builtin, &item("a", "5"), cut);
        assert_eq!((record.answer, record.verdict, record.correct), (None, None, Some(false)));
    }
}
