//! Memory: what the policy holds and what the process took at most.

use espalier_models::EngineStats;
use serde::Serialize;

/// Bytes.
#[derive(Debug, Clone, Copy, Serialize)]
pub(super) struct Memory {
    /// The policy's weights.
    pub(super) weights: u64,
    /// The most that the policy's keys and values took at once, the unused part of what decoding reserves
    /// included.
    pub(super) kv_peak: u64,
    /// The most that was resident of the process; none where the system does not say.
    pub(super) resident_peak: Option<u64>,
}

impl Memory {
    /// What is known now.
    pub(super) fn now(stats: &EngineStats) -> Self {
        let resident_peak = std::fs::read_to_string("/proc/self/status").ok();
        Self {
            weights: stats.weight_bytes,
            kv_peak: stats.kv_peak_bytes,
            resident_peak: resident_peak.and_then(|status| peak(&status)),
        }
    }

    /// In a line.
    pub(super) fn line(&self) -> String {
        let [weights, held] = [self.weights, self.kv_peak].map(|bytes| bytes / 1_000_000);
        let resident = self.resident_peak.map_or(String::new(), |bytes| {
            format!("; the process took {} MB at most", bytes / 1_000_000)
        });
        format!(
            "memory of the policy: weights {weights} MB, keys and values at most {held} MB{resident}"
        )
    }
}

/// The largest resident size that Linux's `/proc/PID/status` tells, in bytes.
///
/// Source: `proc_pid_status(5)`, `VmHWM`, in units of 1,024 bytes.
fn peak(status: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kilobytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kilobytes * 1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_peak_is_read_from_the_systems_table() {
        assert_eq!(peak("Name:\tx\nVmHWM:\t  872 kB\nVmRSS:\t 5 kB\n"), Some(872 * 1024));
        assert_eq!(peak("Name:\tx\n"), None);
        let now = Memory::now(&EngineStats::default());
        let line = now.line();
        assert_eq!(now.resident_peak.is_some(), line.contains("the process took"), "{line}");
    }
}
