//! Ensembles of toy policies that write arithmetic: budgets, failures, interruption, and both ways through.

use std::num::NonZeroU64;
use std::ops::ControlFlow;
use std::sync::Arc;

use espalier_core::{
    Completion, Frozen, ModelCost, ModelError, Policy, Prompt, Request, Service, Spend, Ticket,
    TokenId, Tokens, Verdict, toy::Letters,
};
use serde_json::json;
use tempfile::TempDir;

use super::*;
use crate::record::Record;
use crate::run::{Ended, Helpers, Run, run, tests::dataset, tests::plan};
use crate::run_info::RunInfo;
use crate::store::Store;

/// Letters whose ended answers are arithmetic: a true or a false equation and an answer, by how long they are.
struct Writer {
    letters: Letters,
    /// How many in ten answers are false.
    false_of_ten: usize,
    /// What its answers are less than those of others.
    off: usize,
    /// Fails at the requests of problems whose prompts begin so.
    fails_at: Option<&'static str>,
    failing: Vec<Ticket>,
}

impl Writer {
    fn new(false_of_ten: usize, off: usize) -> Self {
        let mut letters = Letters::new();
        letters.eos = 0.2;
        Self { letters, false_of_ten, off, fails_at: None, failing: Vec::new() }
    }
}

impl Service for Writer {
    type Ask = Request;
    type Reply = Completion;

    fn submit(&mut self, ask: Request) -> Ticket {
        let text = self.letters.decode(&ask.prefix);
        let ticket = self.letters.submit(ask);
        if self.fails_at.is_some_and(|start| text.starts_with(start)) {
            self.failing.push(ticket);
        }
        ticket
    }

    fn poll(&mut self) -> Vec<(Ticket, Result<Completion, ModelError>)> {
        let mut replies = self.letters.poll();
        for (ticket, reply) in &mut replies {
            if self.failing.contains(ticket) {
                *reply = Err(ModelError::Failed {
                    operation: "sample".to_owned(),
                    source: "out of order".into(),
                });
            } else if let Ok(completion) = reply
                && completion.step.text.ends_with('!')
            {
                let length = completion.step.text.len();
                let value = length % 3 + self.off;
                let claimed = value + usize::from(length % 10 < self.false_of_ten);
                completion.step.text = format!("so\n{value} + 0 = {claimed}\n#### {claimed}");
            }
        }
        replies
    }

    fn cancel(&mut self, ticket: Ticket) {
        self.letters.cancel(ticket);
    }
}

impl Policy for Writer {
    fn worst_case(&self, requests: &[Request]) -> Vec<Spend> {
        self.letters.worst_case(requests)
    }

    fn cost(&self) -> ModelCost {
        self.letters.cost()
    }

    fn context(&self) -> u32 {
        self.letters.context()
    }

    fn encode(&self, text: &str) -> Result<Tokens, ModelError> {
        self.letters.encode(text)
    }

    fn decode(&self, tokens: &[TokenId]) -> String {
        self.letters.decode(tokens)
    }
}

const SPEC: EnsembleSpec =
    EnsembleSpec { n: 4, weights: Weights::ANSWER_FIRST, temperature: 1.0, seed: 7 };

fn stores(dir: &TempDir, members: usize) -> Stores {
    let open = |path: &std::path::Path| {
        let info = RunInfo::new(json!({ "model": "letters" }));
        Store::create(path, info.clone()).or_else(|_| Store::resume(path, &info)).unwrap()
    };
    let own = open(dir.path());
    Stores {
        members: (1..=members).map(|member| open(&member_dir(dir.path(), member))).collect(),
        own,
    }
}

/// Searches with these members, until `stop_after` problems are done by one of them.
fn carry_out(
    dir: &TempDir,
    policies: &mut [Writer],
    budget: Budget,
    chunks: Chunks,
    stop_after: usize,
) -> (Stores, Ended) {
    let dataset = dataset();
    let mut stores = stores(dir, policies.len());
    let count = NonZeroU64::new(policies.len() as u64).unwrap();
    let ended = search::<Box<dyn std::error::Error>>(
        &dataset,
        SPEC.weights,
        &mut stores,
        chunks,
        &mut |index, part, store| {
            let share = budget.share(index as u64, count);
            let plan = Run { budget: share, ..plan(part, SPEC.member(), 3) };
            let mut prompt = |problem: &crate::Problem| {
                let tokens = problem.question.bytes().map(TokenId::from).collect();
                Ok(Arc::new(Prompt { problem: problem.question.clone(), tokens }))
            };
            let mut observer = |progress: &crate::Progress| {
                if progress.done >= stop_after {
                    ControlFlow::Break(())
                } else {
                    ControlFlow::Continue(())
                }
            };
            let policy = &mut policies[index];
            Ok(run(&plan, &mut prompt, policy, Helpers::default(), store, &Frozen, &mut observer)?)
        },
    );
    (stores, ended.unwrap())
}

fn sorted(store: &Store) -> Vec<Record> {
    let mut records: Vec<Record> = store.records().iter().map(Record::timeless).collect();
    records.sort_by(|one, other| one.id.cmp(&other.id));
    records
}

fn writers() -> [Writer; 3] {
    [Writer::new(9, 0), Writer::new(2, 0), Writer::new(5, 1)]
}

#[test]
fn members_in_turn_and_together_leave_the_same_records() {
    let [together, in_turn] = [Chunks::Few, Chunks::All].map(|chunks| {
        let dir = TempDir::new().unwrap();
        let (stores, ended) =
            carry_out(&dir, &mut writers(), Budget::default(), chunks, usize::MAX);
        assert_eq!(ended, Ended::Complete);
        let members: Vec<_> = stores.members.iter().map(sorted).collect();
        (sorted(&stores.own), members)
    });
    assert_eq!(together.0.len(), 12);
    assert_eq!(together, in_turn);
}

#[test]
fn what_is_supported_outweighs_what_is_frequent() {
    let dir = TempDir::new().unwrap();
    let (stores, _) = carry_out(&dir, &mut writers(), Budget::default(), Chunks::Few, usize::MAX);
    let mut overruled = 0;
    for record in stores.own.records() {
        let pooled = record.pooled.as_ref().unwrap();
        assert_eq!(pooled.members, 3);
        for voice in &pooled.voices {
            let [unknown, equation, answer] = voice.validation.steps[..] else {
                panic!("three lines")
            };
            assert_eq!((unknown, answer), (Verdict::Unknown, Verdict::Unknown));
            assert_eq!(
                Some(equation),
                voice.validation.answer,
                "an answer is as good as its equation"
            );
            let wanted = if equation == Verdict::Pass { 1.0 } else { 0.0 };
            assert!((voice.composite - wanted).abs() < 1e-12);
        }
        // The selected answer has the largest sum, computed here by hand.
        let sum = |answer: &str| -> f64 {
            let of = pooled.voices.iter().filter(|voice| voice.answer.0 == answer);
            of.map(|voice| voice.composite).sum()
        };
        let count =
            |answer: &str| pooled.voices.iter().filter(|voice| voice.answer.0 == answer).count();
        let answer = record.answer.as_deref().unwrap();
        assert!((pooled.weight.unwrap() - sum(answer)).abs() < 1e-12);
        for voice in &pooled.voices {
            assert!(sum(&voice.answer.0) <= sum(answer) + 1e-12);
            overruled += usize::from(count(&voice.answer.0) > count(answer));
        }
        let member = pooled.member.unwrap();
        let of = stores.members[member - 1].record(&record.id).unwrap();
        let chosen = pooled
            .voices
            .iter()
            .find(|voice| (voice.member, Some(voice.node)) == (member, record.node));
        assert_eq!(chosen.unwrap().answer.0, answer);
        assert!(of.error.is_none());
        assert!(pooled.agreeing <= 3);
    }
    assert!(overruled > 0, "a majority was overruled");
}

#[test]
fn a_budget_bounds_the_sum_over_the_members() {
    for generated in [40, 71, 200] {
        let budget = Budget { generated: Some(generated), calls: Some(9), ..Budget::default() };
        let dir = TempDir::new().unwrap();
        let (stores, _) = carry_out(&dir, &mut writers(), budget, Chunks::Few, usize::MAX);
        for record in stores.own.records() {
            assert_eq!(budget.exceeded(&record.spend), None);
            let spent = |store: &Store| store.record(&record.id).unwrap().spend;
            let sum = stores.members.iter().map(spent).fold(Spend::default(), |sum, one| sum + one);
            assert_eq!(sum, record.spend);
            let ledger = record.ledger.spend();
            assert_eq!(ledger, Spend { nanoseconds: 0, ..record.spend });
            assert!(matches!(record.stop, Some(espalier_core::Stop::Exhausted(_))), "3 calls of 4");
        }
        let most =
            |store: &Store| store.records().iter().map(|record| record.spend.generated).max();
        for (index, store) in stores.members.iter().enumerate() {
            let share = generated / 3 + u64::from((index as u64) < generated % 3);
            assert!(most(store) <= Some(share));
        }
    }
}

#[test]
fn a_member_that_fails_costs_the_others_nothing_and_is_tried_again() {
    let (sound, broken) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    let (whole, _) = carry_out(&sound, &mut writers(), Budget::default(), Chunks::All, usize::MAX);
    let mut failing = writers();
    failing[1].fails_at = Some("q1");
    let (stores, ended) =
        carry_out(&broken, &mut failing, Budget::default(), Chunks::All, usize::MAX);
    assert_eq!(ended, Ended::Complete);
    for record in stores.own.records() {
        let pooled = record.pooled.as_ref().unwrap();
        let fails = record.question.as_deref().unwrap().starts_with("q1");
        assert_eq!(pooled.failed.len(), usize::from(fails), "{pooled:?}");
        assert!(record.error.is_none() && record.answer.is_some(), "two members answer");
        assert_eq!(pooled.voices.iter().any(|voice| voice.member == 2), !fails);
        assert!(
            pooled.failed.iter().all(|(member, why)| *member == 2 && why.contains("out of order"))
        );
    }
    drop(stores);
    let (mended, _) =
        carry_out(&broken, &mut writers(), Budget::default(), Chunks::All, usize::MAX);
    assert_eq!(sorted(&mended.own), sorted(&whole.own), "as if nothing had failed");
}

#[test]
fn where_all_members_fail_the_problem_has_failed() {
    let dir = TempDir::new().unwrap();
    let mut failing = writers();
    for writer in &mut failing {
        writer.fails_at = Some("q2");
    }
    let (stores, _) = carry_out(&dir, &mut failing, Budget::default(), Chunks::Few, usize::MAX);
    let failed: Vec<&Record> =
        stores.own.records().iter().filter(|record| record.error.is_some()).collect();
    assert_eq!(failed.len(), 1);
    let error = failed[0].error.as_deref().unwrap();
    assert!(
        ["member 1: ", "member 2: ", "member 3: "].iter().all(|of| error.contains(of)),
        "{error}"
    );
    assert_eq!(failed[0].correct, None, "a failure is not a wrong answer");
}

#[test]
fn an_interrupted_ensemble_goes_on_to_the_same_records() {
    for chunks in [Chunks::Few, Chunks::All] {
        let (whole, parts) = (TempDir::new().unwrap(), TempDir::new().unwrap());
        let (wanted, _) = carry_out(&whole, &mut writers(), Budget::default(), chunks, usize::MAX);
        let (stores, ended) = carry_out(&parts, &mut writers(), Budget::default(), chunks, 5);
        assert_eq!(ended, Ended::Interrupted);
        assert!(stores.own.records().is_empty(), "the second member has not begun");
        drop(stores);
        let (stores, ended) =
            carry_out(&parts, &mut writers(), Budget::default(), chunks, usize::MAX);
        assert_eq!(ended, Ended::Complete);
        assert_eq!(sorted(&stores.own), sorted(&wanted.own));
        let lines = std::fs::read_to_string(parts.path().join("records.jsonl")).unwrap();
        assert_eq!(lines.lines().count(), 12);
        drop(stores);
        carry_out(&parts, &mut writers(), Budget::default(), chunks, usize::MAX);
        let again = std::fs::read_to_string(parts.path().join("records.jsonl")).unwrap();
        assert_eq!(lines, again, "what is done is left alone");
    }
}

#[test]
fn traces_are_found_with_the_member_that_was_selected() {
    let dir = TempDir::new().unwrap();
    let (stores, _) = carry_out(&dir, &mut writers(), Budget::default(), Chunks::Few, usize::MAX);
    for record in stores.own.records() {
        let events = crate::store::read_events(dir.path(), record).unwrap();
        let prompt = Prompt { problem: String::new(), tokens: Arc::new([]) };
        let tree = espalier_search::replay(Arc::new(prompt), u64::MAX, &events).unwrap();
        assert_eq!(Some(tree.path(record.node.unwrap()).text()), record.text);
        let line = serde_json::to_string(record).unwrap();
        let back: Record = serde_json::from_str(&line).unwrap();
        assert_eq!(
            back.pooled.map(|pooled| pooled.voices.len()),
            record.pooled.as_ref().map(|pooled| pooled.voices.len())
        );
    }
}
