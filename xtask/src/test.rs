//! `cargo xtask test`: everything that must hold before a change goes in, in the order of cost.

use std::ffi::OsString;
use std::fs;
use std::io::IsTerminal;
use std::path::PathBuf;
use std::process::{Command, ExitCode};
use std::time::Instant;

use anyhow::{Context, Result, bail};

use crate::count::Count;
use crate::json_keys::json_keys;
use crate::process::{cargo, run as run_process, run_lines, show, target_dir};
use crate::{Usage, binary, get_model, python, tidy};

/// What the steps share.
struct Session {
    /// A small real language model, or why there is none.
    model: Result<PathBuf, String>,
    /// The interpreter of model-written Python, or why there is none.
    python: Result<PathBuf, String>,
    nextest: bool,
    count: Count,
}

type Step = (&'static str, fn(&mut Session) -> Result<()>);

const STEPS: &[Step] = &[
    ("formatting", |_| run_process(&mut cargo(&["fmt", "--all", "--check"]))),
    ("tidy", |_| tidy::check()),
    ("clippy", clippy),
    ("documentation", documentation),
    ("tests", |session| suite(session, false)),
    ("documentation tests", doctests),
    ("smoke run", smoke),
    ("CUDA type-check", cuda),
];

const SLOW: Step = ("slow proofs", |session| suite(session, true));

/// Runs the steps; the first failure ends them.
pub(crate) fn run(args: &[OsString]) -> Result<ExitCode> {
    let mut steps = STEPS.to_vec();
    match args {
        [] => {}
        [all] if all == "--all" => steps.push(SLOW),
        _ => return Err(Usage("`test` takes no argument but `--all`".to_owned()).into()),
    }
    let mut session = Session {
        model: get_model::test_model().map_err(|error| format!("{error:#}")),
        python: python::environment().map_err(|error| format!("{error:#}")),
        nextest: has_nextest(),
        count: Count::default(),
    };
    if let Err(why) = &session.model {
        println!("WARNING: the tests on SmolLM2's weights will be SKIPPED: {why}");
    }
    if let Err(why) = &session.python {
        println!("WARNING: the tests of the Python sandbox will be SKIPPED: {why}");
    }
    if !session.nextest {
        println!(
            "cargo-nextest is not installed (cargo install --locked cargo-nextest): cargo test runs instead"
        );
    }
    let whole = Instant::now();
    let mut failure = None;
    for (index, (name, step)) in steps.iter().enumerate() {
        let title = format!("[{}/{}] {name}", index + 1, steps.len());
        println!("==> {title}");
        let start = Instant::now();
        let result = step(&mut session);
        let seconds = start.elapsed().as_secs_f64();
        if let Err(error) = result {
            println!("==> {title} FAILED after {seconds:.1} s");
            failure = Some(error.context(format!("step `{name}`")));
            break;
        }
        println!("==> {title} done in {seconds:.1} s");
    }
    if session.model.is_err() {
        println!("WARNING: SKIPPED for want of the model: tests on SmolLM2's weights");
    }
    if session.python.is_err() {
        println!("WARNING: SKIPPED for want of Python: tests of the sandbox");
    }
    let Count { passed, failed } = session.count;
    println!("{passed} passed, {failed} failed in {:.0} s", whole.elapsed().as_secs_f64());
    failure.map_or(Ok(ExitCode::SUCCESS), Err)
}

fn has_nextest() -> bool {
    cargo(&["nextest", "--version"]).output().is_ok_and(|output| output.status.success())
}

// Everything is checked and built with the profile that runs, so that Burn compiles once.

fn clippy(_: &mut Session) -> Result<()> {
    run_process(&mut cargo(&[
        "clippy",
        "--workspace",
        "--all-targets",
        "--release",
        "--",
        "--deny",
        "warnings",
    ]))
}

fn documentation(_: &mut Session) -> Result<()> {
    run_process(
        cargo(&["doc", "--workspace", "--no-deps", "--release"])
            .env("RUSTDOCFLAGS", "--deny warnings"),
    )
}

/// Runs the tests: those named `slow_…` if and only if `slow`.
fn suite(session: &mut Session, slow: bool) -> Result<()> {
    let mut command = if session.nextest {
        let mut command = cargo(&["nextest", "run", "--workspace", "--release", "--no-fail-fast"]);
        command.args(["--profile", if slow { "slow" } else { "default" }]);
        // A repository without slow proofs is fine; one without tests is not.
        command.args(["--no-tests", if slow { "pass" } else { "fail" }]);
        command
    } else {
        let mut command =
            cargo(&["test", "--workspace", "--release", "--lib", "--bins", "--tests"]);
        command.args(["--no-fail-fast", "--"]);
        command.args(if slow { &["slow_"][..] } else { &["--skip", "slow_"] });
        command
    };
    with_assets(&mut command, session);
    // nextest reports on stderr, cargo's harness on stdout.
    let stderr = session.nextest;
    counted(&mut command, stderr, &mut session.count)
}

fn doctests(session: &mut Session) -> Result<()> {
    let mut command = cargo(&["test", "--doc", "--workspace", "--release"]);
    with_assets(&mut command, session);
    counted(&mut command, false, &mut session.count)
}

/// Runs `command`, shows what it prints and adds its summaries to `count`.
fn counted(command: &mut Command, stderr: bool, count: &mut Count) -> Result<()> {
    if std::io::stdout().is_terminal() {
        command.env("CARGO_TERM_COLOR", "always");
    }
    run_lines(command, stderr, |line| {
        println!("{line}");
        count.read(line);
    })
}

/// Tells tests where the models and the interpreter are.
fn with_assets(command: &mut Command, session: &Session) {
    match session.model.as_ref().ok().and_then(|path| path.parent()) {
        Some(dir) => command.env("ESPALIER_MODELS", dir),
        None => command.env_remove("ESPALIER_MODELS"),
    };
    match &session.python {
        Ok(python) => command.env("ESPALIER_PYTHON", python),
        Err(_) => command.env_remove("ESPALIER_PYTHON"),
    };
}

/// The main job, small, on the model that comes with the repository: its exit code and the last line of
/// its output.
fn smoke(_: &mut Session) -> Result<()> {
    let dir = target_dir()?.join("smoke");
    drop(fs::remove_dir_all(&dir));
    fs::create_dir_all(&dir).with_context(|| format!("could not create `{}`", dir.display()))?;
    let args = ["eval", "beam", "--width", "4", "--limit", "10", "--json"].map(OsString::from);
    let mut command = Command::new(binary::build(&[])?);
    command.args(&args).args(binary::house_model(&args)).current_dir(dir);
    println!("{}", show(&command));
    let mut last = String::new();
    run_lines(&mut command, false, |line| {
        println!("{line}");
        if !line.trim().is_empty() {
            line.clone_into(&mut last);
        }
    })?;
    check_report(&last)
}

/// Checks the object that `--json` promises.
fn check_report(line: &str) -> Result<()> {
    let Some(keys) = json_keys(line) else {
        bail!("the last line of `espalier eval --json` is not a JSON object: `{line}`");
    };
    for key in ["accuracy", "n", "spend", "config"] {
        if !keys.iter().any(|have| have == key) {
            bail!("the last line of `espalier eval --json` has no `{key}`: `{line}`");
        }
    }
    Ok(())
}

/// Type-checks the CUDA feature. `DOCS_RS` tells the build script of Burn's code generator that nothing
/// will be linked, so it does not download LLVM.
fn cuda(_: &mut Session) -> Result<()> {
    run_process(
        cargo(&["check", "--release", "-p", "espalier-train", "--features", "cuda"])
            .env("DOCS_RS", "1"),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_needs_its_four_keys() {
        check_report(r#"{"accuracy":0.5,"n":2,"spend":{},"config":{},"more":1}"#).unwrap();
        let error = check_report(r#"{"accuracy":0.5,"n":2,"spend":{}}"#).unwrap_err();
        assert!(error.to_string().contains("no `config`"));
        let error = check_report("accuracy 0.5").unwrap_err();
        assert!(error.to_string().contains("not a JSON object"));
    }

    #[test]
    fn other_arguments_are_refused_before_anything_runs() {
        assert!(run(&["--fast".into()]).unwrap_err().is::<Usage>());
    }
}
