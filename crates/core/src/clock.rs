//! Clocks: time is injected, never read.

/// Says what time it is. Implemented with the wall clock by the binary, by hand in tests.
pub trait Clock {
    /// Nanoseconds since some fixed instant; never decreases.
    fn now_ns(&self) -> u64;
}

/// A clock that stands still: seconds are neither bounded nor reported.
#[derive(Debug, Clone, Copy, Default)]
pub struct Frozen;

impl Clock for Frozen {
    fn now_ns(&self) -> u64 {
        0
    }
}
