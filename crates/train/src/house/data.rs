//! The house model's training data: puzzles solved for the policy, walks judged for the reward model.
//!
//! Both are made from the training puzzles of the Game of 24 and from drawn Countdown puzzles. No puzzle
//! has the numbers of a test puzzle, and no state of a path poses one.

use std::ops::RangeInclusive;

use espalier_core::Seed;
use espalier_eval::countdown::{
    GenerateError, Generator, Move, Puzzle, Ranges, Solver, Split, path_poses_test_puzzle,
    path_truth, pick_from, render, split, step_text, train_puzzles,
};

use crate::examples::{Arrangement, Labelled, Supervised};

/// Draws below a number, uniformly.
type Pick<'a> = &'a mut dyn FnMut(usize) -> usize;

/// Makes puzzles and examples.
#[derive(Debug)]
pub struct Source {
    /// The training puzzles of the Game of 24.
    game: Vec<Puzzle>,
    /// The game's target from four numbers up to 20.
    wide: Generator,
    /// The game's numbers, with targets around its own.
    near: Generator,
    /// Countdown with three or four numbers.
    small: Generator,
    /// Countdown with five numbers.
    large: Generator,
}

/// What a policy's puzzles are, in parts of their sum.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Mixture {
    /// Training puzzles of the Game of 24.
    pub game: usize,
    /// Its target from four numbers up to 20, which hold the game's states and many more.
    pub wide: usize,
    /// Its numbers with targets around its own: too many to know by heart.
    pub near: usize,
    /// Countdown with three or four numbers.
    pub small: usize,
    /// Countdown with five numbers.
    pub large: usize,
    /// Of ten puzzles of these three kinds, those that show all good first steps, without what comes of
    /// them, instead of one solution: that step is the hardest, and whole solutions show one of them in
    /// fifty tokens.
    pub first_steps: usize,
}

impl Mixture {
    /// Whole solutions: how steps are written, which sums are true, how an answer is put together.
    pub const WHOLE: Self = Self { game: 5, wide: 0, near: 0, small: 4, large: 1, first_steps: 0 };

    /// Many puzzles with the game's target, and their first steps above all.
    pub const FIRST_STEPS: Self = Self { game: 1, wide: 3, near: 6, small: 3, large: 1, first_steps: 8 };
}

/// What a reward model's examples are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Walks {
    /// Of ten puzzles with four numbers, those that show first steps side by side.
    pub side_by_side: usize,
    /// Of ten walks that have gone astray, those that go on at each step.
    pub goes_on: usize,
    /// Of ten last moves, those that only claim the target, as a policy writes them that has gone astray.
    pub wishful: usize,
}

impl Walks {
    /// First steps above all: their worth is the hardest to tell.
    pub const FIRST_STEPS: Self = Self { side_by_side: 7, goes_on: 6, wishful: 3 };

    /// Walks to their end, with claims that sums do not bear out.
    pub const TO_THE_END: Self = Self { side_by_side: 4, goes_on: 8, wishful: 4 };
}

/// What a policy reads before it begins: the question and a newline.
#[must_use]
pub fn prompt(puzzle: &Puzzle) -> String {
    format!("{}\n", puzzle.question())
}

/// The target of the game.
const GAME: i64 = 24;

/// Targets around it.
const NEAR: RangeInclusive<i64> = 12..=36;

impl Source {
    /// A source of puzzles.
    ///
    /// # Errors
    ///
    /// [`GenerateError`] if the ranges below make no puzzles.
    pub fn new() -> Result<Self, GenerateError> {
        let ranges = |sizes, targets| Ranges { sizes, numbers: 1..=20, targets };
        let near = Ranges { sizes: 4..=4, numbers: 1..=13, targets: NEAR };
        Ok(Self {
            game: train_puzzles(),
            wide: Generator::new(ranges(4..=4, GAME..=GAME))?,
            near: Generator::new(near)?,
            small: Generator::new(ranges(3..=4, 1..=100))?,
            large: Generator::new(ranges(5..=5, 1..=100))?,
        })
    }

    /// The `index`-th example for a policy: a puzzle and one of its solutions, all of whose moves are
    /// drawn evenly from those that keep the target in reach; or a puzzle and how each of its good first
    /// moves begins.
    ///
    /// # Errors
    ///
    /// [`GenerateError`] where no puzzle can be drawn.
    pub fn solved(
        &mut self,
        mixture: Mixture,
        seed: Seed,
        index: u64,
    ) -> Result<Supervised, GenerateError> {
        let mut pick = pick_from(seed.fold(index));
        let Mixture { game, wide, near, small, large, first_steps } = mixture;
        loop {
            let draw = pick(game + wide + near + small + large);
            let (puzzle, generator) = if draw < game {
                (self.game[pick(self.game.len())].clone(), &mut self.small)
            } else if draw < game + wide {
                drawn(&mut self.wide, &mut pick)?
            } else if draw < game + wide + near {
                drawn(&mut self.near, &mut pick)?
            } else if draw < game + wide + near + small {
                drawn(&mut self.small, &mut pick)?
            } else {
                drawn(&mut self.large, &mut pick)?
            };
            let prompt = prompt(&puzzle);
            if draw < game + wide + near && pick(10) < first_steps {
                let moves = generator.solver().plain_good_moves(&puzzle.start(), puzzle.target());
                let begun = moves.iter().map(|Move { left, op, right, .. }| {
                    format!("{left} {} {right} = ", op.symbol())
                });
                let mut alternatives = some(begun.collect(), ALTERNATIVES, &mut pick);
                fit(&mut alternatives);
                if !alternatives.is_empty() {
                    let weight = Some(FIRST_STEP);
                    return Ok(Supervised { prompt, alternatives, weight, ..Supervised::default() });
                }
            }
            let Some(moves) = generator.path(&puzzle, &mut pick) else { continue };
            let Some(steps) = render(&puzzle, &moves) else { continue };
            let completion = Some(steps.concat());
            return Ok(Supervised { prompt, completion, ..Supervised::default() });
        }
    }

    /// The `index`-th example for a reward model: first steps of one puzzle side by side, or a walk of moves
    /// of which some lead astray, each line labelled with the solver's truth ([`path_truth`]).
    ///
    /// Of ten puzzles six have four numbers up to 13 and the target 24, two numbers up to 20, whether or
    /// not they can be solved; two are Countdown with three to five numbers.
    ///
    /// # Errors
    ///
    /// [`GenerateError`] where no puzzle can be drawn.
    pub fn judged(
        &mut self,
        walks: Walks,
        seed: Seed,
        index: u64,
    ) -> Result<Labelled, GenerateError> {
        let mut pick = pick_from(seed.fold(index));
        loop {
            let (puzzle, generator) = match pick(20) {
                0..=11 => (four_of(13, &mut pick)?, &mut self.small),
                12..=15 => (four_of(20, &mut pick)?, &mut self.small),
                16..=18 => drawn(&mut self.small, &mut pick)?,
                _ => drawn(&mut self.large, &mut pick)?,
            };
            let prompt = prompt(&puzzle);
            let solver = generator.solver();
            if puzzle.numbers().len() == 4 && pick(10) < walks.side_by_side {
                let steps = first_steps(&puzzle, solver, &mut pick);
                let truth = |step: &String| path_truth(solver, &puzzle, step) == [true];
                let labels = steps.iter().map(truth).map(label).collect();
                let (ended, arrangement) = (false, Arrangement::Siblings);
                return Ok(Labelled { prompt, steps, labels, ended, arrangement });
            }
            let Some(steps) = walk(&puzzle, walks, generator, &mut pick) else { continue };
            let labels = path_truth(generator.solver(), &puzzle, &steps.concat());
            if labels.len() == steps.len() {
                let ended = steps.last().is_some_and(|step| !step.ends_with('\n'));
                let labels = labels.into_iter().map(label).collect();
                let arrangement = Arrangement::Path;
                return Ok(Labelled { prompt, steps, labels, ended, arrangement });
            }
        }
    }
}

/// First steps of a puzzle that a policy is shown at once, at most.
const ALTERNATIVES: usize = 16;

/// How much the first steps of a puzzle count together, where a token of a whole solution counts 1.
const FIRST_STEP: f32 = 4.0;

/// First steps that a reward model is shown side by side, at most.
const SIBLINGS: usize = 9;

/// Tokens that first steps side by side may have: with their question they fit a row of 112.
const SIBLING_TOKENS: usize = 96;

fn label(good: bool) -> f32 {
    f32::from(u8::from(good))
}

/// First steps of a puzzle, up to half of them good, one in sixteen garbled.
fn first_steps(puzzle: &Puzzle, solver: &mut Solver, pick: Pick<'_>) -> Vec<String> {
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
    fit(&mut steps);
    steps
}

/// The lines of several moves of a puzzle.
fn lines(puzzle: &Puzzle, moves: &[Move]) -> Vec<String> {
    let start = puzzle.start();
    let line = |made: &Move| start.after(made).map(|after| step_text(made, &after));
    moves.iter().filter_map(line).collect()
}

/// Drops the last lines until the rest have few enough tokens.
fn fit(lines: &mut Vec<String>) {
    // A word is a token, a fraction three, a number of three digits or more up to one a digit.
    let tokens = |word: &str| match word.len() {
        1 | 2 => 1,
        _ if word == "left" => 1,
        len => len,
    };
    let of_line = |line: &String| 1 + line.split_whitespace().map(tokens).sum::<usize>();
    while lines.iter().map(of_line).sum::<usize>() > SIBLING_TOKENS {
        lines.pop();
    }
}

/// At most `count` of the lines, drawn evenly.
fn some(mut lines: Vec<String>, count: usize, pick: Pick<'_>) -> Vec<String> {
    while lines.len() > count {
        lines.swap_remove(pick(lines.len()));
    }
    lines
}

/// A drawn puzzle whose numbers are no test puzzle's, whatever its target, and who drew it.
fn drawn<'a>(
    generator: &'a mut Generator,
    pick: Pick<'_>,
) -> Result<(Puzzle, &'a mut Generator), GenerateError> {
    loop {
        let puzzle = generator.puzzle(pick)?;
        if split(puzzle.numbers()) == Split::Train {
            return Ok((puzzle, generator));
        }
    }
}

/// Four numbers up to `largest` and the game's target, with or without a solution; no test puzzle.
fn four_of(largest: usize, pick: Pick<'_>) -> Result<Puzzle, GenerateError> {
    loop {
        let numbers = [(); 4].map(|()| 1 + pick(largest) as i64);
        if split(&numbers) == Split::Train {
            return Ok(Puzzle::new(&numbers, GAME)?);
        }
    }
}

/// The lines of a walk; `None` where it poses a test puzzle or cannot be written.
///
/// At each state, a move that keeps the target in reach as often as one that does not. One line in sixteen
/// is garbled, so that sums are checked too, and one answer in four.
fn walk(
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
fn garbled(line: &str, pick: Pick<'_>) -> String {
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
    use std::collections::BTreeSet;

    use espalier_eval::countdown::{Solver, is_correct, test_puzzles};

    use super::*;

    #[test]
    fn what_a_policy_learns_solves_its_puzzle_and_no_test_puzzle() {
        let mut source = Source::new().unwrap();
        let test: BTreeSet<Vec<i64>> =
            test_puzzles().iter().map(|puzzle| puzzle.numbers().to_vec()).collect();
        let (mut solver, mut ended) = (Solver::new(), 0);
        for index in 0..400 {
            let example = source.solved(Mixture::FIRST_STEPS, Seed::run(1), index).unwrap();
            let puzzle = Puzzle::parse(example.prompt.trim()).unwrap();
            assert!(!test.contains(puzzle.numbers()), "{example:?}");
            let (start, all) = (puzzle.start(), puzzle.start().moves());
            for begun in &example.alternatives {
                let whole: Vec<String> =
                    lines(&puzzle, &all).into_iter().filter(|line| line.starts_with(begun)).collect();
                assert!(!whole.is_empty(), "{example:?}");
                for step in whole {
                    assert_eq!(path_truth(&mut solver, &puzzle, &step), [true], "{example:?}");
                }
            }
            let good = solver.plain_good_moves(&start, puzzle.target()).len();
            let shown = example.alternatives.len();
            assert!(shown <= good.min(ALTERNATIVES), "{example:?}");
            if let Some(text) = &example.completion {
                assert!(is_correct(&puzzle, text.lines().last().unwrap()), "{example:?}");
                assert!(path_truth(&mut solver, &puzzle, text).iter().all(|good| *good));
                ended += 1;
            }
        }
        assert!((150..260).contains(&ended), "{ended}");
    }

    #[test]
    fn what_a_reward_model_learns_is_the_truth_and_of_both_kinds() {
        let mut source = Source::new().unwrap();
        let mut solver = Solver::new();
        let (mut good, mut bad, mut answers) = (0, 0, [0, 0]);
        for index in 0..600 {
            let example = source.judged(Walks::TO_THE_END, Seed::run(2), index).unwrap();
            let puzzle = Puzzle::parse(example.prompt.trim()).unwrap();
            let truth = match example.arrangement {
                Arrangement::Path => path_truth(&mut solver, &puzzle, &example.steps.concat()),
                Arrangement::Siblings => {
                    let of = |step: &String| path_truth(&mut solver, &puzzle, step)[0];
                    example.steps.iter().map(of).collect()
                }
            };
            let labels: Vec<bool> = example.labels.iter().map(|label| *label > 0.5).collect();
            assert_eq!(truth, labels, "{example:?}");
            good += labels.iter().filter(|label| **label).count();
            bad += labels.iter().filter(|label| !**label).count();
            if example.ended {
                answers[usize::from(labels[labels.len() - 1])] += 1;
            }
        }
        assert!(good > 200 && bad > 200, "{good} {bad}");
        assert!(answers.iter().all(|n| *n > 10), "{answers:?}");
    }

    #[test]
    fn examples_depend_on_seed_and_index_alone() {
        let (whole, walks) = (Mixture::WHOLE, Walks::FIRST_STEPS);
        let mut one = Source::new().unwrap();
        let mut other = Source::new().unwrap();
        drop(other.solved(whole, Seed::run(1), 7).unwrap());
        let seed = Seed::run(3);
        assert_eq!(one.solved(whole, seed, 5).unwrap(), other.solved(whole, seed, 5).unwrap());
        assert_eq!(one.judged(walks, seed, 5).unwrap(), other.judged(walks, seed, 5).unwrap());
        assert_ne!(one.solved(whole, seed, 5).unwrap(), one.solved(whole, seed, 6).unwrap());
    }

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
