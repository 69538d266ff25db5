//! `espalier grade`: pairs of a gold answer and a text, graded and held to what is expected.

use anyhow::{Context, anyhow};
use espalier_core::Clock;
use serde::Serialize;
use serde_json::json;

use super::failure::Failure;
use crate::args;
use crate::dataset::DatasetKind;
use crate::grade::{Pair, Verdict};
use crate::{AnswerForm, WallClock};

/// Time that a round of measuring takes at least, nanoseconds; chosen here.
const ROUND_NS: u64 = 200_000_000;

/// What came of the pairs.
#[derive(Debug, Default, Serialize)]
struct Graded {
    /// All of them.
    pairs: u64,
    /// Those found equal where they are to be, and not where they are not; an undecided pair counts as not equal,
    /// as in an evaluation.
    right: u64,
    /// Those that could not be decided.
    undecided: u64,
    /// Those found equal that are not to be.
    false_equal: u64,
    /// Those graded in a second on one core, extraction and reading of both sides included.
    #[serde(skip_serializing_if = "Option::is_none")]
    a_second: Option<f64>,
}

impl Graded {
    /// Adds a verdict; returns whether it is right.
    fn add(&mut self, verdict: Verdict, expected: bool) -> bool {
        let equal = verdict == Verdict::Equal;
        self.pairs += 1;
        self.right += u64::from(equal == expected);
        self.undecided += u64::from(verdict == Verdict::Undecided);
        self.false_equal += u64::from(equal && !expected);
        equal == expected
    }
}

/// Carries `espalier grade` out.
#[expect(clippy::print_stdout, reason = "the result of the command")]
pub(super) fn grade(args: &args::Grade) -> Result<(), Failure> {
    let kind = args.dataset.map(DatasetKind::from);
    if kind.is_some_and(|kind| kind.form() == AnswerForm::Function) {
        let what = "functions are graded by running their tests, which `eval` does";
        return Err(Failure::BadInput(anyhow!(what)));
    }
    let pairs = read(args)?;
    let verdict = |pair: &Pair| match kind {
        Some(kind) => pair.as_problem(kind),
        None => pair.as_test(),
    };
    let mut graded = Graded::default();
    for pair in &pairs {
        let verdict = verdict(pair);
        if !graded.add(verdict, pair.expected) && args.wrong {
            println!("{}", json!({ "verdict": verdict, "pair": pair }));
        }
    }
    graded.a_second = args.rounds.map(|rounds| speed(&pairs, verdict, rounds.get()));
    let Graded { pairs, right, undecided, false_equal, a_second } = &graded;
    let share = *right as f64 / (*pairs as f64).max(1.0) * 100.0;
    print!("{right} of {pairs} as expected ({share:.1} %), {undecided} undecided");
    print!(", {false_equal} equal that should not be");
    if let Some(speed) = a_second {
        print!(", {speed:.0} a second");
    }
    println!();
    if args.json {
        println!("{}", serde_json::to_string(&graded)?);
    }
    Ok(())
}

/// The pairs of the file.
fn read(args: &args::Grade) -> Result<Vec<Pair>, Failure> {
    let path = args.file.display();
    let text = std::fs::read_to_string(&args.file)
        .with_context(|| format!("cannot read `{path}`"))
        .map_err(Failure::BadInput)?;
    let lines = text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty());
    let pairs = lines.map(|(at, line)| {
        serde_json::from_str(line).with_context(|| format!("`{path}` line {} is no pair", at + 1))
    });
    let pairs = pairs.collect::<Result<Vec<Pair>, _>>().map_err(Failure::BadInput)?;
    if pairs.is_empty() {
        return Err(Failure::BadInput(anyhow!("`{path}` holds no pairs; give a file that does")));
    }
    Ok(pairs)
}

/// Pairs graded in a second: the median of the rounds, after one that warms up.
fn speed(pairs: &[Pair], verdict: impl Fn(&Pair) -> Verdict, rounds: u32) -> f64 {
    let clock = WallClock::start();
    let mut speeds: Vec<f64> = (0..=rounds)
        .map(|_| {
            let (start, mut count) = (clock.now_ns(), 0_usize);
            loop {
                for pair in pairs {
                    std::hint::black_box(verdict(std::hint::black_box(pair)));
                }
                count += pairs.len();
                let took = clock.now_ns() - start;
                if took >= ROUND_NS {
                    return count as f64 * 1e9 / took as f64;
                }
            }
        })
        .skip(1)
        .collect();
    speeds.sort_by(f64::total_cmp);
    speeds[speeds.len() / 2]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_undecided_pair_counts_as_not_equal() {
        let mut graded = Graded::default();
        let rights = [
            graded.add(Verdict::Equal, true),
            graded.add(Verdict::Equal, false),
            graded.add(Verdict::Undecided, true),
            graded.add(Verdict::Undecided, false),
            graded.add(Verdict::NotEqual, false),
        ];
        assert_eq!(rights, [true, false, false, true, true]);
        let Graded { pairs, right, undecided, false_equal, .. } = graded;
        assert_eq!((pairs, right, undecided, false_equal), (5, 3, 2, 1));
    }
}
