//! Progress of a training run, on a terminal.

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::training::Point;

/// A progress bar: steps, loss, tokens a second and the time left. Where standard error is no terminal,
/// one line every hundred steps.
#[derive(Debug)]
pub(crate) struct Bar {
    bar: ProgressBar,
}

impl Bar {
    pub(crate) fn start(steps: u64) -> Self {
        let bar = ProgressBar::with_draw_target(Some(steps), ProgressDrawTarget::stderr());
        let style = "{bar:24} {pos}/{len} steps  {msg}  left {eta}";
        if let Ok(style) = ProgressStyle::with_template(style) {
            bar.set_style(style);
        }
        Self { bar }
    }

    #[expect(clippy::print_stderr, reason = "this is the command line")]
    pub(crate) fn show(&self, point: &Point) {
        self.bar.set_position(point.step);
        let speed = point.tokens as f64 / point.seconds.max(1e-9);
        let held_out = point.held_out.map_or(String::new(), |loss| format!("  held out {loss:.4}"));
        let text = format!("loss {:.4}{held_out}  {speed:.0} tokens/s", point.loss);
        if self.bar.is_hidden() && (point.step.is_multiple_of(100) || point.held_out.is_some()) {
            eprintln!("step {}: {text}, {:.0} s", point.step, point.seconds);
        }
        self.bar.set_message(text);
    }

    pub(crate) fn end(&self) {
        self.bar.finish_and_clear();
    }
}
