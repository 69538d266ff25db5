//! A real language model that writes code, runs it in the real sandbox and reads what it prints.

#![expect(clippy::unwrap_used, reason = "helpers of tests")]

mod command;

use std::path::{Path, PathBuf};

use serde_json::Value;
use tempfile::TempDir;

const MODEL: &str = "qwen2.5-coder-0.5b-instruct-q4_k_m.gguf";

/// What an environment variable names, or what `cargo xtask` made.
fn named(variable: &str, made: &str) -> PathBuf {
    #[expect(
        clippy::disallowed_methods,
        reason = "the environment says where models and Python are"
    )]
    let named = std::env::var(variable).ok().map(PathBuf::from);
    let target = Path::new(env!("CARGO_BIN_EXE_espalier")).ancestors().nth(2).unwrap();
    named.unwrap_or_else(|| target.join(made))
}

#[test]
fn a_python_that_is_not_there_is_refused() {
    let dir = TempDir::new().unwrap();
    let model = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../assets/house/policy");
    let arguments =
        ["eval", "tora", "--model", model.to_str().unwrap(), "--python", "nowhere/python"];
    command::refused(dir.path(), &arguments, &["nowhere/python"]);
}

/// Each strategy that runs code, on the first built-in problems: every search is a record, and what the code
/// printed is in the traces.
#[test]
fn slow_a_real_model_reads_what_its_code_prints() {
    let model = named("ESPALIER_MODELS", "models").join(MODEL);
    let python = named("ESPALIER_PYTHON", "python/bin/python");
    if !model.exists() || !python.exists() {
        eprintln!(
            "SKIPPED: `{}` or `{}` is not there; set ESPALIER_MODELS and ESPALIER_PYTHON",
            model.display(),
            python.display()
        );
        return;
    }
    let dir = TempDir::new().unwrap();
    let [model, python] = [model, python].map(|path| path.to_str().unwrap().to_owned());
    for strategy in
        [&["sc-tir", "--width", "2", "--depth", "3"][..], &["tora"], &["react"], &["pal"]]
    {
        let name = strategy[0];
        let common = ["--model", &model, "--limit", "3", "--max-tokens", "300", "--out", name];
        let arguments = [&["eval"], strategy, &common, &["--python", &python]];
        drop(command::said(dir.path(), &arguments.concat()));
        let run = dir.path().join(name);
        let records = std::fs::read_to_string(run.join("records.jsonl")).unwrap();
        let records: Vec<Value> =
            records.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert_eq!(records.len(), 3, "{name}");
        assert!(records.iter().all(|record| record["error"].is_null()), "{name}: {records:?}");
        let traces = std::fs::read_dir(run.join("traces")).unwrap();
        let traces = traces.map(|trace| std::fs::read_to_string(trace.unwrap().path()).unwrap());
        let observed = traces.map(|trace| trace.matches("\"observed\":").count()).sum::<usize>();
        assert!(observed > 0, "{name}: no observation in {records:?}");
    }
}
