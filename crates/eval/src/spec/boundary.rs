//! Boundaries: what ends a step, where a run chooses that itself.

use std::fmt;
use std::num::NonZeroU32;
use std::str::FromStr;

use espalier_core::Stops;
use serde::{Deserialize, Serialize};

/// What ends a step.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Boundary {
    /// A line break.
    Newline,
    /// A blank line.
    BlankLine,
    /// The fence that closes a block of code.
    Fence,
    /// So many tokens.
    Tokens(NonZeroU32),
    /// A token of whose distribution the entropy is above so many nats; it begins the next step.
    ///
    /// Source: Wang et al. 2025, <https://arxiv.org/abs/2506.01939>: few tokens have a high entropy, and
    /// they are those at which reasoning takes one way or another.
    Entropy(f32),
}

impl Boundary {
    /// Stops that end steps here, and answers where `stops` do.
    #[must_use]
    pub fn stops(self, stops: &Stops) -> Stops {
        let text = |text: &str| vec![text.to_owned()];
        let none = Stops { end: stops.end.clone(), ..Stops::default() };
        match self {
            Self::Newline => Stops { boundary: text("\n"), ..none },
            Self::BlankLine => Stops { boundary: text("\n\n"), ..none },
            Self::Fence => Stops { fence: Some("```".to_owned()), ..none },
            Self::Tokens(n) => Stops { step_tokens: Some(n), ..none },
            Self::Entropy(nats) => Stops { entropy: Some(nats), ..none },
        }
    }
}

impl fmt::Display for Boundary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Newline => f.write_str("newline"),
            Self::BlankLine => f.write_str("blank-line"),
            Self::Fence => f.write_str("fence"),
            Self::Tokens(n) => write!(f, "tokens:{n}"),
            Self::Entropy(nats) => write!(f, "entropy:{nats}"),
        }
    }
}

/// A text that names no boundary.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` is no step boundary: take `newline`, `blank-line`, `fence`, `tokens:COUNT` with a whole number \
     above 0, or `entropy:NATS` with a number that is not negative"
)]
pub struct BadBoundary(String);

impl FromStr for Boundary {
    type Err = BadBoundary;

    fn from_str(text: &str) -> Result<Self, BadBoundary> {
        let bad = || BadBoundary(text.to_owned());
        match text.split_once(':') {
            None => match text {
                "newline" => Ok(Self::Newline),
                "blank-line" => Ok(Self::BlankLine),
                "fence" => Ok(Self::Fence),
                _ => Err(bad()),
            },
            Some(("tokens", n)) => n.parse().map(Self::Tokens).map_err(|_| bad()),
            Some(("entropy", nats)) => {
                let nats = nats.parse::<f32>().ok().filter(|nats| nats.is_finite() && *nats >= 0.0);
                nats.map(Self::Entropy).ok_or_else(bad)
            }
            Some(_) => Err(bad()),
        }
    }
}

impl TryFrom<String> for Boundary {
    type Error = BadBoundary;

    fn try_from(text: String) -> Result<Self, BadBoundary> {
        text.parse()
    }
}

impl From<Boundary> for String {
    fn from(boundary: Boundary) -> Self {
        boundary.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn boundaries_are_written_as_they_are_read() {
        for text in ["newline", "blank-line", "fence", "tokens:32", "entropy:0.672"] {
            let boundary: Boundary = text.parse().unwrap();
            assert_eq!(boundary.to_string(), text);
            let json = serde_json::to_string(&boundary).unwrap();
            assert_eq!(json, format!("\"{text}\""));
            assert_eq!(serde_json::from_str::<Boundary>(&json).unwrap(), boundary);
        }
        for text in
            ["", "line", "tokens", "tokens:0", "tokens:-1", "entropy:nan", "entropy:-1", "x:1"]
        {
            let error = text.parse::<Boundary>().unwrap_err();
            assert!(error.to_string().starts_with(&format!("`{text}` is no step boundary")));
        }
    }

    #[test]
    fn a_boundary_takes_the_place_of_the_datasets_and_leaves_the_ends() {
        let of = Stops {
            boundary: vec!["\n\n".to_owned()],
            end: vec!["Question:".to_owned()],
            ..Stops::default()
        };
        for boundary in ["newline", "fence", "tokens:3", "entropy:1"] {
            let stops = boundary.parse::<Boundary>().unwrap().stops(&of);
            assert_eq!(stops.end, of.end);
            assert!(!stops.boundary.contains(&"\n\n".to_owned()));
        }
        let stops = Boundary::Tokens(NonZeroU32::MIN).stops(&of);
        assert_eq!((stops.step_tokens, stops.entropy), (Some(NonZeroU32::MIN), None));
    }
}
