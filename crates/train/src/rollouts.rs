//! Rollouts: step labels without annotators, by how often a policy still gets to the answer.

use std::num::{NonZeroU32, NonZeroUsize};
use std::ops::ControlFlow;
use std::sync::Arc;

use espalier_core::{
    Account, Ask, Budget, Clock, Finish, NodeId, Policy, Prompt, Retain, Round, Sampling, Stop,
    Stops, Until,
};
use espalier_search::{Config, Models, Report, Strategy, Task, Tree, search_many};

use crate::error::TrainError;
use crate::examples::{Arrangement, Labelled};

/// What a step is called after its rollouts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Estimate {
    /// 1 if any rollout got to the answer, else 0 (equation 3 of the paper).
    Hard,
    /// The share of rollouts that got to the answer (equation 4 of the paper).
    Soft,
}

/// How labels are made.
#[derive(Debug, Clone)]
pub struct Rollouts {
    /// Solutions to label for each problem.
    pub solutions: NonZeroU32,
    /// Rollouts from each step.
    pub rollouts: NonZeroU32,
    /// How a step is called.
    pub estimate: Estimate,
    /// Divides the logits before a token is drawn.
    pub temperature: f32,
    /// Tokens sampled on a path, at most.
    pub max_tokens: NonZeroU32,
    /// Where steps and answers end.
    pub stops: Arc<Stops>,
    /// What each problem may spend.
    pub budget: Budget,
    /// The source of all randomness.
    pub seed: u64,
    /// Problems searched at a time.
    pub in_flight: NonZeroUsize,
}

/// A problem to label, and who knows when it is solved.
pub struct Labelling<'a> {
    /// The problem's name, for errors.
    pub id: String,
    /// What the policy reads.
    pub prompt: Arc<Prompt>,
    /// The prompt as text, for the examples.
    pub text: String,
    /// Hash of the problem's content.
    pub hash: u64,
    /// Returns true if and only if the text below the prompt ends in the right answer. The gold answer
    /// stays in here: the search never sees it.
    pub is_right: Box<dyn Fn(&str) -> bool + 'a>,
}

impl std::fmt::Debug for Labelling<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Labelling").field("id", &self.id).finish_non_exhaustive()
    }
}

/// Grows solutions step by step, then rolls out from every step at once.
///
/// Source: Wang et al. 2023 (Math-Shepherd), <https://arxiv.org/abs/2312.08935>, section 3.3.
#[derive(Debug)]
struct StepRollouts {
    solutions: u32,
    rollouts: u32,
    seen: usize,
    rolled: bool,
}

impl Strategy for StepRollouts {
    fn next(&mut self, tree: &Tree, _: &Account) -> Round {
        if self.rolled {
            return Round::end();
        }
        let growing: Vec<Ask> = if tree.len() == 1 {
            vec![Ask::sample(NodeId::ROOT, self.solutions, Until::Boundary)]
        } else {
            let fresh = tree.ids().skip(self.seen).filter(|id| tree.expandable(*id));
            fresh.map(|id| Ask::sample(id, 1, Until::Boundary)).collect()
        };
        self.seen = tree.len();
        if !growing.is_empty() {
            return Round { asks: growing, score: None, retain: Retain::All };
        }
        self.rolled = true;
        let steps = tree.ids().skip(1).filter(|id| tree.expandable(*id));
        Round::last(steps.map(|id| Ask::sample(id, self.rollouts, Until::End)).collect())
    }

    fn name(&self) -> &'static str {
        "step-rollouts"
    }
}

/// Labels the steps of sampled solutions with what becomes of rollouts from them, by the search driver,
/// under its budget and seeds. `keep` gets what each problem gave, with the problem's index, as soon as it is
/// finished.
///
/// The last step of a finished solution is labelled by the solution's own answer, and counts as a
/// rollout of every step before it. Solutions that are cut by a length cap end with the steps they have,
/// and count as rollouts that did not get there. Solutions without a whole step are left out, as are those
/// of a problem that the budget cut before its rollouts.
///
/// # Errors
///
/// `keep` gets [`TrainError::Search`] for a problem whose search failed; the others go on.
pub fn label(
    policy: &mut dyn Policy,
    problems: &[Labelling<'_>],
    how: &Rollouts,
    clock: &dyn Clock,
    keep: &mut dyn FnMut(usize, Result<Vec<Labelled>, TrainError>) -> ControlFlow<()>,
) {
    let task = |problem: &Labelling<'_>| Task {
        prompt: Arc::clone(&problem.prompt),
        hash: problem.hash,
        strategy: Box::new(StepRollouts {
            solutions: how.solutions.get(),
            rollouts: how.rollouts.get(),
            seen: 1,
            rolled: false,
        }),
    };
    let config = Config {
        stops: Arc::clone(&how.stops),
        budget: how.budget,
        seed: how.seed,
        in_flight: how.in_flight,
        ..Config::new(Sampling::at(how.temperature), how.max_tokens, how.max_tokens)
    };
    let mut hear = |report: Report| {
        let Report::Finished { index, outcome } = report else {
            return ControlFlow::Continue(());
        };
        let found = match &outcome.error {
            Some(error) => Err(TrainError::Search {
                problem: problems[index].id.clone(),
                reason: error.to_string(),
            }),
            // The budget cut the rollouts, or the solutions before them.
            None if outcome.stop != Stop::Done => Ok(Vec::new()),
            None => Ok(read(&outcome.tree, &problems[index], how)),
        };
        keep(index, found)
    };
    let mut models = Models { policy, scorers: Vec::new(), tools: Vec::new() };
    let tasks: Vec<Task> = problems.iter().map(task).collect();
    drop(search_many(tasks, &mut models, &config, clock, &mut hear));
}

/// The labelled solutions of a finished tree.
fn read(tree: &Tree, problem: &Labelling<'_>, how: &Rollouts) -> Vec<Labelled> {
    let ended = |id: NodeId| tree.node(id).finish() == Some(Finish::Eos);
    let right = |id: NodeId| ended(id) && (problem.is_right)(&tree.path(id).text());
    let label = |node: NodeId, own: bool| {
        // A step's first child goes on with the solution; the others are rollouts.
        let rolled = tree.children(node).iter().skip(1);
        let hits: Vec<bool> =
            std::iter::once(own).chain(rolled.map(|&child| right(child))).collect();
        let n_right = hits.iter().filter(|hit| **hit).count();
        match how.estimate {
            Estimate::Hard => f32::from(u8::from(n_right > 0)),
            Estimate::Soft => n_right as f32 / hits.len() as f32,
        }
    };
    let solution = |leaf: NodeId| {
        // What is cut is no step, and what has no room after it has no rollouts.
        let last = if ended(leaf) { leaf } else { tree.parent(leaf)? };
        let path = tree.path(last);
        let mut nodes: Vec<NodeId> =
            tree.ancestors(last).filter(|id| *id != NodeId::ROOT).collect();
        nodes.reverse();
        (!nodes.is_empty()).then(|| Labelled {
            prompt: problem.text.clone(),
            steps: path.steps.iter().map(|step| step.text.clone()).collect(),
            labels: nodes.into_iter().map(|node| label(node, right(leaf))).collect(),
            ended: ended(leaf),
            arrangement: Arrangement::Path,
        })
    };
    let is_leaf = |id: &NodeId| *id != NodeId::ROOT && tree.children(*id).is_empty();
    let is_solution = |leaf: &NodeId| tree.ancestors(*leaf).all(|id| goes_on(tree, id));
    tree.ids().filter(is_leaf).filter(is_solution).filter_map(solution).collect()
}

/// Returns true if and only if the node begins a solution or goes on with one.
fn goes_on(tree: &Tree, id: NodeId) -> bool {
    tree.parent(id)
        .is_none_or(|parent| parent == NodeId::ROOT || tree.children(parent).first() == Some(&id))
}
