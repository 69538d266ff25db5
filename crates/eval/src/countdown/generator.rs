//! Generators: solvable puzzles to train on, and solutions of them, clear of all test puzzles.

use std::ops::RangeInclusive;

use espalier_core::Seed;

use super::{MAX_NUMBERS, Move, Puzzle, PuzzleError, Solver, poses_test_puzzle};

/// Draws tried for one puzzle: at random, more than half of all draws can be solved.
const MAX_DRAWS: usize = 100_000;

/// Walks tried for one solution. Only puzzles of six numbers ever need a second.
const MAX_WALKS: usize = 100;

/// What puzzles are drawn from, uniformly and independently.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ranges {
    /// How many numbers a puzzle has.
    pub sizes: RangeInclusive<usize>,
    /// Its numbers.
    pub numbers: RangeInclusive<i64>,
    /// Its target.
    pub targets: RangeInclusive<i64>,
}

/// Why no puzzle can be made.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum GenerateError {
    /// A range has nothing in it.
    #[error("the range of `{range}` is empty: give its smaller end first")]
    Empty {
        /// Which range.
        range: &'static str,
    },
    /// What the ranges hold is no puzzle.
    #[error(transparent)]
    Puzzle(#[from] PuzzleError),
    /// No draw could be solved.
    #[error("none of `{MAX_DRAWS}` puzzles drawn has a solution: widen the ranges")]
    Unsolvable,
}

/// Draws puzzles.
#[derive(Debug)]
pub struct Generator {
    ranges: Ranges,
    solver: Solver,
}

impl Generator {
    /// A generator of puzzles in these ranges.
    ///
    /// # Errors
    ///
    /// [`GenerateError::Empty`] for an empty range, [`GenerateError::Puzzle`] for one that exceeds what
    /// puzzles may have.
    pub fn new(ranges: Ranges) -> Result<Self, GenerateError> {
        let empty = [
            ("sizes", ranges.sizes.is_empty()),
            ("numbers", ranges.numbers.is_empty()),
            ("targets", ranges.targets.is_empty()),
        ];
        if let Some((range, _)) = empty.into_iter().find(|(_, empty)| *empty) {
            return Err(GenerateError::Empty { range });
        }
        for len in [*ranges.sizes.start(), *ranges.sizes.end()] {
            for number in [*ranges.numbers.start(), *ranges.numbers.end()] {
                for target in [*ranges.targets.start(), *ranges.targets.end()] {
                    Puzzle::new(&vec![number; len.min(MAX_NUMBERS + 1)], target)?;
                }
            }
        }
        Ok(Self { ranges, solver: Solver::new() })
    }

    /// The solver it uses, to be used on.
    pub fn solver(&mut self) -> &mut Solver {
        &mut self.solver
    }

    /// A puzzle with a solution that [`Self::path`] finds; neither it nor any state of that solution is
    /// a test puzzle. The same draws give the same puzzle.
    ///
    /// # Errors
    ///
    /// [`GenerateError::Unsolvable`] where the ranges hold hardly a solvable puzzle.
    pub fn puzzle(
        &mut self,
        pick: &mut dyn FnMut(usize) -> usize,
    ) -> Result<Puzzle, GenerateError> {
        for _ in 0..MAX_DRAWS {
            let puzzle = self.draw(pick)?;
            // The first walk found need not be the one `path` takes, but it shows that one exists.
            if self.solver.plain_reachable(&puzzle.start(), puzzle.target())
                && self.path(&puzzle, pick).is_some()
            {
                return Ok(puzzle);
            }
        }
        Err(GenerateError::Unsolvable)
    }

    /// A solution to train on: without negative results, at every state a uniform choice among the moves
    /// that lead to one and pose no test puzzle. `None` where there is none, or the puzzle itself is a
    /// test puzzle.
    #[must_use]
    pub fn path(
        &mut self,
        puzzle: &Puzzle,
        pick: &mut dyn FnMut(usize) -> usize,
    ) -> Option<Vec<Move>> {
        let target = puzzle.target();
        if poses_test_puzzle(&puzzle.start(), target) {
            return None;
        }
        let walks = if puzzle.numbers().len() > 5 { MAX_WALKS } else { 1 };
        (0..walks).find_map(|_| {
            self.solver.sample_where(puzzle, pick, &|after| !poses_test_puzzle(after, target))
        })
    }

    fn draw(&self, pick: &mut dyn FnMut(usize) -> usize) -> Result<Puzzle, GenerateError> {
        let Ranges { sizes, numbers, targets } = &self.ranges;
        let mut within = |range: &RangeInclusive<i64>| {
            range.start() + pick((range.end() - range.start() + 1) as usize) as i64
        };
        let len = within(&(*sizes.start() as i64..=*sizes.end() as i64));
        let numbers: Vec<i64> = (0..len).map(|_| within(numbers)).collect();
        Ok(Puzzle::new(&numbers, within(targets))?)
    }
}

/// Draws whole numbers below `n` from a seed, uniform to 64 bits; the `i`-th draw depends on the seed
/// and on `i` alone.
///
/// ```
/// use espalier_core::Seed;
/// use espalier_eval::countdown::pick_from;
/// let draws = |seed| { let mut pick = pick_from(Seed::run(seed)); [pick(6), pick(6), pick(6)] };
/// assert_eq!(draws(1), draws(1));
/// assert!(draws(1).iter().all(|draw| *draw < 6));
/// ```
pub fn pick_from(seed: Seed) -> impl FnMut(usize) -> usize {
    let mut draws = 0;
    move |n| {
        draws += 1;
        ((u128::from(seed.fold(draws).bits()) * n as u128) >> 64) as usize
    }
}
