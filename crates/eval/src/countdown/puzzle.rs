//! Puzzles: the numbers to use and the target to reach.

use super::{MAX_NUMBERS, Numbers};

/// The largest number a puzzle may have: that of the television game.
pub const MAX_NUMBER: i64 = 100;

/// The largest target a puzzle may have: the television game's is 999.
pub const MAX_TARGET: i64 = 1000;

/// A multiset of numbers, each to be used exactly once, and a target.
///
/// ```
/// use espalier_eval::countdown::Puzzle;
/// let puzzle = Puzzle::new(&[10, 4, 6, 5], 24).unwrap();
/// assert_eq!(puzzle.question(), "Reach 24 with 4 5 6 10");
/// assert_eq!(Puzzle::parse("Reach 24 with 4 5 6 10").unwrap(), puzzle);
/// assert!(Puzzle::new(&[1, 101], 24).is_err());
/// ```
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Puzzle {
    numbers: Vec<i64>,
    target: i64,
    start: Numbers,
}

/// Why something is not a puzzle.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PuzzleError {
    /// Too few or too many numbers.
    #[error("a puzzle of `{len}` numbers: give from 2 to {MAX_NUMBERS} of them")]
    Len {
        /// How many there are.
        len: usize,
    },
    /// A number is out of range.
    #[error("number `{number}` is out of range: give numbers from 1 to {MAX_NUMBER}")]
    Number {
        /// The number.
        number: i64,
    },
    /// The target is out of range.
    #[error("target `{target}` is out of range: give a target from 1 to {MAX_TARGET}")]
    Target {
        /// The target.
        target: i64,
    },
    /// A question is not written as puzzles are.
    #[error("`{text}` is not a puzzle: write it as `Reach 24 with 4 5 6 10`")]
    Syntax {
        /// The question.
        text: String,
    },
}

impl Puzzle {
    /// A puzzle of 2 to [`MAX_NUMBERS`] numbers from 1 to [`MAX_NUMBER`], in any order, and a target
    /// from 1 to [`MAX_TARGET`].
    ///
    /// # Errors
    ///
    /// [`PuzzleError`] says what is out of range.
    pub fn new(numbers: &[i64], target: i64) -> Result<Self, PuzzleError> {
        let start = Numbers::of_integers(numbers)
            .filter(|start| start.len() >= 2)
            .ok_or(PuzzleError::Len { len: numbers.len() })?;
        if let Some(&number) = numbers.iter().find(|number| !(1..=MAX_NUMBER).contains(*number)) {
            return Err(PuzzleError::Number { number });
        }
        if !(1..=MAX_TARGET).contains(&target) {
            return Err(PuzzleError::Target { target });
        }
        let mut numbers = numbers.to_vec();
        numbers.sort_unstable();
        Ok(Self { numbers, target, start })
    }

    /// Reads what [`Self::question`] writes.
    ///
    /// # Errors
    ///
    /// [`PuzzleError`] says what is wrong.
    pub fn parse(text: &str) -> Result<Self, PuzzleError> {
        let bad = || PuzzleError::Syntax { text: text.chars().take(80).collect() };
        let number = |word: &str| word.parse::<i64>().map_err(|_| bad());
        let (target, numbers) = text
            .trim()
            .strip_prefix("Reach ")
            .and_then(|rest| rest.split_once(" with "))
            .ok_or_else(bad)?;
        let numbers = numbers.split(' ').map(number).collect::<Result<Vec<_>, _>>()?;
        Self::new(&numbers, number(target)?)
    }

    /// What is asked: `Reach 24 with 4 5 6 10`.
    #[must_use]
    pub fn question(&self) -> String {
        format!("Reach {} with {}", self.target, self.start())
    }

    /// The numbers, in ascending order.
    #[must_use]
    pub fn numbers(&self) -> &[i64] {
        &self.numbers
    }

    /// The target.
    #[must_use]
    pub fn target(&self) -> i64 {
        self.target
    }

    /// The numbers before the first move.
    #[must_use]
    pub fn start(&self) -> Numbers {
        self.start
    }
}
