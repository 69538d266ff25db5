//! Runs: every problem of a dataset searched, graded and recorded.

use std::num::{NonZeroU32, NonZeroUsize};
use std::ops::ControlFlow;
use std::sync::Arc;

use espalier_core::{Budget, Clock, Forms, Policy, Prompt, Scorer, Stops};
use espalier_prm::Evidence;
use espalier_search::{BadStrategy, Models, Report, Task, search_many};

use crate::answers::Votes;
use crate::code::{Examples, Python};
use crate::config::ConfigError;
use crate::countdown::CountdownVerifier;
use crate::dataset::{AnswerForm, Dataset, DatasetKind};
use crate::forms;
use crate::grade::Grader;
use crate::problem::{Item, Problem};
use crate::progress::Progress;
use crate::record::{Outcome, Record};
use crate::spec::{ScorerName, StrategySpec};
use crate::store::{Store, StoreError};
use crate::summary::Accuracy;
use crate::tools::{self, Toolkit};

/// What is run.
#[derive(Debug, Clone)]
pub struct Run<'a> {
    /// The problems.
    pub dataset: &'a Dataset,
    /// The strategy.
    pub strategy: StrategySpec,
    /// Where steps and answers end.
    pub stops: Arc<Stops>,
    /// Tokens sampled on a path, at most.
    pub max_tokens: NonZeroU32,
    /// What each problem may spend.
    pub budget: Budget,
    /// Problems searched at a time.
    pub in_flight: NonZeroUsize,
    /// The prompts of strategies that ask with prompts: those of [`Asking::forms`](crate::forms::Asking::forms).
    pub forms: Forms,
}

/// Who works for a run beside its policy.
#[derive(Default)]
pub struct Helpers<'a> {
    /// Scores where the strategy says [`ScorerName::Prm`], and is not asked otherwise.
    pub prm: Option<&'a mut dyn Scorer>,
    /// What a strategy with tools calls, and what runs functions that are answers.
    pub tools: Option<Toolkit<'a>>,
}

impl std::fmt::Debug for Helpers<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let prm = self.prm.is_some();
        f.debug_struct("Helpers").field("prm", &prm).field("tools", &self.tools).finish()
    }
}

/// Why a run could not be carried out.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RunError {
    /// The strategy's numbers cannot be.
    #[error(transparent)]
    Strategy(#[from] BadStrategy),
    /// The strategy scores with a process reward model, and none was given.
    #[error("the strategy scores with a process reward model, and there is none: give one")]
    NoPrm,
    /// The strategy scores with a verifier, and the dataset has none.
    #[error(transparent)]
    NoVerifier(ConfigError),
    /// The answers are functions, and the strategy cannot ask for them.
    #[error(transparent)]
    Functions(ConfigError),
    /// The answers are functions, and nothing runs them.
    #[error("answers of dataset `{}` are functions to be run, and the run has no sandbox: give it one", kind.name())]
    NoSandbox {
        /// The dataset.
        kind: DatasetKind,
    },
    /// The strategy asks with prompts, and there are none.
    #[error("`{strategy}` asks with prompts, and the run has none: give it forms")]
    NoForms {
        /// The strategy.
        strategy: StrategySpec,
    },
    /// The strategy calls tools, and there are none.
    #[error("`{strategy}` calls tools, and the run has none: give it some")]
    NoTools {
        /// The strategy.
        strategy: StrategySpec,
    },
    /// The run's directory cannot be written.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A question could not be put to the model.
    #[error("problem `{id}` could not be put to the model: {reason}")]
    Prompt {
        /// The problem.
        id: String,
        /// Why not.
        reason: String,
    },
}

/// How a run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ended {
    /// Every problem has its record.
    Complete,
    /// The observer stopped it; the store can be resumed.
    Interrupted,
}

/// Searches every problem that has no finished record yet, and records each the moment it is over.
///
/// `prompt` puts a question to the model; all questions are put before anything is computed.
/// `observer` hears of every step and may stop the run: problems under way are then given up, and a
/// resumed run starts them again.
///
/// # Errors
///
/// [`RunError`]. What was recorded before stays recorded.
pub fn run(
    run: &Run<'_>,
    prompt: &mut dyn FnMut(&Problem) -> Result<Arc<Prompt>, String>,
    policy: &mut dyn Policy,
    helpers: Helpers<'_>,
    store: &mut Store,
    clock: &dyn Clock,
    observer: &mut dyn FnMut(&Progress) -> ControlFlow<()>,
) -> Result<Ended, RunError> {
    let Helpers { prm, tools: kit } = helpers;
    if run.strategy.scorer() == Some(ScorerName::Prm) && prm.is_none() {
        return Err(RunError::NoPrm);
    }
    if run.strategy.output().is_some() && kit.is_none() {
        return Err(RunError::NoTools { strategy: run.strategy.clone() });
    }
    let kind = run.dataset.kind;
    run.strategy.check_verifier(kind).map_err(RunError::NoVerifier)?;
    run.strategy.check_functions(kind).map_err(RunError::Functions)?;
    // Where functions are run, nothing else is.
    let (python, mut kit) = match kit {
        Some(kit) if kind.is_run() => (Some(Python::new(kit.python)), None),
        None if kind.is_run() => return Err(RunError::NoSandbox { kind }),
        kit => (None, kit),
    };
    let grader = match &python {
        Some(python) => Grader::with_tests(kind, python.clone()),
        None => Grader::new(kind),
    };
    let todo: Vec<&Item> =
        run.dataset.items.iter().filter(|item| !store.is_finished(&item.problem.id)).collect();
    let strategy = &run.strategy;
    if strategy.is_prompted() && run.forms.get(forms::VALUE).is_none() {
        return Err(RunError::NoForms { strategy: strategy.clone() });
    }
    let mut tasks = Vec::with_capacity(todo.len());
    for item in &todo {
        let problem = &item.problem;
        let prompt = prompt(problem)
            .map_err(|reason| RunError::Prompt { id: problem.id.clone(), reason })?;
        let strategy = run.strategy.strategy(Votes::of(kind, &problem.question))?;
        tasks.push(Task { prompt, hash: problem.hash, strategy });
    }
    let stops = Arc::clone(&run.stops);
    let config = strategy.config(run.max_tokens, stops, run.budget, run.in_flight);
    let config = espalier_search::Config { forms: run.forms.clone(), ..config };
    let name = run.strategy.scorer();
    let mut confidence =
        name.and_then(ScorerName::confidence).map(espalier_prm::Confidence::scorer);
    let mut evidence: Option<Box<dyn Scorer + '_>> = match (name, kind.form(), python) {
        (Some(ScorerName::Verifier), AnswerForm::Expression, _) => {
            Some(Box::new(Evidence::new(CountdownVerifier).scorer()))
        }
        (Some(ScorerName::Verifier), AnswerForm::Function, Some(python)) => {
            Some(Box::new(Evidence::new(Examples::new(python)).scorer()))
        }
        _ => None,
    };
    let scorers = match (&mut confidence, &mut evidence) {
        (Some(confidence), _) => vec![confidence as &mut dyn Scorer],
        (None, Some(evidence)) => vec![&mut **evidence as &mut dyn Scorer],
        // Where the policy judges itself, its judgements have the id that a scorer would have.
        (None, None) => match prm.filter(|_| name == Some(ScorerName::Prm)) {
            Some(prm) => vec![prm as &mut dyn Scorer],
            None => Vec::new(),
        },
    };
    let mut built_in = tools::BuiltIn::new();
    let tools = tools::equip(&run.strategy, kind.form(), kit.as_mut(), &mut built_in);
    let mut models = Models { policy, scorers, tools };
    let mut failure = None;
    let problems = run.dataset.items.len();
    let before = problems - todo.len();
    let mut progress = Progress {
        problems,
        done: before,
        before,
        active: 0,
        sampled: 0,
        accuracy: Accuracy::of(store.records().iter()),
    };
    let mut hear = |report: Report| {
        match report {
            Report::Progress { active, finished, sampled } => {
                progress =
                    Progress { active, done: before + finished, sampled, ..progress.clone() };
            }
            Report::Finished { index, outcome } => {
                if let Err(error) = keep(run, &grader, todo[index], &outcome, store) {
                    failure = Some(error);
                    return ControlFlow::Break(());
                }
                progress.done += 1;
                progress.accuracy = Accuracy::of(store.records().iter());
            }
        }
        observer(&progress)
    };
    let left = search_many(tasks, &mut models, &config, clock, &mut hear);
    if let Some(error) = failure {
        // A record that could not be written is kept by the store: this is its last chance.
        drop(store.flush());
        return Err(error.into());
    }
    let complete = left.is_empty() && progress.done == problems;
    Ok(if complete { Ended::Complete } else { Ended::Interrupted })
}

/// Grades and records one problem; its trace first, for a record says that all is there.
fn keep(
    run: &Run<'_>,
    grader: &Grader<'_>,
    item: &Item,
    outcome: &espalier_search::Outcome,
    store: &mut Store,
) -> Result<(), StoreError> {
    let problem = &item.problem;
    let trace = store.write_trace(&problem.id, problem.hash, &outcome.trace);
    let ledger = outcome.ledger.total();
    let record = if let Some(error) = &outcome.error {
        Record::failed(item, chain(error), outcome.spent, ledger)
    } else {
        let votes = Votes::of(grader.kind(), &problem.question);
        let tree = &outcome.tree;
        let node = run.strategy.select(tree, &votes).map(|selected| selected.node);
        // A path without an answer is still worth reading.
        let node = node.or_else(|| tree.finished().next());
        let found = Outcome {
            stop: outcome.stop,
            spend: outcome.spent,
            ledger,
            nodes: tree.len() as u64,
            rounds: rounds(outcome),
            node,
            text: node.map(|node| tree.path(node).text()),
            wall_s: outcome.spent.nanoseconds as f64 / 1e9,
            modulo: run.strategy.modulo(),
        };
        Record::graded_by(grader, item, found)
    };
    store.append(record)?;
    trace.map(|_| ())
}

fn rounds(outcome: &espalier_search::Outcome) -> u32 {
    let is_round =
        |event: &&espalier_core::Event| matches!(event, espalier_core::Event::Round { .. });
    outcome.trace.iter().filter(is_round).count() as u32
}

/// An error and its causes on one line.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text = format!("{text}: {cause}");
        source = cause.source();
    }
    text
}

#[cfg(test)]
pub(crate) mod tests;
