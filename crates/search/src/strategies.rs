//! The strategies, one a file; each cites one primary source and lists its deviations.

mod beam;
mod best_of_n;
mod greedy;
mod self_consistency;

pub use beam::Beam;
pub use best_of_n::BestOfN;
pub use greedy::Greedy;
pub use self_consistency::SelfConsistency;

/// A strategy cannot be built from these numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
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
}

fn at_least_one(flag: &'static str, number: u32) -> Result<u32, BadStrategy> {
    if number == 0 { Err(BadStrategy::Zero { flag }) } else { Ok(number) }
}
