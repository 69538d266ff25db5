//! Problem views: a record as the page shows it.

use espalier_core::{Axis, Stop};
use serde::Serialize;

use crate::budget_arg::parse_budget;
use crate::record::Record;
use crate::run_info::RunInfo;
use crate::status::Status;

/// A problem in one run.
#[derive(Debug, Serialize)]
pub(super) struct ProblemView {
    question: Option<String>,
    level: Option<String>,
    status: Status,
    answer: Option<String>,
    error: Option<String>,
    stop: String,
    nodes: u64,
    rounds: u32,
    generated: u64,
    computed: u64,
    flops: u128,
    flops_uncached: u128,
    wall_s: f64,
    /// The share of the budget that was spent, on the axis where it is largest; `None` without bounds.
    budget: Option<f64>,
    /// The element that holds its tree.
    pub(super) tree: Option<String>,
    /// Why there is no tree.
    pub(super) absent: Option<String>,
}

impl ProblemView {
    /// The view of a record, its tree aside.
    pub(super) fn new(record: &Record, info: &RunInfo) -> Self {
        Self {
            question: record.question.clone(),
            level: record.level.clone(),
            status: Status::of(record),
            answer: record.answer.clone(),
            error: record.error.clone(),
            stop: stop(record.stop),
            nodes: record.nodes,
            rounds: record.rounds,
            generated: record.spend.generated,
            computed: record.spend.computed,
            flops: record.spend.flops,
            flops_uncached: record.ledger.flops_uncached,
            wall_s: record.wall_s,
            budget: spent_share(record, info),
            tree: None,
            absent: None,
        }
    }
}

/// Why a search ended, in words.
pub(super) fn stop(stop: Option<Stop>) -> String {
    match stop {
        None | Some(Stop::Failed) => "failed".to_owned(),
        Some(Stop::Done) => "done".to_owned(),
        Some(Stop::Interrupted) => "interrupted".to_owned(),
        Some(Stop::Exhausted(axis)) => format!("budget spent: {}", axis_name(axis)),
        Some(other) => format!("{other:?}"),
    }
}

fn axis_name(axis: Axis) -> &'static str {
    match axis {
        Axis::Generated => "tokens",
        Axis::Scored => "scored",
        Axis::Computed => "computed",
        Axis::Calls => "calls",
        Axis::Flops => "flops",
        Axis::NanoUsd => "usd",
        Axis::Nanoseconds => "seconds",
    }
}

/// The share of its budget that a search spent, on the axis where it is largest.
pub(super) fn spent_share(record: &Record, info: &RunInfo) -> Option<f64> {
    let budget = parse_budget(info.generation["budget"].as_str()?).ok()?;
    let share = |axis: Axis| {
        let bound = budget.on(axis).filter(|bound| *bound > 0)?;
        Some(record.spend.on(axis) as f64 / bound as f64)
    };
    Axis::ALL.into_iter().filter_map(share).reduce(f64::max)
}
