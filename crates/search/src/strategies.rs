//! The strategies, one a file; each cites one primary source and lists its deviations.

mod ab_mcts;
mod adaptive_consistency;
mod beam;
mod best_of_n;
mod compute_optimal;
mod dvts;
mod gate;
mod graph;
mod greedy;
mod lookahead;
mod pal;
mod particle_filter;
mod puct;
mod react;
mod rebase;
mod revision;
mod sc_tir;
mod self_consistency;
mod tora;
mod tot_bfs;
mod tot_dfs;
mod uct;

pub use ab_mcts::AbMcts;
pub use adaptive_consistency::AdaptiveConsistency;
pub use beam::Beam;
pub use best_of_n::BestOfN;
pub use compute_optimal::{Bin, ComputeOptimal};
pub use dvts::Dvts;
pub use gate::Gate;
pub use graph::GraphOfThoughts;
pub use greedy::Greedy;
pub use lookahead::Lookahead;
pub use pal::Pal;
pub use particle_filter::ParticleFilter;
pub use puct::Puct;
pub use react::{ReAct, Registry};
pub use rebase::Rebase;
pub use revision::Revision;
pub use sc_tir::{OnFail, ScTir};
pub use self_consistency::SelfConsistency;
pub use tora::ToRa;
pub use tot_bfs::TotBfs;
pub use tot_dfs::TotDfs;
pub use uct::Uct;

/// A strategy cannot be built from these numbers.
#[derive(Debug, Clone, Copy, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum BadStrategy {
    /// A number that must be at least 1 is 0.
    #[error("`{flag}` is 0; give at least 1")]
    Zero {
        /// The number's name, as on the command line.
        flag: &'static str,
    },
    /// The candidates cannot be shared out evenly.
    #[error("`--n` {n} is not a multiple of `--width` {width}; give {width}, {}, … or leave `--n` out", u64::from(*width) * 2)]
    NotMultiple {
        /// Candidates a round.
        n: u32,
        /// Continuations of each kept path.
        width: u32,
    },
    /// The default number of candidates does not fit its type.
    #[error("`--width` {width} is too large: its square is the number of candidates; give `--n`")]
    TooWide {
        /// Continuations of each kept path.
        width: u32,
    },
    /// A number is not one the strategy can work with.
    #[error("`{flag}` is {value}; give {wanted}")]
    OutOfRange {
        /// The number's name, as on the command line.
        flag: &'static str,
        /// The number.
        value: f64,
        /// What it may be.
        wanted: &'static str,
    },
    /// Bins do not part all problems.
    #[error("bin {number} of `--table` {}; bounds are finite and ascend, and the last bin alone has none", ends(*below))]
    Bin {
        /// Which bin, counted from 1.
        number: usize,
        /// Its bound.
        below: Option<f64>,
    },
}

fn ends(below: Option<f64>) -> String {
    below.map_or_else(|| "has no bound".to_owned(), |bound| format!("ends below {bound}"))
}

pub(crate) fn at_least_one(flag: &'static str, number: u32) -> Result<u32, BadStrategy> {
    if number == 0 { Err(BadStrategy::Zero { flag }) } else { Ok(number) }
}

/// `width`, and the candidates of a round: `n`, a multiple of it, or its square where none is given.
fn candidates(width: u32, n: Option<u32>) -> Result<(u32, u32), BadStrategy> {
    let width = at_least_one("--width", width)?;
    let n = match n {
        Some(n) => at_least_one("--n", n)?,
        None => width.checked_mul(width).ok_or(BadStrategy::TooWide { width })?,
    };
    if n.is_multiple_of(width) {
        Ok((width, n))
    } else {
        Err(BadStrategy::NotMultiple { n, width })
    }
}

/// A temperature that divides scores.
fn score_temperature(value: f64) -> Result<f64, BadStrategy> {
    let (flag, wanted) = ("--score-temperature", "a finite number above 0");
    if value.is_finite() && value > 0.0 {
        Ok(value)
    } else {
        Err(BadStrategy::OutOfRange { flag, value, wanted })
    }
}

/// A factor of the bonus for what has been visited little.
fn exploration(value: f64) -> Result<f64, BadStrategy> {
    let (flag, wanted) = ("--exploration", "a finite number of at least 0");
    if value.is_finite() && value >= 0.0 {
        Ok(value)
    } else {
        Err(BadStrategy::OutOfRange { flag, value, wanted })
    }
}

/// A share or a probability that something must reach.
fn share(flag: &'static str, value: f64) -> Result<f64, BadStrategy> {
    let wanted = "a number above 0 and at most 1";
    if value > 0.0 && value <= 1.0 {
        Ok(value)
    } else {
        Err(BadStrategy::OutOfRange { flag, value, wanted })
    }
}
