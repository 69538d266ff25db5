//! Symbolic validation: what exact arithmetic says of a finished text and of each of its steps, without gold.
//!
//! A step is a line that is not blank. Of puzzles, moves are played again. Of word problems, the
//! [`equations`](mod@equations) in a line are computed again.

pub mod equations;
mod tokens;

use espalier_core::{Answer, Answers, ToolError, Verdict};
use espalier_search::Validation;

use crate::answers::Votes;
use crate::countdown::{ANSWER_MARK, Numbers, Puzzle, StepLine, is_correct};
use crate::dataset::{AnswerForm, DatasetKind};
use crate::problem::Problem;
use equations::{Equation, equations};

/// What exact arithmetic says of a finished text that answers a problem of this kind.
///
/// A step is supported where all it states that can be checked is true, contradicted where something is false,
/// and unknown where nothing can be checked.
///
/// Of puzzles: a line such as `10 - 6 = 4 left 4 4 5` is checked against the numbers that the line before it left,
/// as that line says; the answer is supported if and only if it uses the puzzle's numbers and reaches the target.
///
/// Of word problems: a line is checked by the equations in it. The answer is supported where the last true
/// equation of the text comes to it; contradicted where there are equations and no true one comes to it; and
/// unknown where an earlier one does, where a line after the last equation that can be checked holds one that
/// cannot, or where none can.
///
/// Of functions, nothing is checked by arithmetic: all is unknown.
///
/// ```
/// use espalier_core::Verdict::{Fail, Pass, Unknown};
/// use espalier_eval::{DatasetKind, Problem, validate};
/// let problem = Problem::new("1".into(), "How much?".into(), None);
/// let text = "She sells 16 - 7 = 9 eggs.\nAt $2 each.\nThat is 9 * $2 = $18.\nThe answer is 18.";
/// let found = validate(DatasetKind::Gsm8k, &problem, text).unwrap();
/// assert_eq!(found.answer, Some(Pass));
/// assert_eq!(found.steps, [Pass, Unknown, Pass, Unknown]);
/// let found = validate(DatasetKind::Gsm8k, &problem, "16 - 7 = 8\nThe answer is 8.").unwrap();
/// assert_eq!((found.answer, found.steps), (Some(Fail), vec![Fail, Unknown]));
/// ```
///
/// # Errors
///
/// [`ToolError`] where a puzzle's question is not one; never a verdict.
///
/// # Complexity
///
/// Linear in the text, with at most 64 tokens looked at on either side of an equals sign.
pub fn validate(kind: DatasetKind, problem: &Problem, text: &str) -> Result<Validation, ToolError> {
    let votes = Votes::of(kind, &problem.question);
    let answer = votes.extract(text);
    match kind.form() {
        AnswerForm::Expression => puzzle(problem, text, answer.as_ref()),
        AnswerForm::Number | AnswerForm::Latex => Ok(word_problem(text, answer.as_ref(), &votes)),
        AnswerForm::Function => Ok(Validation {
            answer: answer.map(|_| Verdict::Unknown),
            steps: lines(text).map(|_| Verdict::Unknown).collect(),
        }),
    }
}

fn puzzle(problem: &Problem, text: &str, answer: Option<&Answer>) -> Result<Validation, ToolError> {
    let question = problem.question.trim_end().lines().next_back().unwrap_or("");
    let puzzle = Puzzle::parse(question)
        .map_err(|error| ToolError { tool: "countdown".to_owned(), reason: error.to_string() })?;
    let mut numbers = puzzle.start();
    let moves = lines(text).take_while(|line| !line.starts_with(ANSWER_MARK));
    let steps = moves.map(|line| match StepLine::parse(line) {
        Ok(step) => {
            let sound = step.check(&numbers).is_ok();
            // What it says is left is what the next line goes on from: each line is judged for itself.
            numbers = Numbers::new(&step.left).unwrap_or(numbers);
            verdict(sound)
        }
        Err(_) => of_equations(&equations(line)),
    });
    let steps = steps.collect();
    Ok(Validation { answer: answer.map(|answer| verdict(is_correct(&puzzle, &answer.0))), steps })
}

fn word_problem(text: &str, answer: Option<&Answer>, votes: &Votes) -> Validation {
    let found: Vec<Vec<Equation>> = lines(text).map(equations).collect();
    let steps = found.iter().map(|line| of_equations(line)).collect();
    let answer = answer.map(|answer| {
        let comes_to = |equation: &Equation| {
            let sides = [&equation.right, &equation.left];
            sides.iter().any(|side| votes.same(answer, &Answer(side.to_string())))
        };
        let mut holding = found.iter().flatten().filter(|equation| equation.holds).rev();
        let last_checked = found.iter().rposition(|line| !line.is_empty());
        // What cannot be read may come to the answer.
        let unread = |last: usize| lines(text).skip(last + 1).any(|line| line.contains('='));
        match holding.next() {
            _ if last_checked.is_none() => Verdict::Unknown,
            Some(last) if comes_to(last) => Verdict::Pass,
            _ if holding.any(comes_to) || last_checked.is_some_and(unread) => Verdict::Unknown,
            _ => Verdict::Fail,
        }
    });
    Validation { answer, steps }
}

fn lines(text: &str) -> impl Iterator<Item = &str> {
    text.lines().map(str::trim).filter(|line| !line.is_empty())
}

fn of_equations(equations: &[Equation]) -> Verdict {
    if equations.is_empty() {
        return Verdict::Unknown;
    }
    verdict(equations.iter().all(|equation| equation.holds))
}

fn verdict(supported: bool) -> Verdict {
    if supported { Verdict::Pass } else { Verdict::Fail }
}

#[cfg(test)]
mod tests;
