//! Anytime curves: what a search would have answered had it been stopped after any of its rounds.
//!
//! A strategy that does not read its budget does the same with a smaller one, only less of it, so one run
//! tells its accuracy at every smaller budget: the traces are told again, without a model, and the answer
//! after each round is graded.

use std::num::NonZeroU32;
use std::sync::Arc;

use espalier_core::{Entry, Event, Prompt, Spend};
use espalier_search::trace::{self, BadTrace};
use serde::Serialize;

use crate::answers::Votes;
use crate::dataset::DatasetKind;
use crate::problem::Item;
use crate::record::{Outcome, Record};
use crate::spec::StrategySpec;
use crate::stats::{Interval, wilson};

/// The end of a round.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Moment {
    /// What the search had spent by then, time aside.
    pub spend: Spend,
    /// Whether the answer it would have given is right. No answer is wrong; `None` where the grader could
    /// not tell.
    pub correct: Option<bool>,
}

/// What one problem's search would have answered, round by round.
///
/// # Errors
///
/// [`BadTrace`] where the trace is incomplete.
///
/// # Complexity
///
/// One selection a round, each linear in the nodes made so far.
pub fn moments(
    strategy: &StrategySpec,
    kind: DatasetKind,
    item: &Item,
    events: &[Event],
    max_tokens: NonZeroU32,
) -> Result<Vec<Moment>, BadTrace> {
    let problem = &item.problem;
    let prompt = Prompt { problem: problem.question.clone(), tokens: [].into() };
    let votes = Votes::of(kind, &problem.question);
    let mut moments = Vec::new();
    let mut after = |tree: &espalier_search::Tree, spent: &Entry| {
        let node = strategy.select(tree, &votes).map(|selected| selected.node);
        let outcome = Outcome {
            stop: espalier_core::Stop::Done,
            spend: spent.spend(),
            ledger: *spent,
            nodes: tree.len() as u64,
            rounds: 0,
            node,
            text: node.map(|node| tree.path(node).text()),
            wall_s: 0.0,
            modulo: strategy.modulo(),
        };
        let correct = Record::graded(kind, item, outcome).correct;
        moments.push(Moment { spend: spent.spend(), correct });
    };
    trace::retell(Arc::new(prompt), max_tokens.get().into(), events, &mut after)?;
    Ok(moments)
}

/// Accuracy at one budget.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct AtBudget {
    /// What a problem could spend.
    pub budget: u128,
    /// Share of problems whose last answer within it is right.
    pub accuracy: f64,
    /// Its 95 % interval by Wilson.
    pub interval: Interval,
    /// Share of problems whose whole search fits.
    pub complete: f64,
}

/// The curve of a run: accuracy at each budget, where `spent` says what counts. A problem without an
/// answer within a budget is wrong there.
///
/// ```
/// use espalier_core::Spend;
/// use espalier_eval::anytime::{Moment, curve};
/// let at = |computed, correct| Moment { spend: Spend { computed, ..Spend::default() }, correct };
/// // One search is right from 20 tokens on, the other at first and then no more.
/// let searches = [vec![at(10, Some(false)), at(20, Some(true))], vec![at(15, Some(true)), at(30, None)]];
/// let curve = curve(&searches, |spend| spend.computed.into(), &[9, 15, 20, 30]);
/// let accuracies: Vec<f64> = curve.iter().map(|point| point.accuracy).collect();
/// assert_eq!(accuracies, [0.0, 0.5, 1.0, 0.5]);
/// assert_eq!(curve[2].complete, 0.5);
/// ```
#[must_use]
pub fn curve(
    searches: &[Vec<Moment>],
    spent: impl Fn(&Spend) -> u128,
    budgets: &[u128],
) -> Vec<AtBudget> {
    let n = searches.len() as u64;
    let at = |&budget: &u128| {
        let (mut right, mut complete) = (0, 0);
        for moments in searches {
            let within = moments.iter().take_while(|moment| spent(&moment.spend) <= budget);
            let within: Vec<&Moment> = within.collect();
            right += u64::from(within.last().is_some_and(|moment| moment.correct == Some(true)));
            complete += u64::from(within.len() == moments.len());
        }
        let share = |count: u64| count as f64 / n as f64;
        let interval = wilson(right, n)?;
        Some(AtBudget { budget, accuracy: share(right), interval, complete: share(complete) })
    };
    budgets.iter().filter_map(at).collect()
}

/// Budgets that show a whole run, half as much again each time: from what the cheapest first round spent
/// to what the dearest search did.
#[must_use]
pub fn ladder(searches: &[Vec<Moment>], spent: impl Fn(&Spend) -> u128) -> Vec<u128> {
    let first = searches.iter().filter_map(|moments| moments.first());
    let last = searches.iter().filter_map(|moments| moments.last());
    let Some(least) = first.map(|moment| spent(&moment.spend)).min() else { return Vec::new() };
    let most = last.map(|moment| spent(&moment.spend)).max().unwrap_or(least);
    let more = |budget: &u128| budget.checked_add(budget.div_ceil(2));
    let grown = std::iter::successors(Some(least.max(1)), more);
    grown.take_while(|&budget| budget < most).chain([most]).collect()
}
