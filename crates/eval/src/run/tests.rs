//! Runs with a toy policy that writes answers: complete, interrupted, resumed, failing.

pub(crate) mod calling;

use std::path::Path;

use espalier_core::{
    Aggregate, Completion, Frozen, ModelCost, ModelError, Request, Service, Spend, Ticket, TokenId,
    Tokens,
    toy::{HashReader, Letters},
};
use espalier_prm::StepMarks;
use serde_json::json;
use tempfile::TempDir;

use super::*;
use crate::anytime::moments;
use crate::dataset::DatasetKind;
use crate::run_info::RunInfo;
use crate::spec::{
    EvaluateName, GenerateName, NextName, ScorerName, Selection, Stepwise, Thinking,
};

/// Letters whose ended answers say a number: how long they are, modulo 5.
pub(crate) struct Numbers(Letters);

impl Service for Numbers {
    type Ask = Request;
    type Reply = Completion;

    fn submit(&mut self, ask: Request) -> Ticket {
        self.0.submit(ask)
    }

    fn poll(&mut self) -> Vec<(Ticket, Result<Completion, ModelError>)> {
        let mut replies = self.0.poll();
        for (_, reply) in &mut replies {
            if let Ok(completion) = reply
                && completion.step.text.ends_with('!')
            {
                let number = (completion.step.text.len() % 5).to_string();
                completion.step.text += &[" \\boxed{", &number, "}"].concat();
            }
        }
        replies
    }

    fn cancel(&mut self, ticket: Ticket) {
        self.0.cancel(ticket);
    }
}

impl Policy for Numbers {
    fn worst_case(&self, requests: &[Request]) -> Vec<Spend> {
        self.0.worst_case(requests)
    }

    fn cost(&self) -> ModelCost {
        self.0.cost()
    }

    fn context(&self) -> u32 {
        self.0.context()
    }

    fn encode(&self, text: &str) -> Result<Tokens, ModelError> {
        self.0.encode(text)
    }

    fn decode(&self, tokens: &[TokenId]) -> String {
        self.0.decode(tokens)
    }
}

pub(crate) fn dataset() -> Dataset {
    let line = |n: usize| {
        json!({ "question": format!("q{n}"), "answer": format!("#### {}", n % 5) }).to_string()
    };
    let text = (0..12).map(line).collect::<Vec<_>>().join("\n");
    Dataset::parse(DatasetKind::Gsm8k, Path::new("toy"), &text).unwrap()
}

pub(crate) const STEPS: Stepwise = Stepwise {
    depth: 8,
    max_step_tokens: 16,
    boundary: None,
    scorer: ScorerName::ChosenLogprob,
    aggregate: Aggregate::Mean,
    select: Selection::Best,
    temperature: 0.8,
    seed: 42,
};

fn beam() -> StrategySpec {
    StrategySpec::Beam {
        width: 2,
        n: None,
        redraws: 0,
        next: NextName::Continue,
        code: None,
        steps: STEPS,
    }
}

pub(crate) fn plan(dataset: &Dataset, strategy: StrategySpec, in_flight: usize) -> Run<'_> {
    Run {
        dataset,
        strategy,
        stops: Arc::default(),
        max_tokens: NonZeroU32::new(64).unwrap(),
        budget: Budget { generated: Some(300), ..Budget::default() },
        in_flight: NonZeroUsize::new(in_flight).unwrap(),
        forms: Forms::default(),
    }
}

pub(crate) fn carry_out(
    plan: &Run<'_>,
    store: &mut Store,
    policy: &mut dyn Policy,
    stop_after: usize,
) -> Result<Ended, RunError> {
    carry_out_with(plan, store, policy, None, stop_after)
}

fn carry_out_with(
    plan: &Run<'_>,
    store: &mut Store,
    policy: &mut dyn Policy,
    prm: Option<&mut dyn Scorer>,
    stop_after: usize,
) -> Result<Ended, RunError> {
    let mut prompt = |problem: &Problem| {
        let tokens = problem.question.bytes().map(TokenId::from).collect();
        Ok(Arc::new(Prompt { problem: problem.question.clone(), tokens }))
    };
    let mut observer = |progress: &Progress| {
        if progress.done >= stop_after { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    };
    let helpers = Helpers { prm, tools: None };
    run(plan, &mut prompt, policy, helpers, store, &Frozen, &mut observer)
}

pub(crate) fn letters() -> Numbers {
    let mut letters = Letters::new();
    letters.eos = 0.1;
    Numbers(letters)
}

fn info() -> RunInfo {
    RunInfo::new(json!({ "model": "letters" }))
}

fn timeless(store: &Store) -> Vec<Record> {
    let mut records: Vec<Record> = store.records().iter().map(Record::timeless).collect();
    records.sort_by(|a, b| a.id.cmp(&b.id));
    records
}

#[test]
fn every_problem_is_searched_within_its_budget_and_recorded() {
    let dataset = dataset();
    let (steps, score_temperature, exploration) = (STEPS, 0.2, 1.0);
    for strategy in [
        beam(),
        StrategySpec::Dvts { width: 2, n: None, steps },
        StrategySpec::Lookahead { width: 2, n: None, lookahead: 1, steps },
        StrategySpec::Rebase { n: 4, score_temperature, steps },
        StrategySpec::ParticleFilter { n: 4, score_temperature, steps },
        StrategySpec::Uct { width: 2, simulations: 8, exploration, rollouts: 2, code: None, steps },
        StrategySpec::Puct {
            width: 2,
            simulations: 8,
            exploration,
            rollouts: 2,
            code: None,
            steps,
        },
        StrategySpec::AbMcts { n: 12, prior: crate::PriorName::Gaussian, steps },
        StrategySpec::Gate { first: 3, agreement: 1.0, width: 2, n: None, steps },
        StrategySpec::ComputeOptimal {
            first: 2,
            table: ["beam:2", "dvts:2:4", "best-of-n:2"]
                .iter()
                .zip([Some(-1.65), Some(-1.57), None])
                .map(|(then, below)| crate::Bin { below, then: then.parse().unwrap() })
                .collect(),
            steps,
        },
        StrategySpec::AdaptiveConsistency {
            n: 5,
            batch: 2,
            confidence: 0.9,
            temperature: 0.8,
            seed: 1,
        },
        StrategySpec::Greedy,
        StrategySpec::SelfConsistency { n: 3, temperature: 0.8, seed: 1 },
        StrategySpec::BestOfN {
            n: 3,
            scorer: ScorerName::Entropy,
            select: Selection::Best,
            temperature: 0.8,
            seed: 1,
        },
    ] {
        let dir = TempDir::new().unwrap();
        let mut store = Store::create(dir.path(), info()).unwrap();
        let plan = plan(&dataset, strategy, 3);
        let ended = carry_out(&plan, &mut store, &mut letters(), usize::MAX).unwrap();
        assert_eq!(ended, Ended::Complete);
        assert_eq!(store.records().len(), 12);
        for record in store.records() {
            assert!(record.spend.generated <= 300 && record.spend.calls > 0);
            assert_eq!(record.ledger.spend(), Spend { nanoseconds: 0, ..record.spend });
            assert!(dir.path().join("traces").join(format!("{}.jsonl", record.id)).exists());
        }
        assert!(store.records().iter().any(|record| record.verdict.is_some()));
    }
}

#[test]
fn strategies_with_prompts_need_forms_and_keep_to_their_budget() {
    let dataset = dataset();
    let thinking = Thinking {
        depth: 3,
        generate: GenerateName::Propose,
        n: 3,
        evaluate: EvaluateName::Value(2),
        max_step_tokens: 16,
        select: Selection::Best,
        temperature: 0.8,
        seed: 1,
    };
    let vote = Thinking {
        generate: GenerateName::Sample,
        evaluate: EvaluateName::Vote(2),
        select: Selection::Majority,
        ..thinking
    };
    let (scorer, select, temperature, seed) = (ScorerName::Entropy, Selection::Best, 0.8, 1);
    let (next, steps) = (NextName::Prompt, Stepwise { max_step_tokens: 16, ..STEPS });
    let strategies = [
        StrategySpec::Beam { width: 2, n: None, redraws: 1, next, code: None, steps },
        StrategySpec::TotBfs { breadth: 2, thinking },
        StrategySpec::TotBfs { breadth: 2, thinking: vote },
        StrategySpec::TotDfs { visits: 9, threshold: 0.0, thinking: vote },
        StrategySpec::Revision { chains: 2, revisions: 1, scorer, select, temperature, seed },
        StrategySpec::Graph { n: 3, group: 2, attempts: 1, scorer, select, temperature, seed },
    ];
    for strategy in strategies {
        let dir = TempDir::new().unwrap();
        let mut store = Store::create(dir.path(), info()).unwrap();
        let bare = plan(&dataset, strategy.clone(), 3);
        let error = carry_out(&bare, &mut store, &mut letters(), usize::MAX).unwrap_err();
        assert!(error.to_string().contains("asks with prompts"), "{error}");
        let count = |n| NonZeroU32::new(n).unwrap();
        let asking = forms::Asking {
            kind: dataset.kind,
            render: Arc::new(|message: &str| Ok(message.to_owned())),
            begin: Vec::new(),
            max_tokens: count(32),
            most: count(3),
        };
        let plan = Run { forms: asking.forms(), ..bare };
        // A reward model that the strategy does not ask is not in the way of its judgements.
        let mut unused = espalier_core::Immediate::new(espalier_core::toy::Hashed);
        let prm = Some(&mut unused as &mut dyn Scorer);
        let ended = carry_out_with(&plan, &mut store, &mut letters(), prm, usize::MAX).unwrap();
        assert_eq!(ended, Ended::Complete);
        for record in store.records() {
            assert_eq!(record.error, None, "{strategy}");
            assert!(record.spend.generated <= 300 && record.nodes > 1, "{strategy}");
        }
    }
}

#[test]
fn one_run_tells_what_smaller_budgets_would_have_answered() {
    let dataset = dataset();
    let steps = STEPS;
    let mut agreed = 0;
    for strategy in [
        beam(),
        StrategySpec::Puct {
            width: 2,
            simulations: 8,
            exploration: 1.0,
            rollouts: 0,
            code: None,
            steps,
        },
        StrategySpec::SelfConsistency { n: 3, temperature: 0.8, seed: 1 },
    ] {
        let told = |budget| {
            let dir = TempDir::new().unwrap();
            let mut store = Store::create(dir.path(), info()).unwrap();
            let budget = Budget { generated: Some(budget), ..Budget::default() };
            let plan = Run { budget, ..plan(&dataset, strategy.clone(), 3) };
            carry_out(&plan, &mut store, &mut letters(), usize::MAX).unwrap();
            let moments = dataset.items.iter().map(|item| {
                let record = store.records().iter().find(|one| one.id == item.problem.id).unwrap();
                let events = crate::store::read_events(dir.path(), record).unwrap();
                let told =
                    moments(&strategy, dataset.kind, item, &events, plan.max_tokens).unwrap();
                // The last round is where the run ended.
                let end = told.last().unwrap();
                assert_eq!(end.spend, Spend { nanoseconds: 0, ..record.spend }, "{strategy}");
                assert_eq!(end.correct, record.correct, "{strategy}");
                told
            });
            moments.collect::<Vec<_>>()
        };
        let (large, small) = (told(400), told(120));
        for (large, small) in large.iter().zip(&small) {
            let end = small.last().unwrap();
            let then = large.iter().find(|moment| moment.spend == end.spend);
            agreed += usize::from(then.is_some());
            assert!(then.is_none_or(|then| then == end), "{strategy}");
        }
    }
    assert!(agreed > 10, "{agreed}: some searches end with a whole round");
}

#[test]
fn stopped_and_resumed_is_as_never_stopped() {
    let dataset = dataset();
    let whole = TempDir::new().unwrap();
    let mut store = Store::create(whole.path(), info()).unwrap();
    carry_out(&plan(&dataset, beam(), 1), &mut store, &mut letters(), usize::MAX).unwrap();
    let expected = timeless(&store);
    for stop_after in [1, 5, 11] {
        let dir = TempDir::new().unwrap();
        let mut store = Store::create(dir.path(), info()).unwrap();
        let plan = plan(&dataset, beam(), 4);
        let ended = carry_out(&plan, &mut store, &mut letters(), stop_after).unwrap();
        assert_eq!(ended, Ended::Interrupted);
        drop(store);
        let mut store = Store::resume(dir.path(), &info()).unwrap();
        assert!((stop_after..12).contains(&store.records().len()));
        let ended = carry_out(&plan, &mut store, &mut letters(), usize::MAX).unwrap();
        assert_eq!(ended, Ended::Complete);
        assert_eq!(timeless(&store), expected);
        // Nothing is left to do.
        let again = carry_out(&plan, &mut store, &mut letters(), usize::MAX).unwrap();
        assert_eq!(again, Ended::Complete);
    }
}

#[test]
fn a_failure_is_recorded_as_one_and_tried_again() {
    let dataset = dataset();
    let dir = TempDir::new().unwrap();
    let mut store = Store::create(dir.path(), info()).unwrap();
    let plan = plan(&dataset, beam(), 2);
    let mut small = letters();
    small.0.context = 1;
    let ended = carry_out(&plan, &mut store, &mut small, usize::MAX).unwrap();
    assert_eq!(ended, Ended::Complete);
    assert!(store.records().iter().all(|record| record.error.is_some() && !record.is_finished()));
    assert_eq!(Accuracy::of(store.records().iter()).n, 0);
    carry_out(&plan, &mut store, &mut letters(), usize::MAX).unwrap();
    assert!(store.records().iter().all(Record::is_finished));
}

#[test]
fn bad_numbers_and_prompts_end_a_run_before_it_computes() {
    let dataset = dataset();
    let dir = TempDir::new().unwrap();
    let mut store = Store::create(dir.path(), info()).unwrap();
    let odd = StrategySpec::Beam {
        width: 2,
        n: Some(3),
        redraws: 0,
        next: NextName::Continue,
        code: None,
        steps: STEPS,
    };
    let error = carry_out(&plan(&dataset, odd, 1), &mut store, &mut letters(), 1).unwrap_err();
    assert!(error.to_string().contains("`--n` 3 is not a multiple of `--width` 2"), "{error}");
    let plan = plan(&dataset, beam(), 1);
    let mut refuse = |_: &Problem| Err("too long".to_owned());
    let mut go_on = |_: &Progress| ControlFlow::Continue(());
    let error = run(
        &plan,
        &mut refuse,
        &mut letters(),
        Helpers::default(),
        &mut store,
        &Frozen,
        &mut go_on,
    );
    assert_eq!(
        error.unwrap_err().to_string(),
        "problem `gsm8k-0001` could not be put to the model: too long"
    );
    assert!(store.records().is_empty());
}

fn prm() -> StepMarks<HashReader> {
    StepMarks::new(HashReader::new(), 43, 45).unwrap()
}

fn beam_by_prm() -> StrategySpec {
    let (scorer, aggregate, select) = (ScorerName::Prm, Aggregate::Prod, Selection::Weighted);
    let steps = Stepwise { scorer, aggregate, select, ..STEPS };
    StrategySpec::Beam {
        width: 2,
        n: None,
        redraws: 0,
        next: NextName::Continue,
        code: None,
        steps,
    }
}

#[test]
fn a_process_reward_model_scores_every_step_and_is_paid_for() {
    let dataset = dataset();
    let spec = beam_by_prm();
    spec.check().unwrap();
    let dir = TempDir::new().unwrap();
    let mut store = Store::create(dir.path(), info()).unwrap();
    let mut prm = prm();
    let plan = plan(&dataset, spec, 3);
    let ended =
        carry_out_with(&plan, &mut store, &mut letters(), Some(&mut prm), usize::MAX).unwrap();
    assert_eq!((ended, store.records().len()), (Ended::Complete, 12));
    assert!(store.records().iter().all(|record| record.spend.scored > 0));
    let scored: u64 = store.records().iter().map(|record| record.spend.scored).sum();
    // Prompts begin alike, and one that another problem holds is not computed: it is paid for.
    assert!((1..=scored).contains(&prm.reader().computed), "{scored}");
    assert_eq!((prm.reader_mut().leased(), prm.reader().in_flight()), (0, 0));
}

#[test]
fn a_process_reward_model_that_is_not_needed_is_not_asked() {
    let dataset = dataset();
    let run = |prm: Option<&mut dyn Scorer>| {
        let dir = TempDir::new().unwrap();
        let mut store = Store::create(dir.path(), info()).unwrap();
        let plan = plan(&dataset, beam(), 2);
        carry_out_with(&plan, &mut store, &mut letters(), prm, usize::MAX).unwrap();
        timeless(&store)
    };
    let mut idle = prm();
    assert_eq!(run(Some(&mut idle)), run(None));
    assert_eq!(idle.reader().computed, 0);
}

#[test]
fn a_missing_process_reward_model_ends_a_run_before_it_computes() {
    let dataset = dataset();
    let dir = TempDir::new().unwrap();
    let mut store = Store::create(dir.path(), info()).unwrap();
    let plan = plan(&dataset, beam_by_prm(), 1);
    let mut never = |_: &Problem| panic!("no question is put");
    let mut go_on = |_: &Progress| ControlFlow::Continue(());
    let mut letters = letters();
    let none = Helpers::default();
    let error = run(&plan, &mut never, &mut letters, none, &mut store, &Frozen, &mut go_on);
    assert!(matches!(error, Err(RunError::NoPrm)));
    assert!(store.records().is_empty() && letters.0.in_flight() == 0);
}
