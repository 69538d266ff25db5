//! The numbers of strategies that call tools.

use std::num::NonZeroU32;

use serde::{Deserialize, Serialize};

use super::StrategySpec;
use crate::prompt::Manner;

/// The format in which code and its output stand in the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum OutputFormat {
    /// That of Project Numina.
    Numina,
    /// That of ToRA.
    Tora,
    /// That of Qwen2.5-Math.
    Qwen,
}

/// What becomes of a path that wrote no code that can be run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum OnFailName {
    /// It is pruned.
    Prune,
    /// A new path takes its place.
    Restart,
}

/// What all strategies share that call tools.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Calling {
    /// The format in which code and its output stand in the text.
    pub output: OutputFormat,
    /// How tokens are drawn.
    pub temperature: f32,
    /// The source of all randomness.
    pub seed: u64,
}

impl StrategySpec {
    /// What it has if it calls tools.
    #[must_use]
    pub fn calling(&self) -> Option<&Calling> {
        match self {
            Self::ScTir { calling, .. }
            | Self::Pal { calling, .. }
            | Self::ToRa { calling, .. }
            | Self::ReAct { calling, .. } => Some(calling),
            _ => None,
        }
    }

    /// The format of the code that it runs; `None` where it runs none.
    #[must_use]
    pub fn output(&self) -> Option<OutputFormat> {
        match self {
            Self::Beam { code, .. } | Self::Uct { code, .. } | Self::Puct { code, .. } => *code,
            _ => self.calling().map(|calling| calling.output),
        }
    }

    /// What answers are reduced by, where they are whole numbers that count by their remainder.
    #[must_use]
    pub fn modulo(&self) -> Option<NonZeroU32> {
        match self {
            Self::ScTir { modulo, .. } => *modulo,
            _ => None,
        }
    }

    /// How it has the model work.
    #[must_use]
    pub fn manner(&self) -> Manner {
        match self {
            Self::ScTir { .. } | Self::ToRa { .. } => Manner::Code,
            Self::Pal { .. } => Manner::Program,
            Self::ReAct { .. } => Manner::Act,
            _ if self.output().is_some() => Manner::Code,
            _ => Manner::Reason,
        }
    }
}
