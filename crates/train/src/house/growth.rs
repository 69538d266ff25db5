//! Growth: searches of puzzles by a policy, for their trees.

use std::num::{NonZeroU32, NonZeroUsize};
use std::ops::ControlFlow;
use std::sync::Arc;

use espalier_core::{Budget, Clock, Policy, Prompt, Sampling, Scorer, Stops};
use espalier_eval::content_hash;
use espalier_eval::countdown::Puzzle;
use espalier_search::{Config, Models, Report, Strategy, Task, Tree, search_many};

use super::data::prompt;
use crate::error::TrainError;

/// How steps are sampled.
#[derive(Debug, Clone, Copy)]
pub struct Growth {
    /// Divides the logits.
    pub temperature: f32,
    /// The source of all randomness.
    pub seed: u64,
    /// Puzzles at a time.
    pub in_flight: NonZeroUsize,
}

/// Searches each puzzle with a strategy of its own, and returns the trees in the puzzles' order.
///
/// # Errors
///
/// [`TrainError::Search`] where the policy or the scorer fails.
pub fn grow<'a>(
    policy: &'a mut dyn Policy,
    scorer: Option<&'a mut dyn Scorer>,
    puzzles: &[Puzzle],
    strategy: &dyn Fn() -> Box<dyn Strategy>,
    how: Growth,
    clock: &dyn Clock,
) -> Result<Vec<Tree>, TrainError> {
    let mut tasks = Vec::with_capacity(puzzles.len());
    for (index, puzzle) in puzzles.iter().enumerate() {
        let text = prompt(puzzle);
        let tokens = policy.encode(&text).map_err(|error| failed(puzzle, error.to_string()))?;
        tasks.push(Task {
            prompt: Arc::new(Prompt { problem: puzzle.question(), tokens }),
            // A puzzle that comes twice is searched in two ways.
            hash: content_hash(&format!("{index} {text}")),
            strategy: strategy(),
        });
    }
    let length = const { NonZeroU32::new(96).expect("96 is not 0") };
    let stops = Stops { boundary: vec!["\n".to_owned()], ..Stops::default() };
    let config = Config {
        stops: Arc::new(stops),
        budget: Budget::default(),
        seed: how.seed,
        in_flight: how.in_flight,
        ..Config::new(Sampling::at(how.temperature), length, length)
    };
    let mut trees: Vec<Option<Tree>> = puzzles.iter().map(|_| None).collect();
    let mut failure = None;
    let mut hear = |report: Report| {
        if let Report::Finished { index, outcome } = report {
            if let Some(error) = &outcome.error {
                failure = Some(failed(&puzzles[index], error.to_string()));
                return ControlFlow::Break(());
            }
            trees[index] = Some(outcome.tree);
        }
        ControlFlow::Continue(())
    };
    let mut models = Models { policy, scorers: scorer.into_iter().collect(), tools: Vec::new() };
    drop(search_many(tasks, &mut models, &config, clock, &mut hear));
    failure.map_or_else(|| Ok(trees.into_iter().flatten().collect()), Err)
}

pub(super) fn failed(puzzle: &Puzzle, reason: String) -> TrainError {
    TrainError::Search { problem: puzzle.question(), reason }
}
