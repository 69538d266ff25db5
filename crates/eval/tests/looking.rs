//! The commands that look at runs that are over: what they print, and what they refuse.

#![expect(clippy::unwrap_used, reason = "helpers of tests")]

mod command;

use std::{fs, path::Path};

use espalier_search::Chronicle;
use serde_json::Value;
use tempfile::TempDir;

use command::{refused, said};

/// A folder with runs of the first puzzles by the house model: `beam`, `beam/greedy`, and `one`, of one puzzle.
fn runs() -> TempDir {
    let dir = TempDir::new().unwrap();
    let house = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../assets/house");
    let (policy, prm) = (house.join("policy"), house.join("prm"));
    let model = ["--model", policy.to_str().unwrap(), "--quiet", "--limit"];
    let prm = ["--prm", prm.to_str().unwrap(), "--beside", "greedy", "--out", "beam"];
    said(dir.path(), &[&["eval", "beam"], &model[..], &["8"], &prm].concat());
    said(dir.path(), &[&["eval", "greedy"], &model[..], &["1", "--out", "one"]].concat());
    dir
}

#[test]
fn a_table_is_learned_and_used_on_other_puzzles() {
    let dir = TempDir::new().unwrap();
    let dir = dir.path();
    let house = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../assets/house");
    let (policy, prm) = (house.join("policy"), house.join("prm"));
    let common = ["eval", "compute-optimal", "--quiet", "--temperature", "1", "--model"];
    let models = [policy.to_str().unwrap(), "--prm", prm.to_str().unwrap()];
    let words = |more: &[&'static str]| [&common[..], &models, more].concat();
    said(dir, &words(&["--rows", "101-106", "--then", "stop", "--out", "stop"]));
    said(dir, &words(&["--rows", "101-106", "--then", "beam:2", "--out", "beam"]));
    let table = ["table", "stop", "beam", "--bins", "2", "--out", "table.json", "--json"];
    let told = said(dir, &table);
    let json: Value = serde_json::from_str(told.lines().last().unwrap()).unwrap();
    let bins = json["bins"].as_array().unwrap();
    let problems = bins.iter().map(|bin| bin["problems"].as_u64().unwrap());
    assert_eq!(problems.sum::<u64>(), 6, "{told}");
    assert!(told.contains("mean score") && told.contains("table: table.json"), "{told}");
    let used = said(dir, &words(&["--rows", "1-2", "--table", "table.json", "--out", "used"]));
    assert!(used.contains("compute-optimal, first 4"), "{used}");
    let run = fs::read_to_string(dir.join("used/run.json")).unwrap();
    let run: Value = serde_json::from_str(&run).unwrap();
    let chosen = run["generation"]["strategy"]["table"].as_array().unwrap();
    for (bin, learned) in chosen.iter().zip(bins) {
        assert_eq!((&bin["below"], &bin["then"]), (&learned["below"], &learned["then"]));
    }
    let same = words(&["--rows", "105-120", "--table", "table.json"]);
    refused(dir, &same, &["the table was learned on 2 of these 16 problems"]);
    let first = words(&["--rows", "1-2", "--table", "table.json", "--first", "3", "--dry-run"]);
    refused(dir, &first, &["the table was learned otherwise (first: was `4`, now `3`)"]);
    refused(dir, &["table", "stop", "nowhere", "--out", "t"], &["`nowhere` holds no run"]);
    refused(dir, &["table", "stop", "beam", "--out", "no/such/t"], &["cannot write `no/such/t`"]);
}

const PUZZLE: &str = "game24-4-5-6-10";

#[test]
fn a_run_of_the_house_model_is_listed_exported_compared_and_regraded() {
    let dir = runs();
    let dir = dir.path();
    let records: Vec<Value> = fs::read_to_string(dir.join("beam/records.jsonl"))
        .unwrap()
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let list = said(dir, &["trace", "beam"]);
    assert_eq!(list.lines().count(), 9);
    assert!(list.contains(PUZZLE) && list.contains("right"), "{list}");

    let record = records.iter().find(|record| record["id"] == PUZZLE).unwrap();
    let nodes = record["nodes"].as_u64().unwrap() as usize;
    assert_eq!(said(dir, &["trace", "beam", PUZZLE]).lines().count(), nodes);
    let json = said(dir, &["trace", "beam", PUZZLE, "--format", "json"]);
    let chronicle: Chronicle = serde_json::from_str(&json).unwrap();
    assert_eq!(chronicle.nodes.len(), nodes);
    let sampled: usize = chronicle.nodes.iter().map(|node| node.tokens.len()).sum();
    assert_eq!(Some(sampled as u64), record["spend"]["generated"].as_u64());
    let bytes = chronicle.kv_bytes_per_token.unwrap();
    assert_eq!(chronicle.nodes[1].kv_bytes, Some(bytes * chronicle.nodes[1].tokens.len() as u64));
    // The selected node ends the recorded text.
    let selected = record["node"].as_u64().unwrap() as usize;
    assert!(record["text"].as_str().unwrap().ends_with(&chronicle.nodes[selected].text));
    said(dir, &["trace", "beam", PUZZLE, "--format", "dot", "--out", "tree.dot"]);
    let dot = fs::read_to_string(dir.join("tree.dot")).unwrap();
    assert_eq!(dot.matches(" -> ").count(), nodes - 1);
    let html = said(dir, &["trace", "beam", PUZZLE, "--format", "html", "--beside", "beam/greedy"]);
    assert!(html.starts_with("<!doctype html>") && html.contains("greedy"));
    assert_eq!(said(dir, &["report", "beam"]).trim(), "beam/report.html");
    let report = fs::read_to_string(dir.join("beam/report.html")).unwrap();
    assert_eq!(report.matches("type=\"application/json\"").count(), 1 + records.len());

    let compared = said(dir, &["compare", "beam/greedy", "beam", "--json"]);
    let json: Value = serde_json::from_str(compared.lines().last().unwrap()).unwrap();
    let right = |name: &str| -> u64 {
        let summary = fs::read_to_string(dir.join(name).join("summary.json")).unwrap();
        serde_json::from_str::<Value>(&summary).unwrap()["correct"].as_u64().unwrap()
    };
    let pairs = |names: [&str; 2]| {
        names.iter().map(|name| json["pairs"][name].as_u64().unwrap()).sum::<u64>()
    };
    assert_eq!(pairs(["both", "first"]), right("beam/greedy"));
    assert_eq!(pairs(["both", "second"]), right("beam"));

    // A wrong grade is found; nothing else changes.
    let path = dir.join("beam/records.jsonl");
    let before = fs::read_to_string(&path).unwrap();
    let broken = before.replacen(
        "\"verdict\":\"equal\",\"correct\":true",
        "\"verdict\":\"not_equal\",\"correct\":false",
        1,
    );
    assert_ne!(broken, before);
    fs::write(&path, broken).unwrap();
    let regraded = said(dir, &["regrade", "beam"]);
    assert!(
        regraded.contains("was wrong, now right") && regraded.contains("1 of 8 grades changed"),
        "{regraded}"
    );
    assert_eq!(fs::read_to_string(&path).unwrap(), before);
    assert!(said(dir, &["regrade", "beam"]).contains("0 of 8 grades changed"));

    refused(
        dir,
        &["compare", "beam", "one"],
        &["different datasets", "problems: was `8`, now `1`"],
    );
    refused(
        dir,
        &["trace", "beam", "x"],
        &["`beam` has no problem `x`: it has 8, such as `game24-", "`trace beam` lists"],
    );
    refused(
        dir,
        &["trace", "beam", PUZZLE, "--beside", "one"],
        &["`--beside` has no effect", "--format html"],
    );
    let other = ["trace", "beam", "game24-1-2-4-7", "--format", "html", "--beside", "one"];
    refused(dir, &other, &["`one` has no problem `game24-1-2-4-7`"]);
    refused(dir, &["trace", "beam", "--format", "dot"], &["name one after the directory"]);
    refused(dir, &["trace", "nowhere"], &["`nowhere` holds no run"]);
    refused(dir, &["report", "nowhere"], &["`nowhere` holds no run"]);
    refused(
        dir,
        &["trace", "beam", PUZZLE, "--out", "no/such/file"],
        &["cannot write `no/such/file`"],
    );
    let trace = dir.join("beam/traces").join(format!("{PUZZLE}.jsonl"));
    let whole = fs::read_to_string(&trace).unwrap();
    fs::write(&trace, &whole[..whole.len() / 2]).unwrap();
    for format in ["text", "dot", "json", "html"] {
        let damaged = [PUZZLE, "of the trace is not an event", "remove the line", "records.jsonl"];
        refused(dir, &["trace", "beam", PUZZLE, "--format", format], &damaged);
    }
    fs::remove_file(&trace).unwrap();
    refused(dir, &["trace", "beam", PUZZLE], &["cannot read", PUZZLE]);
}
