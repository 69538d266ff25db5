//! A program: the code of one call, and the blocks it builds on.

use std::time::Duration;

use espalier_core::Seed;
use serde::{Deserialize, Serialize};

/// Whether the value of a last expression is printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Echo {
    /// As `python file.py`: nothing is printed by itself.
    Off,
    /// As a notebook: the value of a last expression is printed, unless it is `None`.
    LastExpression,
}

/// What is run: the earlier blocks silently, then the code.
///
/// A block that fails leaves what it did before it failed, as in a notebook.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Program {
    /// Blocks whose state the code builds on, oldest first; what they write is thrown away.
    pub earlier: Vec<String>,
    /// The code.
    pub code: String,
    /// The source of the program's random numbers (`random`, `numpy.random`, `sympy`): the `i`-th block
    /// starts from the `i`-th seed folded from it, so a replay draws what the block itself drew.
    pub seed: Seed,
    /// Whether a last expression is printed.
    pub echo: Echo,
    /// CPU time that the earlier blocks are known to need, beyond the limit of a run; time on the clock
    /// is given four times as much.
    pub replay: Duration,
}

impl Program {
    /// A program of one block that prints nothing by itself.
    pub fn new(code: impl Into<String>, seed: Seed) -> Self {
        Self {
            earlier: Vec::new(),
            code: code.into(),
            seed,
            echo: Echo::Off,
            replay: Duration::ZERO,
        }
    }
}
