//! Verification: what the lines of a text are worth, by arithmetic alone.

use espalier_core::{Finish, Path, ToolError, Verdict, Verifier};

use super::{ANSWER_MARK, Number, Numbers, Puzzle, Solver, answer_value, check_step};

/// Returns true if and only if the expression uses exactly the puzzle's numbers and comes to its target.
///
/// ```
/// use espalier_eval::countdown::{Puzzle, is_correct};
/// let puzzle = Puzzle::new(&[4, 5, 6, 10], 24).unwrap();
/// assert!(is_correct(&puzzle, "#ANSWER: ((10 - 6) * 5) + 4"));
/// assert!(!is_correct(&puzzle, "6 * 4"));
/// ```
#[must_use]
pub fn is_correct(puzzle: &Puzzle, answer: &str) -> bool {
    let expression = answer.trim();
    let expression = expression.strip_prefix(ANSWER_MARK).unwrap_or(expression);
    answer_value(expression).is_ok_and(|(value, numbers)| {
        value == Number::from_integer(puzzle.target()) && numbers == puzzle.numbers()
    })
}

/// One label for each finished line of a text: true if and only if all lines so far are sound and the
/// puzzle can still be solved after it or, for an answer line, the answer is correct.
///
/// A line is finished by a newline, an answer line also by the end of the text. Nothing follows an
/// answer: lines after it are false.
///
/// ```
/// use espalier_eval::countdown::{Puzzle, Solver, path_truth};
/// let puzzle = Puzzle::new(&[2, 3, 4], 24).unwrap();
/// let text = "2 + 3 = 5 left 4 5\n4 * 5 = 20 left 20\n#ANSWER: (2 + 3) * 4";
/// assert_eq!(path_truth(&mut Solver::new(), &puzzle, text), [false, false, false]);
/// let text = "2 * 3 = 6 left 4 6\n4 * 6 = 24 left 24\n#ANSWER: 4 * (2 * 3)";
/// assert_eq!(path_truth(&mut Solver::new(), &puzzle, text), [true, true, true]);
/// ```
#[must_use]
pub fn path_truth(solver: &mut Solver, puzzle: &Puzzle, text: &str) -> Vec<bool> {
    let mut state = State::Open(puzzle.start());
    finished_lines(text)
        .map(|line| {
            state = match state.after(puzzle, line) {
                State::Open(numbers) if !solver.reachable(&numbers, puzzle.target()) => {
                    State::Wrong
                }
                next => next,
            };
            state != State::Wrong
        })
        .collect()
}

/// Checks paths of puzzles: an unsound line or a wrong answer fails, a correct answer passes, all else
/// is unknown. It searches for nothing, so that it cannot tell a dead end from a good start.
///
/// The puzzle is read from the last line of the path's problem. A line that was cut off, or that the
/// model may still go on with, is no evidence.
#[derive(Debug, Clone, Copy, Default)]
pub struct CountdownVerifier;

impl CountdownVerifier {
    /// What the evidence says of a whole text.
    #[must_use]
    pub fn judge(puzzle: &Puzzle, text: &str) -> Verdict {
        let start = State::Open(puzzle.start());
        match finished_lines(text).fold(start, |state, line| state.after(puzzle, line)) {
            State::Open(_) => Verdict::Unknown,
            State::Solved => Verdict::Pass,
            State::Wrong => Verdict::Fail,
        }
    }
}

impl Verifier for CountdownVerifier {
    fn verify(&mut self, path: &Path) -> Result<Verdict, ToolError> {
        let question = path.prompt.problem.trim_end().lines().next_back().unwrap_or("");
        let puzzle = Puzzle::parse(question).map_err(|error| ToolError {
            tool: "countdown".to_owned(),
            reason: error.to_string(),
        })?;
        let text = path.text();
        let finished = match path.last().map(|step| step.finish) {
            Some(Finish::Eos) => text.len(),
            Some(Finish::Step | Finish::Length) | None => text.rfind('\n').map_or(0, |at| at + 1),
        };
        Ok(Self::judge(&puzzle, &text[..finished]))
    }
}

/// What the lines read so far amount to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// All sound; these numbers are in play.
    Open(Numbers),
    /// The last line is a correct answer.
    Solved,
    /// A line was unsound, or the answer wrong.
    Wrong,
}

impl State {
    fn after(self, puzzle: &Puzzle, line: &str) -> Self {
        match self {
            Self::Open(_) if line.starts_with(ANSWER_MARK) => {
                if is_correct(puzzle, line) {
                    Self::Solved
                } else {
                    Self::Wrong
                }
            }
            Self::Open(numbers) => check_step(&numbers, line).map_or(Self::Wrong, Self::Open),
            Self::Solved | Self::Wrong => Self::Wrong,
        }
    }
}

fn finished_lines(text: &str) -> impl Iterator<Item = &str> {
    text.split_inclusive('\n').filter_map(|line| {
        let finished = line.strip_suffix('\n');
        finished.or_else(|| line.starts_with(ANSWER_MARK).then_some(line))
    })
}
