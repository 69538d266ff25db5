//! The driver: the one place that spends, fails and records.

use std::{
    collections::{BTreeMap, BTreeSet},
    ops::ControlFlow,
};

use espalier_core::{Clock, ScorerId, Stop, ToolId};

use crate::{
    Config, Models, Outcome, SearchError, Task,
    problem::Problem,
    routes::{Asked, Routes},
};

/// What the driver tells while it runs.
#[derive(Debug)]
pub enum Report {
    /// Models were polled once more.
    Progress {
        /// Problems under way.
        active: usize,
        /// Problems finished, failed ones included.
        finished: usize,
        /// Tokens sampled so far over all problems, rounds under way included.
        sampled: u64,
    },
    /// A problem's search is over.
    Finished {
        /// The task's position in the list of tasks.
        index: usize,
        /// What its search left.
        outcome: Box<Outcome>,
    },
}

/// Searches one problem. An [`Outcome`] whose `error` is set holds what was found before the failure.
///
/// # Panics
///
/// Where a model or the strategy panics.
#[must_use = "the outcome says whether the search failed"]
pub fn search(task: Task, models: &mut Models<'_>, config: &Config, clock: &dyn Clock) -> Outcome {
    let mut found = None;
    let mut keep = |report| {
        if let Report::Finished { outcome, .. } = report {
            found = Some(*outcome);
        }
        ControlFlow::Continue(())
    };
    let rest = search_many([task], models, config, clock, &mut keep);
    debug_assert!(rest.is_empty(), "only a break of the observer leaves problems unfinished");
    found.expect("every task that is not interrupted is reported")
}

/// Searches many problems, [`Config::in_flight`] at a time, and reports each the moment it is over.
///
/// Every problem under way always has its current round submitted, so that engines can batch across
/// problems. A problem's outcome depends on its task, the models and the config, not on what else is in
/// flight or in which order work completes; times and a failed round's error excepted.
///
/// - A round's samples are drawn, then scored, then added to the tree in ask order; a round that fails
///   or is interrupted leaves nothing behind.
/// - Admission is by single samples and scores in ask order, at their worst case; what does not fit is
///   cut, and a cut round is the last. Spend never exceeds the budget on any axis but time, which is
///   looked at before each round.
/// - A problem pays for its whole prompt once, at the root, whatever of it other problems had computed.
///   Later prefixes cost what the engine says: it can reuse only KV whose lease the strategy retains.
///   A node's KV is held whole, the policy's and the scorers', or not at all.
/// - Asks that name a form become prompts of their own. A search that has used one pays for every prefix
///   token that it does not hold itself, also where another problem's prompts begin alike; the problem's
///   prompt is paid when a request first goes on from it. A proposed step pays for its own tokens, its
///   parent for the rest of the reply; a judged node pays for its judgements, of a vote the first.
/// - A tool is called with what the profile reads from the node's step; the same call, on the same path of
///   calls, runs once in a problem and is answered from memory afterwards. Its observation costs no tokens
///   when it is made: the path that goes on from it pays them as prefix. No round scores it.
/// - A tool that fails itself ends its problem; code that fails is an observation.
/// - A form that fails, or that reads what is not there, ends its problem as a failing model does.
/// - A failing model ends its problem; the others go on.
///
/// Where `observer` breaks, problems under way end as [`Stop::Interrupted`]: their requests are
/// cancelled, and they are returned, not reported. Otherwise nothing is returned.
///
/// # Panics
///
/// Where a model, a strategy or the observer panics: panics are not caught.
///
/// # Complexity
///
/// Bookkeeping is O(log requests in flight) a request and linear in a path's length a sample.
#[must_use = "these problems were interrupted and not reported"]
pub fn search_many(
    tasks: impl IntoIterator<Item = Task>,
    models: &mut Models<'_>,
    config: &Config,
    clock: &dyn Clock,
    observer: &mut dyn FnMut(Report) -> ControlFlow<()>,
) -> Vec<(usize, Outcome)> {
    let mut tasks = tasks.into_iter().enumerate();
    let mut run = Run { models, config, clock, active: BTreeMap::new(), routes: Routes::default() };
    let (mut finished, mut sampled) = (0, 0);
    loop {
        while run.active.len() < config.in_flight.get() {
            let Some((index, task)) = tasks.next() else { break };
            let problem = Problem::new(index, task, run.models, config, clock.now_ns());
            run.active.insert(index, problem);
            if let Some(outcome) = run.advance(index) {
                finished += 1;
                if observer(Report::Finished { index, outcome: Box::new(outcome) }).is_break() {
                    return run.interrupt();
                }
            }
        }
        if run.active.is_empty() {
            return Vec::new();
        }
        let mut over = run.poll(&mut sampled);
        for index in std::mem::take(&mut over.ready) {
            over.ended.extend(run.advance(index).map(|outcome| (index, outcome)));
        }
        let mut stop = false;
        for (index, outcome) in over.ended {
            finished += 1; // what is over is reported, even past a break
            stop |= observer(Report::Finished { index, outcome: Box::new(outcome) }).is_break();
        }
        let active = run.active.len();
        if stop || observer(Report::Progress { active, finished, sampled }).is_break() {
            return run.interrupt();
        }
    }
}

/// What one poll of all models changed.
#[derive(Default)]
struct Polled {
    /// Problems that received something and may go on.
    ready: BTreeSet<usize>,
    /// Problems that are over because a model failed.
    ended: Vec<(usize, Outcome)>,
}

struct Run<'a, 'm> {
    models: &'a mut Models<'m>,
    config: &'a Config,
    clock: &'a dyn Clock,
    active: BTreeMap<usize, Problem>,
    routes: Routes,
}

impl Run<'_, '_> {
    /// Lets one problem go on; returns its outcome where it is over.
    fn advance(&mut self, index: usize) -> Option<Outcome> {
        let problem = self.active.get_mut(&index)?;
        let now = self.clock.now_ns();
        let end = problem.advance(self.models, self.config, &mut self.routes, now);
        match end {
            Ok(None) => None,
            Ok(Some(stop)) => self.end(index, stop, None),
            Err(error) => self.end(index, Stop::Failed, Some(error)),
        }
    }

    /// Polls every model that owes a reply, and hands the replies out.
    fn poll(&mut self, sampled: &mut u64) -> Polled {
        let mut polled = Polled::default();
        if self.routes.waits_for(Asked::Policy) {
            for (ticket, result) in self.models.policy.poll() {
                let Some((index, place)) = self.routes.take(Asked::Policy, ticket) else {
                    continue;
                };
                let now = self.clock.now_ns();
                let Some(problem) = self.active.get_mut(&index) else { continue };
                let taken = problem.sampled(place, result, self.models, now);
                let taken = taken.map(|tokens| *sampled += tokens);
                self.received(index, taken, &mut polled);
            }
        }
        for scorer in (0..self.models.scorers.len()).map(|index| ScorerId(index as u16)) {
            if !self.routes.waits_for(Asked::Scorer(scorer)) {
                continue;
            }
            for (ticket, result) in self.models.scorers[scorer.index()].poll() {
                let asked = Asked::Scorer(scorer);
                let Some((index, place)) = self.routes.take(asked, ticket) else { continue };
                let now = self.clock.now_ns();
                let Some(problem) = self.active.get_mut(&index) else { continue };
                let taken = problem.scored(place, result, now);
                self.received(index, taken, &mut polled);
            }
        }
        for tool in (0..self.models.tools.len()).map(|index| ToolId(index as u16)) {
            if !self.routes.waits_for(Asked::Tool(tool)) {
                continue;
            }
            for (ticket, result) in self.models.tools[tool.index()].tool.calls().poll() {
                let asked = Asked::Tool(tool);
                let Some((index, place)) = self.routes.take(asked, ticket) else { continue };
                let now = self.clock.now_ns();
                let Some(problem) = self.active.get_mut(&index) else { continue };
                let taken = problem.observed(place, result, now);
                self.received(index, taken, &mut polled);
            }
        }
        polled
    }

    fn received(&mut self, index: usize, taken: Result<(), SearchError>, polled: &mut Polled) {
        match taken {
            Ok(()) => {
                polled.ready.insert(index);
            }
            Err(error) => {
                polled.ready.remove(&index);
                let outcome = self.end(index, Stop::Failed, Some(error));
                polled.ended.extend(outcome.map(|outcome| (index, outcome)));
            }
        }
    }

    fn end(&mut self, index: usize, stop: Stop, error: Option<SearchError>) -> Option<Outcome> {
        self.routes.cancel(index, self.models);
        let problem = self.active.remove(&index)?;
        Some(problem.end(stop, error, self.clock.now_ns()))
    }

    fn interrupt(mut self) -> Vec<(usize, Outcome)> {
        let under_way: Vec<usize> = self.active.keys().copied().collect();
        under_way
            .into_iter()
            .filter_map(|index| Some((index, self.end(index, Stop::Interrupted, None)?)))
            .collect()
    }
}
