//! The house model's training data: puzzles solved for the policy, and puzzles for the reward model's walks.
//!
//! Both are made from the training puzzles of the Game of 24 and from drawn Countdown puzzles. No puzzle
//! has the numbers of a test puzzle, and no state of a path poses one.

use std::ops::RangeInclusive;

use espalier_core::Seed;
use espalier_eval::countdown::{
    GenerateError, Generator, Move, Puzzle, Ranges, Solver, Split, path_poses_test_puzzle,
    path_truth, pick_from, render, split, step_text, train_puzzles,
};

use super::endings::ending;
use super::vocabulary::length;
use super::walks::{Walks, first_steps, walk};
use crate::examples::{Arrangement, Labelled, Supervised};

/// Draws below a number, uniformly.
pub(super) type Pick<'a> = &'a mut dyn FnMut(usize) -> usize;

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
    /// Of ten puzzles of the first three kinds, those that show all good first steps, without what comes
    /// of them, instead of one solution: that step is the hardest, and whole solutions show one of them
    /// in fifty tokens.
    pub first_steps: usize,
    /// Of the same ten, those that show all good second steps after one good first step.
    pub second_steps: usize,
}

impl Mixture {
    /// Whole solutions: how steps are written, which sums are true, how an answer is put together.
    pub const WHOLE: Self =
        Self { game: 5, wide: 0, near: 0, small: 4, large: 1, first_steps: 0, second_steps: 0 };

    /// Many puzzles with the game's target and with targets near it, and their first steps above all.
    pub const FIRST_STEPS: Self =
        Self { game: 1, wide: 3, near: 6, small: 3, large: 1, first_steps: 8, second_steps: 0 };

    /// The same, and their second steps too.
    pub const BOTH_STEPS: Self = Self { first_steps: 4, second_steps: 4, ..Self::FIRST_STEPS };
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
        let Mixture { game, wide, near, small, large, first_steps, second_steps } = mixture;
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
            let shown = if draw < game + wide + near { pick(10) } else { 10 };
            if shown < first_steps + second_steps {
                let solver = generator.solver();
                let before = if shown < first_steps {
                    Vec::new()
                } else {
                    some(solver.plain_good_moves(&puzzle.start(), puzzle.target()), 1, &mut pick)
                };
                if let Some(example) = begun(&puzzle, &before, solver, &mut pick) {
                    return Ok(example);
                }
            }
            let Some(moves) = generator.path(&puzzle, &mut pick) else { continue };
            let Some(steps) = render(&puzzle, &moves) else { continue };
            let completion = Some(steps.concat());
            return Ok(Supervised { prompt, completion, ..Supervised::default() });
        }
    }

    /// A solution of a puzzle, all of whose moves are drawn evenly from those that keep the target in reach;
    /// `None` where there is none, or it poses a test puzzle.
    pub(super) fn solution(&mut self, puzzle: &Puzzle, pick: Pick<'_>) -> Option<Vec<Move>> {
        self.small.path(puzzle, pick)
    }

    /// The `index`-th puzzle on which a policy shows what it writes: three of five are training puzzles of
    /// the Game of 24, the others have its target and numbers up to 20.
    ///
    /// # Errors
    ///
    /// [`GenerateError`] where no puzzle can be drawn.
    pub fn posed(&mut self, seed: Seed, index: u64) -> Result<Puzzle, GenerateError> {
        let mut pick = pick_from(seed.fold(index));
        if pick(5) < 3 {
            return Ok(self.game[pick(self.game.len())].clone());
        }
        drawn(&mut self.wide, &mut pick).map(|(puzzle, _)| puzzle)
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
            if walks.ending(0).is_some()
                && puzzle.numbers().len() <= 4
                && let Some(what) = walks.ending(pick(10))
            {
                let Some(example) = ending(&puzzle, what, generator, &mut pick) else { continue };
                return Ok(example);
            }
            let Some(steps) = walk(&puzzle, walks, generator, &mut pick) else { continue };
            let labels = path_truth(generator.solver(), &puzzle, &steps.concat());
            let tokens = length(&prompt) + steps.iter().map(|step| length(step)).sum::<usize>();
            // An answer ends with a token more.
            if labels.len() == steps.len() && tokens < ROW {
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

/// How much the good steps of a state count together, where a token of a whole solution counts 1.
const GOOD_STEPS: f32 = 4.0;

/// How each good move after the moves `before` begins; `None` where there is none, or it poses a test
/// puzzle.
fn begun(
    puzzle: &Puzzle,
    before: &[Move],
    solver: &mut Solver,
    pick: Pick<'_>,
) -> Option<Supervised> {
    let (mut numbers, mut prompt) = (puzzle.start(), prompt(puzzle));
    for made in before {
        numbers = numbers.after(made)?;
        prompt += &step_text(made, &numbers);
    }
    if path_poses_test_puzzle(puzzle, before) {
        return None;
    }
    let moves = solver.plain_good_moves(&numbers, puzzle.target());
    let begin = |made: &Move| format!("{} {} {} = ", made.left, made.op.symbol(), made.right);
    let mut alternatives = some(moves.iter().map(begin).collect(), ALTERNATIVES, pick);
    fit(&mut alternatives, SIBLING_TOKENS);
    let example =
        Supervised { prompt, alternatives, weight: Some(GOOD_STEPS), ..Supervised::default() };
    (!example.alternatives.is_empty()).then_some(example)
}

/// The tokens of a row of a batch.
const ROW: usize = 112;

/// Tokens that steps side by side may have: with their question they fit a row.
pub(super) const SIBLING_TOKENS: usize = ROW - 16;

pub(super) fn label(good: bool) -> f32 {
    f32::from(u8::from(good))
}

/// Drops the last lines until the rest have no more than `room` tokens.
pub(super) fn fit(lines: &mut Vec<String>, room: usize) {
    // A word is a token, a fraction three, a number of three digits or more up to one a digit.
    let tokens = |word: &str| match word.len() {
        1 | 2 => 1,
        _ if word == "left" => 1,
        len => len,
    };
    let of_line = |line: &String| 1 + line.split_whitespace().map(tokens).sum::<usize>();
    while lines.iter().map(of_line).sum::<usize>() > room {
        lines.pop();
    }
}

/// At most `count` of all, drawn evenly.
pub(super) fn some<T>(mut all: Vec<T>, count: usize, pick: Pick<'_>) -> Vec<T> {
    while all.len() > count {
        all.swap_remove(pick(all.len()));
    }
    all
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

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use espalier_eval::countdown::{Solver, is_correct, test_puzzles};

    use super::super::walks::lines;
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
                let whole: Vec<String> = lines(&puzzle, &all)
                    .into_iter()
                    .filter(|line| line.starts_with(begun))
                    .collect();
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
            let (question, before) = example.prompt.split_once('\n').unwrap();
            let puzzle = Puzzle::parse(question).unwrap();
            let truth = match example.arrangement {
                Arrangement::Path => path_truth(&mut solver, &puzzle, &example.steps.concat()),
                Arrangement::Siblings => {
                    let of = |step: &String| {
                        path_truth(&mut solver, &puzzle, &format!("{before}{step}")).pop().unwrap()
                    };
                    example.steps.iter().map(of).collect()
                }
            };
            let labels: Vec<bool> = example.labels.iter().map(|label| *label > 0.5).collect();
            assert_eq!(truth, labels, "{example:?}");
            good += labels.iter().filter(|label| **label).count();
            bad += labels.iter().filter(|label| !**label).count();
            if example.ended {
                for label in &labels {
                    answers[usize::from(*label)] += 1;
                }
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
}
