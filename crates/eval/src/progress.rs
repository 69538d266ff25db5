//! Progress: how far a run is, in a line, and how to go on with it.

use std::fmt::Write as _;
use std::path::Path;

use crate::summary::Accuracy;
use crate::table::{duration, human};

/// How far a run is.
#[derive(Debug, Clone)]
pub struct Progress {
    /// Problems of the run.
    pub problems: usize,
    /// Those done, those of earlier processes included.
    pub done: usize,
    /// Those done by earlier processes.
    pub before: usize,
    /// Problems under way.
    pub active: usize,
    /// Tokens sampled by this process.
    pub sampled: u64,
    /// Accuracy on the problems done.
    pub accuracy: Accuracy,
}

impl Progress {
    /// One line for people, after `elapsed_s` seconds of this process.
    ///
    /// ```
    /// use espalier_eval::{Accuracy, Progress, wilson};
    /// let accuracy = Accuracy { n: 10, correct: 8, accuracy: Some(0.8), interval: wilson(8, 10) };
    /// let progress =
    ///     Progress { problems: 72, done: 10, before: 0, active: 4, sampled: 4200, accuracy };
    /// assert_eq!(
    ///     progress.line(21.0),
    ///     "10/72, 80.0 % right (49.0 to 94.3 %), 200 tokens/s, 2 min 10 s left"
    /// );
    /// ```
    #[must_use]
    pub fn line(&self, elapsed_s: f64) -> String {
        let mut line = format!("{}/{}", self.done, self.problems);
        if let (Some(share), Some(interval)) = (self.accuracy.accuracy, &self.accuracy.interval) {
            let (low, high) = (interval.low * 100.0, interval.high * 100.0);
            let _ = write!(line, ", {:.1} % right ({low:.1} to {high:.1} %)", share * 100.0);
        }
        if elapsed_s > 0.0 && self.sampled > 0 {
            let _ = write!(line, ", {} tokens/s", human(self.sampled as f64 / elapsed_s));
        }
        if let Some(left) = self.seconds_left(elapsed_s) {
            let _ = write!(line, ", {} left", duration(left));
        }
        line
    }

    /// Seconds left at the pace so far; `None` before this process has done a problem.
    #[must_use]
    pub fn seconds_left(&self, elapsed_s: f64) -> Option<f64> {
        let done_here = self.done.saturating_sub(self.before);
        let left = self.problems.saturating_sub(self.done);
        (done_here > 0).then(|| elapsed_s / done_here as f64 * left as f64)
    }
}

/// The command that goes on with a run: the same arguments, with `--resume DIR` for `--out`.
///
/// ```
/// use std::path::Path;
/// let line = ["espalier", "eval", "beam", "--out", "my run", "--width=4"].map(str::to_owned);
/// assert_eq!(
///     espalier_eval::resume_command(&line, Path::new("my run")),
///     "espalier eval beam --width=4 --resume 'my run'"
/// );
/// ```
#[must_use]
pub fn resume_command(arguments: &[String], dir: &Path) -> String {
    command_with(arguments, "--resume", dir)
}

/// The command with its directory given by `flag`.
pub(crate) fn command_with(arguments: &[String], flag: &str, dir: &Path) -> String {
    let mut words = Vec::new();
    let mut arguments = arguments.iter();
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            "--out" | "--resume" => drop(arguments.next()),
            other if other.starts_with("--out=") || other.starts_with("--resume=") => {}
            other => words.push(quoted(other)),
        }
    }
    words.push(flag.to_owned());
    words.push(quoted(&dir.display().to_string()));
    words.join(" ")
}

/// A word as a POSIX shell reads it back.
fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./=,:+@%".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', "'\\''"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_resumed_run_estimates_by_its_own_pace() {
        let progress = Progress {
            problems: 20,
            done: 12,
            before: 10,
            active: 1,
            sampled: 0,
            accuracy: Accuracy::of([].iter()),
        };
        assert_eq!(progress.seconds_left(3.0), Some(12.0));
        assert_eq!(progress.line(3.0), "12/20, 12.0 s left");
        let fresh = Progress { done: 10, ..progress };
        assert_eq!(fresh.line(0.0), "10/20");
    }

    #[test]
    fn shells_read_words_back() {
        let line = ["espalier", "--model", "it's here", "--resume=x"].map(str::to_owned);
        let command = resume_command(&line, Path::new("runs/a"));
        assert_eq!(command, "espalier --model 'it'\\''s here' --resume runs/a");
    }
}
