//! Sweeps: the accuracy of several strategies at growing compute budgets.
//!
//! A sweep is a grid: [`Series`] (strategies without their size) × budgets × seeds, every cell a run of
//! its own under an enforced budget. The budget bounds the tokens that policy and scorer compute for one
//! problem, [`Axis::Computed`](espalier_core::Axis); the curve shows what was spent, not what was allowed.
//!
//! One greedy run comes first. It is the curve's reference, has no size and no budget, and measures what
//! the sizes rest on, without looking at any answer: how long answers and their steps are
//! ([`Calibration`]). A search is admitted by its worst case, so a path that may be as long as
//! `--max-tokens` allows would leave most of a budget unused; all other cells therefore cut answers and
//! steps at 1.5 times the 95th percentile of the greedy ones, unless told otherwise.
//!
//! For each budget a series gets the largest size that fits it ([`sizes`]): a smaller one would leave
//! budget unused, a larger one would be cut. A budget that admits nothing has no cell. Where no budgets
//! are given, they admit 1, 2, 4, 8, 16 and 32 answers of the dearest series.
//!
//! Every cell has its own run directory, so an interrupted sweep goes on where it stopped, and one with
//! more seeds or budgets takes over what is there.

pub mod calibration;
pub mod cell;
pub mod curve;
#[cfg(feature = "picture")]
pub mod picture;
pub mod progress;
pub mod report;
pub mod series;
pub mod sizes;

use std::num::{NonZeroU32, NonZeroUsize};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use espalier_core::{Budget, Clock, Forms, Policy, Prompt, Scorer, Stops};

pub use calibration::Calibration;
pub use cell::Cell;
pub use curve::Point;
pub use progress::{SweepProgress, sweep_command};
pub use report::Report;
pub use series::{Draw, Series};

use crate::config::ConfigError;
use crate::dataset::Dataset;
use crate::problem::Problem;
use crate::progress::Progress;
use crate::record::Record;
use crate::run::{Ended, Run, RunError};
use crate::run_info::RunInfo;
use crate::spec::{ScorerName, StrategySpec};
use crate::store::StoreError;
use sizes::Costs;

/// What is swept.
#[derive(Debug, Clone)]
pub struct Sweep<'a> {
    /// The problems.
    pub dataset: &'a Dataset,
    /// The strategies besides greedy.
    pub series: Vec<Series>,
    /// Tokens computed for a problem, at most; a ladder of six where none are given.
    pub budgets: Vec<u64>,
    /// The seeds of each cell's runs.
    pub seeds: Vec<u64>,
    /// What all strategies share.
    pub draw: Draw,
    /// Where steps and answers end.
    pub stops: Arc<Stops>,
    /// Tokens of a greedy path, at most.
    pub greedy_tokens: NonZeroU32,
    /// Tokens of any other path, at most; measured where not given.
    pub max_tokens: Option<NonZeroU32>,
    /// Tokens of a step, at most; measured where not given.
    pub max_step_tokens: Option<NonZeroU32>,
    /// Problems searched at a time.
    pub in_flight: NonZeroUsize,
    /// The sweep's directory.
    pub dir: &'a Path,
}

/// What a sweep runs on.
pub struct Bench<'a> {
    /// Who samples.
    pub policy: &'a mut dyn Policy,
    /// The scorer that is a model, where the strategies use one.
    pub prm: Option<&'a mut dyn Scorer>,
    /// Puts a question to the model.
    pub prompt: &'a mut dyn FnMut(&Problem) -> Result<Arc<Prompt>, String>,
    /// The prompts of strategies that ask with prompts, whose replies have so many tokens at most.
    pub forms: &'a dyn Fn(NonZeroU32) -> Forms,
    /// Says what a run is: its strategy, the tokens of a path, the budget.
    pub info: &'a dyn Fn(&StrategySpec, NonZeroU32, &Budget) -> RunInfo,
    /// Times the runs.
    pub clock: &'a dyn Clock,
}

impl std::fmt::Debug for Bench<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Bench").field("prm", &self.prm.is_some()).finish_non_exhaustive()
    }
}

/// Why a sweep could not be carried out.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SweepError {
    /// A series cannot be scored as asked.
    #[error("series `{series}`")]
    Config {
        /// The series.
        series: &'static str,
        /// Why not.
        source: ConfigError,
    },
    /// No series, budget or seed.
    #[error("`{flag}` is empty: give at least one")]
    Empty {
        /// The flag.
        flag: &'static str,
    },
    /// No budget admits anything.
    #[error(
        "budgets `{budgets}` admit no answer: one computes up to {needed} tokens; give larger `--budgets` or a smaller `--max-tokens`"
    )]
    NothingFits {
        /// The budgets.
        budgets: String,
        /// The worst case of the cheapest cell, in computed tokens.
        needed: u64,
    },
    /// A cell's run failed.
    #[error("cell `{cell}`")]
    Run {
        /// The cell.
        cell: String,
        /// Why.
        source: RunError,
    },
    /// A cell's directory cannot be used.
    #[error("cell `{cell}`")]
    Store {
        /// The cell.
        cell: String,
        /// Why not.
        source: StoreError,
    },
    /// A result cannot be written.
    #[error("cannot write `{}`", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// Why not.
        source: std::io::Error,
    },
    /// A picture cannot be drawn.
    #[error("cannot draw `{}`: {reason}", path.display())]
    Draw {
        /// The file.
        path: PathBuf,
        /// Why not.
        reason: String,
    },
}

impl SweepError {
    /// Returns true if and only if what was asked for makes no sense or does not fit what is there.
    pub fn is_bad_input(&self) -> bool {
        match self {
            Self::Config { .. } | Self::Empty { .. } | Self::NothingFits { .. } => true,
            Self::Store { source, .. } => !matches!(source, StoreError::Write { .. }),
            Self::Run { .. } | Self::Write { .. } | Self::Draw { .. } => false,
        }
    }
}

impl Sweep<'_> {
    /// Checks what can be checked without a model.
    ///
    /// # Errors
    ///
    /// [`SweepError`] says what makes no sense.
    pub fn check(&self) -> Result<(), SweepError> {
        for (flag, empty) in
            [("--series", self.series.is_empty()), ("--seeds", self.seeds.is_empty())]
        {
            if empty {
                return Err(SweepError::Empty { flag });
            }
        }
        for series in &self.series {
            let spec = series.spec(1, NonZeroU32::MIN, self.draw, 0);
            spec.check().map_err(|source| SweepError::Config { series: series.name(), source })?;
        }
        Ok(())
    }

    /// Runs what is missing and adds everything up; `None` where the observer stopped it.
    ///
    /// # Errors
    ///
    /// [`SweepError`]. What was recorded before stays recorded.
    pub fn carry_out(
        &self,
        bench: &mut Bench<'_>,
        observer: &mut dyn FnMut(&SweepProgress<'_>) -> ControlFlow<()>,
    ) -> Result<Option<Report>, SweepError> {
        self.check()?;
        let greedy = Cell::greedy(self.greedy_tokens);
        let mut hear = |run: &Progress| {
            observer(&SweepProgress { cells: None, done: 0, share: None, cell: &greedy, run })
        };
        let Some(reference) = self.run_cell(&greedy, bench, &mut hear)? else { return Ok(None) };
        let boundaries: Vec<&str> = self.stops.boundary.iter().map(String::as_str).collect();
        let calibration = Calibration::of(&reference, &boundaries, self.greedy_tokens);
        let caps = calibration.caps(self.max_tokens, self.max_step_tokens, self.greedy_tokens);
        let costs = self.costs(bench, &calibration, caps, &greedy)?;
        let budgets = if self.budgets.is_empty() { costs.ladder() } else { self.budgets.clone() };
        let cells = self.cells(&costs, &budgets, caps);
        if cells.is_empty() {
            let budgets = budgets.iter().map(u64::to_string).collect::<Vec<_>>().join(",");
            return Err(SweepError::NothingFits { budgets, needed: costs.cheapest() });
        }
        let work: f64 = cells.iter().map(Cell::work).sum();
        let (mut points, mut before) = (Vec::new(), 0.0);
        points.extend(Point::of(&greedy, self.draw, std::slice::from_ref(&reference)));
        for (at, group) in cells.chunks(self.seeds.len()).enumerate() {
            let mut seen = Vec::with_capacity(group.len());
            for (seed_at, cell) in group.iter().enumerate() {
                let mut hear = |run: &Progress| {
                    let part = run.done as f64 / run.problems.max(1) as f64;
                    observer(&SweepProgress {
                        cells: Some(cells.len() + 1),
                        done: 1 + at * self.seeds.len() + seed_at,
                        share: Some((before + part * cell.work()) / work),
                        cell,
                        run,
                    })
                };
                let Some(records) = self.run_cell(cell, bench, &mut hear)? else { return Ok(None) };
                before += cell.work();
                seen.push(records);
            }
            points.extend(Point::of(&group[0], self.draw, &seen));
        }
        points.sort_by_key(|point| (point.series, point.budget));
        Ok(Some(Report { seeds: self.seeds.clone(), budgets, calibration, caps, points }))
    }

    /// The cells besides greedy, cheap ones first; the seeds of a point stand together.
    fn cells(&self, costs: &Costs, budgets: &[u64], caps: calibration::Caps) -> Vec<Cell> {
        let mut cells = Vec::new();
        for &budget in budgets {
            for &series in &self.series {
                let Some(size) = costs.largest(series, budget) else { continue };
                let cell = |&seed: &u64| Cell { series, size, budget: Some(budget), seed, caps };
                cells.extend(self.seeds.iter().map(cell));
            }
        }
        cells
    }

    /// What sizes cost, by the longest prompt.
    fn costs(
        &self,
        bench: &mut Bench<'_>,
        calibration: &Calibration,
        caps: calibration::Caps,
        greedy: &Cell,
    ) -> Result<Costs, SweepError> {
        let mut longest: Option<Arc<Prompt>> = None;
        for item in &self.dataset.items {
            let prompt = (bench.prompt)(&item.problem).map_err(|reason| SweepError::Run {
                cell: greedy.name(),
                source: RunError::Prompt { id: item.problem.id.clone(), reason },
            })?;
            if longest.as_ref().is_none_or(|known| prompt.tokens.len() > known.tokens.len()) {
                longest = Some(prompt);
            }
        }
        let longest = longest.ok_or(SweepError::Empty { flag: "--dataset" })?;
        // A confidence costs nothing.
        let is_prm = self.draw.scorer == ScorerName::Prm;
        let prm = bench.prm.as_deref().filter(|_| is_prm);
        let forms = (bench.forms)(caps.answer);
        Ok(Costs::measure(&longest, &*bench.policy, prm, &forms, &self.series, calibration, caps))
    }

    /// Runs a cell, or what is missing of it; `None` where the observer stopped it.
    fn run_cell(
        &self,
        cell: &Cell,
        bench: &mut Bench<'_>,
        observer: &mut dyn FnMut(&Progress) -> ControlFlow<()>,
    ) -> Result<Option<Vec<Record>>, SweepError> {
        let strategy = cell.spec(self.draw);
        let (max_tokens, budget) = (cell.caps.answer, cell.budget());
        let info = (bench.info)(&strategy, max_tokens, &budget);
        let mut store = cell
            .open(self.dir, info)
            .map_err(|source| SweepError::Store { cell: cell.name(), source })?;
        let plan = Run {
            dataset: self.dataset,
            strategy,
            stops: Arc::clone(&self.stops),
            max_tokens,
            budget,
            in_flight: self.in_flight,
            forms: (bench.forms)(max_tokens),
        };
        let prm = bench.prm.as_mut().map(|prm| &mut **prm as &mut dyn Scorer);
        let helpers = crate::run::Helpers { prm, tools: None };
        let (put, clock) = (&mut *bench.prompt, bench.clock);
        let ended = crate::run::run(&plan, put, bench.policy, helpers, &mut store, clock, observer)
            .map_err(|source| SweepError::Run { cell: cell.name(), source })?;
        let mut records = store.records().to_vec();
        // In the order of the dataset, whatever finished first.
        records.sort_by(|a, b| a.id.cmp(&b.id));
        Ok((ended == Ended::Complete).then_some(records))
    }
}

#[cfg(test)]
mod tests;
