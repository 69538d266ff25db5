//! Laws of searches guided by a process reward model, on toy models.
//!
//! They are here because the search and the scorers do not know each other.

use std::{
    collections::{BTreeMap, BTreeSet},
    num::{NonZeroU32, NonZeroUsize},
    ops::ControlFlow,
    sync::Arc,
};

use espalier_core::{
    Account, Aggregate, Ask, Axis, Budget, Entry, Event, Frozen, ModelError, NodeId, Prompt,
    Retain, Round, Sampling, ScoreAsk, ScoreBound, Scored, Scorer, ScorerId, Seed, Service, Spend,
    Stop, Ticket, TokenId, Until,
    toy::{HashReader, Letters},
};
use espalier_prm::StepMarks;
use espalier_search::{
    Beam, BestOfN, Bin, ComputeOptimal, Config, Dvts, Models, Outcome, Report, SearchError,
    Strategy as Search, Task, Tree, search_many,
};
use proptest::prelude::*;

/// What a world of searches is like; the last five must not change what a search finds or costs.
#[derive(Debug, Clone)]
struct World {
    kind: usize,
    seed: u64,
    /// All tasks have one prompt, by reference.
    alike: bool,
    budget: Budget,
    step: u32,
    path: u32,
    eos: f64,
    fails: Option<u64>,
    breaks: Option<usize>,
    in_flight: usize,
    policy_at_once: usize,
    reader_at_once: usize,
    reversed: bool,
}

fn world() -> impl Strategy<Value = World> {
    (0_usize..5, any::<u64>(), 1_u32..10, 1_u32..40, 0.0_f64..0.4, any::<bool>()).prop_map(
        |(kind, seed, step, path, eos, alike)| World {
            kind,
            seed,
            alike,
            budget: Budget::default(),
            step,
            path,
            eos,
            fails: None,
            breaks: None,
            in_flight: 1,
            policy_at_once: 4,
            reader_at_once: 4,
            reversed: false,
        },
    )
}

/// Grows and scores at random; keeps the KV of random nodes.
struct Explorer {
    seed: Seed,
    rounds: u64,
}

impl Search for Explorer {
    fn next(&mut self, tree: &Tree, _: &Account) -> Round {
        self.rounds += 1;
        if self.rounds > 7 {
            return Round::end();
        }
        let seed = self.seed.fold(self.rounds);
        let open: Vec<NodeId> = tree.ids().filter(|&id| tree.expandable(id)).collect();
        let mut asks = Vec::new();
        for draw in 0..3 {
            let parent = open[(seed.uniform(draw) * open.len() as f64) as usize];
            let until = match seed.fold(draw).bits() % 3 {
                0 => Until::Boundary,
                1 => Until::End,
                _ => Until::Tokens(3),
            };
            asks.push(Ask::sample(parent, (seed.fold(draw).bits() % 4) as u32, until));
        }
        let unscored =
            |&id: &NodeId| id != NodeId::ROOT && tree.node(id).score(ScorerId(0)).is_none();
        if let Some(node) = tree.ids().find(unscored) {
            asks.insert(1, Ask::Score { node, scorer: ScorerId(0) });
        }
        let score = self.rounds.is_multiple_of(2).then_some(ScorerId(0));
        let retain = match seed.fold(9).bits() % 3 {
            0 => Retain::All,
            1 => Retain::New(tree.ids().filter(|id| seed.uniform(id.0.into()) < 0.5).collect()),
            _ => Retain::Nothing,
        };
        Round { asks, score, retain }
    }

    fn name(&self) -> &'static str {
        "explorer"
    }
}

/// A scorer that counts what its scores cost.
struct Watched {
    marks: StepMarks<HashReader>,
    told: Spend,
}

impl Service for Watched {
    type Ask = ScoreAsk;
    type Reply = Scored;

    fn submit(&mut self, ask: ScoreAsk) -> Ticket {
        self.marks.submit(ask)
    }

    fn poll(&mut self) -> Vec<(Ticket, Result<Scored, ModelError>)> {
        let done = self.marks.poll();
        for scored in done.iter().filter_map(|(_, reply)| reply.as_ref().ok()) {
            self.told += Spend::of_scorer(&scored.usage);
        }
        done
    }

    fn cancel(&mut self, ticket: Ticket) {
        self.marks.cancel(ticket);
    }
}

impl Scorer for Watched {
    fn worst_case(&self, asks: &[ScoreBound]) -> Vec<Spend> {
        self.marks.worst_case(asks)
    }
}

type Outcomes = BTreeMap<usize, Outcome>;

impl World {
    fn strategy(&self) -> Box<dyn Search> {
        let beam = |width, n, depth, how| Beam::new(width, n, depth, ScorerId(0), how);
        let bin = |below, then: Box<dyn Search>| Bin { below, then: Some(then) };
        match self.kind {
            0 => Box::new(BestOfN::new(5, ScorerId(0)).expect("5 is not 0")),
            1 => Box::new(beam(3, None, 5, Aggregate::Last).expect("the numbers divide")),
            2 => Box::new(beam(2, Some(6), 6, Aggregate::Prod).expect("the numbers divide")),
            3 => {
                let dvts = Dvts::new(2, None, 4, ScorerId(0), Aggregate::Last);
                let best_of_n = BestOfN::new(3, ScorerId(0)).expect("3 is not 0");
                let bins = vec![
                    bin(
                        Some(0.4),
                        Box::new(beam(2, None, 4, Aggregate::Last).expect("it divides")),
                    ),
                    bin(Some(0.6), Box::new(dvts.expect("the numbers divide"))),
                    bin(None, Box::new(best_of_n)),
                ];
                Box::new(ComputeOptimal::new(2, ScorerId(0), bins).expect("the bounds ascend"))
            }
            _ => Box::new(Explorer { seed: Seed::run(self.seed), rounds: 0 }),
        }
    }

    fn task(&self, index: u64, shared: &Arc<Prompt>) -> Task {
        let text = format!("sys:{index}");
        let tokens = text.bytes().map(TokenId::from).collect();
        let own = || Arc::new(Prompt { problem: text, tokens });
        let prompt = if self.alike { Arc::clone(shared) } else { own() };
        Task { prompt, hash: index, strategy: self.strategy() }
    }

    /// Searches tasks; the outcomes, those of interrupted ones included, and what the reader computed.
    fn run(&self, tasks: impl IntoIterator<Item = u64>) -> (Outcomes, u64) {
        let mut policy = Letters::new();
        (policy.eos, policy.at_once) = (self.eos, self.policy_at_once);
        let mut reader = HashReader::new();
        (reader.at_once, reader.reversed, reader.fails) =
            (self.reader_at_once, self.reversed, self.fails);
        let marks = StepMarks::new(reader, 43, 45).expect("the marks differ");
        let mut scorer = Watched { marks, told: Spend::default() };
        let shared = Arc::new(Prompt { problem: "q".to_owned(), tokens: [1, 2, 3].into() });
        let number = |n| NonZeroU32::new(n).expect("worlds have room");
        let config = Config {
            budget: self.budget,
            seed: self.seed,
            in_flight: NonZeroUsize::new(self.in_flight).expect("worlds are searched"),
            forms: espalier_core::Forms::default(),
            ..Config::new(Sampling::at(1.0), number(self.step), number(self.path))
        };
        let mut done = Outcomes::new();
        let mut reports = 0;
        let mut observer = |report| {
            if let Report::Finished { index, outcome } = report {
                done.insert(index, *outcome);
            }
            reports += 1;
            if self.breaks == Some(reports) {
                ControlFlow::Break(())
            } else {
                ControlFlow::Continue(())
            }
        };
        let tasks: Vec<Task> = tasks.into_iter().map(|index| self.task(index, &shared)).collect();
        let mut models =
            Models { policy: &mut policy, scorers: vec![&mut scorer], tools: Vec::new() };
        let rest = search_many(tasks, &mut models, &config, &Frozen, &mut observer);
        done.extend(rest);
        let marks = &mut scorer.marks;
        assert_eq!(marks.reader_mut().leased(), 0, "every lease is released");
        assert_eq!(marks.reader().in_flight(), 0, "nothing is left with the reader");
        let computed = marks.reader().computed;
        let charged: u64 = done.values().map(|outcome| outcome.spent.scored).sum();
        if self.fails.is_none() && self.breaks.is_none() {
            assert_eq!(scorer.told.scored, charged, "every score is charged");
            assert!(computed <= charged, "the model did more than was paid for");
        }
        (done, computed)
    }

    fn alone(&self) -> (Outcome, u64) {
        let (mut done, computed) = self.run([0]);
        (done.remove(&0).expect("the task is reported"), computed)
    }
}

/// The prefixes of all scored paths: the token ids that a reader has to compute.
fn distinct(tree: &Tree) -> u64 {
    let mut prefixes = BTreeSet::new();
    for id in tree.ids().filter(|&id| tree.node(id).score(ScorerId(0)).is_some()) {
        let tokens = tree.tokens(id);
        prefixes.extend((1..=tokens.len()).map(|len| tokens[..len].to_vec()));
    }
    prefixes.len() as u64
}

fn substance(outcome: &Outcome) -> (&[Event], Spend) {
    (&outcome.trace, outcome.spent)
}

fn bounded(axis: Axis, bound: u64) -> Budget {
    let mut budget = Budget::default();
    match axis {
        Axis::Generated => budget.generated = Some(bound),
        Axis::Scored => budget.scored = Some(bound),
        Axis::Computed => budget.computed = Some(bound),
        Axis::Calls => budget.calls = Some(bound),
        Axis::Flops => budget.flops = Some(bound.into()),
        Axis::NanoUsd => budget.nano_usd = Some(bound),
        Axis::Nanoseconds => budget.nanoseconds = Some(bound),
    }
    budget
}

fn axis() -> impl Strategy<Value = Axis> {
    prop::sample::select(Axis::ALL[..6].to_vec())
}

proptest! {
    /// Law 4, for the strategies that keep what they go on from.
    #[test]
    fn computed_over_distinct_is_one(world in world(), kind in 0_usize..3) {
        let (outcome, computed) = World { kind, ..world }.alone();
        prop_assert_eq!(outcome.stop, Stop::Done);
        prop_assert_eq!(computed, distinct(&outcome.tree));
        prop_assert_eq!(outcome.ledger.total().scorer_new, computed);
        let scored = outcome.tree.ids().filter(|&id| outcome.tree.node(id).score(ScorerId(0)).is_some());
        prop_assert_eq!(scored.count(), outcome.tree.len() - 1);
    }

    /// Law 4, for steps that say what first answers say. Where one ends within an answer, its score is
    /// another output of the model, so that its last token is paid for again.
    #[test]
    fn what_first_answers_say_is_not_read_again(world in world()) {
        let (outcome, computed) = World { kind: 3, ..world }.alone();
        prop_assert_eq!(computed, distinct(&outcome.tree));
        let (charged, steps) = (outcome.ledger.total().scorer_new, outcome.tree.len() as u64 - 1);
        prop_assert!((computed..=computed + steps).contains(&charged), "{charged} for {computed}");
    }

    /// Law 1.
    #[test]
    fn spend_stays_within_the_budget(world in world(), axis in axis(), share in 0_u64..1200) {
        let free = world.alone().0;
        let bound = free.spent.on(axis) * u128::from(share) / 1000;
        let budget = bounded(axis, bound as u64);
        let outcome = World { budget, ..world }.alone().0;
        prop_assert_eq!(budget.exceeded(&outcome.spent), None);
        prop_assert_eq!(outcome.spent, outcome.ledger.total().spend());
        let told = |event: &Event| match event {
            Event::Node { cost, .. } | Event::Scored { cost, .. } | Event::Prompt { cost } => *cost,
            _ => Entry::default(),
        };
        let traced = outcome.trace.iter().map(told).fold(Entry::default(), |mut sum, one| {
            sum += one;
            sum
        });
        prop_assert_eq!(outcome.spent, traced.spend());
        match outcome.stop {
            Stop::Exhausted(stopped) => prop_assert_eq!(stopped, axis),
            stop => {
                prop_assert_eq!(stop, Stop::Done);
                prop_assert_eq!(outcome.trace, free.trace);
            }
        }
    }

    /// Law 3: company, its order and how fast it is served change nothing, even where prompts are alike.
    #[test]
    fn results_do_not_depend_on_company(
        world in world(),
        tasks in 1_u64..6,
        in_flight in 1_usize..7,
        policy_at_once in 1_usize..9,
        reader_at_once in 1_usize..9,
        reversed: bool,
        axis in axis(),
        bound in prop::option::of(0_u64..400),
    ) {
        let budget = bound.map(|bound| bounded(axis, bound)).unwrap_or_default();
        let calm = World { budget, ..world };
        let busy = World { in_flight, policy_at_once, reader_at_once, reversed, ..calm.clone() };
        let (together, _) = busy.run(0..tasks);
        prop_assert_eq!(together.len() as u64, tasks);
        for (index, outcome) in together {
            let (alone, _) = calm.run([index as u64]);
            prop_assert_eq!(substance(&alone[&0]), substance(&outcome));
        }
    }

    /// Law 8: what is not a number ends one search and leaves the others as they are.
    #[test]
    fn a_failure_ends_one_search_and_leaves_nothing_held(
        world in world(),
        tasks in 1_u64..5,
        in_flight in 1_usize..6,
        fails in 0_u64..30,
    ) {
        let whole = World { in_flight, ..world };
        let broken = World { fails: Some(fails), ..whole.clone() };
        let ((all, _), (done, _)) = (whole.run(0..tasks), broken.run(0..tasks));
        let failed = done.values().filter(|outcome| outcome.error.is_some()).count();
        prop_assert!(failed <= 1);
        for (index, outcome) in &done {
            match &outcome.error {
                None => prop_assert_eq!(substance(outcome), substance(&all[index])),
                Some(SearchError::Failed { ask: "score", source, .. }) => {
                    prop_assert!(matches!(source, ModelError::NotFinite { .. }), "{}", source);
                    let told = &outcome.trace[..outcome.trace.len() - 1];
                    prop_assert!(all[index].trace.starts_with(told));
                    prop_assert_eq!(outcome.spent, outcome.ledger.total().spend());
                }
                Some(other) => panic!("{other}"),
            }
        }
    }

    #[test]
    fn an_interrupted_run_holds_nothing(
        world in world(),
        tasks in 1_u64..5,
        in_flight in 1_usize..6,
        breaks in 1_usize..20,
    ) {
        // `run` looks at what is left with the reader.
        let (done, _) = World { in_flight, breaks: Some(breaks), ..world }.run(0..tasks);
        prop_assert!(done.values().all(|outcome| outcome.error.is_none()));
    }
}
