//! Curves: what a series achieved at a budget, and what it spent.

use std::collections::BTreeMap;

use espalier_core::Stop;
use serde::{Deserialize, Serialize};

use super::calibration::p95;
use super::cell::Cell;
use super::series::{Draw, Series};
use crate::record::Record;
use crate::stats::{Interval, clustered};

/// One point of a curve: all seeds of a size under a budget.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Point {
    /// The series.
    pub series: Series,
    /// Its name for people.
    pub label: String,
    /// Tokens computed for a problem, at most; `None` without a bound.
    pub budget: Option<u64>,
    /// Answers, or candidates of a round.
    pub size: u32,
    /// Problems that count: those with a search that did not fail.
    pub problems: u64,
    /// Searches that count, over all seeds.
    pub searches: u64,
    /// The mean over problems of the mean over seeds.
    pub accuracy: f64,
    /// Its 95 % interval, [`clustered`] by problem.
    pub interval: Interval,
    /// Tokens computed by policy and scorer, mean of a search.
    pub computed_mean: f64,
    /// Tokens computed, 95th percentile of the searches.
    pub computed_p95: u64,
    /// Tokens computed by the dearest search.
    pub computed_max: u64,
    /// Tokens sampled, mean of a search.
    pub generated_mean: f64,
    /// Floating-point operations, mean of a search.
    pub flops_mean: f64,
    /// `computed_mean` divided by the budget; `None` without one.
    pub utilisation: Option<f64>,
    /// Searches that the budget ended early.
    pub exhausted: u64,
    /// Searches without an answer.
    pub no_answer: u64,
    /// Searches that failed; they count nowhere else.
    pub failed: u64,
}

impl Point {
    /// Adds up the records of `cell` and its siblings, one list a seed; `None` where no search counts.
    #[must_use]
    pub fn of(cell: &Cell, draw: Draw, seeds: &[Vec<Record>]) -> Option<Self> {
        let all: Vec<&Record> = seeds.iter().flatten().collect();
        let counted: Vec<&Record> =
            all.iter().copied().filter(|record| record.error.is_none()).collect();
        let mut problems: BTreeMap<&str, (u64, u64)> = BTreeMap::new();
        for record in &counted {
            let (right, tries) = problems.entry(&record.id).or_default();
            *right += u64::from(record.correct == Some(true));
            *tries += 1;
        }
        let clusters: Vec<(u64, u64)> = problems.into_values().collect();
        let seen = clustered(&clusters)?;
        let searches = counted.len() as f64;
        let mean = |of: &dyn Fn(&Record) -> f64| {
            counted.iter().map(|record| of(record)).sum::<f64>() / searches
        };
        let count = |is: &dyn Fn(&Record) -> bool| {
            counted.iter().filter(|record| is(record)).count() as u64
        };
        let computed: Vec<u64> = counted.iter().map(|record| record.spend.computed).collect();
        let computed_mean = mean(&|record| record.spend.computed as f64);
        Some(Self {
            series: cell.series,
            label: cell.series.label(draw.scorer),
            budget: cell.budget,
            size: cell.size,
            problems: clusters.len() as u64,
            searches: counted.len() as u64,
            accuracy: seen.share,
            interval: seen.interval,
            computed_mean,
            computed_max: computed.iter().copied().max().unwrap_or(0),
            computed_p95: p95(computed).unwrap_or(0),
            generated_mean: mean(&|record| record.spend.generated as f64),
            flops_mean: mean(&|record| record.spend.flops as f64),
            utilisation: cell.budget.map(|budget| computed_mean / budget as f64),
            exhausted: count(&|record| matches!(record.stop, Some(Stop::Exhausted(_)))),
            no_answer: count(&|record| record.answer.is_none()),
            failed: (all.len() - counted.len()) as u64,
        })
    }
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroU32;

    use espalier_core::{Aggregate, Axis, Entry, Spend};

    use super::*;
    use crate::dataset::DatasetKind;
    use crate::record::tests::{item, outcome};
    use crate::spec::ScorerName;

    #[test]
    fn seeds_are_averaged_within_problems() {
        let record = |id: &str, text: &str, computed| {
            let mut outcome = outcome(text);
            outcome.spend = Spend {
                computed,
                generated: 10,
                flops: u128::from(computed) * 2,
                ..Spend::default()
            };
            Record::graded(DatasetKind::Builtin, &item(id, "5"), outcome)
        };
        let mut cut = record("b", "", 60);
        cut.stop = Some(Stop::Exhausted(Axis::Computed));
        let gone =
            Record::failed(&item("b", "5"), "gone".into(), Spend::default(), Entry::default());
        let seeds = [vec![record("a", "5", 20), cut], vec![record("a", "4", 40), gone]];
        let cell = Cell {
            series: Series::Beam,
            size: 4,
            budget: Some(80),
            ..Cell::greedy(NonZeroU32::new(8).unwrap())
        };
        let draw =
            Draw { temperature: 0.8, scorer: ScorerName::Entropy, aggregate: Aggregate::Last };
        let point = Point::of(&cell, draw, &seeds).unwrap();
        // Problem a is right once in two, problem b never.
        assert!((point.accuracy - 0.25).abs() < 1e-12 && point.interval.contains(0.25));
        assert_eq!((point.problems, point.searches, point.failed), (2, 3, 1));
        assert_eq!((point.exhausted, point.no_answer), (1, 1));
        assert_eq!((point.computed_p95, point.computed_max), (60, 60));
        assert!((point.computed_mean - 40.0).abs() < 1e-12);
        assert!((point.flops_mean - 80.0).abs() < 1e-12);
        assert!((point.utilisation.unwrap() - 0.5).abs() < 1e-12);
        assert_eq!(point.label, "beam (entropy)");
        assert_eq!(Point::of(&cell, draw, &[]), None);
    }
}
