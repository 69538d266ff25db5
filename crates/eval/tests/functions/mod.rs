//! Searches for functions by a policy that follows a script.

use std::collections::BTreeMap;
use std::num::{NonZeroU32, NonZeroUsize};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use espalier_core::{
    Budget, Call, Completion, Finish, Forms, Frozen, ModelCost, ModelError, Observation, Policy,
    Prompt, Request, Service, Spend, Step, Ticket, TokenId, Tokens, Tool, ToolError,
    tool::ObservationStatus, toy::Letters,
};
use espalier_eval::tools::Toolkit;
use espalier_eval::{
    Ended, Helpers, Problem, Record, Run, RunError, RunInfo, ScorerName, Selection, Store,
    StrategySpec, run,
};
use serde_json::json;
use tempfile::TempDir;

use crate::{WRONG, dataset, sandbox, solutions};

/// A step of one token that says `text`.
pub(crate) fn step(text: &str, finish: Finish) -> Step {
    let (tokens, text) = (vec![0].into(), text.to_owned());
    Step { tokens, text, stats: Vec::new(), alternatives: Vec::new(), observed: None, finish }
}

/// The fixture of a tiny model, with room for long prompts.
pub(crate) fn tiny_model(dir: &Path) -> PathBuf {
    let from = Path::new(env!("CARGO_MANIFEST_DIR")).join("../models/tests/fixtures/llama");
    let to = dir.join("model");
    std::fs::create_dir(&to).unwrap();
    for file in std::fs::read_dir(from).unwrap() {
        let file = file.unwrap();
        if file.path().is_file() {
            std::fs::copy(file.path(), to.join(file.file_name())).unwrap();
        }
    }
    let config = to.join("config.json");
    let text = std::fs::read_to_string(&config).unwrap();
    assert!(text.contains(": 256"));
    std::fs::write(&config, text.replace(": 256", ": 4096")).unwrap();
    to
}

/// Letters whose answers are what a script says: the k-th to a question its k-th line.
struct Scripted<'a> {
    letters: Letters,
    script: &'a dyn Fn(&str) -> Vec<String>,
    asked: BTreeMap<String, usize>,
    says: BTreeMap<Ticket, String>,
}

impl<'a> Scripted<'a> {
    fn new(script: &'a dyn Fn(&str) -> Vec<String>) -> Self {
        let mut letters = Letters::new();
        letters.context = 4096;
        Self { letters, script, asked: BTreeMap::new(), says: BTreeMap::new() }
    }
}

impl Service for Scripted<'_> {
    type Ask = Request;
    type Reply = Completion;

    fn submit(&mut self, ask: Request) -> Ticket {
        let bytes: Vec<u8> = ask.prefix.iter().map(|&token| token as u8).collect();
        let question = String::from_utf8(bytes).unwrap();
        let lines = (self.script)(&question);
        let asked = self.asked.entry(question).or_default();
        let line = lines[*asked % lines.len()].clone();
        *asked += 1;
        let ticket = self.letters.submit(ask);
        self.says.insert(ticket, line);
        ticket
    }

    fn poll(&mut self) -> Vec<(Ticket, Result<Completion, ModelError>)> {
        let mut replies = self.letters.poll();
        for (ticket, reply) in &mut replies {
            let Ok(Completion { step, .. }) = reply else { continue };
            step.text = self.says.remove(ticket).unwrap();
            step.finish = Finish::Eos;
        }
        replies
    }

    fn cancel(&mut self, ticket: Ticket) {
        self.letters.cancel(ticket);
    }
}

impl Policy for Scripted<'_> {
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

fn best_of(n: u32, scorer: ScorerName) -> StrategySpec {
    StrategySpec::BestOfN { n, scorer, select: Selection::Best, temperature: 0.8, seed: 1 }
}

/// Runs a strategy over the fixture with a tool, and returns the records in the order of the fixture.
fn search(
    strategy: &StrategySpec,
    script: &dyn Fn(&str) -> Vec<String>,
    tool: Option<&mut dyn Tool>,
) -> Result<Vec<Record>, RunError> {
    let (dataset, dir) = (dataset(), TempDir::new().unwrap());
    let mut store = Store::create(dir.path(), RunInfo::new(json!({ "model": "script" }))).unwrap();
    let plan = Run {
        dataset: &dataset,
        strategy: strategy.clone(),
        stops: Arc::default(),
        max_tokens: NonZeroU32::new(64).unwrap(),
        budget: Budget::default(),
        in_flight: NonZeroUsize::new(2).unwrap(),
        forms: Forms::default(),
    };
    let mut put = |problem: &Problem| {
        let tokens = problem.question.bytes().map(TokenId::from).collect();
        Ok(Arc::new(Prompt { problem: problem.question.clone(), tokens }))
    };
    let tools = tool.map(|python| Toolkit { python, turn: None });
    let helpers = Helpers { prm: None, tools };
    let mut policy = Scripted::new(script);
    let mut go_on = |_: &espalier_eval::Progress| ControlFlow::Continue(());
    let ended = run(&plan, &mut put, &mut policy, helpers, &mut store, &Frozen, &mut go_on)?;
    assert_eq!(ended, Ended::Complete);
    let of = |item: &espalier_eval::Item| store.record(&item.problem.id).unwrap().clone();
    Ok(dataset.items.iter().map(of).collect())
}

/// The name of the function that a question asks for, and its solution in a block.
fn solved(question: &str) -> (String, String) {
    let items = dataset().items;
    let at = items.iter().position(|item| item.problem.question == question).unwrap();
    let task = espalier_eval::code::Task::parse(question).unwrap();
    (task.name().to_owned(), block(&solutions()[at]))
}

fn block(code: &str) -> String {
    format!("So:\n```python\n{code}\n```")
}

fn grades(records: &[Record]) -> Vec<Option<bool>> {
    records.iter().map(|record| record.correct).collect()
}

#[test]
fn the_best_by_the_examples_is_chosen_and_graded_by_the_hidden_tests() {
    let Some(mut tool) = sandbox() else { return };
    let script = |question: &str| {
        let (name, right) = solved(question);
        let wrong = WRONG[..4].iter().map(|(_, code)| block(&code.replace("middle", &name)));
        wrong.chain([right]).collect()
    };
    let verified = best_of(5, ScorerName::Verifier);
    let records = search(&verified, &script, Some(&mut tool)).unwrap();
    // Of the last task there are no examples, so that nothing tells its answers apart.
    assert_eq!(grades(&records), [Some(true), Some(true), Some(true), Some(false)]);
    let first = |question: &str| vec![block(&WRONG[2].1.replace("middle", &solved(question).0))];
    let records = search(&StrategySpec::Greedy, &first, Some(&mut tool)).unwrap();
    assert_eq!(grades(&records), [Some(false); 4]);
    // Votes are by the text: three of five.
    let votes = |question: &str| {
        let (name, right) = solved(question);
        let wrong = |at: usize| block(&WRONG[at].1.replace("middle", &name));
        vec![right.clone(), wrong(0), right.clone(), wrong(1), format!("{right}  \n\n")]
    };
    let voted = StrategySpec::SelfConsistency { n: 5, temperature: 0.8, seed: 1 };
    let records = search(&voted, &votes, Some(&mut tool)).unwrap();
    assert_eq!(grades(&records), [Some(true); 4]);
}

/// Says that all passes, or that it is broken itself, and keeps what it was asked to run.
#[derive(Default)]
struct Spy {
    waiting: Vec<(Ticket, Call)>,
    programs: Vec<String>,
    /// What programs have in them that it is broken for.
    breaks_at: Option<&'static str>,
}

impl Service for Spy {
    type Ask = Call;
    type Reply = Result<Observation, ToolError>;

    fn submit(&mut self, call: Call) -> Ticket {
        let ticket = Ticket(self.programs.len() as u64);
        self.programs.push(call.input.clone());
        self.waiting.push((ticket, call));
        ticket
    }

    fn poll(&mut self) -> Vec<(Ticket, Result<Self::Reply, ModelError>)> {
        let breaks_at = self.breaks_at;
        let answer = |(ticket, call): (Ticket, Call)| {
            if breaks_at.is_some_and(|text| call.input.contains(text)) {
                let (tool, reason) = ("python".to_owned(), "no worker".to_owned());
                return (ticket, Ok(Err(ToolError { tool, reason })));
            }
            let word = call.input.split_once("\nWORD = \"").unwrap().1.split_once('"').unwrap().0;
            let output = format!("{word} pass\n");
            (ticket, Ok(Ok(Observation { status: ObservationStatus::Ok, output, cpu_ns: 1 })))
        };
        self.waiting.drain(..).map(answer).collect()
    }

    fn cancel(&mut self, ticket: Ticket) {
        self.waiting.retain(|(waiting, _)| *waiting != ticket);
    }
}

impl Tool for Spy {
    fn name(&self) -> &'static str {
        "python"
    }

    fn calls(&mut self) -> &mut dyn Service<Ask = Call, Reply = Result<Observation, ToolError>> {
        self
    }
}

#[test]
fn search_never_sees_the_hidden_tests() {
    let mut spy = Spy::default();
    let script = |question: &str| vec![solved(question).1];
    let records = search(&best_of(3, ScorerName::Verifier), &script, Some(&mut spy)).unwrap();
    assert_eq!(grades(&records), [Some(true); 4]);
    let (graded, searched): (Vec<_>, Vec<_>) =
        spy.programs.iter().partition(|program| program.contains("check("));
    // One grade a task, and three answers of the three tasks that have examples.
    assert_eq!((graded.len(), searched.len()), (4, 9));
    assert!(searched.iter().all(|program| !program.contains("assert")));
}

#[test]
fn a_broken_sandbox_is_an_error_and_no_wrong_answer() {
    let script = |question: &str| vec![solved(question).1];
    for (scorer, breaks_at) in [(ScorerName::Verifier, "doctest"), (ScorerName::Entropy, "check(")]
    {
        let mut spy = Spy { breaks_at: Some(breaks_at), ..Spy::default() };
        let records = search(&best_of(2, scorer), &script, Some(&mut spy)).unwrap();
        for record in &records[..3] {
            assert_eq!((record.correct, record.is_finished()), (None, false));
            let error = record.error.as_ref().unwrap();
            assert!(error.contains("tool `python` failed: no worker"), "{error}");
        }
    }
    let none = search(&StrategySpec::Greedy, &script, None);
    assert!(matches!(none, Err(RunError::NoSandbox { .. })));
}
