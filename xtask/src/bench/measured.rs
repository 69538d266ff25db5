//! Rows 4 to 12: what is not measured in turns with the engine's peer, each by the command that measures it.

use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result};
use serde_json::Value;

use super::{Wanted, criterion, grading, row::Row};
use crate::process::{cargo, run, run_lines, target_dir};
use crate::{binary, get_model};

/// Nodes of the tree that the bookkeeping's benchmark grows.
const NODES: f64 = 1e6;
/// What row 12 allows beyond a share of what is held.
const ROOM: f64 = 150e6;

/// Measures rows 4 to 12.
pub(super) fn rows(wanted: &Wanted, add: &mut dyn FnMut(Row)) -> Result<()> {
    if wanted.has(4) {
        add(computed_once(wanted)?);
    }
    if wanted.has(5) {
        let row = Row::at_least(5, "decode on one H200, share of the limit", None, 0.7);
        add(row.noting("`cargo xtask gpu-check`, on a machine with a GPU"));
    }
    if wanted.has(6) {
        measure("search", "puct/deep")?;
        let nanoseconds = estimate("puct/deep")?;
        let each = Some(nanoseconds / NODES / 1e3);
        add(Row::at_most(6, "bookkeeping of PUCT, deep, µs a node", each, 2.0));
    }
    if wanted.has(7) {
        measure("sandbox", "full|landlock")?;
        // A tier that is not to be had here has no number.
        let tier = if estimate("sandbox_full/latency").is_ok() { "full" } else { "landlock" };
        let milliseconds = estimate(&format!("sandbox_{tier}/latency"))? / 1e6;
        let what = format!("a sandboxed Python call, tier {tier}, ms");
        add(Row::at_most(7, &what, Some(milliseconds), 8.0));
        let calls = 100.0 / (estimate(&format!("sandbox_{tier}/throughput"))? / 1e9);
        let what = format!("sandboxed Python calls, tier {tier}, a second");
        add(Row::at_least(7, &what, Some(calls), 200.0));
    }
    grading::rows(wanted, add)?;
    if wanted.has(10) || wanted.has(11) {
        house(wanted, add)?;
    }
    if wanted.has(12) {
        add(memory(wanted)?);
    }
    Ok(())
}

/// Runs one of Criterion's benchmarks. Its report is not ours.
fn measure(bench: &str, filter: &str) -> Result<()> {
    let mut command = criterion(&["--workspace", "--bench", bench], &[filter.into()])?;
    run(command.stdout(std::io::stderr()))
}

/// The median time of a benchmark in nanoseconds, from Criterion's folder.
fn estimate(name: &str) -> Result<f64> {
    let path = target_dir()?.join("criterion").join(name).join("new").join("estimates.json");
    let text = std::fs::read_to_string(&path)
        .with_context(|| format!("Criterion left no `{}`", path.display()))?;
    let estimates: Value = serde_json::from_str(&text)?;
    let median = estimates["median"]["point_estimate"].as_f64();
    median.with_context(|| format!("`{}` has no median", path.display()))
}

/// Row 4: the test that counts computed and distinct tokens of a beam search.
fn computed_once(wanted: &Wanted) -> Result<Row> {
    let mut command = cargo(&[
        "test",
        "--release",
        "--workspace",
        "--test",
        "computed_once",
        "--",
        "--nocapture",
    ]);
    command.env("ESPALIER_MODELS", wanted.models()?);
    let mut share = None;
    run_lines(&mut command, false, |line| share = ratio(line).or(share))?;
    let row = Row::at_most(4, "computed / distinct token ids, beam", share, 1.0);
    Ok(if share.is_some() { row } else { row.noting("the test model is not there") })
}

/// The ratio in a line like `computed 229, distinct 229: 1.00`.
fn ratio(line: &str) -> Option<f64> {
    line.trim().strip_prefix("computed ")?.rsplit_once(": ")?.1.parse().ok()
}

/// Rows 10 and 11: the main job.
fn house(wanted: &Wanted, add: &mut dyn FnMut(Row)) -> Result<()> {
    let args = ["eval", "beam", "--width", "4"].map(std::ffi::OsString::from);
    let mut command = Command::new(wanted.program()?);
    command.args(&args).args(binary::house_model(&args)).args(["--json", "--quiet", "--out"]);
    let start = std::time::Instant::now();
    let found = object(&mut command)?;
    let took = start.elapsed().as_secs_f64();
    let greedy = found["beside"]["greedy"]["correct"].as_f64();
    if wanted.has(10) {
        let solved = found["accuracy"].as_f64().map(|share| share * 100.0);
        add(Row::at_least(10, "house model, Game of 24, beam width 4, % solved", solved, 95.0));
        let number = |key: &str| found[key].as_f64();
        let closed = (|| {
            let (n, right, greedy) = (number("n")?, number("correct")?, greedy?);
            (n > greedy).then(|| (right - greedy) / (n - greedy) * 100.0)
        })();
        add(Row::at_least(10, "the same, % of greedy's errors closed", closed, 80.0));
    }
    if wanted.has(11) {
        let row = Row::at_most(11, "the main job after the build, s", Some(took), 60.0);
        add(row.noting("the cold build is not part of this command"));
    }
    Ok(())
}

/// Row 12: what a beam search on the test model takes at most.
fn memory(wanted: &Wanted) -> Result<Row> {
    let what = "peak memory of a search, MB";
    let model = wanted.models()?.join(get_model::FILE);
    if !model.is_file() {
        return Ok(Row::at_most(12, what, None, 0.0).noting("the test model is not there"));
    }
    let mut command = Command::new(wanted.program()?);
    command.args(["eval", "beam", "--width", "4", "--limit", "4", "--device", "cpu", "--model"]);
    command.arg(&model).args(["--json", "--quiet", "--out"]);
    let found = object(&mut command)?;
    let bytes = |key: &str| found["memory"][key].as_f64();
    let held = bytes("weights").zip(bytes("kv_peak")).map(|(weights, kv)| weights + kv);
    let held = held.context("`eval --json` told no memory")?;
    let bound = (1.15 * held + ROOM) / 1e6;
    let took = bytes("resident_peak").map(|bytes| bytes / 1e6);
    Ok(Row::at_most(12, what, took, bound)
        .noting("1.15 × (weights + keys and values held at most) + 150 MB"))
}

/// Runs `command` with a new folder as its last argument; the JSON object that it ends with.
fn object(command: &mut Command) -> Result<Value> {
    let dir = target_dir()?.join("bench").join("run");
    if dir.exists() {
        std::fs::remove_dir_all(&dir)
            .with_context(|| format!("could not remove `{}`", dir.display()))?;
    }
    last_object(command.arg(&dir))
}

/// Runs `command`; the JSON object that it ends with.
pub(super) fn last_object(command: &mut Command) -> Result<Value> {
    let mut last = None;
    run_lines(command, false, |line| {
        last = serde_json::from_str::<Value>(line).ok().or(last.take());
    })?;
    let program = Path::new(command.get_program()).display();
    last.with_context(|| format!("`{program}` printed no JSON object"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tests_line_has_the_ratio() {
        assert_eq!(ratio("computed 229, distinct 229: 1.00"), Some(1.0));
        assert_eq!(ratio("test one ... ok"), None);
    }

    #[test]
    fn the_last_object_counts() {
        let mut command = Command::new("printf");
        command.arg("text\n{\"a\": 1}\n{\"a\": 2}\nrun directory: x\n");
        assert_eq!(last_object(&mut command).unwrap()["a"], 2);
    }
}
