//! The progress bar: a line on standard error while a run is under way.

use std::time::Duration;

use espalier_core::Clock;
use indicatif::{ProgressBar, ProgressStyle};

use crate::{Progress, WallClock};

/// The bar of one run.
#[derive(Debug)]
pub(super) struct Bar {
    bar: ProgressBar,
    clock: WallClock,
}

impl Bar {
    /// A bar over `total` problems; hidden where not wanted.
    pub(super) fn start(total: usize, wanted: bool) -> Self {
        let bar = if wanted { ProgressBar::new(total as u64) } else { ProgressBar::hidden() };
        if let Ok(style) = ProgressStyle::with_template("{bar:24} {elapsed}  {msg}") {
            bar.set_style(style);
        }
        bar.enable_steady_tick(Duration::from_millis(200));
        Self { bar, clock: WallClock::start() }
    }

    /// Shows how far the run is.
    pub(super) fn show(&self, progress: &Progress) {
        self.bar.set_message(progress.line(self.clock.now_ns() as f64 / 1e9));
        self.bar.set_position(progress.done as u64);
    }

    /// Shows that `share` of the work is done, from 0 to 1.
    pub(super) fn show_share(&self, share: f64, line: &str) {
        self.bar.set_message(line.to_owned());
        let length = self.bar.length().unwrap_or(0) as f64;
        self.bar.set_position((share * length) as u64);
    }

    /// Removes the bar and says how long the run took, in seconds.
    pub(super) fn end(self) -> f64 {
        self.bar.finish_and_clear();
        self.clock.now_ns() as f64 / 1e9
    }
}
