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
        let style = "{bar:24} {pos}/{len} problems  {elapsed} (ETA {eta})  {msg}";
        if let Ok(style) = ProgressStyle::with_template(style) {
            bar.set_style(style);
        }
        bar.enable_steady_tick(Duration::from_millis(200));
        Self { bar, clock: WallClock::start() }
    }

    /// Shows how far the run is, how fast tokens are sampled, and the accuracy so far.
    pub(super) fn show(&self, progress: &Progress) {
        let seconds = self.clock.now_ns() as f64 / 1e9;
        let rate = progress.sampled as f64 / seconds.max(1e-9);
        let mut message = format!("{} tokens, {rate:.0}/s", progress.sampled);
        let solved = &progress.accuracy;
        if let (Some(accuracy), Some(interval)) = (solved.accuracy, &solved.interval) {
            let percent = [accuracy, interval.low, interval.high].map(|share| 100.0 * share);
            message += &format!(", {:.0} % right [{:.0}, {:.0}]", percent[0], percent[1], percent[2]);
        }
        self.bar.set_message(message);
        self.bar.set_position(progress.done as u64);
    }

    /// Removes the bar and says how long the run took, in seconds.
    pub(super) fn end(self) -> f64 {
        self.bar.finish_and_clear();
        self.clock.now_ns() as f64 / 1e9
    }
}
