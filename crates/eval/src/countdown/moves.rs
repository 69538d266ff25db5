//! Moves: two numbers become one.

use std::fmt;

use super::{Number, Op};

/// One operation on two of the numbers in play.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Move {
    /// The left operand.
    pub left: Number,
    /// The operation.
    pub op: Op,
    /// The right operand.
    pub right: Number,
    /// What it comes to.
    pub result: Number,
}

impl Move {
    /// The move `left` op `right`; `None` where the operation has no result.
    #[must_use]
    pub fn new(left: Number, op: Op, right: Number) -> Option<Self> {
        op.apply(left, right).map(|result| Self { left, op, right, result })
    }

    /// Returns true if and only if its result is not negative, as people play.
    #[must_use]
    pub fn is_plain(&self) -> bool {
        *self.result.numer() >= 0
    }
}

impl fmt::Display for Move {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} {} = {}", self.left, self.op, self.right, self.result)
    }
}
