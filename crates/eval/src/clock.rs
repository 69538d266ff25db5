//! The wall clock.

use std::time::Instant;

use espalier_core::Clock;

/// Monotonic time since the clock was made.
#[derive(Debug, Clone, Copy)]
pub struct WallClock {
    start: Instant,
}

impl WallClock {
    /// A clock that shows zero now.
    #[must_use]
    #[expect(clippy::disallowed_methods, reason = "the one wall clock that runs are given")]
    pub fn start() -> Self {
        Self { start: Instant::now() }
    }
}

impl Clock for WallClock {
    fn now_ns(&self) -> u64 {
        u64::try_from(self.start.elapsed().as_nanos()).unwrap_or(u64::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_never_decreases() {
        let clock = WallClock::start();
        let times: Vec<u64> = (0..1000).map(|_| clock.now_ns()).collect();
        assert!(times.is_sorted());
    }
}
