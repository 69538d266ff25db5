//! Mutant benches: a copy of the working tree in which faults are injected and tests run.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use crate::process::{cargo, show};

/// A test program that runs longer than this hangs.
const LONGEST: Duration = Duration::from_mins(3);

/// A copy of the working tree, and a target folder of its own.
#[derive(Debug)]
pub(super) struct Bench {
    pub(super) tree: PathBuf,
    target: PathBuf,
}

/// What a test did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fate {
    Passed,
    Failed,
    /// Its program did not end, or ended without saying.
    Lost,
    /// No program has such a test.
    Missing,
}

impl Bench {
    /// Copies what git tracks and what it does not ignore from `root` to a folder in `target`.
    pub(super) fn new(root: &Path, target: &Path) -> Result<Self> {
        let tree = target.join("tree");
        drop(fs::remove_dir_all(&tree));
        let mut list = Command::new("git");
        list.args(["ls-files", "-z", "--cached", "--others", "--exclude-standard"]);
        let listed = list.current_dir(root).output().context("could not start `git ls-files`")?;
        if !listed.status.success() {
            bail!("`git ls-files` failed: {}", listed.status);
        }
        for name in listed.stdout.split(|&byte| byte == 0) {
            let name = std::str::from_utf8(name).context("a file's name is not UTF-8")?;
            let from = root.join(name);
            if !from.is_file() {
                continue;
            }
            let to = tree.join(name);
            let folder = to.parent().context("a file is in a folder")?;
            fs::create_dir_all(folder)
                .and_then(|()| fs::copy(&from, &to))
                .with_context(|| format!("could not copy `{}`", from.display()))?;
        }
        Ok(Self { tree, target: target.join("target") })
    }

    /// Builds the tests of a package as the tree stands; their programs.
    pub(super) fn build(&self, package: &str) -> Result<Vec<PathBuf>> {
        let mut command =
            cargo(&["test", "--release", "--no-run", "--lib", "--tests", "-p", package]);
        command.current_dir(&self.tree).env("CARGO_TARGET_DIR", &self.target);
        // Of a mutant, one file is new.
        command.env("CARGO_INCREMENTAL", "1").env("CARGO_TERM_COLOR", "never");
        let output =
            command.output().with_context(|| format!("could not start `{}`", show(&command)))?;
        let told = String::from_utf8_lossy(&output.stderr);
        if !output.status.success() {
            let first = told.lines().find(|line| line.starts_with("error")).unwrap_or("");
            bail!("`{}` failed: {first}", show(&command));
        }
        Ok(programs(&told).into_iter().map(|program| self.tree.join(program)).collect())
    }

    /// Runs these tests of a crate; what each did.
    pub(super) fn test(
        &self,
        folder: &str,
        programs: &[PathBuf],
        tests: &[String],
    ) -> Result<Vec<Fate>> {
        let mut told = String::new();
        let mut lost = false;
        for program in programs {
            let output = self.target.join("output.txt");
            let file = File::create(&output).context("could not write the tests' output")?;
            let mut command = Command::new(program);
            command.arg("--exact").args(tests).current_dir(self.tree.join("crates").join(folder));
            command.env("INSTA_UPDATE", "no").env("PROPTEST_DISABLE_FAILURE_PERSISTENCE", "1");
            command.stdout(file).stderr(Stdio::null()).stdin(Stdio::null());
            let mut child =
                command.spawn().with_context(|| format!("could not start `{}`", show(&command)))?;
            let start = Instant::now();
            let mut ended = child.try_wait()?;
            while ended.is_none() && start.elapsed() < LONGEST {
                std::thread::sleep(Duration::from_millis(20));
                ended = child.try_wait()?;
            }
            if ended.is_none() {
                child.kill()?;
                child.wait()?;
            }
            // A harness that fails ends with 101; what a signal has ended has no code.
            lost |= !matches!(ended.and_then(|status| status.code()), Some(0 | 101));
            told.push_str(&fs::read_to_string(&output).unwrap_or_default());
        }
        Ok(tests.iter().map(|test| fate(&told, test, lost)).collect())
    }
}

/// The programs that `cargo test --no-run` tells of.
fn programs(told: &str) -> Vec<&str> {
    let lines = told.lines().filter_map(|line| line.trim().strip_prefix("Executable"));
    lines.filter_map(|line| line.rsplit_once('(')?.1.strip_suffix(')')).collect()
}

fn fate(told: &str, test: &str, lost: bool) -> Fate {
    let line = |end: &str| told.lines().any(|line| line == format!("test {test} ... {end}"));
    if line("ok") {
        Fate::Passed
    } else if line("FAILED") {
        Fate::Failed
    } else if lost {
        Fate::Lost
    } else {
        Fate::Missing
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_cargo_and_the_harness_tell() {
        let told = "    Finished `release` profile\n  Executable unittests src/lib.rs (/t/deps/a-1)\n  \
                    Executable tests/search/main.rs (/t/deps/search-2)\n";
        assert_eq!(programs(told), ["/t/deps/a-1", "/t/deps/search-2"]);
        let told = "running 2 tests\ntest a::b ... ok\ntest a::c ... FAILED\n";
        let fates = ["a::b", "a::c", "a::d"].map(|test| fate(told, test, false));
        assert_eq!(fates, [Fate::Passed, Fate::Failed, Fate::Missing]);
        assert_eq!(fate(told, "a::d", true), Fate::Lost);
    }
}
