//! Solvers: whether numbers still reach a target, remembered from one question to the next.

use std::collections::BTreeMap;

use super::{MAX_NUMBERS, Move, Number, Numbers, Op, Puzzle};

/// States remembered, at most: less than 60 MB. Then all are forgotten, which changes no answer.
const MAX_STATES: usize = 1 << 18;

/// Says which numbers reach a target, and how.
///
/// # Complexity
///
/// Exhaustive. On one core a fresh puzzle of four numbers takes tens of microseconds, one of five about
/// a millisecond, one of six tens of milliseconds.
///
/// ```
/// use espalier_eval::countdown::{Numbers, Solver};
/// let mut solver = Solver::new();
/// let mut reaches = |numbers: &[i64]| solver.reachable(&Numbers::of_integers(numbers).unwrap(), 24);
/// assert!(reaches(&[3, 3, 8, 8])); // 8 / (3 - 8 / 3)
/// assert!(!reaches(&[1, 1, 1, 1]));
/// ```
#[derive(Debug, Default)]
pub struct Solver {
    known: BTreeMap<Key, bool>,
}

/// Which moves count.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Rule {
    /// All legal moves.
    Legal,
    /// Those without a negative result.
    Plain,
}

/// A state, with numbers as numerators and denominators, which compare faster than their values.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Key {
    target: i64,
    rule: Rule,
    numbers: [(i64, i64); MAX_NUMBERS],
}

impl Solver {
    /// A solver that remembers nothing yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Returns true if and only if `target` can be reached from `numbers` by legal moves.
    #[must_use]
    pub fn reachable(&mut self, numbers: &Numbers, target: i64) -> bool {
        self.reaches(numbers, target, Rule::Legal)
    }

    /// Returns true if and only if `target` can be reached from `numbers` by moves without a negative
    /// result.
    #[must_use]
    pub fn plain_reachable(&mut self, numbers: &Numbers, target: i64) -> bool {
        self.reaches(numbers, target, Rule::Plain)
    }

    /// The legal moves after which `target` can still be reached by legal moves.
    #[must_use]
    pub fn good_moves(&mut self, numbers: &Numbers, target: i64) -> Vec<Move> {
        self.good(numbers, target, Rule::Legal)
    }

    /// The moves without a negative result after which `target` can still be reached by such moves.
    #[must_use]
    pub fn plain_good_moves(&mut self, numbers: &Numbers, target: i64) -> Vec<Move> {
        self.good(numbers, target, Rule::Plain)
    }

    /// A solution without negative results: at every state, one of [`Self::plain_good_moves`].
    /// `None` where there is no such solution.
    ///
    /// `pick(n)` draws a number below `n`, uniformly for uniform moves.
    #[must_use]
    pub fn sample_solution(
        &mut self,
        puzzle: &Puzzle,
        pick: &mut dyn FnMut(usize) -> usize,
    ) -> Option<Vec<Move>> {
        self.sample_where(puzzle, pick, &|_| true)
    }

    /// As [`Self::sample_solution`], through numbers that `admits` alone. `None` also where a state is
    /// met that leads to no admitted one.
    pub(super) fn sample_where(
        &mut self,
        puzzle: &Puzzle,
        pick: &mut dyn FnMut(usize) -> usize,
        admits: &dyn Fn(&Numbers) -> bool,
    ) -> Option<Vec<Move>> {
        let mut numbers = puzzle.start();
        let mut moves = Vec::with_capacity(numbers.len());
        while numbers.len() > 1 {
            let mut good = self.plain_good_moves(&numbers, puzzle.target());
            good.retain(|made| numbers.after(made).is_some_and(|after| admits(&after)));
            if good.is_empty() {
                return None;
            }
            let made = good[pick(good.len()).min(good.len() - 1)];
            numbers = numbers.after(&made)?;
            moves.push(made);
        }
        numbers.is_solved(puzzle.target()).then_some(moves)
    }

    fn good(&mut self, numbers: &Numbers, target: i64, rule: Rule) -> Vec<Move> {
        let mut good = Vec::new();
        numbers.each_move(|made, after| {
            if rule.admits(&made) && self.reaches(&after, target, rule) {
                good.push(made);
            }
            false
        });
        good
    }

    fn reaches(&mut self, numbers: &Numbers, target: i64, rule: Rule) -> bool {
        match *numbers.values() {
            [] => return false,
            [value] => return value == Number::from_integer(target),
            [small, large] => {
                return (target >= 0 || rule == Rule::Legal) && pair_reaches(small, large, target);
            }
            _ => {}
        }
        let key = Key::new(numbers, target, rule);
        if let Some(known) = self.known.get(&key) {
            return *known;
        }
        let found = numbers
            .each_move(|made, after| rule.admits(&made) && self.reaches(&after, target, rule));
        if self.known.len() >= MAX_STATES {
            self.known.clear();
        }
        self.known.insert(key, found);
        found
    }
}

impl Rule {
    fn admits(self, made: &Move) -> bool {
        self == Self::Legal || made.is_plain()
    }
}

impl Key {
    fn new(numbers: &Numbers, target: i64, rule: Rule) -> Self {
        let mut key = Self { target, rule, numbers: [(0, 0); MAX_NUMBERS] };
        for (slot, value) in key.numbers.iter_mut().zip(numbers.values()) {
            *slot = (*value.numer(), *value.denom());
        }
        key
    }
}

/// Returns true if and only if one operation on the two comes to `target`. Most states are pairs, so
/// that what is compared is not reduced first.
fn pair_reaches(a: Number, b: Number, target: i64) -> bool {
    let ([an, ad], [bn, bd]) = ([*a.numer(), *a.denom()], [*b.numer(), *b.denom()]);
    if [an, ad, bn, bd, target].iter().all(|part| part.unsigned_abs() < 1 << 20) {
        let (x, y, whole) = (an * bd, bn * ad, target * ad * bd);
        return x + y == whole
            || x - y == whole
            || y - x == whole
            || an * bn == whole
            || (y != 0 && x == target * y)
            || (x != 0 && y == target * x);
    }
    let target = Number::from_integer(target);
    let is = |op: Op, a, b| op.apply(a, b) == Some(target);
    Op::ALL.into_iter().any(|op| is(op, a, b) || is(op, b, a))
}
