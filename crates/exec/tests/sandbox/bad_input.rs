//! What a machine or a caller can get wrong: no Python, no library, no tier, no launcher.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Output};

use espalier_core::{Seed, collect};
use espalier_exec::{Error, Executor, Launcher, Pool, Program, Status, Tier, TierChoice, diagnose};

use crate::stand::{config, limits, python};

const BINARY: &str = env!("CARGO_BIN_EXE_espalier-sandbox");

fn sandbox(args: &[&str]) -> Output {
    #[expect(clippy::disallowed_methods, reason = "the test runs the binary")]
    Command::new(BINARY).args(args).output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// A program at `dir/name` that stands for an interpreter.
fn script(dir: &Path, name: &str, body: &str) -> std::path::PathBuf {
    let path = dir.join(name);
    fs::write(&path, format!("#!/bin/sh\n{body}\n")).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    path
}

#[test]
fn an_interpreter_that_will_not_do_is_named_before_anything_runs() {
    let dir = tempfile::tempdir().unwrap();
    let old = r#"echo '{"executable": "/x", "version": [3, 9, 2], "folders": [], "missing": []}'"#;
    let bare = r#"echo '{"executable": "/x", "version": [3, 12, 0], "folders": [], "missing": ["sympy", "numpy"]}'"#;
    for (python, words) in [
        (dir.path().join("none"), "sandbox check"),
        (script(dir.path(), "old", old), "it is 3.9.2; take a Python 3.10 or newer"),
        (script(dir.path(), "bare", bare), "it has no `sympy`, `numpy`; install it with"),
        (script(dir.path(), "broken", "echo dead >&2; exit 1"), "it does not work (dead)"),
    ] {
        let error = Pool::start(&config(python.clone(), Tier::Full, 1, limits())).unwrap_err();
        assert!(matches!(error, Error::Python { .. }));
        let said = error.to_string();
        assert!(said.contains(&python.display().to_string()) && said.contains(words), "{said}");
    }
}

#[test]
fn a_launcher_that_will_not_do_is_named() {
    let Some(python) = python() else { return };
    let with = |launcher| {
        let config = espalier_exec::PoolConfig {
            launcher,
            ..config(python.clone(), Tier::Full, 1, limits())
        };
        Pool::start(&config).unwrap_err().to_string()
    };
    assert!(with(Launcher::Program("/no/launcher".into())).contains("`/no/launcher`"));
    let said = with(Launcher::Program("/bin/false".into()));
    assert!(said.contains("no sandbox of tier `full`"), "{said}");
}

#[test]
fn a_layer_that_is_missing_is_diagnosed_and_nothing_runs() {
    let Some(python) = python() else { return };
    // A launcher that meets a machine without user namespaces.
    let dir = tempfile::tempdir().unwrap();
    let refusing = script(
        dir.path(),
        "launcher",
        &format!(
            "case \"$2 $3\" in\n'probe user'|'probe all') echo 'Operation not permitted' >&2; exit 1;;\n\
             watch*) case \"$3\" in *'\"tier\":\"full\"'*) echo 'could not enter namespaces: Operation not permitted' >&2; exit 1;; esac;;\n\
             esac\nexec {BINARY} \"$@\""
        ),
    );
    let mut config = config(python, Tier::Full, 1, limits());
    config.launcher = Launcher::Program(refusing);
    let Err(Error::Unavailable { tiers, reason, diagnosis }) = Pool::start(&config) else {
        panic!("a pool without namespaces");
    };
    assert_eq!(tiers, [Tier::Full]);
    assert!(
        reason.contains("could not enter namespaces") && reason.contains("sandbox check"),
        "{reason}"
    );
    let user = diagnosis.layers.iter().find(|layer| layer.name == "user namespace").unwrap();
    assert_eq!(user.state, Err("Operation not permitted".to_owned()));
    assert!(user.remedy.contains("user.max_user_namespaces") && user.required_by == [Tier::Full]);
    let shown = diagnosis.to_string();
    assert!(shown.contains("MISSING  user namespace: Operation not permitted"), "{shown}");
    // Where any tier will do, the lower one is taken, and never the one without isolation.
    config.tier = TierChoice::Highest;
    match Pool::start(&config) {
        Ok(pool) => assert_eq!(pool.isolation().tier, Tier::Landlock),
        Err(error) => {
            eprintln!("SKIPPED: the tier `landlock` is not to be had here: {error}");
            assert_eq!(diagnose(&config).tier, None);
        }
    }
}

#[test]
fn a_worker_whose_layers_do_not_hold_is_refused() {
    let Some(python) = python() else { return };
    let dir = tempfile::tempdir().unwrap();
    // A launcher that leaves the layers out and says nothing of it.
    let lying = script(
        dir.path(),
        "launcher",
        &format!(
            "plan=$(echo \"$3\" | sed 's/\"tier\":\"landlock\"/\"tier\":\"none-i-accept-the-risk\"/')\n\
             exec {BINARY} \"$1\" \"$2\" \"$plan\""
        ),
    );
    let mut config = config(python, Tier::Landlock, 1, limits());
    config.launcher = Launcher::Program(lying);
    let Err(Error::Unavailable { reason, .. }) = Pool::start(&config) else {
        panic!("a pool without layers");
    };
    // Who is not root cannot even install a filter without the layer that gives up new privileges.
    let found = ["read POSSIBLE", "prctl(22): Permission denied"];
    assert!(found.iter().any(|found| reason.contains(found)), "{reason}");
}

#[test]
fn a_program_that_does_not_intercept_is_told_so() {
    let Some(python) = python() else { return };
    #[expect(clippy::disallowed_methods, reason = "the test runs the binary")]
    let output = Command::new(BINARY)
        .args(["run", "/dev/null", "--python"])
        .arg(python)
        .env("ESPALIER_SANDBOX_LAUNCHER", "1")
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(
        text(&output.stderr).contains("call `espalier_exec::intercept()` first thing in `main`")
    );
}

#[test]
fn too_little_memory_for_the_interpreter_is_said_so() {
    let Some(python) = python() else { return };
    let limits = espalier_exec::Limits { memory_bytes: 32 << 20, ..limits() };
    let mut config = config(python, Tier::Full, 1, limits);
    config.tier = TierChoice::Highest;
    let Err(Error::Unavailable { reason, .. }) = Pool::start(&config) else {
        panic!("an interpreter in 32 MiB");
    };
    assert!(reason.contains("too little memory for the interpreter?"), "{reason}");
}

#[test]
fn without_isolation_only_by_its_full_name_and_every_report_says_so() {
    let Some(python) = python() else { return };
    let mut pool = Pool::start(&config(python.clone(), Tier::None, 1, limits())).unwrap();
    assert!(pool.isolation().warning.as_ref().unwrap().contains("NO ISOLATION"));
    let outcome = collect(&mut pool, [Program::new("print(1)", Seed::run(0))]).remove(0);
    assert_eq!(outcome.unwrap().unwrap().status, Status::Ok);
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("main.py");
    fs::write(&file, "print(1)").unwrap();
    let args = ["run", file.to_str().unwrap(), "--python", python.to_str().unwrap(), "--tier"];
    let named = sandbox(&[&args[..], &["none-i-accept-the-risk"]].concat());
    assert!(text(&named.stdout).contains("NO ISOLATION"), "{}", text(&named.stderr));
    let json = sandbox(&[&args[..], &["none-i-accept-the-risk", "--json"]].concat());
    let object: serde_json::Value = serde_json::from_slice(&json.stdout).unwrap();
    assert_eq!(object["isolation"]["tier"], "none-i-accept-the-risk");
    assert!(object["isolation"]["warning"].as_str().unwrap().contains("NO ISOLATION"));
    for short in ["none", "off", ""] {
        let refused = sandbox(&[&args[..], &[short]].concat());
        assert_eq!(refused.status.code(), Some(2), "`{short}`");
    }
}

#[test]
fn the_command_line_reports_status_output_and_times() {
    let Some(python) = python() else { return };
    let dir = tempfile::tempdir().unwrap();
    let (first, second) = (dir.path().join("first.py"), dir.path().join("second.py"));
    fs::write(&first, "x = 41\nprint('silent')").unwrap();
    fs::write(&second, "print(x + 1)\n1 / 0").unwrap();
    let (python, first) = (python.to_str().unwrap(), first.to_str().unwrap());
    let args = ["run", second.to_str().unwrap(), "--earlier", first, "--python", python];
    let run = sandbox(&[&args[..], &["--json"]].concat());
    assert_eq!(run.status.code(), Some(0), "{}", text(&run.stderr));
    let object: serde_json::Value = serde_json::from_slice(&run.stdout).unwrap();
    assert_eq!((&object["status"], &object["code"]), (&"exit".into(), &1.into()));
    assert_eq!(object["stdout"], "42\n");
    assert!(object["stderr"].as_str().unwrap().ends_with("ZeroDivisionError: division by zero\n"));
    assert!(object["cpu_ns"].as_u64().unwrap() > 0 && object["wall_ns"].as_u64().unwrap() > 0);
    assert!(object["isolation"]["versions"]["sympy"].is_string());
    let plain = text(&sandbox(&args).stdout);
    assert!(plain.starts_with("--- stdout\n42\n--- stderr\nTraceback"), "{plain}");
    assert!(plain.contains("--- exit code 1: ") && plain.contains(" ms CPU, "), "{plain}");
    let missing = sandbox(&["run", "no-such-file.py", "--python", python]);
    assert_eq!(missing.status.code(), Some(1));
    assert!(text(&missing.stderr).contains("`no-such-file.py`"));
}

#[test]
fn check_probes_each_layer() {
    let Some(python) = python() else { return };
    let checked = sandbox(&["check", "--json", "--python", python.to_str().unwrap()]);
    let object: serde_json::Value = serde_json::from_slice(&checked.stdout).unwrap();
    let names: Vec<&str> = object["layers"]
        .as_array()
        .unwrap()
        .iter()
        .map(|layer| layer["name"].as_str().unwrap())
        .collect();
    for name in
        ["Python", "user namespace", "Landlock", "seccomp", "control groups", "a worker on `full`"]
    {
        assert!(names.contains(&name), "{names:?}");
    }
    assert_eq!(checked.status.code(), Some(i32::from(object["tier"].is_null())));
    let without = sandbox(&["check", "--python", "/no/python"]);
    assert_eq!(without.status.code(), Some(1));
    let shown = text(&without.stdout);
    assert!(
        shown.contains("MISSING  Python") && shown.contains("tier: none that isolates"),
        "{shown}"
    );
}
