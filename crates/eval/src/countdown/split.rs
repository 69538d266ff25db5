//! The split: which games of 24 are for testing, never to be trained on.

use std::sync::LazyLock;

use super::paper_puzzles::PAPER_PUZZLES;
use super::{MAX_NUMBERS, Move, Number, Numbers, Puzzle, Solver};
use crate::problem::content_hash;

/// The target of the Game of 24.
const TARGET: i64 = 24;

/// The largest number of the Game of 24: a king.
const MAX_CARD: i64 = 13;

/// Beside the paper's puzzles, one puzzle in so many is for testing.
const TEST_ONE_IN: u64 = 8;

/// What a puzzle is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Split {
    /// Training.
    Train,
    /// Testing.
    Test,
}

/// The solvable games of 24, of four numbers from 1 to 13, in ascending order: 1,362.
#[must_use]
pub fn all_game24() -> &'static [[i64; 4]] {
    static ALL: LazyLock<Vec<[i64; 4]>> = LazyLock::new(|| {
        let mut solver = Solver::new();
        let mut all = Vec::new();
        for a in 1..=MAX_CARD {
            for b in a..=MAX_CARD {
                for c in b..=MAX_CARD {
                    all.extend((c..=MAX_CARD).map(|d| [a, b, c, d]).filter(|four| {
                        Numbers::of_integers(four)
                            .is_some_and(|numbers| solver.reachable(&numbers, TARGET))
                    }));
                }
            }
        }
        all
    });
    &ALL
}

/// What a game of 24 is for. Its numbers may stand in any order.
///
/// The paper's hundred puzzles and, by a hash of its question, one in eight of all others are for
/// testing. A multiset that is no game of 24, for a number above 13 or another count than four, is for
/// training; whether it can be solved is not asked.
#[must_use]
pub fn split(numbers: &[i64]) -> Split {
    let is_card = |number: &i64| (1..=MAX_CARD).contains(number);
    if numbers.len() != 4 || !numbers.iter().all(is_card) {
        return Split::Train;
    }
    let mut four = numbers.to_vec();
    four.sort_unstable();
    let is_papers = PAPER_PUZZLES
        .iter()
        .any(|held| held.iter().map(|n| i64::from(*n)).eq(four.iter().copied()));
    if is_papers || content_hash(&puzzle(&four).question()).is_multiple_of(TEST_ONE_IN) {
        Split::Test
    } else {
        Split::Train
    }
}

/// The test puzzles: the paper's hundred in the paper's order, then the others in ascending order.
#[must_use]
pub fn test_puzzles() -> Vec<Puzzle> {
    let papers: Vec<Puzzle> =
        PAPER_PUZZLES.iter().map(|four| puzzle(&four.map(i64::from))).collect();
    let others = of_split(Split::Test).filter(|other| !papers.contains(other));
    papers.iter().cloned().chain(others).collect()
}

/// The training puzzles, in ascending order.
#[must_use]
pub fn train_puzzles() -> Vec<Puzzle> {
    of_split(Split::Train).collect()
}

/// Returns true if and only if the numbers and the target are a test puzzle.
#[must_use]
pub fn poses_test_puzzle(numbers: &Numbers, target: i64) -> bool {
    let mut integers = [0; MAX_NUMBERS];
    let values = numbers.values();
    if target != TARGET || values.len() != 4 || !values.iter().all(Number::is_integer) {
        return false;
    }
    for (slot, value) in integers.iter_mut().zip(values) {
        *slot = value.to_integer();
    }
    split(&integers[..4]) == Split::Test
}

/// Returns true if and only if the puzzle or any state on the path is a test puzzle.
///
/// A path with an illegal move counts up to it.
#[must_use]
pub fn path_poses_test_puzzle(puzzle: &Puzzle, moves: &[Move]) -> bool {
    let mut numbers = puzzle.start();
    let mut moves = moves.iter();
    loop {
        if poses_test_puzzle(&numbers, puzzle.target()) {
            return true;
        }
        match moves.next().and_then(|made| numbers.after(made)) {
            Some(after) => numbers = after,
            None => return false,
        }
    }
}

fn of_split(wanted: Split) -> impl Iterator<Item = Puzzle> {
    all_game24().iter().filter(move |four| split(*four) == wanted).map(|four| puzzle(four))
}

fn puzzle(four: &[i64]) -> Puzzle {
    Puzzle::new(four, TARGET).expect("four numbers from 1 to 13 are a puzzle")
}
