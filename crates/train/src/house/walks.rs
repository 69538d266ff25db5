//! Walks: steps and solutions drawn by rule, right ones and wrong ones, for a reward model.

use espalier_eval::countdown::{
    Generator, Move, Puzzle, Solver, path_poses_test_puzzle, render, step_text,
};

use super::data::{Pick, SIBLING_TOKENS, fit, some};
use super::endings::Ending;

/// What a reward model's examples are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Walks {
    /// Of ten puzzles with four numbers, those that show first steps side by side.
    pub side_by_side: usize,
    /// Of ten other puzzles with four numbers at most, those that show a solution's [`Ending::Answers`].
    pub answers: usize,
    /// Those that show [`Ending::Beginnings`] of its answer.
    pub beginnings: usize,
    /// Those that show its [`Ending::LastMoves`].
    pub last_moves: usize,
    /// Of ten walks that have gone astray, those that go on at each step.
    pub goes_on: usize,
    /// Of ten last moves, those that only claim the target, as a policy writes them that has gone astray.
    pub wishful: usize,
}

impl Walks {
    /// First steps above all: their worth is the hardest to tell.
    pub const FIRST_STEPS: Self =
        Self { side_by_side: 7, answers: 0, beginnings: 0, last_moves: 0, goes_on: 6, wishful: 3 };

    /// Walks to their end, with claims that sums do not bear out.
    pub const TO_THE_END: Self =
        Self { side_by_side: 3, answers: 5, goes_on: 8, wishful: 4, ..Self::FIRST_STEPS };

    /// Ends above all: whether an answer is what its steps come to takes many examples to learn.
    pub const ENDS: Self = Self { answers: 3, beginnings: 4, last_moves: 2, ..Self::TO_THE_END };

    /// Which ending a draw below ten stands for; `None` for none.
    pub(super) fn ending(self, draw: usize) -> Option<Ending> {
        let Self { answers, beginnings, last_moves, .. } = self;
        match draw {
            draw if draw < answers => Some(Ending::Answers),
            draw if draw < answers + beginnings => Some(Ending::Beginnings),
            draw if draw < answers + beginnings + last_moves => Some(Ending::LastMoves),
            _ => None,
        }
    }
}

/// First steps that a reward model is shown side by side, at most.
const SIBLINGS: usize = 9;

/// First steps of a puzzle, up to half of them good, one in sixteen garbled.
pub(super) fn first_steps(puzzle: &Puzzle, solver: &mut Solver, pick: Pick<'_>) -> Vec<String> {
    let start = puzzle.start();
    let good = solver.plain_good_moves(&start, puzzle.target());
    let plain = start.moves().into_iter().filter(Move::is_plain);
    let astray: Vec<Move> = plain.filter(|made| !good.contains(made)).collect();
    let mut steps = some(lines(puzzle, &good), SIBLINGS / 2, pick);
    let rest = SIBLINGS - steps.len();
    steps.extend(some(lines(puzzle, &astray), rest, pick));
    for step in &mut steps {
        if pick(16) == 0 {
            *step = garbled(step, pick);
        }
    }
    // What does not fit is dropped, whatever its worth.
    for at in (1..steps.len()).rev() {
        steps.swap(at, pick(at + 1));
    }
    fit(&mut steps, SIBLING_TOKENS);
    steps
}

/// The lines of several moves of a puzzle.
pub(super) fn lines(puzzle: &Puzzle, moves: &[Move]) -> Vec<String> {
    let start = puzzle.start();
    let line = |made: &Move| start.after(made).map(|after| step_text(made, &after));
    moves.iter().filter_map(line).collect()
}

/// The lines of a walk; `None` where it poses a test puzzle or cannot be written.
///
/// At each state, a move that keeps the target in reach as often as one that does not. One line in sixteen
/// is garbled, so that sums are checked too, and one answer in four.
pub(super) fn walk(
    puzzle: &Puzzle,
    walks: Walks,
    generator: &mut Generator,
    pick: Pick<'_>,
) -> Option<Vec<String>> {
    let target = puzzle.target();
    let (mut numbers, mut moves) = (puzzle.start(), Vec::<Move>::new());
    let mut lines = Vec::new();
    while numbers.len() > 1 {
        let good = generator.solver().plain_good_moves(&numbers, target);
        let astray: Vec<Move> = numbers
            .moves()
            .into_iter()
            .filter(|made| made.is_plain() && !good.contains(made))
            .collect();
        let from = match (good.is_empty(), astray.is_empty()) {
            (false, false) if pick(2) == 0 => &good,
            (_, false) => &astray,
            _ => &good,
        };
        let made = *from.get(pick(from.len().max(1)))?;
        let after = numbers.after(&made)?;
        if numbers.len() == 2 && pick(10) < walks.wishful {
            let Move { left, op, right, .. } = made;
            lines.push(format!("{left} {} {right} = {target} left {target}\n", op.symbol()));
            moves.push(made);
            lines.extend(render(puzzle, &moves)?.pop().filter(|_| pick(2) == 0));
            return Some(lines);
        }
        let line = step_text(&made, &after);
        if pick(16) == 0 {
            lines.push(garbled(&line, pick));
            return Some(lines);
        }
        lines.push(line);
        moves.push(made);
        if path_poses_test_puzzle(puzzle, &moves) {
            return None;
        }
        let lost = !generator.solver().reachable(&after, target);
        numbers = after;
        if lost && pick(10) >= walks.goes_on {
            return Some(lines);
        }
    }
    let answer = render(puzzle, &moves)?.pop()?;
    lines.push(if pick(4) == 0 { garbled(&answer, pick) } else { answer });
    Some(lines)
}

/// A line with one of its numbers or operators changed.
pub(super) fn garbled(line: &str, pick: Pick<'_>) -> String {
    let mut words: Vec<String> = line.split_inclusive([' ', '\n']).map(str::to_owned).collect();
    let is_changed = |word: &String| {
        let word = word.trim_matches([' ', '\n', '(', ')']);
        matches!(word, "+" | "-" | "*" | "/") || word.parse::<i64>().is_ok()
    };
    let places: Vec<usize> = (0..words.len()).filter(|&at| is_changed(&words[at])).collect();
    let Some(&at) = places.get(pick(places.len().max(1))) else { return line.to_owned() };
    let core = words[at].trim_matches([' ', '\n', '(', ')']).to_owned();
    let other = if let Ok(number) = core.parse::<i64>() {
        let change = 1 + pick(3) as i64;
        if number > change && pick(2) == 0 { number - change } else { number + change }.to_string()
    } else {
        let others: Vec<&str> = ["+", "-", "*", "/"].into_iter().filter(|op| *op != core).collect();
        others[pick(others.len())].to_owned()
    };
    words[at] = words[at].replacen(&core, &other, 1);
    words.concat()
}

#[cfg(test)]
mod tests {
    use espalier_core::Seed;
    use espalier_eval::countdown::pick_from;

    use super::*;

    #[test]
    fn a_garbled_line_differs() {
        let mut pick = pick_from(Seed::run(4));
        for line in ["10 - 6 = 4 left 4 4 5\n", "#ANSWER: ((10 - 6) * 5) + 4"] {
            for _ in 0..50 {
                assert_ne!(garbled(line, &mut pick), line);
            }
        }
    }
}
