//! Judgement: how often a reward model is right about a step, held against the solver's truth.

use std::num::NonZeroU32;

use espalier_core::{
    Account, Ask, Clock, NodeId, Policy, Read, Reader, Retain, Round, Until, Want, collect,
};
use espalier_eval::countdown::{Puzzle, Solver, path_truth};
use espalier_eval::{Interval, wilson};
use espalier_search::{Strategy, Tree};
use serde::Serialize;

use super::growth::{Growth, failed, grow};
use crate::error::TrainError;
use crate::sequence::Marks;

/// Bins of the calibration error.
const BINS: usize = 10;

/// What a reward model said of steps, against the truth.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Judgement {
    /// Steps judged: those of solutions the policy sampled on puzzles it never saw.
    pub steps: u64,
    /// Steps after which the target can still be reached.
    pub good: u64,
    /// Share of steps whose score is on the right side of 1/2.
    pub accuracy: Option<f64>,
    /// Its 95 % interval, each step counted as independent.
    pub interval: Option<Interval>,
    /// Expected calibration error over ten bins of equal width.
    ///
    /// Source: Naeini et al. 2015, <https://doi.org/10.1609/aaai.v29i1.9602>.
    pub calibration_error: Option<f64>,
    /// Accuracy at each step of a solution, from the first; the last is the answer.
    pub by_step: Vec<(u64, f64)>,
}

/// One step: which of its path, what was said, what is true.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Judged {
    /// Its place on the path, from 0.
    pub step: usize,
    /// The score, in [0, 1].
    pub score: f64,
    /// The solver's truth.
    pub good: bool,
}

impl Judgement {
    /// Sums judged steps up.
    ///
    /// ```
    /// use espalier_train::house::judgement::{Judged, Judgement};
    /// let of = |score, good| Judged { step: 0, score, good };
    /// let sum = Judgement::of(&[of(0.9, true), of(0.8, false), of(0.1, false), of(0.3, true)]);
    /// assert_eq!((sum.steps, sum.good, sum.accuracy), (4, 2, Some(0.5)));
    /// // |1 - 0.9|, |0 - 0.8|, |0 - 0.1| and |1 - 0.3|, each a bin of its own with a weight of 1/4.
    /// assert!((sum.calibration_error.unwrap() - 1.7 / 4.0).abs() < 1e-9);
    /// ```
    #[must_use]
    pub fn of(judged: &[Judged]) -> Self {
        let n = judged.len() as u64;
        let right = |one: &&Judged| (one.score > 0.5) == one.good;
        let n_right = judged.iter().filter(right).count() as u64;
        let share = |part: u64, of: u64| (of > 0).then(|| part as f64 / of as f64);
        let longest = judged.iter().map(|one| one.step + 1).max().unwrap_or(0);
        let by_step = (0..longest).map(|step| {
            let at: Vec<&Judged> = judged.iter().filter(|one| one.step == step).collect();
            let n_right = at.iter().copied().filter(right).count();
            (at.len() as u64, n_right as f64 / at.len().max(1) as f64)
        });
        Self {
            steps: n,
            good: judged.iter().filter(|one| one.good).count() as u64,
            accuracy: share(n_right, n),
            interval: wilson(n_right, n),
            calibration_error: (n > 0).then(|| calibration_error(judged)),
            by_step: by_step.collect(),
        }
    }
}

/// Σ over bins of |share of good steps − mean score| × share of steps in the bin.
fn calibration_error(judged: &[Judged]) -> f64 {
    let bin = |score: f64| ((score * BINS as f64) as usize).min(BINS - 1);
    let gap = |index: usize| {
        let inside = judged.iter().filter(|one| bin(one.score) == index);
        let difference: f64 = inside.map(|one| f64::from(u8::from(one.good)) - one.score).sum();
        difference.abs()
    };
    (0..BINS).map(gap).sum::<f64>() / judged.len() as f64
}

/// Samples `solutions` of each puzzle step by step and has every step judged.
///
/// # Errors
///
/// [`TrainError::Search`] where the policy or the reward model fails.
pub fn judge(
    policy: &mut dyn Policy,
    prm: &mut dyn Reader,
    marks: Marks,
    puzzles: &[Puzzle],
    solutions: NonZeroU32,
    how: Growth,
    clock: &dyn Clock,
) -> Result<Vec<Judged>, TrainError> {
    let solutions = solutions.get();
    let step_by_step = || -> Box<dyn Strategy> { Box::new(StepByStep { solutions, seen: 1 }) };
    let trees = grow(policy, None, puzzles, &step_by_step, how, clock)?;
    let mut solver = Solver::new();
    let mut all = Vec::new();
    for (puzzle, tree) in puzzles.iter().zip(trees) {
        let judged = judge_tree(&tree, puzzle, prm, marks, &mut solver);
        all.extend(judged.map_err(|reason| failed(puzzle, reason))?);
    }
    Ok(all)
}

fn judge_tree(
    tree: &Tree,
    puzzle: &Puzzle,
    prm: &mut dyn Reader,
    marks: Marks,
    solver: &mut Solver,
) -> Result<Vec<Judged>, String> {
    let mut all = Vec::new();
    for leaf in tree.finished() {
        let path = tree.path(leaf);
        let truth = path_truth(solver, puzzle, &path.text());
        if truth.len() != path.steps.len() {
            // A step without its newline, or an answer that goes on: no line for each step.
            continue;
        }
        let mut end = path.prompt.tokens.len();
        let ends = path.steps.iter().map(|step| {
            end += step.tokens.len();
            end as u32 - 1
        });
        let want = Want::NextOf { positions: ends.collect(), ids: vec![marks.good, marks.bad] };
        let read = Read { tokens: path.tokens().into(), want, retain: false };
        let reading = collect(prm, [read]).pop().ok_or("nothing was read")?;
        let reading = reading.map_err(|error| error.to_string())?;
        for (step, (values, good)) in reading.values.iter().zip(truth).enumerate() {
            let [plus, minus] = values[..] else { return Err("two marks were read".to_owned()) };
            let score = 1.0 / (1.0 + f64::from(minus - plus).exp());
            all.push(Judged { step, score, good });
        }
    }
    Ok(all)
}

/// Grows independent solutions one step at a time.
#[derive(Debug)]
struct StepByStep {
    solutions: u32,
    seen: usize,
}

impl Strategy for StepByStep {
    fn next(&mut self, tree: &Tree, _: &Account) -> Round {
        let asks = if tree.len() == 1 {
            vec![Ask::sample(NodeId::ROOT, self.solutions, Until::Boundary)]
        } else {
            let fresh = tree.ids().skip(self.seen).filter(|id| tree.expandable(*id));
            fresh.map(|id| Ask::sample(id, 1, Until::Boundary)).collect()
        };
        self.seen = tree.len();
        Round { asks, score: None, retain: Retain::New(Vec::new()) }
    }

    fn name(&self) -> &'static str {
        "step-by-step"
    }
}
