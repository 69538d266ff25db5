//! A diagnosis: each layer of the sandbox, probed by itself on this machine.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::Tier;

/// One layer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Layer {
    /// Its name.
    pub name: String,
    /// What it is like, or why it is missing.
    pub state: Result<String, String>,
    /// The tiers that cannot do without it.
    pub required_by: Vec<Tier>,
    /// What to do where it is missing.
    pub remedy: String,
}

/// All layers and what follows from them.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Diagnosis {
    /// The kernel's name and version.
    pub kernel: String,
    /// The layers, in the order in which a sandbox is built.
    pub layers: Vec<Layer>,
    /// The highest tier on which a worker started and refused what it must refuse.
    pub tier: Option<Tier>,
}

impl fmt::Display for Diagnosis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "kernel: {}", self.kernel)?;
        let mut said = "";
        for layer in &self.layers {
            match &layer.state {
                Ok(how) => writeln!(f, "  ok       {}: {how}", layer.name)?,
                Err(why) if layer.required_by.is_empty() => {
                    writeln!(f, "  absent   {}: {why}", layer.name)?;
                }
                Err(why) => {
                    writeln!(f, "  MISSING  {}: {why}", layer.name)?;
                    if layer.remedy != said {
                        let tiers: Vec<&str> =
                            layer.required_by.iter().map(|tier| tier.name()).collect();
                        writeln!(f, "           needed by {}: {}", tiers.join(", "), layer.remedy)?;
                        said = &layer.remedy;
                    }
                }
            }
        }
        match self.tier {
            Some(tier) => write!(f, "tier: {tier}"),
            None => f.write_str("tier: none that isolates; nothing will be run"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_missing_says_who_needs_it_and_what_to_do_once() {
        let layer = |name: &str, state: Result<&str, &str>, required_by: &[Tier]| Layer {
            name: name.to_owned(),
            state: state.map(str::to_owned).map_err(str::to_owned),
            required_by: required_by.to_vec(),
            remedy: "allow it".to_owned(),
        };
        let diagnosis = Diagnosis {
            kernel: "Linux 5.4".to_owned(),
            layers: vec![
                layer("seccomp", Ok("denies"), &[Tier::Full, Tier::Landlock]),
                layer("user namespace", Err("refused"), &[Tier::Full]),
                layer("mount namespace", Err("refused"), &[Tier::Full]),
                layer("control groups", Err("not ours"), &[]),
            ],
            tier: None,
        };
        let expected = "kernel: Linux 5.4
  ok       seccomp: denies
  MISSING  user namespace: refused
           needed by full: allow it
  MISSING  mount namespace: refused
  absent   control groups: not ours
tier: none that isolates; nothing will be run";
        assert_eq!(diagnosis.to_string(), expected);
    }
}
