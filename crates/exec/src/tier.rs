//! Tiers of isolation: which layers stand between a program and the machine.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// A set of layers. There is nothing between them: a tier whose layers are not all there is not used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Tier {
    /// Namespaces with a root of their own, Landlock, seccomp, limits. The program sees the
    /// interpreter's files, read-only, and a folder of its own in memory.
    #[serde(rename = "full")]
    Full,
    /// Landlock, seccomp, limits: for machines that forbid user namespaces. The program writes no file
    /// at all; it can ask whether a path exists, and its size and times.
    #[serde(rename = "landlock")]
    Landlock,
    /// No isolation, only limits. A program can do whatever the user can.
    #[serde(rename = "none-i-accept-the-risk")]
    None,
}

impl Tier {
    /// All tiers, highest first.
    pub const ALL: [Self; 3] = [Self::Full, Self::Landlock, Self::None];

    /// Its name on the command line and in reports.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Full => "full",
            Self::Landlock => "landlock",
            Self::None => "none-i-accept-the-risk",
        }
    }

    /// What every report of a run on this tier must say, where there is something to say.
    #[must_use]
    pub fn warning(self) -> Option<&'static str> {
        (self == Self::None).then_some(
            "NO ISOLATION: model-written code ran with all rights of the user \
             (sandbox `none-i-accept-the-risk`)",
        )
    }
}

impl fmt::Display for Tier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Which tier a pool stands on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TierChoice {
    /// The highest the machine has, of those that isolate.
    Highest,
    /// This one or none.
    Exactly(Tier),
}

impl FromStr for TierChoice {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text == "highest" {
            return Ok(Self::Highest);
        }
        Tier::ALL.into_iter().find(|tier| tier.name() == text).map(Self::Exactly).ok_or_else(|| {
            format!(
                "unknown tier `{text}`; take `highest`, `full`, `landlock` or \
                 `none-i-accept-the-risk`"
            )
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_back_and_others_refused() {
        for tier in Tier::ALL {
            assert_eq!(tier.name().parse(), Ok(TierChoice::Exactly(tier)));
            assert_eq!(serde_json::to_value(tier).unwrap(), tier.name());
        }
        assert_eq!("highest".parse(), Ok(TierChoice::Highest));
        let error = "none".parse::<TierChoice>().unwrap_err();
        assert!(error.contains("`none`") && error.contains("`landlock`"));
    }

    #[test]
    fn only_no_isolation_warns() {
        assert_eq!(Tier::Full.warning(), None);
        assert_eq!(Tier::Landlock.warning(), None);
        assert!(Tier::None.warning().unwrap().contains("NO ISOLATION"));
    }
}
