//! Problems under way: one tree, one account, one round at a time.

use std::{collections::BTreeMap, sync::Arc};

use espalier_core::{
    Account, Axis, Completion, Entry, Event, Lease, Ledger, ModelError, NodeId, Prompt,
    Reservation, Retain, Round, Score, ScoreAsk, Scored, ScorerId, Seed, Spend, Step, Stop,
};

use crate::{
    Config, Models, Outcome, SearchError, Strategy, Task, Tree,
    plan::{self, Seeds, Unit},
    routes::{Asked, Routes},
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
    leases: BTreeMap<NodeId, Vec<Lease>>,
    rounds: u32,
    seen_ns: u64,
    work: Option<Work>,
}

/// A round being carried out.
struct Work {
    round: Round,
    units: Vec<Doing>,
    /// Replies outstanding in this phase.
    waiting: usize,
    /// False while sampling, true while scoring, which starts when every sample is there.
    scoring: bool,
    reservation: Reservation,
    /// The axis that cut this round, which is then the last.
    cut: Option<Axis>,
    submitted_ns: u64,
}

struct Doing {
    unit: Unit,
    sampled: Option<Sampled>,
    scored: Option<Judged>,
}

struct Sampled {
    step: Arc<Step>,
    cost: Entry,
    lease: Option<Lease>,
}

struct Judged {
    score: Score,
    cost: Entry,
    lease: Option<Lease>,
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
            |plan::Refusal { ask, reason }| SearchError::Refused {
                round: self.rounds,
                ask,
                reason,
            },
        )?;
        if units.is_empty() {
            return Ok(Some(Stop::Done));
        }
        self.release_unneeded(&round, &units);

        let worst = plan::worst_cases(&units, &round, &self.tree, models);
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
            if let Unit::Sample { request, .. } = unit {
                let ticket = models.policy.submit(request.clone());
                routes.add(Asked::Policy, ticket, (self.index, place));
                waiting += 1;
            }
        }
        let units =
            units.into_iter().map(|unit| Doing { unit, sampled: None, scored: None }).collect();
        self.work = Some(Work {
            round,
            units,
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
        let grows = |id: &NodeId| {
            units.iter().any(|unit| matches!(unit, Unit::Sample { parent, .. } if parent == id))
        };
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
        for (place, doing) in work.units.iter().enumerate() {
            let (path, scorer) = match (&doing.unit, &doing.sampled, work.round.score) {
                (Unit::Score { node, scorer }, _, _) => (self.tree.path(*node), *scorer),
                (Unit::Sample { parent, .. }, Some(sampled), Some(scorer)) => {
                    let mut path = self.tree.path(*parent);
                    path.steps.push(Arc::clone(&sampled.step));
                    (path, scorer)
                }
                _ => continue,
            };
            let ticket = models.scorers[scorer.index()].submit(ScoreAsk { path });
            routes.add(Asked::Scorer(scorer), ticket, (self.index, place));
            work.waiting += 1;
        }
    }

    /// Takes one sample; returns how many tokens it has.
    pub(crate) fn sampled(
        &mut self,
        place: usize,
        result: Result<Completion, ModelError>,
        now: u64,
    ) -> Result<u64, SearchError> {
        let Completion { step, usage, lease } =
            result.map_err(|source| self.failed(place, source))?;
        let Some(work) = &mut self.work else { return Ok(0) };
        work.waiting -= 1;
        let cost =
            Entry { wall_ns: now.saturating_sub(work.submitted_ns), ..Entry::of_policy(&usage) };
        work.units[place].sampled = Some(Sampled { step: Arc::new(step), cost, lease });
        Ok(usage.sampled)
    }

    /// Takes one score.
    pub(crate) fn scored(
        &mut self,
        place: usize,
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
        work.units[place].scored = Some(Judged { score, cost, lease });
        Ok(())
    }

    fn failed(&self, place: usize, source: ModelError) -> SearchError {
        let ask = self.work.as_ref().map_or("sample", |work| work.units[place].unit.name());
        SearchError::Failed { round: self.rounds, ask, source }
    }

    /// Adds what a finished round made, in ask order, and charges for it.
    fn commit(&mut self, work: Work, models: &Models<'_>) {
        let Work { round, mut units, reservation, .. } = work;
        let admitted = units.len() as u32;
        let mut spent = Spend::default();
        let Round { asks, score, retain } = round;
        self.trace.push(Event::Round {
            round: self.rounds,
            asks,
            score,
            retain: retain.clone(),
            admitted,
        });
        if self.rounds == 0 {
            spent += self.charge_prompt(&mut units, models);
        }
        let mut fresh: BTreeMap<NodeId, Vec<Lease>> = BTreeMap::new();
        for Doing { unit, sampled, scored } in units {
            let (node, scorer, leases) = match unit {
                Unit::Score { node, scorer } => (node, Some(scorer), &mut self.leases),
                Unit::Sample { parent, request } => {
                    let Sampled { step, cost, lease } =
                        sampled.expect("a round ends when every sample is there");
                    let node = self.tree.add(parent, Arc::clone(&step), request.seed, Vec::new());
                    fresh.entry(node).or_default().extend(lease);
                    spent += self.charge(node, cost);
                    self.trace.push(node_event(node, parent, request.seed, &step, cost));
                    (node, score, &mut fresh)
                }
            };
            if let (Some(scorer), Some(Judged { score, cost, lease })) = (scorer, scored) {
                leases.entry(node).or_default().extend(lease);
                spent += self.score(node, scorer, score, cost);
            }
        }
        self.account.settle(reservation, spent);
        self.ledger.sequential_depth += 1;
        self.rounds += 1;
        match retain {
            Retain::All => self.leases.extend(fresh),
            Retain::New(keep) => {
                self.leases.retain(|id, _| keep.contains(id));
                self.leases.extend(fresh);
            }
            Retain::Nothing => self.leases.clear(),
        }
    }

    fn charge(&mut self, node: NodeId, cost: Entry) -> Spend {
        self.ledger.charge(node, cost);
        cost.spend()
    }

    fn score(&mut self, node: NodeId, scorer: ScorerId, score: Score, cost: Entry) -> Spend {
        self.tree.set_score(node, scorer, score);
        self.trace.push(Event::Scored { node, scorer, score, cost });
        self.charge(node, cost)
    }

    /// Charges the prompt to the root, once and whole, and takes it off the samples that computed it:
    /// who had computed how much of it, another problem included, leaves no mark.
    fn charge_prompt(&mut self, units: &mut [Doing], models: &Models<'_>) -> Spend {
        let (len, cost) = (self.tree.prompt().tokens.len() as u64, models.policy.cost());
        let mut left = len;
        for sampled in units.iter_mut().filter_map(|doing| doing.sampled.as_mut()) {
            let moved = sampled.cost.prefill_new.min(left);
            left -= moved;
            let flops = cost.forward(len - moved, len);
            sampled.cost.prefill_new -= moved;
            sampled.cost.prefill_cached += moved;
            sampled.cost.flops = sampled.cost.flops.saturating_sub(flops);
        }
        let cost = Entry { prefill_new: len, flops: cost.forward(0, len), ..Entry::default() };
        self.trace.push(Event::Prompt { cost });
        self.charge(NodeId::ROOT, cost)
    }

    fn pass(&mut self, now: u64) {
        self.account.pass(now.saturating_sub(self.seen_ns));
        self.seen_ns = self.seen_ns.max(now);
    }

    /// Ends the search: frees all KV and tells kept tokens from wasted ones.
    pub(crate) fn end(mut self, stop: Stop, error: Option<SearchError>, now: u64) -> Outcome {
        self.pass(now);
        self.trace.push(Event::End { stop });
        let mut kept = vec![false; self.tree.len()];
        for answer in self.tree.finished() {
            for id in self.tree.ancestors(answer) {
                kept[id.index()] = true;
            }
        }
        self.ledger.settle(|id| kept[id.index()]);
        let spent = self.account.spent();
        Outcome { tree: self.tree, stop, ledger: self.ledger, spent, trace: self.trace, error }
    }
}

fn node_event(node: NodeId, parent: NodeId, seed: Seed, step: &Step, cost: Entry) -> Event {
    Event::Node {
        node,
        parent,
        seed,
        tokens: step.tokens.to_vec(),
        text: step.text.clone(),
        logprob: step.stats.iter().map(|stat| f64::from(stat.logprob)).sum(),
        finish: step.finish,
        cost,
    }
}
