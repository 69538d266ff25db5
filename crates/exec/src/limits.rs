//! Limits of one run.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// What one run may use. Time is CPU time, so that a busy machine changes no result; time on the clock
/// is bounded as well, far above, for programs that sleep.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limits {
    /// CPU time of all threads. Earlier blocks that are replayed come on top.
    pub cpu: Duration,
    /// Time on the clock.
    pub wall: Duration,
    /// Address space; about 0.5 GB of it is the interpreter with its libraries.
    ///
    /// # Units
    ///
    /// Bytes.
    pub memory_bytes: u64,
    /// The largest file it can write.
    ///
    /// # Units
    ///
    /// Bytes.
    pub file_bytes: u64,
    /// All files together, where it can write files ([`Tier::Full`](crate::Tier::Full)).
    ///
    /// # Units
    ///
    /// Bytes.
    pub scratch_bytes: u64,
    /// Threads, where they can be counted ([`Tier::Full`](crate::Tier::Full)); elsewhere the address
    /// space bounds them.
    pub threads: u64,
    /// Open file descriptors.
    pub descriptors: u64,
    /// What it may write to standard output and error together before it is ended.
    ///
    /// # Units
    ///
    /// Bytes.
    pub output_bytes: u64,
    /// What is kept of the beginning and of the end of each of the two.
    ///
    /// # Units
    ///
    /// Bytes.
    pub kept_bytes: usize,
}

impl Default for Limits {
    /// The limits of a short calculation.
    ///
    /// # Source
    ///
    /// CPU time: the 5 s of the `PythonREPL` of the AIMO progress prize's winner
    /// (<https://github.com/project-numina/aimo-progress-prize>). Core dumps off and 32 MiB files as in
    /// nsjail's documented practice (<https://github.com/google/nsjail>), whose `rlimit_as` of 4 GiB is
    /// halved, since a search runs several programs at once. Kept output: twice 8 KiB, above every
    /// profile's cut of what the model sees (200 to 400 characters).
    fn default() -> Self {
        Self {
            cpu: Duration::from_secs(5),
            wall: Duration::from_secs(25),
            memory_bytes: 2 << 30,
            file_bytes: 32 << 20,
            scratch_bytes: 64 << 20,
            threads: 64,
            descriptors: 256,
            output_bytes: 64 << 20,
            kept_bytes: 8 << 10,
        }
    }
}
