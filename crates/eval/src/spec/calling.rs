//! The numbers of strategies that call tools.

use serde::{Deserialize, Serialize};

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
