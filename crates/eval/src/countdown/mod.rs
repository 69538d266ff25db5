//! Countdown: reach a target from a few numbers, each used once, with + − × ÷ in exact arithmetic.
//!
//! The Game of 24 is Countdown with four numbers and the target 24. A [`Puzzle`] is solved by
//! [`Move`]s, each written as one line ([`step_text`]); the answer line ([`answer_line`]) says the whole
//! expression. A [`Solver`] knows which [`Numbers`] still reach the target; [`path_truth`] labels the
//! lines of any text with it. [`split()`] keeps the test puzzles apart, and a [`Generator`] makes puzzles
//! to train on that never pose one of them.

mod expression;
mod generator;
mod items;
mod moves;
mod number;
mod numbers;
mod paper_puzzles;
mod puzzle;
mod solver;
mod split;
mod step;
mod verify;

pub use expression::{ExpressionError, answer_value};
pub use generator::{GenerateError, Generator, Ranges, pick_from};
pub use items::item;
pub(crate) use items::{Rows as PuzzleRows, test_items};
pub use moves::Move;
pub use number::{Number, Op};
pub use numbers::{MAX_NUMBERS, Numbers};
pub use puzzle::{MAX_NUMBER, MAX_TARGET, Puzzle, PuzzleError};
pub use solver::Solver;
pub use split::{
    Split, all_game24, path_poses_test_puzzle, poses_test_puzzle, split, test_puzzles,
    train_puzzles,
};
pub use step::{
    ANSWER_MARK, StepError, StepLine, answer_line, check_step, render, step_is_sound, step_text,
};
pub use verify::{CountdownVerifier, is_correct, path_truth};

#[cfg(test)]
mod tests;
