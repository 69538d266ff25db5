//! Tables: summaries as aligned plain text, one row a run.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use crate::stats::Interval;
use crate::summary::Summary;

/// What stands where there is no number.
const NONE: &str = "-";

/// The runs side by side: accuracy, counts, tokens, FLOPs, time; then accuracy by level.
///
/// Every number is of the whole run, except tokens, which are a problem's mean. FLOPs are those done,
/// and those that would have been done without any cache. Without runs, there is no table.
#[must_use]
pub fn table(runs: &[(&str, &Summary)]) -> String {
    let header = [
        "run",
        "accuracy",
        "95 % interval",
        "n",
        "no answer",
        "undecided",
        "exhausted",
        "failed",
        "generated",
        "computed",
        "FLOPs",
        "uncached",
        "tokens/s",
        "time",
    ];
    let mut rows = vec![header.map(str::to_owned).to_vec()];
    rows.extend(runs.iter().map(|(name, run)| cells(name, run)));
    // Columns that say nothing in every run are left out.
    let quiet = |column: usize| {
        let told = |row: &Vec<String>| row[column] != "0" && row[column] != NONE;
        (4..8).contains(&column) && !rows[1..].iter().any(told)
    };
    let kept: Vec<usize> = (0..header.len()).filter(|&column| !quiet(column)).collect();
    let rows: Vec<Vec<String>> =
        rows.iter().map(|row| kept.iter().map(|&column| row[column].clone()).collect()).collect();
    let mut text = if runs.is_empty() { String::new() } else { align(&rows) };
    let levels = level_rows(runs);
    if levels.len() > 1 && levels[0].len() > 2 {
        let _ = write!(text, "\n{}", align(&levels));
    }
    text
}

fn cells(name: &str, run: &Summary) -> Vec<String> {
    let or_none = |text: Option<String>| text.unwrap_or_else(|| NONE.to_owned());
    vec![
        name.to_owned(),
        or_none(run.accuracy.map(percent)),
        or_none(run.interval.as_ref().map(interval)),
        run.n.to_string(),
        run.no_answer.to_string(),
        run.undecided.to_string(),
        run.exhausted.to_string(),
        run.failed.to_string(),
        or_none(run.generated_mean.map(human)),
        or_none(run.computed_mean.map(human)),
        human(run.ledger.flops as f64),
        human(run.ledger.flops_uncached as f64),
        or_none(run.tokens_per_s.map(human)),
        or_none(run.elapsed_s.map(duration)),
    ]
}

fn level_rows(runs: &[(&str, &Summary)]) -> Vec<Vec<String>> {
    let levels: BTreeSet<&String> = runs.iter().flat_map(|(_, run)| run.levels.keys()).collect();
    let head = std::iter::once("by level".to_owned()).chain(levels.iter().map(|l| (*l).clone()));
    let mut rows = vec![head.collect::<Vec<_>>()];
    for (name, run) in runs {
        let cell = |level: &&String| match run.levels.get(*level) {
            Some(of) => of.accuracy.map_or_else(
                || NONE.to_owned(),
                |accuracy| format!("{} ({})", percent(accuracy), of.n),
            ),
            None => NONE.to_owned(),
        };
        rows.push(std::iter::once((*name).to_owned()).chain(levels.iter().map(cell)).collect());
    }
    rows
}

/// Columns two spaces apart: the first to the left, the others to the right.
pub(crate) fn align(rows: &[Vec<String>]) -> String {
    let columns = rows.first().map_or(0, Vec::len);
    let width =
        |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
    let widths: Vec<usize> = (0..columns).map(width).collect();
    let mut text = String::new();
    for row in rows {
        let mut line = String::new();
        for (column, (cell, width)) in row.iter().zip(&widths).enumerate() {
            let _ = if column == 0 {
                write!(line, "{cell:<width$}")
            } else {
                write!(line, "  {cell:>width$}")
            };
        }
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}

pub(crate) fn percent(share: f64) -> String {
    format!("{:.1} %", share * 100.0)
}

pub(crate) fn interval(interval: &Interval) -> String {
    format!("{:.1} to {:.1} %", interval.low * 100.0, interval.high * 100.0)
}

/// A number with three digits and a decimal prefix.
///
/// ```
/// use espalier_eval::human;
/// assert_eq!(human(0.5), "0.5");
/// assert_eq!(human(1234.0), "1.23 k");
/// assert_eq!(human(999_999.0), "1.00 M");
/// assert_eq!(human(5.0e13), "50.0 T");
/// ```
#[must_use]
pub fn human(number: f64) -> String {
    const PREFIXES: [&str; 8] = ["", " k", " M", " G", " T", " P", " E", " Z"];
    let (mut scaled, mut prefix) = (number, 0);
    while scaled.abs() >= 999.5 && prefix + 1 < PREFIXES.len() {
        scaled /= 1000.0;
        prefix += 1;
    }
    let places = match (prefix, scaled.abs()) {
        (0, _) if scaled.fract().abs() < 0.05 => 0,
        (0, _) => 1,
        (_, size) if size < 9.995 => 2,
        (_, size) if size < 99.95 => 1,
        _ => 0,
    };
    format!("{scaled:.places$}{}", PREFIXES[prefix])
}

/// Seconds as people say them.
///
/// ```
/// use espalier_eval::duration;
/// assert_eq!(duration(0.25), "0.2 s");
/// assert_eq!(duration(59.96), "1 min 00 s");
/// assert_eq!(duration(3725.0), "1 h 02 min");
/// ```
#[must_use]
pub fn duration(seconds: f64) -> String {
    if seconds < 59.95 {
        return format!("{seconds:.1} s");
    }
    let whole = seconds.round() as u64;
    let (hours, minutes, seconds) = (whole / 3600, whole / 60 % 60, whole % 60);
    if hours == 0 {
        format!("{minutes} min {seconds:02} s")
    } else {
        format!("{hours} h {minutes:02} min")
    }
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;
    use crate::dataset::DatasetKind;
    use crate::record::Record;
    use crate::record::tests::{item, outcome};

    fn run(answers: &[&str], elapsed: Option<f64>) -> Summary {
        let record = |(index, text): (usize, &&str)| {
            let mut item = item(&index.to_string(), "5");
            item.problem.level = Some(if index % 2 == 0 { "easy" } else { "hard" }.to_owned());
            let mut outcome = outcome(text);
            outcome.ledger.flops = 12_300_000_000;
            outcome.ledger.flops_uncached = 45_600_000_000;
            Record::graded(DatasetKind::Builtin, &item, outcome)
        };
        let records: Vec<Record> = answers.iter().enumerate().map(record).collect();
        Summary::of(&records, Value::Null, elapsed)
    }

    #[test]
    fn rows_are_aligned_and_quiet_columns_left_out() {
        let (greedy, beam) = (run(&["5", "6", ""], Some(61.0)), run(&["5", "5", "5"], None));
        let text = table(&[("greedy", &greedy), ("beam, width 4", &beam)]);
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines.len(), 7, "{text}");
        let header = "run accuracy 95 % interval n no answer generated computed FLOPs uncached tokens/s time";
        assert_eq!(lines[0].split_whitespace().collect::<Vec<_>>().join(" "), header);
        assert!(lines[1].starts_with("greedy           33.3 %    6.1 to 79.2 %  3"), "{text}");
        assert!(lines[2].starts_with("beam, width 4   100.0 %"), "{text}");
        assert!(lines[1].ends_with("1 min 01 s") && lines[2].ends_with('-'), "{text}");
        assert_eq!(
            lines[4].split_whitespace().collect::<Vec<_>>(),
            ["by", "level", "easy", "hard"]
        );
        assert_eq!(lines[5], "greedy          50.0 % (2)    0.0 % (1)");
        assert!(lines.iter().all(|line| !line.ends_with(' ')));
    }

    #[test]
    fn no_run_is_no_table() {
        assert_eq!(table(&[]), "");
    }
}
