//! The values of `--prm-family`.

use clap::ValueEnum;

/// How a process reward model is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum PrmFamilyArg {
    /// What the directory says: by `prm.json`, else by the heads of its checkpoint
    Auto,
    /// As trained here: a mark after each step, in the policy's own tokens
    Marks,
    /// Math-Shepherd: ` ки` after each step, `+` or `-` there
    MathShepherd,
    /// RLHFlow: a chat with a step a turn, answered by `+` or `-`
    Rlhflow,
    /// Qwen2.5-Math-PRM: `<extra_0>` after each step, a head of two classes
    Qwen,
    /// Skywork-o1-Open-PRM: a step a line, a value head
    Skywork,
    /// A head of one number, read at the last token: outcome reward models
    Value,
}

impl PrmFamilyArg {
    /// Its name on the command line.
    #[must_use]
    pub fn name(self) -> String {
        self.to_possible_value().map(|value| value.get_name().to_owned()).unwrap_or_default()
    }

    /// All names, in backticks and separated by commas.
    #[must_use]
    pub fn names() -> String {
        let names = Self::value_variants().iter().map(|family| format!("`{}`", family.name()));
        names.collect::<Vec<_>>().join(", ")
    }
}
