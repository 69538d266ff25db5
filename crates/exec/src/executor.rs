//! Executors: whatever runs programs, here or elsewhere.

use std::collections::BTreeMap;
use std::num::NonZeroUsize;
use std::path::PathBuf;

use espalier_core::Service;
use serde::{Deserialize, Serialize};

use crate::{Fault, Limits, Outcome, Program, Tier, TierChoice};

/// Something that runs programs. [`Pool`](crate::Pool) does it here; another implementation may send
/// them to another machine.
///
/// Equal programs have equal outcomes, times aside, as far as a program reads neither clock nor the
/// system's random numbers.
pub trait Executor: Service<Ask = Program, Reply = Result<Outcome, Fault>> {
    /// What stands between the programs and the machine they run on.
    fn isolation(&self) -> &Isolation;
}

/// How an executor isolates programs, and what it runs them with: part of what a run is reproduced from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Isolation {
    /// The tier all workers stand on.
    pub tier: Tier,
    /// Whether memory and processes of each worker are also bounded by control groups.
    pub cgroups: bool,
    /// Versions of the interpreter and of what is imported in it.
    pub versions: BTreeMap<String, String>,
    /// The limits of each run.
    pub limits: Limits,
    /// What every report must say, where there is something to say.
    pub warning: Option<String>,
}

/// How the workers of a pool have fared.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Health {
    /// Runs in which the sandbox failed; each was repeated once.
    pub faults: u64,
    /// Programs answered with a fault.
    pub lost: u64,
}

/// The program that starts workers.
#[derive(Debug, Clone)]
pub enum Launcher {
    /// This program, which calls [`intercept`](crate::intercept) first thing in `main`.
    ThisProgram,
    /// Another that does, such as `espalier-sandbox`.
    Program(PathBuf),
}

/// What a local pool is made from.
#[derive(Debug, Clone)]
pub struct PoolConfig {
    /// The interpreter, with sympy, numpy and mpmath: `bin/python` of a virtual environment.
    pub python: PathBuf,
    /// Programs that run at once.
    pub workers: NonZeroUsize,
    /// The tier.
    pub tier: TierChoice,
    /// The limits of each run.
    pub limits: Limits,
    /// The program that starts workers.
    pub launcher: Launcher,
}
