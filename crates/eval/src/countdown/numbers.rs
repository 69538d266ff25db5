//! Numbers in play: a sorted multiset of at most six, a state of a puzzle.

use std::fmt;

use num_rational::Ratio;

use super::{Move, Number, Op};

/// The most numbers a puzzle has.
pub const MAX_NUMBERS: usize = 6;

/// A multiset of at most [`MAX_NUMBERS`] numbers, in ascending order.
///
/// ```
/// use espalier_eval::countdown::Numbers;
/// let numbers = Numbers::of_integers(&[10, 4, 6, 5]).unwrap();
/// assert_eq!(numbers.to_string(), "4 5 6 10");
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Numbers {
    len: usize,
    /// Zeros from `len` on.
    values: [Number; MAX_NUMBERS],
}

impl Numbers {
    /// The multiset of `values`; `None` for more than [`MAX_NUMBERS`].
    #[must_use]
    pub fn new(values: &[Number]) -> Option<Self> {
        let mut numbers = Self { len: 0, values: [Ratio::new_raw(0, 1); MAX_NUMBERS] };
        for value in values {
            numbers = numbers.with(*value)?;
        }
        Some(numbers)
    }

    /// The multiset of `values`; `None` for more than [`MAX_NUMBERS`].
    #[must_use]
    pub fn of_integers(values: &[i64]) -> Option<Self> {
        Self::new(&values.iter().map(|value| Ratio::from_integer(*value)).collect::<Vec<_>>())
    }

    /// The numbers, in ascending order.
    #[must_use]
    pub fn values(&self) -> &[Number] {
        &self.values[..self.len]
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.len
    }

    /// Returns true if and only if there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Returns true if and only if there is one number, and it is `target`.
    #[must_use]
    pub fn is_solved(&self, target: i64) -> bool {
        self.values() == [Ratio::from_integer(target)]
    }

    /// All legal moves, each once, in a fixed order: by the smaller operand, then the larger, then the
    /// operation.
    ///
    /// Sums and products are written with the smaller operand on the left; differences and quotients of
    /// unequal numbers go both ways, and a negative result is legal.
    #[must_use]
    pub fn moves(&self) -> Vec<Move> {
        let mut moves = Vec::new();
        self.each_move(|made, _| {
            moves.push(made);
            false
        });
        moves
    }

    /// The numbers after a move; `None` where its operands are not here or its arithmetic is wrong.
    #[must_use]
    pub fn after(&self, made: &Move) -> Option<Self> {
        if made.op.apply(made.left, made.right) != Some(made.result) {
            return None;
        }
        self.without(made.left)?.without(made.right)?.with(made.result)
    }

    /// Calls `stop` with every legal move and the numbers after it, until it returns true; returns true
    /// if and only if it did.
    pub(super) fn each_move(&self, mut stop: impl FnMut(Move, Self) -> bool) -> bool {
        let values = self.values();
        for (i, &small) in values.iter().enumerate() {
            if i > 0 && values[i - 1] == small {
                continue;
            }
            for j in i + 1..values.len() {
                let large = values[j];
                if j > i + 1 && values[j - 1] == large {
                    continue;
                }
                let rest = self.without_at(j).without_at(i);
                for op in Op::ALL {
                    let turned = matches!(op, Op::Sub | Op::Div) && small != large;
                    let orders = [(small, large), (large, small)];
                    for (left, right) in orders.into_iter().take(1 + usize::from(turned)) {
                        let Some(result) = op.apply(left, right) else { continue };
                        let Some(after) = rest.with(result) else { continue };
                        if stop(Move { left, op, right, result }, after) {
                            return true;
                        }
                    }
                }
            }
        }
        false
    }

    fn with(mut self, value: Number) -> Option<Self> {
        if self.len == MAX_NUMBERS {
            return None;
        }
        let mut at = self.len;
        while at > 0 && self.values[at - 1] > value {
            self.values[at] = self.values[at - 1];
            at -= 1;
        }
        self.values[at] = value;
        self.len += 1;
        Some(self)
    }

    fn without(self, value: Number) -> Option<Self> {
        let at = self.values().iter().position(|held| *held == value)?;
        Some(self.without_at(at))
    }

    fn without_at(mut self, at: usize) -> Self {
        self.values.copy_within(at + 1..self.len, at);
        self.len -= 1;
        self.values[self.len] = Ratio::new_raw(0, 1);
        self
    }
}

impl fmt::Display for Numbers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, value) in self.values().iter().enumerate() {
            write!(f, "{}{value}", if at == 0 { "" } else { " " })?;
        }
        Ok(())
    }
}

impl fmt::Debug for Numbers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Numbers({self})")
    }
}
