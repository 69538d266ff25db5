//! The outcome of a program: how it ended, what it wrote, what it used.

use std::fmt;

use espalier_core::tool::ObservationStatus;
use serde::{Deserialize, Serialize};

use crate::Excerpt;

/// How a program ended. That the sandbox itself failed is not among them: that is a
/// [`Fault`](crate::Fault).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "status", content = "code")]
#[non_exhaustive]
pub enum Status {
    /// It ran to its end.
    Ok,
    /// It ended itself with this exit code, or by an exception (1).
    Exit(u8),
    /// A signal killed it: 11 is a segmentation fault, 31 a system call of a foreign kind.
    Signal(i32),
    /// It used up its CPU time.
    CpuTimeout,
    /// It did not end in time, without using up its CPU time.
    WallTimeout,
    /// It ran out of memory.
    OutOfMemory,
    /// It wrote more than it may.
    OutputLimit,
}

impl Status {
    /// Returns true if and only if the process ended of itself, so that the block's state can be
    /// replayed.
    #[must_use]
    pub fn ended_itself(self) -> bool {
        matches!(self, Self::Ok | Self::Exit(_))
    }

    /// What a search sees of it.
    #[must_use]
    pub fn observed(self) -> ObservationStatus {
        match self {
            Self::Ok => ObservationStatus::Ok,
            Self::Exit(_) | Self::Signal(_) => ObservationStatus::Failed,
            Self::CpuTimeout | Self::WallTimeout => ObservationStatus::Timeout,
            Self::OutOfMemory => ObservationStatus::OutOfMemory,
            Self::OutputLimit => ObservationStatus::OutputLimit,
        }
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ok => f.write_str("ok"),
            Self::Exit(code) => write!(f, "exit code {code}"),
            Self::Signal(number) => write!(f, "killed by signal {number}"),
            Self::CpuTimeout => f.write_str("out of CPU time"),
            Self::WallTimeout => f.write_str("out of time"),
            Self::OutOfMemory => f.write_str("out of memory"),
            Self::OutputLimit => f.write_str("too much output"),
        }
    }
}

/// What a program left.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Outcome {
    /// How it ended.
    #[serde(flatten)]
    pub status: Status,
    /// What it wrote to its standard output.
    pub stdout: Excerpt,
    /// What it wrote to its standard error: a traceback, where it failed.
    pub stderr: Excerpt,
    /// CPU time of all its threads, the replay of earlier blocks included.
    ///
    /// # Units
    ///
    /// Nanoseconds.
    pub cpu_ns: u64,
    /// Time from its first instruction to its last.
    ///
    /// # Units
    ///
    /// Nanoseconds.
    pub wall_ns: u64,
    /// The most memory it held at once, the interpreter it was forked from included.
    ///
    /// # Units
    ///
    /// Bytes.
    pub memory_bytes: u64,
}
