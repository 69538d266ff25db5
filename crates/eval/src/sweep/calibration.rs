//! Calibrations: how long greedy answers and their steps are.

use std::num::NonZeroU32;

use serde::{Deserialize, Serialize};

use crate::record::Record;

/// How much longer than nearly all greedy answers a sampled one may be.
///
/// Source: none outside of this file; a cap is needed because budgets admit by worst cases, and it is
/// the same for all strategies. The table shows who was cut.
const HEADROOM: f64 = 1.5;

/// What greedy answers that came to an end are like. Gold answers have no part in it.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Calibration {
    /// Answers it rests on.
    pub answers: u64,
    /// Tokens of an answer, 95th percentile.
    pub answer_p95: u32,
    /// Tokens of an answer's longest step, 95th percentile.
    pub step_p95: u32,
    /// Tokens of a step, mean.
    pub step_mean: f64,
    /// Steps of an answer, 95th percentile.
    pub steps_p95: u32,
}

/// The most tokens of answers and of steps.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Caps {
    /// Of an answer.
    pub answer: NonZeroU32,
    /// Of a step.
    pub step: NonZeroU32,
}

impl Calibration {
    /// Measures the records of a greedy run, whose steps end at `boundaries`. A step's tokens are its
    /// share of the answer's, by characters. Where no answer came to an end, one is taken to be a single
    /// step of `max_tokens`.
    #[must_use]
    pub fn of(records: &[Record], boundaries: &[&str], max_tokens: NonZeroU32) -> Self {
        let (mut answers, mut longest, mut counts) = (Vec::new(), Vec::new(), Vec::new());
        for record in records {
            let (Some(text), tokens) = (&record.text, record.spend.generated) else { continue };
            let steps = steps(text, boundaries);
            let characters = steps.iter().sum::<usize>().max(1) as f64;
            let most = steps.iter().copied().max().unwrap_or(0) as f64;
            answers.push(tokens);
            longest.push((tokens as f64 * most / characters).ceil() as u64);
            counts.push(steps.len().max(1) as u64);
        }
        let n_steps = counts.iter().sum::<u64>();
        let max = max_tokens.get();
        let step_mean = if n_steps == 0 {
            f64::from(max)
        } else {
            answers.iter().sum::<u64>() as f64 / n_steps as f64
        };
        Self {
            answers: answers.len() as u64,
            answer_p95: p95(answers).map_or(max, |tokens| tokens as u32),
            step_p95: p95(longest).map_or(max, |tokens| tokens as u32),
            step_mean,
            steps_p95: p95(counts).map_or(1, |steps| steps as u32),
        }
    }

    /// The caps: as given, or with headroom over what was measured, but never above `most`.
    #[must_use]
    pub fn caps(
        &self,
        answer: Option<NonZeroU32>,
        step: Option<NonZeroU32>,
        most: NonZeroU32,
    ) -> Caps {
        let roomy = |tokens: u32| {
            let cap = (f64::from(tokens) * HEADROOM).ceil() as u32;
            NonZeroU32::new(cap).unwrap_or(NonZeroU32::MIN)
        };
        let answer = answer.unwrap_or_else(|| roomy(self.answer_p95).min(most));
        let step = step.unwrap_or_else(|| roomy(self.step_p95)).min(answer);
        Caps { answer, step }
    }
}

/// The characters of each step, its boundary included.
fn steps(text: &str, boundaries: &[&str]) -> Vec<usize> {
    let mut steps = Vec::new();
    let mut rest = text;
    while !rest.is_empty() {
        let end = boundaries
            .iter()
            .filter(|boundary| !boundary.is_empty())
            .filter_map(|boundary| rest.find(boundary).map(|at| at + boundary.len()))
            .min()
            .unwrap_or(rest.len());
        steps.push(rest[..end].chars().count());
        rest = &rest[end..];
    }
    steps
}

/// The smallest value that at least 95 % of the values do not exceed; `None` for no value.
pub(crate) fn p95(mut values: Vec<u64>) -> Option<u64> {
    values.sort_unstable();
    let rank = (values.len() * 95).div_ceil(100);
    values.get(rank.checked_sub(1)?).copied()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dataset::DatasetKind;
    use crate::record::tests::{item, outcome};

    fn record(text: Option<&str>, tokens: u64) -> Record {
        let mut outcome = outcome(text.unwrap_or_default());
        outcome.text = text.map(str::to_owned);
        outcome.spend.generated = tokens;
        Record::graded(DatasetKind::Builtin, &item("a", "5"), outcome)
    }

    #[test]
    fn answers_that_ended_are_measured() {
        let max = NonZeroU32::new(64).unwrap();
        // Ten characters in two steps, seven and three of them.
        let records = [record(Some("abcdef.ab!"), 20), record(None, 64)];
        let seen = Calibration::of(&records, &["."], max);
        assert_eq!((seen.answers, seen.answer_p95, seen.step_p95, seen.steps_p95), (1, 20, 14, 2));
        assert!((seen.step_mean - 10.0).abs() < 1e-12);
        let caps = seen.caps(None, None, max);
        assert_eq!((caps.answer.get(), caps.step.get()), (30, 21));
        let small = NonZeroU32::new(16).unwrap();
        assert_eq!(seen.caps(Some(small), None, max), Caps { answer: small, step: small });
        let none = Calibration::of(&records[1..], &["."], max);
        assert_eq!((none.answer_p95, none.steps_p95), (64, 1));
        assert_eq!(none.caps(None, None, max).answer, max);
    }

    #[test]
    fn percentiles_are_values() {
        assert_eq!(p95(Vec::new()), None);
        assert_eq!(p95(vec![7]), Some(7));
        assert_eq!(p95((1..=100).collect()), Some(95));
        assert_eq!(p95((1..=10).collect()), Some(10));
    }
}
