//! Dry runs: what a run would cost, without computing anything.
//!
//! The run's own strategy, driver and budget work on a stand-in for the models: it charges what the
//! models would, and writes steps of a given length. So rounds are admitted, cut and scored as they
//! would be, for every strategy there is and every one to come.

mod stand_in;

use std::sync::Arc;

use espalier_core::{Entry, Prompt, Scorer, Stop};
use espalier_search::{BadStrategy, Models, Report, Task, search_many};
use serde::Serialize;

pub use stand_in::{Lengths, StandIn, StandInScorer};

use crate::clock::WallClock;
use crate::run::Run;
use crate::sweep::Calibration;
use crate::table::{align, human};

impl Lengths {
    /// As long as a run's answers were, on average.
    #[must_use]
    pub fn like(seen: &Calibration) -> Self {
        let step = (seen.step_mean.round() as u32).max(1);
        Self { step, steps: Some(seen.steps_p95.max(1)) }
    }
}

/// What a dry run found.
///
/// # Units
///
/// Those of [`Entry`], summed over all problems.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct Estimate {
    /// Problems.
    pub problems: u64,
    /// Problems whose budget would end the search.
    pub exhausted: u64,
    /// Tokens sampled.
    pub generated: u64,
    /// Tokens run through policy and scorer.
    pub computed: u64,
    /// Tokens run through the scorer.
    pub scored: u64,
    /// Requests made of models.
    pub calls: u64,
    /// FLOPs done.
    pub flops: u128,
    /// FLOPs had nothing been cached.
    pub flops_uncached: u128,
    /// Price, 10⁻⁹ US dollars.
    pub nano_usd: u64,
}

impl Estimate {
    fn add(&mut self, total: &Entry, stop: Stop) {
        let spend = total.spend();
        self.problems += 1;
        self.exhausted += u64::from(matches!(stop, Stop::Exhausted(_)));
        self.generated += spend.generated;
        self.computed += spend.computed;
        self.scored += spend.scored;
        self.calls += spend.calls;
        self.flops += total.flops;
        self.flops_uncached += total.flops_uncached;
        self.nano_usd += total.nano_usd;
    }

    /// Totals and means as a table.
    #[must_use]
    pub fn table(&self) -> String {
        let n = self.problems.max(1) as f64;
        let mut rows = vec![["", "a problem", "the run"].map(str::to_owned).to_vec()];
        let mut row = |name: &str, total: f64| {
            rows.push(vec![name.to_owned(), human(total / n), human(total)]);
        };
        row("tokens generated", self.generated as f64);
        row("tokens computed", self.computed as f64);
        row("  of them by the scorer", self.scored as f64);
        row("model calls", self.calls as f64);
        row("FLOPs", self.flops as f64);
        row("FLOPs without a cache", self.flops_uncached as f64);
        if self.nano_usd > 0 {
            row("US dollars", self.nano_usd as f64 / 1e9);
        }
        align(&rows)
    }
}

/// Searches all problems of a run on a stand-in. Answers never agree, for nothing is known of them.
///
/// # Errors
///
/// [`BadStrategy`] where the strategy's numbers cannot be.
///
/// # Complexity
///
/// The bookkeeping of the run: about a microsecond a node.
pub fn dry_run(
    run: &Run<'_>,
    prompts: &[Arc<Prompt>],
    policy: &mut StandIn,
    scorer: &mut StandInScorer,
) -> Result<Estimate, BadStrategy> {
    let mut tasks = Vec::with_capacity(prompts.len());
    for (item, prompt) in run.dataset.items.iter().zip(prompts) {
        let strategy = run.strategy.strategy(run.dataset.kind.form())?;
        tasks.push(Task { prompt: Arc::clone(prompt), hash: item.problem.hash, strategy });
    }
    let config =
        run.strategy.config(run.max_tokens, Arc::clone(&run.stops), run.budget, run.in_flight);
    let scorers = match run.strategy.scorer() {
        Some(_) => vec![scorer as &mut dyn Scorer],
        None => Vec::new(),
    };
    let mut models = Models { policy, scorers, tools: Vec::new() };
    let mut estimate = Estimate::default();
    let mut hear = |report: Report| {
        if let Report::Finished { outcome, .. } = report {
            estimate.add(&outcome.ledger.total(), outcome.stop);
        }
        std::ops::ControlFlow::Continue(())
    };
    let left = search_many(tasks, &mut models, &config, &WallClock::start(), &mut hear);
    debug_assert!(left.is_empty(), "nothing interrupts a dry run");
    Ok(estimate)
}

#[cfg(test)]
mod tests;
