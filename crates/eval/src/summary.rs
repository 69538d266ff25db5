//! Summaries: what a run's records add up to.

use std::collections::BTreeMap;

use espalier_core::{Entry, Spend, Stop};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::grade::Verdict;
use crate::record::Record;
use crate::stats::{Interval, wilson};

/// How many of some problems were answered right.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Accuracy {
    /// Problems that count: all but those whose search failed.
    pub n: u64,
    /// Those answered right. No answer and an undecided one are wrong.
    pub correct: u64,
    /// `correct / n`; `None` for no problem.
    pub accuracy: Option<f64>,
    /// Its 95 % interval, [`wilson`].
    pub interval: Option<Interval>,
}

impl Accuracy {
    /// The accuracy on some records.
    #[must_use]
    pub fn of<'a>(records: impl Iterator<Item = &'a Record>) -> Self {
        let (mut n, mut correct) = (0, 0);
        for record in records.filter(|record| record.error.is_none()) {
            n += 1;
            correct += u64::from(record.correct == Some(true));
        }
        let accuracy = (n > 0).then(|| correct as f64 / n as f64);
        Self { n, correct, accuracy, interval: wilson(correct, n) }
    }
}

/// What a run's records add up to. `summary.json` is this, and can be made again from the records.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Summary {
    /// Problems that count: all but those whose search failed.
    pub n: u64,
    /// Those answered right.
    pub correct: u64,
    /// `correct / n`; `None` for no problem.
    pub accuracy: Option<f64>,
    /// Its 95 % interval.
    pub interval: Option<Interval>,
    /// The same for each level the dataset names.
    pub levels: BTreeMap<String, Accuracy>,
    /// Problems in whose text no answer was found, or that have no finished text.
    pub no_answer: u64,
    /// Answers the grader could not decide on; they count as wrong.
    pub undecided: u64,
    /// Searches that the budget ended.
    pub exhausted: u64,
    /// Searches that failed; they do not count.
    pub failed: u64,
    /// Spent by all searches, failed ones included.
    pub spend: Spend,
    /// Done by all searches, failed ones included.
    pub ledger: Entry,
    /// Tokens sampled, a problem's mean.
    pub generated_mean: Option<f64>,
    /// Tokens computed, a problem's mean.
    pub computed_mean: Option<f64>,
    /// Seconds the run took, where it ran in one piece.
    pub elapsed_s: Option<f64>,
    /// Tokens sampled in a second of the run.
    pub tokens_per_s: Option<f64>,
    /// What was run.
    pub config: Value,
}

impl Summary {
    /// Adds records up. `elapsed_s` is the run's wall time, if these records are all it did.
    #[must_use]
    pub fn of(records: &[Record], config: Value, elapsed_s: Option<f64>) -> Self {
        let count = |is: &dyn Fn(&Record) -> bool| {
            records.iter().filter(|record| is(record)).count() as u64
        };
        let mut by_level: BTreeMap<String, Vec<&Record>> = BTreeMap::new();
        let (mut spend, mut ledger) = (Spend::default(), Entry::default());
        for record in records {
            spend += record.spend;
            ledger += record.ledger;
            if let Some(level) = &record.level {
                by_level.entry(level.clone()).or_default().push(record);
            }
        }
        let levels = by_level
            .into_iter()
            .map(|(level, records)| (level, Accuracy::of(records.into_iter())))
            .collect();
        let Accuracy { n, correct, accuracy, interval } = Accuracy::of(records.iter());
        let mean = |sum: u64| (!records.is_empty()).then(|| sum as f64 / records.len() as f64);
        Self {
            n,
            correct,
            accuracy,
            interval,
            levels,
            no_answer: count(&|record| record.error.is_none() && record.answer.is_none()),
            undecided: count(&|record| record.verdict == Some(Verdict::Undecided)),
            exhausted: count(&|record| matches!(record.stop, Some(Stop::Exhausted(_)))),
            failed: count(&|record| record.error.is_some()),
            spend,
            ledger,
            generated_mean: mean(spend.generated),
            computed_mean: mean(spend.computed),
            elapsed_s,
            tokens_per_s: elapsed_s
                .filter(|seconds| *seconds > 0.0)
                .map(|seconds| spend.generated as f64 / seconds),
            config,
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::dataset::DatasetKind;
    use crate::record::tests::{item, outcome};

    fn summary() -> Summary {
        let graded = |id: &str, text: &str| {
            Record::graded(DatasetKind::Builtin, &item(id, "5"), outcome(text))
        };
        let mut exhausted = graded("d", "");
        exhausted.stop = Some(Stop::Exhausted(espalier_core::Axis::Generated));
        let spend = Spend { generated: 7, ..Spend::default() };
        let records = [
            graded("a", "5"),
            graded("b", "6"),
            graded("c", r"\boxed{five}"),
            exhausted,
            Record::failed(&item("e", "5"), "gone".into(), spend, Entry::default()),
        ];
        Summary::of(&records, json!({ "model": "toy" }), Some(2.0))
    }

    #[test]
    fn everything_is_counted_once() {
        let summary = summary();
        assert_eq!((summary.n, summary.correct, summary.accuracy), (4, 1, Some(0.25)));
        assert_eq!(
            (summary.no_answer, summary.undecided, summary.exhausted, summary.failed),
            (1, 1, 1, 1)
        );
        assert_eq!(summary.spend.generated, 47);
        assert_eq!(summary.generated_mean, Some(9.4));
        assert_eq!(summary.tokens_per_s, Some(23.5));
        assert_eq!(summary.levels["easy"].n, 4);
    }

    #[test]
    fn json_has_what_readers_ask_for_and_reads_back() {
        let summary = summary();
        let text = serde_json::to_string(&summary).unwrap();
        for key in ["accuracy", "n", "spend", "config"] {
            assert!(text.contains(&format!("\"{key}\":")), "{key}");
        }
        assert_eq!(serde_json::from_str::<Summary>(&text).unwrap(), summary);
    }

    #[test]
    fn no_record_is_no_accuracy() {
        let empty = Summary::of(&[], Value::Null, None);
        assert_eq!((empty.accuracy, empty.interval, empty.tokens_per_s), (None, None, None));
    }
}
