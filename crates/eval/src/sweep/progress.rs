//! Progress: how far a sweep is, in a line, and how to go on with it.

use std::fmt::Write as _;
use std::path::Path;

use super::cell::Cell;
use crate::progress::{Progress, command_with};
use crate::table::duration;

/// How far a sweep is.
#[derive(Debug, Clone)]
pub struct SweepProgress<'a> {
    /// Cells of the sweep; `None` before the greedy one is done.
    pub cells: Option<usize>,
    /// Cells done.
    pub done: usize,
    /// The share of all work that is done, from 0 to 1, by the cells' budgets; `None` before the cells
    /// are known.
    pub share: Option<f64>,
    /// The cell under way.
    pub cell: &'a Cell,
    /// How far that cell is.
    pub run: &'a Progress,
}

impl SweepProgress<'_> {
    /// One line for people, `elapsed_s` seconds after the share of the work was `begun`.
    #[must_use]
    pub fn line(&self, elapsed_s: f64, begun: f64) -> String {
        let mut line = match self.cells {
            Some(cells) => format!("cell {}/{cells}", self.done + 1),
            None => "first cell".to_owned(),
        };
        let _ = write!(line, ", {}: {}/{}", self.cell.name(), self.run.done, self.run.problems);
        if let Some(share) = self.run.accuracy.accuracy {
            let _ = write!(line, ", {:.1} % right", share * 100.0);
        }
        if let Some(share) = self.share.filter(|share| *share > begun && elapsed_s > 0.0) {
            let left = elapsed_s / (share - begun) * (1.0 - share);
            let _ = write!(line, ", {} left", duration(left));
        }
        line
    }
}

/// The command that goes on with a sweep: the same arguments, with its directory.
///
/// ```
/// use std::path::Path;
/// let line = ["espalier", "sweep", "--seeds", "1,2"].map(str::to_owned);
/// assert_eq!(
///     espalier_eval::sweep::sweep_command(&line, Path::new("runs/sweep-7")),
///     "espalier sweep --seeds 1,2 --out runs/sweep-7"
/// );
/// ```
#[must_use]
pub fn sweep_command(arguments: &[String], dir: &Path) -> String {
    command_with(arguments, "--out", dir)
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroU32;

    use super::*;
    use crate::summary::Accuracy;

    #[test]
    fn time_left_is_by_the_work_since_it_began() {
        let cell = Cell::greedy(NonZeroU32::MIN);
        let run = Progress {
            problems: 20,
            done: 5,
            before: 0,
            active: 4,
            sampled: 0,
            accuracy: Accuracy { n: 4, correct: 3, accuracy: Some(0.75), interval: None },
        };
        let first = SweepProgress { cells: None, done: 0, share: None, cell: &cell, run: &run };
        assert_eq!(first.line(3.0, 0.0), "first cell, greedy: 5/20, 75.0 % right");
        let later = SweepProgress { cells: Some(9), done: 3, share: Some(0.5), ..first };
        let line = "cell 4/9, greedy: 5/20, 75.0 % right, 20.0 s left";
        assert_eq!(later.line(4.0, 0.4), line);
        assert_eq!(later.line(4.0, 0.5), line.trim_end_matches(", 20.0 s left"));
    }
}
