//! On-policy examples: what a policy itself writes on training puzzles, judged by the solver.
//!
//! Walks drawn by rule teach a reward model what is true, but not all the ways in which a policy fails:
//! an answer with one number exchanged, a line that breaks off. Here beam search, guided by the truth,
//! leads the policy along good paths, and at each state all that it wrote there is labelled.

use std::cell::RefCell;
use std::collections::BTreeSet;

use espalier_core::{
    Aggregate, Clock, Finish, Immediate, ModelError, NodeId, Path, PathScorer, Policy, Score,
    ScorerId,
};
use espalier_eval::countdown::{Puzzle, Solver, path_truth};
use espalier_search::{Beam, Strategy, Tree};

use super::data::prompt;
use super::growth::{Growth, failed, grow};
use crate::error::TrainError;
use crate::examples::{Arrangement, Labelled};

/// Paths kept at each step.
const WIDTH: u32 = 4;

/// Steps of a solution, at most; with four numbers three moves and the answer.
const DEPTH: u32 = 6;

/// The solver's truth about a path's last step.
struct Truth(RefCell<Solver>);

impl PathScorer for Truth {
    fn score(&self, path: &Path) -> Result<Score, ModelError> {
        let puzzle = Puzzle::parse(&path.prompt.problem)
            .map_err(|error| ModelError::BadRequest { reason: error.to_string() })?;
        let truth = path_truth(&mut self.0.borrow_mut(), &puzzle, &path.text());
        let good = truth.len() == path.steps.len() && truth.last() == Some(&true);
        Ok(Score::new(f32::from(u8::from(good)))?)
    }
}

/// Searches `puzzles` and returns, for every state that was expanded, the different steps that the policy
/// wrote there, side by side, each labelled with the truth, as many as fit `longest` tokens together with
/// what stands before them.
///
/// # Errors
///
/// [`TrainError::Search`] where the policy fails.
#[expect(clippy::missing_panics_doc, reason = "width and depth are not 0")]
pub fn on_policy(
    policy: &mut dyn Policy,
    puzzles: &[Puzzle],
    how: Growth,
    longest: usize,
    clock: &dyn Clock,
) -> Result<Vec<Labelled>, TrainError> {
    let mut truth = Immediate::new(Truth(RefCell::new(Solver::new())));
    let beam = || -> Box<dyn Strategy> {
        let beam = Beam::new(WIDTH, None, DEPTH, ScorerId(0), Aggregate::Last);
        Box::new(beam.expect("width and depth are not 0"))
    };
    let trees = grow(policy, Some(&mut truth), puzzles, &beam, how, clock)?;
    let count = |puzzle: &Puzzle, text: &str| {
        policy.encode(text).map(|ids| ids.len()).map_err(|error| failed(puzzle, error.to_string()))
    };
    let mut all = Vec::new();
    for (puzzle, tree) in puzzles.iter().zip(&trees) {
        let mut states = BTreeSet::new();
        for state in tree.ids().filter(|id| !tree.children(*id).is_empty()) {
            let prompt = prompt(puzzle) + &tree.path(state).text();
            if !states.insert(prompt.clone()) {
                continue;
            }
            for ended in [false, true] {
                let mut room = longest.saturating_sub(count(puzzle, &prompt)?);
                let (mut steps, mut labels) = (Vec::new(), Vec::new());
                for (text, label) in written(tree, state, ended) {
                    let tokens = count(puzzle, &text)? + usize::from(ended);
                    if tokens <= room {
                        room -= tokens;
                        steps.push(text);
                        labels.push(label);
                    }
                }
                if !steps.is_empty() {
                    let (prompt, arrangement) = (prompt.clone(), Arrangement::Siblings);
                    all.push(Labelled { prompt, steps, labels, ended, arrangement });
                }
            }
        }
    }
    Ok(all)
}

/// The different steps after a state that end the answer, or that do not, each with its truth.
fn written(tree: &Tree, state: NodeId, ended: bool) -> Vec<(String, f32)> {
    let mut texts = BTreeSet::new();
    let steps = tree.children(state).iter().filter_map(|id| {
        let (step, score) = (tree.node(*id).step.as_ref()?, tree.node(*id).score(ScorerId(0))?);
        ((step.finish == Finish::Eos) == ended).then(|| (step.text.clone(), score.get()))
    });
    steps.filter(|(text, _)| !text.is_empty() && texts.insert(text.clone())).collect()
}
