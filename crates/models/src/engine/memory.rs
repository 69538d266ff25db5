//! Memory: how much of it the process may still take, and what that leaves for keys and values.

use sysinfo::{MemoryRefreshKind, Pid, ProcessRefreshKind, ProcessesToUpdate, System};

/// Says how many bytes the process may still take; `None` where that is unknown.
pub type Available = fn() -> Option<u64>;

/// Bytes by which keys and values grow or shrink before memory is asked for again (chosen here: an answer
/// costs less than a thousandth of the steps between).
const STRIDE: u64 = 64 << 20;

/// The share of available memory that is left alone, for what a step computes with and for others (chosen
/// here).
const LEFT_ALONE: u64 = 8;

/// What the system says: memory that is free or can be reclaimed, on Linux at most what the process's control
/// group may take beside what is resident of it.
///
/// Source: `MemAvailable` of `proc_meminfo(5)`; `memory.max` and `anon` of cgroup v2, and their like of v1.
#[must_use]
pub fn available() -> Option<u64> {
    let mut system = System::new().ok()?;
    system.refresh_memory_specifics(MemoryRefreshKind::nothing().with_ram());
    let free = Some(system.available_memory()).filter(|&bytes| bytes > 0);
    let own = Pid::from_u32(std::process::id());
    let (which, nothing) = (ProcessesToUpdate::Some(&[own]), ProcessRefreshKind::nothing());
    system.refresh_processes_specifics(which, false, nothing);
    let group = system.process(own).and_then(sysinfo::Process::cgroup_limits);
    // Its files in memory are reclaimed before it is short of memory, and do not count.
    let left = group.map(|limits| limits.total_memory.saturating_sub(limits.rss));
    free.into_iter().chain(left).min()
}

/// What memory leaves for keys and values.
#[derive(Debug)]
pub(super) struct Ceiling {
    source: Available,
    /// Bytes of keys and values that were held when memory was last asked for.
    asked_at: Option<u64>,
    bytes: Option<u64>,
}

impl Ceiling {
    pub(super) fn new(source: Available) -> Self {
        Self { source, asked_at: None, bytes: None }
    }

    /// Bytes that keys and values may come to, by the last answer; `None` where nothing is known.
    pub(super) fn bytes(&self) -> Option<u64> {
        self.bytes
    }

    /// Asks anew where keys and values, `held` bytes now, have changed by much since the last answer.
    pub(super) fn update(&mut self, held: u64) {
        if self.asked_at.is_none_or(|at| held.abs_diff(at) >= STRIDE) {
            self.ask(held);
        }
    }

    /// Asks anew.
    pub(super) fn ask(&mut self, held: u64) {
        self.asked_at = Some(held);
        self.bytes = (self.source)().map(|free| held + (free - free / LEFT_ALONE));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_system_says_what_is_available() {
        let bytes = available();
        assert!(bytes.is_some() || !cfg!(target_os = "linux"));
        assert!(bytes.is_none_or(|bytes| bytes > 1 << 20), "{bytes:?}");
    }

    #[test]
    fn memory_is_asked_for_after_a_stride_of_growth() {
        let mut ceiling = Ceiling::new(|| Some(8_000));
        assert_eq!(ceiling.bytes(), None);
        ceiling.update(100);
        assert_eq!(ceiling.bytes(), Some(7_100), "an eighth is left alone");
        ceiling.update(100 + STRIDE - 1);
        assert_eq!(ceiling.bytes(), Some(7_100));
        ceiling.update(100 + STRIDE);
        assert_eq!(ceiling.bytes(), Some(7_100 + STRIDE));
    }
}
