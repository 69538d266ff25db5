//! Steps: the lines a solution is written in, and how they are checked.

use std::fmt::Write as _;

use super::number::read_number;
use super::{MAX_NUMBERS, Move, Number, Numbers, Op, Puzzle};

/// What the answer line begins with.
pub const ANSWER_MARK: &str = "#ANSWER:";

/// One step as written, before anything in it is believed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StepLine {
    /// The operation, with the result it claims.
    pub made: Move,
    /// The numbers it claims are left, in the order written.
    pub left: Vec<Number>,
}

/// What is wrong with a step; the first of these that holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum StepError {
    /// It is not written as steps are.
    #[error("the line is not a step: write it as `10 - 6 = 4 left 4 4 5`")]
    Syntax,
    /// The operation does not come to the result.
    #[error("the arithmetic is wrong: compute the `result` again")]
    Arithmetic,
    /// The operands are not both among the numbers in play.
    #[error("an operand is not in play: use two of the numbers `left` by the step before")]
    Operands,
    /// The numbers left are not those that remain.
    #[error("the numbers `left` are wrong: replace the two operands by the result")]
    Left,
}

impl StepLine {
    /// Reads a step, without its newline; single spaces, numbers as they are printed.
    ///
    /// # Errors
    ///
    /// [`StepError::Syntax`].
    pub fn parse(line: &str) -> Result<Self, StepError> {
        Self::read(line).ok_or(StepError::Syntax)
    }

    fn read(line: &str) -> Option<Self> {
        let mut words = line.split(' ');
        let left = read_number(words.next()?)?;
        let mut symbol = words.next()?.chars();
        let op = Op::of_symbol(symbol.next()?).filter(|_| symbol.next().is_none())?;
        let right = read_number(words.next()?)?;
        words.next().filter(|word| *word == "=")?;
        let result = read_number(words.next()?)?;
        words.next().filter(|word| *word == "left")?;
        let rest: Vec<_> = words.map(read_number).take(MAX_NUMBERS).collect::<Option<_>>()?;
        let made = Move { left, op, right, result };
        (!rest.is_empty()).then_some(Self { made, left: rest })
    }

    /// The numbers after the step, if all it says of `numbers` is true; those left may stand in any
    /// order.
    ///
    /// # Errors
    ///
    /// [`StepError`]: the first thing that is not true.
    pub fn check(&self, numbers: &Numbers) -> Result<Numbers, StepError> {
        let made = &self.made;
        if made.op.apply(made.left, made.right) != Some(made.result) {
            return Err(StepError::Arithmetic);
        }
        let after = numbers.after(made).ok_or(StepError::Operands)?;
        if Numbers::new(&self.left) == Some(after) { Ok(after) } else { Err(StepError::Left) }
    }
}

/// The numbers after a line, if it is a step and all it says is true.
///
/// ```
/// use espalier_eval::countdown::{Numbers, StepError, check_step};
/// let numbers = Numbers::of_integers(&[4, 5, 6, 10]).unwrap();
/// assert_eq!(check_step(&numbers, "10 - 6 = 4 left 4 4 5").unwrap().to_string(), "4 4 5");
/// assert_eq!(check_step(&numbers, "10 - 6 = 5 left 4 5 5"), Err(StepError::Arithmetic));
/// assert_eq!(check_step(&numbers, "9 - 6 = 3 left 3 4 5"), Err(StepError::Operands));
/// assert_eq!(check_step(&numbers, "10 - 6 = 4 left 4 5"), Err(StepError::Left));
/// assert_eq!(check_step(&numbers, "10-6=4"), Err(StepError::Syntax));
/// ```
///
/// # Errors
///
/// [`StepError`]: the first thing that is wrong.
pub fn check_step(numbers: &Numbers, line: &str) -> Result<Numbers, StepError> {
    StepLine::parse(line.strip_suffix('\n').unwrap_or(line))?.check(numbers)
}

/// Returns true if and only if the line is a step and all it says of `numbers` is true.
#[must_use]
pub fn step_is_sound(numbers: &Numbers, line: &str) -> bool {
    check_step(numbers, line).is_ok()
}

/// A move as a line, newline included; `after` are the numbers left by it.
#[must_use]
pub fn step_text(made: &Move, after: &Numbers) -> String {
    format!("{made} left {after}\n")
}

/// The texts of a path's steps: a line for each move and, where the moves leave one number, the answer
/// line, which has no newline. `None` where a move is not legal.
///
/// ```
/// use espalier_eval::countdown::{Puzzle, Solver, render};
/// let puzzle = Puzzle::new(&[2, 3, 4], 24).unwrap();
/// let moves = Solver::new().sample_solution(&puzzle, &mut |_| 0).unwrap();
/// let steps = render(&puzzle, &moves).unwrap();
/// assert_eq!(steps, ["2 * 3 = 6 left 4 6\n", "4 * 6 = 24 left 24\n", "#ANSWER: 4 * (2 * 3)"]);
/// ```
#[must_use]
pub fn render(puzzle: &Puzzle, moves: &[Move]) -> Option<Vec<String>> {
    let mut numbers = puzzle.start();
    let mut texts = Vec::with_capacity(moves.len() + 1);
    for made in moves {
        numbers = numbers.after(made)?;
        texts.push(step_text(made, &numbers));
    }
    if numbers.len() == 1 {
        texts.push(answer_line(puzzle, moves)?);
    }
    Some(texts)
}

/// The answer line of moves that leave one number, whether or not it is the target: the moves put into
/// one another, every inner operation in parentheses. `None` where a move is not legal or numbers
/// remain.
///
/// Of equal numbers, the one made last is used first.
#[must_use]
pub fn answer_line(puzzle: &Puzzle, moves: &[Move]) -> Option<String> {
    let mut numbers = puzzle.start();
    let mut pool: Vec<(Number, String)> =
        numbers.values().iter().map(|value| (*value, value.to_string())).collect();
    for made in moves {
        numbers = numbers.after(made)?;
        let mut take = |value: Number| {
            let at = pool.iter().rposition(|(held, _)| *held == value)?;
            let (_, text) = pool.remove(at);
            Some(if text.contains(' ') { format!("({text})") } else { text })
        };
        let mut text = take(made.left)?;
        let right = take(made.right)?;
        let _ = write!(text, " {} {right}", made.op);
        pool.push((made.result, text));
    }
    let [(_, expression)] = &pool[..] else { return None };
    Some(format!("{ANSWER_MARK} {expression}"))
}
