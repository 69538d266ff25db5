//! Comparisons: two runs of the same problems, problem by problem.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde::Serialize;

use crate::record::Record;
use crate::run_info::{FieldDiff, RunInfo, diff};
use crate::stats::{Difference, Pairs};
use crate::table::{align, human, interval, percent};

/// Two runs of the same problems.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Comparison {
    /// The names of the runs' strategies.
    pub names: [String; 2],
    /// What became of the problems.
    pub pairs: Pairs,
    /// Problems that do not count, because one run has no record of them or failed at them.
    pub unpaired: u64,
    /// The difference, second less first; `None` where no problem counts.
    pub difference: Option<Difference>,
    /// Tokens computed for a problem that counts, a mean, in each run.
    pub computed_mean: [f64; 2],
    /// Problems that the first run alone has right.
    pub lost: Vec<String>,
    /// Problems that the second run alone has right.
    pub won: Vec<String>,
}

/// Runs that cannot be compared.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ComparisonError {
    /// They searched other problems.
    #[error(
        "the runs are of different datasets ({}): compare runs of the same problems", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
    )]
    Datasets(Vec<FieldDiff>),
    /// They were graded by different graders.
    #[error("the runs were graded by different versions of the grader ({}): `regrade` both first", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))]
    Graders(Vec<FieldDiff>),
}

impl Comparison {
    /// Compares two runs.
    ///
    /// # Errors
    ///
    /// [`ComparisonError`] where their problems or graders differ.
    pub fn new(
        (first, second): (&RunInfo, &RunInfo),
        (firsts, seconds): (&[Record], &[Record]),
    ) -> Result<Self, ComparisonError> {
        let differ = diff(&first.generation["dataset"], &second.generation["dataset"]);
        if !differ.is_empty() {
            return Err(ComparisonError::Datasets(differ));
        }
        let differ = diff(&first.grading, &second.grading);
        if !differ.is_empty() {
            return Err(ComparisonError::Graders(differ));
        }
        let names = [first, second].map(|info| strategy_name(&info.generation["strategy"]));
        let counts = |record: &&Record| record.error.is_none();
        let by_id: BTreeMap<&str, &Record> =
            seconds.iter().filter(counts).map(|record| (&*record.id, record)).collect();
        let mut pairs = Pairs::default();
        let (mut lost, mut won, mut computed) = (Vec::new(), Vec::new(), [0, 0]);
        for record in firsts.iter().filter(counts) {
            let Some(other) = by_id.get(&*record.id).filter(|other| other.hash == record.hash)
            else {
                continue;
            };
            let right = [record, other].map(|record| record.correct == Some(true));
            pairs.add(right[0], right[1]);
            match right {
                [true, false] => lost.push(record.id.clone()),
                [false, true] => won.push(record.id.clone()),
                _ => {}
            }
            computed[0] += record.spend.computed;
            computed[1] += other.spend.computed;
        }
        let n = pairs.n();
        Ok(Self {
            names,
            pairs,
            unpaired: (firsts.len().max(seconds.len()) as u64).saturating_sub(n),
            difference: pairs.difference(),
            computed_mean: computed.map(|sum| if n > 0 { sum as f64 / n as f64 } else { 0.0 }),
            lost,
            won,
        })
    }

    /// The comparison as plain text.
    #[must_use]
    pub fn text(&self) -> String {
        let Pairs { both, first, second, neither } = self.pairs;
        let n = self.pairs.n();
        let Some(Difference { difference, interval: range, p_value }) = self.difference else {
            return "no problem has a record in both runs\n".to_owned();
        };
        let row = |name: &String, right: u64, computed: f64| {
            let share = percent(right as f64 / n as f64);
            vec![name.clone(), share, right.to_string(), n.to_string(), human(computed)]
        };
        let head = ["run", "accuracy", "right", "n", "computed"].map(str::to_owned).to_vec();
        let rows = [
            head,
            row(&self.names[0], both + first, self.computed_mean[0]),
            row(&self.names[1], both + second, self.computed_mean[1]),
        ];
        let mut text = align(&rows);
        let _ = writeln!(
            text,
            "\nright in both {both}, in the first alone {first}, in the second alone {second}, in neither {neither}"
        );
        if self.unpaired > 0 {
            let _ = writeln!(
                text,
                "problems without a result in both runs, which do not count: {}",
                self.unpaired
            );
        }
        let sign = if difference < 0.0 { "-" } else { "+" };
        let _ = writeln!(
            text,
            "difference, second less first: {sign}{}, 95 % interval {}",
            percent(difference.abs()),
            interval(&range)
        );
        let told = self.difference.is_some_and(|difference| difference.is_distinguishable());
        let p_value =
            if p_value < 0.001 { "< 0.001".to_owned() } else { format!("= {p_value:.3}") };
        let verdict = match (told, difference > 0.0) {
            (false, _) => "not distinguishable",
            (true, true) => "the second is better",
            (true, false) => "the first is better",
        };
        let _ = writeln!(text, "{verdict} (exact McNemar test, p {p_value}; 0.05 is the line)");
        text
    }
}

/// A strategy's name and its main numbers, from `run.json`.
#[must_use]
pub fn strategy_name(strategy: &serde_json::Value) -> String {
    let mut name = strategy["name"].as_str().unwrap_or("a strategy").to_owned();
    for field in ["members", "width", "n", "simulations", "lookahead"] {
        if let Some(value) = strategy[field].as_u64() {
            let _ = write!(name, ", {field} {value}");
        }
    }
    name
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::dataset::DatasetKind;
    use crate::record::tests::{item, outcome};

    fn info(name: &str, sha256: &str) -> RunInfo {
        RunInfo::new(
            json!({ "strategy": { "name": name, "n": 4, "seed": 1 }, "dataset": { "sha256": sha256 } }),
        )
    }

    /// Records of problems 0, 1, …, whose answers are right where the text has a `5`.
    fn records(answers: &str) -> Vec<Record> {
        let graded = |(index, answer): (usize, char)| {
            let item = item(&index.to_string(), "5");
            Record::graded(DatasetKind::Builtin, &item, outcome(&answer.to_string()))
        };
        answers.chars().enumerate().map(graded).collect()
    }

    fn compare(first: &str, second: &str) -> Comparison {
        let runs = (&info("greedy", "0"), &info("beam", "0"));
        Comparison::new(runs, (&records(first), &records(second))).unwrap()
    }

    #[test]
    fn few_problems_tell_nothing_and_many_do() {
        let few = compare("5666", "5556");
        assert_eq!(few.pairs, Pairs { both: 1, first: 0, second: 2, neither: 1 });
        assert_eq!((few.won.len(), few.lost.len()), (2, 0));
        assert!(few.text().contains("not distinguishable"), "{}", few.text());
        assert!(few.text().contains("difference, second less first: +50.0 %"), "{}", few.text());
        let many = compare(&"6".repeat(12), &"5".repeat(12)).text();
        assert!(many.contains("the second is better (exact McNemar test, p < 0.001"), "{many}");
        let worse = compare(&"5".repeat(12), &"6".repeat(12)).text();
        assert!(worse.contains("the first is better") && worse.contains("-100.0 %"), "{worse}");
    }

    #[test]
    fn failures_do_not_count() {
        let mut second = records("555");
        second[0].error = Some("gone".to_owned());
        let runs = (&info("greedy", "0"), &info("beam", "0"));
        let seen = Comparison::new(runs, (&records("666"), &second)).unwrap();
        assert_eq!((seen.pairs.n(), seen.unpaired), (2, 1));
        assert!(seen.text().contains("which do not count: 1"), "{}", seen.text());
        let none = Comparison::new(runs, (&[], &second)).unwrap();
        assert_eq!(none.text(), "no problem has a record in both runs\n");
    }

    #[test]
    fn other_problems_and_other_graders_are_refused() {
        let error = |first: &RunInfo, second: &RunInfo| {
            Comparison::new((first, second), (&[], &[])).unwrap_err().to_string()
        };
        let refused = error(&info("greedy", "0"), &info("beam", "1"));
        assert!(
            refused.starts_with("the runs are of different datasets (sha256: was `\"0\"`"),
            "{refused}"
        );
        let mut other = info("beam", "0");
        other.grading["grader"] = json!(0);
        let refused = error(&info("greedy", "0"), &other);
        assert!(refused.contains("`regrade` both first"), "{refused}");
    }
}
