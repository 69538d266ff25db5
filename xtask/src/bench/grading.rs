//! Rows 8 and 9: how fast answers are graded, and how often rightly, beside Math-Verify.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};
use serde_json::{Value, json};

use super::{Wanted, measured::last_object, row::Row};
use crate::process::{root, target_dir};

/// Graders' own tests.
const TESTS: [&str; 2] = ["grading/math_verify_tests.jsonl", "grading/inspect_ai_math.jsonl"];
/// Solutions of models, with the verdicts of their source.
const SOLUTIONS: &str = "grading/gsm8k_model_solutions.jsonl";
/// MATH-500, whose own solutions are graded.
const MATH: &str = "math500/test.jsonl";
/// Rows of the tests whose verdict is not taken over, each with why; paths are from the repository's root.
const ADJUDICATED: &str = "benches/adjudicated.jsonl";
/// Pairs that the peer's speed is measured on: it takes milliseconds for each.
const PEER_PAIRS: usize = 100;

const SCRIPT: &str = include_str!("math_verify.py");

/// Measures rows 8 and 9.
pub(super) fn rows(wanted: &Wanted, add: &mut dyn FnMut(Row)) -> Result<()> {
    if !wanted.has(8) && !wanted.has(9) {
        return Ok(());
    }
    let data = wanted.data();
    let work = target_dir()?.join("bench").join("grading");
    fs::create_dir_all(&work).with_context(|| format!("could not make `{}`", work.display()))?;
    let sides = Sides { wanted, python: wanted.math_verify(), work };
    if wanted.has(8) {
        for (what, dataset, file) in [("GSM8K", "gsm8k", SOLUTIONS), ("MATH-500", "math500", MATH)]
        {
            let what = format!("grading {what} solutions, answers/s/core");
            match read(&data.join(file)) {
                Ok(pairs) => add(sides.speed(&what, dataset, &pairs)?),
                Err(note) => add(Row::at_least(8, &what, None, 1e5).noting(note)),
            }
        }
    }
    if wanted.has(9) {
        sides.verdicts(&data, add)?;
    }
    Ok(())
}

/// Who grades, and where files are made for them.
struct Sides<'a> {
    wanted: &'a Wanted,
    python: Option<PathBuf>,
    work: PathBuf,
}

impl Sides<'_> {
    /// A row of speed.
    fn speed(&self, what: &str, dataset: &str, pairs: &[Value]) -> Result<Row> {
        let pairs: Vec<Value> = pairs.iter().map(pair).collect();
        let rounds = self.wanted.rounds.to_string();
        let ours = self.ours(&pairs, &["--dataset", dataset, "--rounds", &rounds])?;
        let each = pairs.len().div_ceil(PEER_PAIRS).max(1);
        let some: Vec<Value> = pairs.iter().step_by(each).cloned().collect();
        let speed = |found: &Value| found["a_second"].as_f64();
        let (peer, note) = self.peer(&some)?;
        let note = match &peer {
            Some(_) => format!("{note}, on every {each}th of {} pairs", pairs.len()),
            None => note,
        };
        let row = Row::at_least(8, what, speed(&ours), 1e5);
        Ok(row.beside(peer.as_ref().and_then(speed)).noting(note))
    }

    /// The rows of verdicts.
    fn verdicts(&self, data: &Path, add: &mut dyn FnMut(Row)) -> Result<()> {
        let what = "verdicts on graders' own tests, share right";
        let never = "of these and of solutions, equal that should not be";
        let mut missing = |note: &str| {
            add(Row::at_least(9, what, None, 0.99).noting(note));
            add(Row::never(9, never, None).noting(note));
        };
        let mut pairs = Vec::new();
        for file in TESTS {
            match read(&data.join(file)) {
                Ok(some) => pairs.extend(some),
                Err(note) => {
                    missing(&note);
                    return Ok(());
                }
            }
        }
        let all = pairs.len();
        let aside = read(&root().join(ADJUDICATED)).map_err(anyhow::Error::msg)?;
        pairs.retain(|pair| !aside.iter().any(|aside| is_same(aside, pair)));
        let ours = self.ours(&pairs, &[])?;
        let (peer, note) = self.peer(&pairs)?;
        let share = |found: &Value| Some(found["right"].as_f64()? / found["pairs"].as_f64()?);
        let counts = |found: &Value| {
            format!("{} of {}, {} undecided", found["right"], found["pairs"], found["undecided"])
        };
        let mut note =
            format!("{}; {} adjudicated aside; {note}", counts(&ours), all - pairs.len());
        if let Some(peer) = &peer {
            note = format!("{note} {}", counts(peer));
        }
        let row = Row::at_least(9, what, share(&ours), 0.99);
        add(row.beside(peer.as_ref().and_then(share)).noting(note));
        let equal = |found: &Value| found["false_equal"].as_f64();
        let (solutions, note) = match read(&data.join(SOLUTIONS)) {
            Ok(pairs) => {
                let found = self.ours(&pairs, &["--dataset", "gsm8k"])?;
                let note = format!("with {} of {SOLUTIONS}, for ours", found["pairs"]);
                (equal(&found), note)
            }
            Err(note) => (Some(0.0), format!("without solutions: {note}")),
        };
        let ours = equal(&ours).zip(solutions).map(|(tests, solutions)| tests + solutions);
        add(Row::never(9, never, ours).beside(peer.as_ref().and_then(equal)).noting(note));
        Ok(())
    }

    /// What came of the pairs here.
    fn ours(&self, pairs: &[Value], flags: &[&str]) -> Result<Value> {
        let mut command = Command::new(self.wanted.program()?);
        command.arg("grade").arg(self.write(pairs)?).args(flags).arg("--json");
        last_object(&mut command)
    }

    /// What came of the pairs with Math-Verify, and its name or why there is nothing.
    fn peer(&self, pairs: &[Value]) -> Result<(Option<Value>, String)> {
        let Some(python) = &self.python else {
            let note =
                "no peer: `--math-verify PYTHON`, an interpreter with `pip install math-verify`";
            return Ok((None, note.to_owned()));
        };
        let mut command = Command::new(python);
        command.args(["-c", SCRIPT]).arg(self.write(pairs)?);
        Ok((Some(last_object(&mut command)?), "Math-Verify".to_owned()))
    }

    /// Writes pairs to a file, one a line.
    fn write(&self, pairs: &[Value]) -> Result<PathBuf> {
        let path = self.work.join("pairs.jsonl");
        let mut lines = pairs.iter().map(Value::to_string).collect::<Vec<_>>().join("\n");
        lines.push('\n');
        fs::write(&path, lines).with_context(|| format!("could not write `{}`", path.display()))?;
        Ok(path)
    }
}

/// The JSON objects of a file, one a line; or why there are none.
fn read(path: &Path) -> Result<Vec<Value>, String> {
    let text = fs::read_to_string(path).map_err(|error| {
        format!(
            "not measured: `{}`: {error}; name a folder that has it with `--data`",
            path.display()
        )
    })?;
    let lines = text.lines().filter(|line| !line.trim().is_empty());
    let rows = lines.map(serde_json::from_str).collect::<Result<_, _>>();
    rows.map_err(|error| format!("not measured: `{}`: {error}", path.display()))
}

/// A row as a pair; one of MATH-500 is its answer and its own solution.
fn pair(row: &Value) -> Value {
    if row["gold"].is_string() {
        return row.clone();
    }
    json!({
        "gold": row["answer"], "pred": row["solution"], "question": row["problem"], "expected": true,
    })
}

/// Whether an adjudicated row is this one.
fn is_same(aside: &Value, pair: &Value) -> bool {
    ["gold", "pred", "source", "expected"].iter().all(|key| aside[key] == pair[key])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn adjudicated_rows_say_why() {
        let rows = read(&root().join(ADJUDICATED)).unwrap();
        for row in &rows {
            assert!(row["why"].as_str().is_some_and(|why| why.len() > 10), "{row}");
            for key in ["gold", "pred", "source"] {
                assert!(row[key].is_string(), "{row}");
            }
        }
        assert!(!rows.is_empty());
    }

    #[test]
    fn rows_of_either_layout_are_pairs() {
        let math = json!({ "problem": "What?", "answer": "2", "solution": "So \\boxed{2}." });
        let pair_of_math = pair(&math);
        assert_eq!(
            (&pair_of_math["gold"], &pair_of_math["question"]),
            (&json!("2"), &json!("What?"))
        );
        assert_eq!(pair(&pair_of_math), pair_of_math);
        let other = json!({ "gold": "2", "pred": "3", "source": "s", "expected": true });
        assert!(is_same(&other, &other) && !is_same(&other, &pair_of_math));
    }

    #[test]
    fn what_is_not_there_is_said() {
        let note = read(Path::new("/no/such.jsonl")).unwrap_err();
        assert!(note.contains("`/no/such.jsonl`") && note.contains("`--data`"), "{note}");
    }
}
