//! A plan: everything a launcher must know, made before there is a process to know it.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::view::View;
use crate::{Interpreter, Limits, Tier};

/// The user inside a sandbox of its own root.
pub(super) const INNER_ID: u32 = 1000;

/// The folder that programs may write to, where there is one, and their working folder always.
pub(super) const SCRATCH: &str = "/tmp";

/// What the worker runs: the child's half first, which it shares.
pub(super) const SCRIPT: &str =
    concat!(include_str!("../../python/child.py"), include_str!("../../python/worker.py"));

/// How one sandbox is built.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Plan {
    /// Its layers.
    pub(super) tier: Tier,
    /// Whether root makes it, so that it can become another user.
    pub(super) root: bool,
    /// The interpreter.
    pub(super) python: PathBuf,
    /// What is shown of the machine.
    pub(super) view: View,
    /// Bytes of the scratch folder.
    pub(super) scratch_bytes: u64,
    /// Open descriptors of a process.
    pub(super) descriptors: u64,
    /// Folders of control groups that the worker joins; the launcher removes them.
    pub(super) cgroups: Vec<PathBuf>,
}

impl Plan {
    /// The plan of a sandbox around `interpreter`.
    pub(super) fn new(tier: Tier, interpreter: &Interpreter, limits: &Limits) -> Self {
        Self {
            tier,
            root: nix::unistd::geteuid().is_root(),
            python: interpreter.executable.clone(),
            view: View::of(interpreter),
            scratch_bytes: limits.scratch_bytes,
            descriptors: limits.descriptors,
            cgroups: Vec::new(),
        }
    }
}

/// What the worker is told once it runs.
#[derive(Debug, Serialize)]
pub(super) struct WorkerPlan {
    /// Limits of a child, by the names of Python's `resource`.
    child_limits: Vec<(&'static str, u64)>,
    /// A child's filter as hexadecimal bytes; empty for none.
    child_filter: String,
    /// Stands in the filter for the child's process id.
    sentinel: u32,
    /// The folder to empty after each run.
    scratch: Option<&'static str>,
    /// Whether the worker is alone with its children in a process namespace.
    alone: bool,
}

impl WorkerPlan {
    /// What a worker on `tier` is told; `filter` is a child's.
    pub(super) fn new(tier: Tier, limits: &Limits, filter: &[u8]) -> Self {
        let mut child_limits = vec![
            ("CORE", 0),
            ("FSIZE", limits.file_bytes),
            // For deep recursion; threads keep the smaller stack that the launcher set.
            ("STACK", 64 << 20),
            ("AS", limits.memory_bytes),
        ];
        if tier == Tier::Full {
            // Elsewhere it would count all processes of the user.
            child_limits.push(("NPROC", limits.threads));
        }
        Self {
            child_limits,
            child_filter: hexadecimal(filter),
            sentinel: super::filter::OWN_PID,
            scratch: (tier == Tier::Full).then_some(SCRATCH),
            alone: tier == Tier::Full,
        }
    }
}

fn hexadecimal(bytes: &[u8]) -> String {
    let digit = |nibble: u8| char::from_digit(u32::from(nibble), 16).expect("below 16");
    bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_two_digits_each() {
        assert_eq!(hexadecimal(&[0, 9, 0xa0, 0xff]), "0009a0ff");
    }
}
