//! Trajectories collected from runs of the house model, in rounds, by the command line.

#![expect(clippy::unwrap_used, reason = "helpers of tests")]

mod command;

use std::{collections::BTreeSet, fs, path::Path};

use serde_json::Value;
use tempfile::TempDir;

use command::{refused, said};

/// The JSON object on the last line.
fn last(text: &str) -> Value {
    serde_json::from_str(text.lines().last().unwrap()).unwrap()
}

fn lines(path: &Path) -> Vec<Value> {
    let text = fs::read_to_string(path).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn rounds_of_the_house_model_fill_a_file() {
    let dir = TempDir::new().unwrap();
    let dir = dir.path();
    let house = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../assets/house/policy");
    let house = house.to_str().unwrap();
    let search = |more: &[&str]| {
        let words = ["eval", "self-consistency", "--model", house, "--temperature", "1", "--quiet"];
        said(dir, &[&words[..], more].concat());
    };
    search(&["--n", "4", "--limit", "12", "--out", "a"]);
    let words = ["collect", "a", "--out", "t.jsonl", "--json", "--most", "2"];
    let first = last(&said(dir, &[&words[..], &["--unsolved", "left.csv"]].concat()));
    let count = |of: &Value, name: &str| of[name].as_u64().unwrap();
    assert_eq!((count(&first, "problems"), count(&first, "failed")), (12, 0));
    let unsolved = count(&first, "unsolved");
    assert!((1..12).contains(&unsolved) && count(&first, "right") > 0, "{first}");
    let told = lines(&dir.join("t.jsonl"));
    assert_eq!(told.len() as u64, count(&first, "kept"));
    let prompt = |line: &Value| format!("{}\n", line["question"].as_str().unwrap());
    for line in &told {
        assert_eq!(line["prompt"].as_str().unwrap(), prompt(line), "the house model's template");
        assert_eq!((&line["verdict"], &line["seed"]), (&"right".into(), &42.into()));
        assert!(line["score"].is_null(), "nothing scores a vote");
        let segments = line["segments"].as_array().unwrap();
        let ids: usize = segments.iter().map(|one| one["ids"].as_array().unwrap().len()).sum();
        assert_eq!(line["tokens"]["policy"], ids);
        assert!(segments.iter().all(|one| one["role"] == "policy"));
    }
    let problems: BTreeSet<&str> =
        told.iter().map(|line| line["question"].as_str().unwrap()).collect();
    assert_eq!(problems.len() as u64, 12 - unsolved);
    // The next round samples what is left, from the file that was written.
    let left = fs::read_to_string(dir.join("left.csv")).unwrap();
    assert_eq!(left.lines().count() as u64, unsolved + 1);
    search(&["--n", "16", "--seed", "7", "--data", "left.csv", "--out", "b"]);
    let before = fs::read_to_string(dir.join("t.jsonl")).unwrap();
    let words = ["collect", "a", "b", "--out", "t.jsonl", "--json", "--most", "2", "--append"];
    let second = last(&said(dir, &words));
    assert_eq!(count(&second, "problems"), 12);
    assert!(count(&second, "unsolved") < unsolved, "{second}");
    let after = fs::read_to_string(dir.join("t.jsonl")).unwrap();
    assert!(after.starts_with(&before));
    let texts: BTreeSet<String> = lines(&dir.join("t.jsonl"))
        .iter()
        .map(|line| format!("{} {}", line["question"], line["segments"]))
        .collect();
    assert_eq!(texts.len() as u64, count(&second, "lines"), "no trajectory is there twice");
    // Once more, nothing is new.
    assert_eq!(count(&last(&said(dir, &words)), "kept"), 0);
    assert_eq!(fs::read_to_string(dir.join("t.jsonl")).unwrap(), after);
    // A scored search tells its scores.
    let words = ["eval", "best-of-n", "--n", "2", "--scorer", "entropy", "--model", house];
    said(dir, &[&words[..], &["--quiet", "--limit", "2", "--out", "c"]].concat());
    said(dir, &["collect", "c", "--out", "all.jsonl", "--keep", "all"]);
    assert!(lines(&dir.join("all.jsonl")).iter().all(|line| line["score"].is_number()));
    refusals(dir);
}

/// What is refused, given the runs of the test above.
fn refusals(dir: &Path) {
    refused(dir, &["collect", "a", "--out", "t.jsonl"], &["`t.jsonl` is there", "`--append`"]);
    refused(dir, &["collect", "no", "--out", "x.jsonl"], &["`no` holds no run"]);
    refused(dir, &["collect", "--out", "x.jsonl"], &["RUN_DIR"]);
    let overwrite = ["collect", "a", "--out", "x.jsonl", "--unsolved", "left.csv"];
    refused(dir, &overwrite, &["`left.csv` is there", "name another"]);
    let llama = Path::new(env!("CARGO_MANIFEST_DIR")).join("../models/tests/fixtures/llama");
    let llama = llama.to_str().unwrap();
    let words = ["eval", "greedy", "--model", llama, "--dataset", "builtin", "--max-tokens", "4"];
    said(dir, &[&words[..], &["--quiet", "--limit", "1", "--out", "other"]].concat());
    let mixed = ["collect", "a", "other", "--out", "x.jsonl"];
    refused(dir, &mixed, &["`a` is of the dataset `game24`, and `other` is of `builtin`"]);
    fs::write(dir.join("bad.jsonl"), "\n{}\n").unwrap();
    let bad = ["collect", "a", "--out", "bad.jsonl", "--append"];
    refused(dir, &bad, &["`bad.jsonl` line 2 is no trajectory", "missing field"]);
    let records = fs::read_to_string(dir.join("c/records.jsonl")).unwrap();
    fs::write(dir.join("c/records.jsonl"), format!("{}\n", records.lines().next().unwrap()))
        .unwrap();
    let cut = ["collect", "c", "--out", "x.jsonl"];
    refused(dir, &cut, &["`c` is not finished: 1 of its 2", "--resume c"]);
    fs::remove_dir_all(dir.join("a/traces")).unwrap();
    refused(dir, &["collect", "a", "--out", "x.jsonl"], &["`a` has no trace of problem `game24-"]);
    assert!(!dir.join("x.jsonl").exists());
}
