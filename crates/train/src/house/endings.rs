//! Endings: last moves and answers of solutions, right ones and wrong ones side by side.

use espalier_eval::countdown::{Generator, Move, Puzzle, path_truth, render, step_text};

use super::data::{Pick, fit, label, prompt};
use super::walks::garbled;
use crate::examples::{Arrangement, Labelled};

/// What is shown of a solution's end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// The answer, and others that are almost the same.
    Answers,
    /// How the answer begins, up to some word, and with another word there: where it goes wrong.
    Beginnings,
    /// The last move, others of the same two numbers, and claims that their sum is the target.
    LastMoves,
}

/// Answers shown side by side.
const ANSWERS: usize = 4;

/// Places at which beginnings of an answer end.
const PLACES: usize = 3;

/// Last moves that only claim the target, and garbled ones.
const FALSE_MOVES: usize = 2;

/// Tokens that last moves side by side may have: with a question and two moves they fit a row of 112.
const MOVE_TOKENS: usize = 60;

/// The end of one solution of a puzzle, right and wrong, each labelled; `None` where it has no solution.
pub(super) fn ending(
    puzzle: &Puzzle,
    what: Ending,
    generator: &mut Generator,
    pick: Pick<'_>,
) -> Option<Labelled> {
    let moves = generator.path(puzzle, pick)?;
    let mut lines = render(puzzle, &moves)?;
    let right = lines.pop()?;
    if what == Ending::Beginnings {
        let (steps, labels) = beginnings(&right, pick).into_iter().unzip();
        return Some(siblings(prompt(puzzle) + &lines.concat(), steps, labels, false));
    }
    let (ended, steps) = match what {
        Ending::LastMoves => (false, last_moves(puzzle, &moves, lines.pop()?, pick)),
        _ => (true, answers(right, pick)),
    };
    let before = lines.concat();
    let truth = |step: &String| {
        path_truth(generator.solver(), puzzle, &format!("{before}{step}")).pop() == Some(true)
    };
    let labels = steps.iter().map(truth).map(label).collect();
    Some(siblings(prompt(puzzle) + &before, steps, labels, ended))
}

fn siblings(prompt: String, steps: Vec<String>, labels: Vec<f32>, ended: bool) -> Labelled {
    Labelled { prompt, steps, labels, ended, arrangement: Arrangement::Siblings }
}

/// The right answer and garbled ones.
fn answers(right: String, pick: Pick<'_>) -> Vec<String> {
    let mut answers = vec![right];
    while answers.len() < ANSWERS {
        let before = &answers[pick(answers.len())];
        answers.push(garbled(before, pick));
    }
    answers
}

/// Beginnings of the right answer, and of garbled ones up to the garbled word. (Another right answer
/// may begin so; the steps before call for this one.)
fn beginnings(right: &str, pick: Pick<'_>) -> Vec<(String, f32)> {
    let mut all: Vec<(String, f32)> = Vec::new();
    for _ in 0..PLACES {
        let wrong = garbled(right, pick);
        let Some(at) = right.bytes().zip(wrong.bytes()).position(|(a, b)| a != b) else { continue };
        for (text, good) in [(right, true), (&wrong, false)] {
            let beginning = (word_end(text, at), label(good));
            if !all.contains(&beginning) {
                all.push(beginning);
            }
        }
    }
    all
}

/// The text up to the end of the number or operator at a place.
fn word_end(text: &str, at: usize) -> String {
    let rest = &text[at..];
    let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
    // An operator and the space after it; or a number, of which the place may be the end.
    let len = if rest.starts_with(['+', '-', '*', '/']) { 2.min(rest.len()) } else { digits };
    text[..at + len].to_owned()
}

/// The last move, and wrong ones in its place.
fn last_moves(puzzle: &Puzzle, moves: &[Move], right: String, pick: Pick<'_>) -> Vec<String> {
    let Some((last, before)) = moves.split_last() else { return vec![right] };
    let numbers = before.iter().try_fold(puzzle.start(), |numbers, made| numbers.after(made));
    let Some(numbers) = numbers else { return vec![right] };
    let (target, others) = (puzzle.target(), numbers.moves());
    let mut steps = Vec::new();
    for _ in 0..FALSE_MOVES {
        steps.push(garbled(&right, pick));
        let other = &others[pick(others.len())];
        if other != last && other.is_plain() {
            let after = numbers.after(other);
            steps.extend(after.map(|after| step_text(other, &after)));
            let Move { left, op, right, .. } = other;
            steps.push(format!("{left} {} {right} = {target} left {target}\n", op.symbol()));
        }
    }
    steps.push(right);
    steps.sort();
    steps.dedup();
    fit(&mut steps, MOVE_TOKENS);
    steps
}

#[cfg(test)]
mod tests {
    use espalier_core::Seed;
    use espalier_eval::countdown::{Ranges, Solver, pick_from};

    use super::*;

    #[test]
    fn a_beginning_ends_with_a_word() {
        let text = "#ANSWER: (11 - 5) * 4";
        for (at, end) in [(10, "#ANSWER: (11"), (11, "#ANSWER: (11"), (13, "#ANSWER: (11 - ")] {
            assert_eq!(word_end(text, at), end);
        }
        assert_eq!(word_end(text, 20), text);
    }

    #[test]
    fn every_ending_has_right_and_wrong_ones_with_their_truth() {
        let ranges = Ranges { sizes: 3..=4, numbers: 1..=13, targets: 24..=24 };
        let mut generator = Generator::new(ranges).unwrap();
        let mut pick = pick_from(Seed::run(8));
        let mut solver = Solver::new();
        for what in [Ending::Answers, Ending::Beginnings, Ending::LastMoves] {
            let (mut good, mut bad) = (0, 0);
            for _ in 0..200 {
                let puzzle = generator.puzzle(&mut pick).unwrap();
                let Some(example) = ending(&puzzle, what, &mut generator, &mut pick) else {
                    continue;
                };
                let (_, before) = example.prompt.split_once('\n').unwrap();
                for (step, label) in example.steps.iter().zip(&example.labels) {
                    if what != Ending::Beginnings {
                        let truth = path_truth(&mut solver, &puzzle, &format!("{before}{step}"));
                        assert_eq!(truth.last() == Some(&true), *label > 0.5, "{example:?}");
                    }
                    *(if *label > 0.5 { &mut good } else { &mut bad }) += 1;
                }
            }
            assert!(good > 100 && bad > 200, "{what:?}: {good} {bad}");
        }
    }
}
