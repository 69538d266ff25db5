//! Problems under way: one tree, one account, one round at a time.

mod record;
mod tools;
mod work;

use std::{collections::BTreeMap, sync::Arc};

use espalier_core::{
    Account, Completion, Entry, Event, Ledger, ModelError, NodeId, Observation, Path, Prompt,
    Retain, Round, ScoreAsk, Scored, Seed, Spend, Stop, Tokens,
};
use work::{Doing, Judged, Kv, Lent, Sampled, Work};

use crate::{
    Config, Models, Outcome, SearchError, Strategy, Task, Tree,
    books::{Held, Share},
    plan::{self, Cause, Key, Said, Seeds, Unit},
    routes::{Asked, Part, Routes},
};

/// One problem's search under way.
pub(crate) struct Problem {
    index: usize,
    strategy: Box<dyn Strategy>,
    tree: Tree,
    seeds: Seeds,
    account: Account,
    ledger: Ledger,
    trace: Vec<Event>,
    /// The KV that is kept, by node, the policy's and the scorers'; every entry was wanted by the last
    /// round.
    leases: BTreeMap<NodeId, Vec<Lent>>,
    rounds: u32,
    /// Whether the root has paid for the problem's prompt.
    paid: bool,
    /// Whether a form's prompt was asked, so that the search keeps books.
    prompts: bool,
    /// What tools left, by call: none is run twice.
    observations: BTreeMap<Key, Observation>,
    seen_ns: u64,
    work: Option<Work>,
}

impl Problem {
    pub(crate) fn new(
        index: usize,
        task: Task,
        models: &Models<'_>,
        config: &Config,
        now: u64,
    ) -> Self {
        let len = task.prompt.tokens.len() as u64;
        let context = u64::from(models.policy.context()).saturating_sub(len);
        let seed = Seed::run(config.seed).problem(task.hash);
        // Scorers tell searches apart by it, and tasks may share theirs.
        let prompt = Arc::new(Prompt::clone(&task.prompt));
        Self {
            index,
            strategy: task.strategy,
            tree: Tree::new(prompt, context.min(config.max_path_tokens.get().into())),
            seeds: Seeds::new(seed),
            account: Account::new(config.budget),
            ledger: Ledger::default(),
            trace: vec![Event::Start { problem: task.hash, prompt_tokens: len, seed }],
            leases: BTreeMap::new(),
            rounds: 0,
            paid: false,
            prompts: false,
            observations: BTreeMap::new(),
            seen_ns: now,
            work: None,
        }
    }

    /// Goes on until a model must answer (`None`) or the search is over.
    pub(crate) fn advance(
        &mut self,
        models: &mut Models<'_>,
        config: &Config,
        routes: &mut Routes,
        now: u64,
    ) -> Result<Option<Stop>, SearchError> {
        loop {
            let Some(mut work) = self.work.take() else {
                match self.begin(models, config, routes, now)? {
                    Some(stop) => return Ok(Some(stop)),
                    None => continue,
                }
            };
            if work.waiting == 0 && !work.scoring {
                self.show(&mut work, models)?;
                self.submit_scores(&mut work, models, routes, now);
            }
            if work.waiting > 0 {
                self.work = Some(work);
                return Ok(None);
            }
            let cut = work.cut;
            self.commit(work, models);
            if let Some(axis) = cut {
                return Ok(Some(Stop::Exhausted(axis)));
            }
        }
    }

    /// Asks the strategy, pays, and submits the samples.
    fn begin(
        &mut self,
        models: &mut Models<'_>,
        config: &Config,
        routes: &mut Routes,
        now: u64,
    ) -> Result<Option<Stop>, SearchError> {
        self.pass(now);
        if self.rounds == 0 {
            self.check_prompt(models)?;
        }
        let round = self.strategy.next(&self.tree, &self.account);
        if round.asks.is_empty() {
            return Ok(Some(Stop::Done));
        }
        let mut units = plan::units(&round, &self.tree, &mut self.seeds, models, config).map_err(
            |plan::Refusal { ask, cause }| match cause {
                Cause::Senseless(reason) => {
                    SearchError::Refused { round: self.rounds, ask, reason }
                }
                Cause::Form(source) => SearchError::Failed { round: self.rounds, ask, source },
            },
        )?;
        if units.is_empty() {
            return Ok(Some(Stop::Done));
        }
        self.release_unneeded(&round, &units);

        let shares = self.shares(&units);
        let worst = plan::worst_cases(&units, &round, &self.tree, models, shares.as_deref());
        let sum = |n: usize| worst[..n].iter().fold(Spend::default(), |sum, one| sum + *one);
        let fits = self.account.affordable(&worst);
        let cut = if fits < worst.len() { self.account.reserve(sum(fits + 1)).err() } else { None };
        if let (0, Some(axis)) = (fits, cut) {
            return Ok(Some(Stop::Exhausted(axis)));
        }
        let reservation = match self.account.reserve(sum(fits)) {
            Ok(reservation) => reservation,
            Err(axis) => return Ok(Some(Stop::Exhausted(axis))),
        };
        units.truncate(fits);

        let mut waiting = 0;
        for (place, unit) in units.iter().enumerate() {
            if let Some(request) = unit.request() {
                let ticket = models.policy.submit(request.clone());
                routes.add(Asked::Policy, ticket, (self.index, (place, 0)));
                waiting += 1;
            }
        }
        waiting += self.call(&units, models, routes);
        self.prompts |= units.iter().any(|unit| matches!(unit, Unit::Prompt(_)));
        let none = Entry::default();
        let doing = |unit| Doing { unit, sampled: None, seen: None, run: none, scored: Vec::new() };
        let units = units.into_iter().map(doing).collect();
        self.work = Some(Work {
            round,
            units,
            shares,
            waiting,
            scoring: false,
            reservation,
            cut,
            submitted_ns: now,
        });
        Ok(None)
    }

    fn check_prompt(&self, models: &Models<'_>) -> Result<(), SearchError> {
        let (len, max) =
            (self.tree.prompt().tokens.len() as u64, u64::from(models.policy.context()));
        if len < max {
            return Ok(());
        }
        let source = ModelError::TooLong { model: "policy".to_owned(), len, max };
        Err(SearchError::Prompt { source })
    }

    /// Frees, before the round begins, the KV that neither it nor the next needs.
    fn release_unneeded(&mut self, round: &Round, units: &[Unit]) {
        let keep: &[NodeId] = match &round.retain {
            Retain::All => return,
            Retain::New(keep) => keep,
            Retain::Nothing => &[],
        };
        let grows = |id: &NodeId| units.iter().any(|unit| unit.grows(*id));
        self.leases.retain(|id, _| keep.contains(id) || grows(id));
    }

    fn submit_scores(
        &self,
        work: &mut Work,
        models: &mut Models<'_>,
        routes: &mut Routes,
        now: u64,
    ) {
        work.scoring = true;
        work.submitted_ns = now;
        for (place, doing) in work.units.iter_mut().enumerate() {
            let (paths, scorer) = match (&doing.unit, &doing.sampled, work.round.score) {
                (Unit::Score { node, scorer }, _, _) => (vec![self.tree.path(*node)], *scorer),
                (unit, Some(Sampled { said: Said::Steps(steps), .. }), Some(scorer)) => {
                    let Some(parent) = unit.parent() else { continue };
                    let above = self.tree.path(parent);
                    let path = |step: &Arc<_>| {
                        let steps = above.steps.iter().chain([step]).cloned().collect();
                        Path { prompt: Arc::clone(&above.prompt), steps }
                    };
                    (steps.iter().map(path).collect(), scorer)
                }
                _ => continue,
            };
            doing.scored.resize_with(paths.len(), || None);
            for (child, path) in paths.into_iter().enumerate() {
                let ticket = models.scorers[scorer.index()].submit(ScoreAsk { path });
                routes.add(Asked::Scorer(scorer), ticket, (self.index, (place, child)));
                work.waiting += 1;
            }
        }
    }

    /// Takes one sample; returns how many tokens it has.
    pub(crate) fn sampled(
        &mut self,
        part: Part,
        result: Result<Completion, ModelError>,
        models: &Models<'_>,
        now: u64,
    ) -> Result<u64, SearchError> {
        let Some(work) = &mut self.work else { return Ok(0) };
        let place = part.0;
        let unit = &work.units[place].unit;
        let taken = result.and_then(|Completion { step, usage, lease }| {
            let step = Arc::new(step);
            let said = match unit {
                Unit::Prompt(prompted) => prompted.read(&step, models)?,
                _ => Said::Steps(vec![Arc::clone(&step)]),
            };
            let cost = match said {
                Said::Steps(_) => Entry::of_policy(&usage),
                Said::Value(_) | Said::Vote(_) => Entry::of_judge(&usage),
            };
            Ok((usage.sampled, Sampled { step, said, cost, prompt: None, lease }))
        });
        let (tokens, mut sampled) = taken.map_err(|source| SearchError::Failed {
            round: self.rounds,
            ask: unit.name(),
            source,
        })?;
        work.waiting -= 1;
        sampled.cost.wall_ns = now.saturating_sub(work.submitted_ns);
        work.units[place].sampled = Some(sampled);
        Ok(tokens)
    }

    /// Takes one score.
    pub(crate) fn scored(
        &mut self,
        part: Part,
        result: Result<Scored, ModelError>,
        now: u64,
    ) -> Result<(), SearchError> {
        let Scored { score, usage, lease } = result.map_err(|source| SearchError::Failed {
            round: self.rounds,
            ask: "score",
            source,
        })?;
        let Some(work) = &mut self.work else { return Ok(()) };
        work.waiting -= 1;
        let wall_ns = now.saturating_sub(work.submitted_ns);
        let cost = Entry { wall_ns, ..Entry::of_scorer(&usage) };
        let (place, child) = part;
        work.units[place].scored[child] = Some(Judged { score, cost, lease });
        Ok(())
    }

    /// What each request pays of its prefix, where the search keeps books.
    fn shares(&self, units: &[Unit]) -> Option<Vec<Share>> {
        if !self.prompts && !units.iter().any(|unit| matches!(unit, Unit::Prompt(_))) {
            return None;
        }
        let mut held = Held::default();
        for (&node, leases) in &self.leases {
            for lent in leases {
                match &lent.kv {
                    Kv::Path => held.add(self.tree.tokens(node).into()),
                    Kv::Prompt(sequence) => held.add(Tokens::clone(sequence)),
                    Kv::Scorer => {}
                }
            }
        }
        let prefixes = units.iter().filter_map(Unit::request).map(|request| &request.prefix);
        let prompt = (!self.paid).then_some(&self.tree.prompt().tokens);
        Some(held.shares(prefixes, prompt))
    }

    fn pass(&mut self, now: u64) {
        self.account.pass(now.saturating_sub(self.seen_ns));
        self.seen_ns = self.seen_ns.max(now);
    }

    /// Ends the search: frees all KV and tells kept tokens from wasted ones.
    pub(crate) fn end(mut self, stop: Stop, error: Option<SearchError>, now: u64) -> Outcome {
        self.pass(now);
        self.trace.push(Event::End { stop });
        let kept = self.tree.kept();
        self.ledger.settle(|id| kept[id.index()]);
        let spent = self.account.spent();
        Outcome { tree: self.tree, stop, ledger: self.ledger, spent, trace: self.trace, error }
    }
}
