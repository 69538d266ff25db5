//! The command line under a limit of keys and values: what does not fit fails alone, and what is finished stays.

#![expect(clippy::unwrap_used, reason = "helpers of tests")]

mod command;

use std::{collections::BTreeMap, fs, path::Path};

use command::{refused, run, said};
use serde_json::Value;
use tempfile::TempDir;

/// Three questions, the second of which is much longer.
fn data(dir: &Path) {
    let question = |text: &str| format!("{{\"question\": \"{text}\", \"answer\": \"#### 5\"}}");
    let long = "2 and 3 are? ".repeat(4);
    let lines = [question("2 + 3?"), question(long.trim()), question("1 + 4?")];
    fs::write(dir.join("data.jsonl"), lines.join("\n")).unwrap();
}

/// `best-of-n` over them with the tiny llama.
fn words(more: &[&str]) -> Vec<String> {
    let model = Path::new(env!("CARGO_MANIFEST_DIR")).join("../models/tests/fixtures/llama");
    let mut words: Vec<String> =
        ["eval", "best-of-n", "--n", "3", "--quiet", "--max-tokens", "12", "--in-flight", "3"]
            .map(str::to_owned)
            .into();
    words.extend(["--dataset", "gsm8k", "--data", "data.jsonl", "--model"].map(str::to_owned));
    words.push(model.display().to_string());
    words.extend(more.iter().map(|&word| word.to_owned()));
    words
}

/// The records of a run, by problem and in the order they were written.
fn records(dir: &Path) -> BTreeMap<String, Vec<Value>> {
    let text = fs::read_to_string(dir.join("records.jsonl")).unwrap();
    let mut records: BTreeMap<String, Vec<Value>> = BTreeMap::new();
    for line in text.lines() {
        let record: Value = serde_json::from_str(line).unwrap();
        records.entry(record["id"].as_str().unwrap().to_owned()).or_default().push(record);
    }
    records
}

/// The bytes that a problem's error says it needs.
fn needed(record: &Value) -> u64 {
    let error = record["error"].as_str().unwrap();
    let (before, _) = error.split_once(" bytes, and `kv_limit` is").unwrap();
    before.rsplit(' ').next().unwrap().parse().unwrap()
}

#[test]
fn a_problem_that_does_not_fit_fails_alone_and_the_finished_stay() {
    let dir = TempDir::new().unwrap();
    let dir = dir.path();
    data(dir);
    let go = |more: &[&str]| {
        let words = words(more);
        run(dir, &words.iter().map(String::as_str).collect::<Vec<_>>())
    };
    // Less than any needs: each says how much that is.
    assert_eq!(go(&["--kv-limit", "67kB", "--out", "none"]).status.code(), Some(1));
    let none = records(&dir.join("none"));
    let needs: Vec<u64> = none.values().map(|record| needed(&record[0])).collect();
    assert!(needs[1] > needs[0] && needs[1] > needs[2], "{needs:?}");
    let limit = needs[0].max(needs[2]).to_string();

    let output = go(&["--kv-limit", &limit, "--out", "tight"]);
    let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(1), "{stderr}");
    for part in [
        "1 of 3 searches failed",
        "`--resume tight`",
        &needs[1].to_string(),
        &limit,
        "`--kv-limit`",
    ] {
        assert!(stderr.contains(part), "`{part}` is not in: {stderr}");
    }
    assert!(!stderr.contains("panicked"), "{stderr}");
    let stdout = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(stdout.contains("run directory: tight"), "{stdout}");
    assert!(go(&["--out", "free"]).status.success());
    let (tight, free) = (records(&dir.join("tight")), records(&dir.join("free")));
    let failed = |records: &BTreeMap<String, Vec<Value>>| -> Vec<bool> {
        records.values().map(|record| record[0]["error"].is_string()).collect()
    };
    assert_eq!(failed(&tight), [false, true, false]);
    assert_eq!(failed(&free), [false, false, false]);
    for (id, record) in &tight {
        if record[0]["error"].is_null() {
            assert_eq!(record[0]["text"], free[id][0]["text"], "a limit changes no result");
        } else {
            assert_eq!(record[0]["spend"]["computed"], 0, "nothing was computed for it");
        }
    }

    // A resumed run tries that one again, and no other.
    assert_eq!(go(&["--kv-limit", &limit, "--resume", "tight"]).status.code(), Some(1));
    let again: Vec<usize> = records(&dir.join("tight")).values().map(Vec::len).collect();
    assert_eq!(again, [1, 2, 1]);
}

#[test]
fn a_limit_that_holds_no_token_is_refused_at_once() {
    let dir = TempDir::new().unwrap();
    let dir = dir.path();
    data(dir);
    let strategy = words(&["--kv-limit", "66047"]);
    let strategy: Vec<&str> = strategy.iter().map(String::as_str).collect();
    refused(dir, &strategy, &["`--kv-limit` is 66047 bytes", "takes 66048", "raise it"]);
    let model = strategy[14];
    let house = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../assets/house/policy");
    let ensemble =
        ["eval", "ensemble", "--dataset", "gsm8k", "--data", "data.jsonl", "--kv-limit", "1kB"];
    let members = ["--temperature", "1", "--member", model, "--member", house.to_str().unwrap()];
    refused(dir, &[&ensemble[..], &members].concat(), &["`--kv-limit` is 1000 bytes"]);
    assert!(!dir.join("runs").exists(), "nothing was run");
    assert!(said(dir, &["eval", "best-of-n", "--help"]).contains("--kv-limit"));
}
