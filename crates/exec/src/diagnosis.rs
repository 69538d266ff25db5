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
        for layer in &self.layers {
            match &layer.state {
                Ok(how) => writeln!(f, "  ok       {}: {how}", layer.name)?,
                Err(why) => {
                    let word = if layer.required_by.is_empty() { "absent " } else { "MISSING" };
                    writeln!(f, "  {word}  {}: {why}", layer.name)?;
                    if !layer.required_by.is_empty() {
                        let tiers: Vec<&str> =
                            layer.required_by.iter().map(|tier| tier.name()).collect();
                        writeln!(f, "           needed by {}: {}", tiers.join(", "), layer.remedy)?;
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
