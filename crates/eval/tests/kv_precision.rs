//! The command line with keys and values in halves: whose are rounded, and where a run says so.

#![expect(clippy::unwrap_used, reason = "helpers of tests")]

mod command;

use std::{fs, path::Path};

use command::{refused, said};
use serde_json::Value;
use tempfile::TempDir;

/// A command over one question, by a tiny policy and a reward model.
fn words(command: &str, kv: &str, out: &str) -> Vec<String> {
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("../models/tests/fixtures");
    let (model, prm) = (fixtures.join("qwen2"), fixtures.join("prm/value"));
    let shared = "--dataset gsm8k --data data.jsonl --max-tokens 8 --quiet";
    let paths = format!("--model {} --prm {}", model.display(), prm.display());
    let line = format!("{command} {shared} {paths} --kv {kv} --out {out}");
    line.split(' ').map(str::to_owned).collect()
}

fn dir() -> TempDir {
    let dir = TempDir::new().unwrap();
    // In few words: the contexts of tiny reward models are short.
    let line = "{\"question\": \"How many are 2 + 3?\", \"answer\": \"#### 5\"}";
    fs::write(dir.path().join("data.jsonl"), line).unwrap();
    dir
}

fn json(path: &Path) -> Value {
    serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap()
}

fn go(dir: &Path, words: &[String]) -> String {
    said(dir, &words.iter().map(String::as_str).collect::<Vec<_>>())
}

#[test]
fn every_cell_of_a_sweep_says_how_keys_and_values_are_kept() {
    const SWEEP: &str = "sweep --series best-of-n --budgets 300 --seeds 1";
    let dir = dir();
    for (kv, named, bytes) in [("f32", Value::Null, 384), ("f16", "f16".into(), 192)] {
        go(dir.path(), &words(SWEEP, kv, kv));
        let cells: Vec<Value> = fs::read_dir(dir.path().join(kv).join("cells"))
            .unwrap()
            .map(|cell| json(&cell.unwrap().path().join("run.json")))
            .collect();
        assert_eq!(cells.len(), 2, "greedy and another");
        for cell in cells {
            assert_eq!(cell["generation"]["kv"], named);
            assert_eq!(cell["runtime"]["kv_bytes_per_token"], bytes);
        }
    }
    let other = words(SWEEP, "f16", "f32");
    let other: Vec<&str> = other.iter().map(String::as_str).collect();
    refused(dir.path(), &other, &["kv: was nothing, now `\"f16\"`"]);
    let none = words(SWEEP, "f8", "none");
    let none: Vec<&str> = none.iter().map(String::as_str).collect();
    refused(dir.path(), &none, &["unknown precision of keys and values `f8`"]);
}

/// Tokens that were sampled, and scores of them.
fn traced(dir: &Path) -> (Vec<Value>, Vec<f64>) {
    let text = fs::read_to_string(dir.join("traces/gsm8k-0001.jsonl")).unwrap();
    let events: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let tokens = events.iter().map(|event| event["node"]["tokens"].clone());
    let scores = events.iter().filter_map(|event| event["scored"]["score"].as_f64());
    (tokens.filter(|tokens| !tokens.is_null()).collect(), scores.collect())
}

#[test]
fn a_reward_model_keeps_its_keys_and_values_as_the_policy_does() {
    let dir = dir();
    let [(tokens, wide), (same, narrow)] = ["f32", "f16"].map(|kv| {
        go(dir.path(), &words("eval best-of-n --n 3", kv, kv));
        traced(&dir.path().join(kv))
    });
    assert_eq!(tokens, same, "so short an answer does not tell how keys and values are kept");
    assert_eq!((wide.len(), narrow.len()), (3, 3));
    for (wide, narrow) in wide.iter().zip(&narrow) {
        assert!(wide.to_bits() != narrow.to_bits() && (wide - narrow).abs() < 0.01);
    }
}
