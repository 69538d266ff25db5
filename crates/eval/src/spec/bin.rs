//! Bins: problems that are about as hard, and what goes on for them, as data.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::{NextName, Stepwise, StrategySpec};

/// How often `eval beam` draws a round's duplicates anew where nothing else is said.
pub const REDRAWS: u32 = 3;

/// Problems whose first answers have about the same mean score, from the hardest bin on.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Bin {
    /// The bound below which mean scores are of this bin; `None` for the last one.
    pub below: Option<f64>,
    /// What goes on once there are first answers.
    pub then: Then,
}

/// What can go on once there are first answers.
///
/// ```
/// use espalier_eval::Then;
/// assert_eq!("dvts:4:16".parse(), Ok(Then::Dvts { width: 4, n: Some(16) }));
/// assert_eq!(Then::Beam { width: 4, n: None, redraws: 3 }.to_string(), "beam:4");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "name", rename_all = "kebab-case")]
pub enum Then {
    /// Nothing: the first answers are enough.
    Stop,
    /// More answers.
    BestOfN {
        /// How many.
        n: u32,
    },
    /// Beam search over steps.
    Beam {
        /// Continuations of a kept path.
        width: u32,
        /// Candidates in a round; `width`² where not given.
        n: Option<u32>,
        /// How often candidates that equal a sibling are drawn anew in a round; 0 keeps them.
        redraws: u32,
    },
    /// Independent subtrees, each a beam that keeps one path.
    Dvts {
        /// Continuations of a subtree's path.
        width: u32,
        /// Candidates in a round; `width`² where not given.
        n: Option<u32>,
    },
}

impl Then {
    /// The search that goes on; `None` where the first answers are enough.
    #[must_use]
    pub fn spec(self, steps: Stepwise) -> Option<StrategySpec> {
        match self {
            Self::Stop => None,
            Self::BestOfN { n } => {
                let Stepwise { scorer, select, temperature, seed, .. } = steps;
                Some(StrategySpec::BestOfN { n, scorer, select, temperature, seed })
            }
            Self::Beam { width, n, redraws } => {
                let next = NextName::Continue;
                Some(StrategySpec::Beam { width, n, redraws, next, code: None, steps })
            }
            Self::Dvts { width, n } => Some(StrategySpec::Dvts { width, n, steps }),
        }
    }
}

/// An option that cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "option `{text}` is not known: write `stop`, `best-of-n:N`, `beam:WIDTH`, `beam:WIDTH:N`, \
     `dvts:WIDTH` or `dvts:WIDTH:N`, such as `beam:4`"
)]
pub struct UnknownOption {
    /// What was written.
    pub text: String,
}

impl FromStr for Then {
    type Err = UnknownOption;

    fn from_str(text: &str) -> Result<Self, UnknownOption> {
        let bad = || UnknownOption { text: text.to_owned() };
        let mut words = text.split(':');
        let name = words.next().unwrap_or_default();
        let numbers: Vec<u32> =
            words.map(|word| word.parse().map_err(|_| bad())).collect::<Result<_, _>>()?;
        let (redraws, n) = (REDRAWS, numbers.get(1).copied());
        match (name, &numbers[..]) {
            ("stop", []) => Ok(Self::Stop),
            ("best-of-n", &[n]) => Ok(Self::BestOfN { n }),
            ("beam", &[width] | &[width, _]) => Ok(Self::Beam { width, n, redraws }),
            ("dvts", &[width] | &[width, _]) => Ok(Self::Dvts { width, n }),
            _ => Err(bad()),
        }
    }
}

impl fmt::Display for Then {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let candidates = |n: Option<u32>| n.map_or_else(String::new, |n| format!(":{n}"));
        match *self {
            Self::Stop => f.write_str("stop"),
            Self::BestOfN { n } => write!(f, "best-of-n:{n}"),
            Self::Beam { width, n, .. } => write!(f, "beam:{width}{}", candidates(n)),
            Self::Dvts { width, n } => write!(f, "dvts:{width}{}", candidates(n)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_reads_back() {
        for text in ["stop", "best-of-n:16", "beam:4", "beam:4:32", "dvts:4", "dvts:2:16"] {
            assert_eq!(text.parse::<Then>().unwrap().to_string(), text);
        }
        let beam = Then::Beam { width: 4, n: Some(32), redraws: 3 };
        assert_eq!("beam:4:32".parse(), Ok(beam));
        let text = serde_json::to_string(&beam).unwrap();
        assert_eq!(text, r#"{"name":"beam","width":4,"n":32,"redraws":3}"#);
        assert_eq!(serde_json::from_str::<Then>(&text).unwrap(), beam);
        assert_eq!(serde_json::to_string(&Then::Stop).unwrap(), r#"{"name":"stop"}"#);
    }

    #[test]
    fn other_texts_are_refused() {
        for text in
            ["", "stop:1", "best-of-n", "beam", "beam:x", "beam:-1", "beam:4:", "dvts:1:2:3"]
        {
            let error = text.parse::<Then>().unwrap_err().to_string();
            assert!(error.starts_with(&format!("option `{text}` is not known: write `stop`")));
        }
    }
}
