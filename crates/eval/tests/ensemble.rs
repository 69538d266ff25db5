//! The command line of ensembles, on the house model and a tiny random one with another tokenizer.

#![expect(clippy::unwrap_used, reason = "helpers of tests")]

mod command;

use std::{
    fs,
    path::{Path, PathBuf},
};

use serde_json::Value;
use tempfile::TempDir;

use command::{run, said};

/// Expects a refusal, and that nothing was run before it.
fn refused(dir: &Path, arguments: &[&str], parts: &[&str]) {
    command::refused(dir, arguments, parts);
    assert!(!dir.join("runs").exists(), "nothing was run");
}

/// The house model and a tiny one, which is made in `dir` so that its context holds a chat about a puzzle.
fn members(dir: &Path) -> [PathBuf; 2] {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let (fixture, tiny) = (root.join("../models/tests/fixtures/llama"), dir.join("tiny"));
    fs::create_dir(&tiny).unwrap();
    for file in ["config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json"] {
        fs::copy(fixture.join(file), tiny.join(file)).unwrap();
    }
    let config = fs::read_to_string(tiny.join("config.json")).unwrap();
    let context = "\"max_position_embeddings\": ";
    let longer = config.replace(&[context, "256"].concat(), &[context, "1024"].concat());
    assert_ne!(config, longer);
    fs::write(tiny.join("config.json"), longer).unwrap();
    [root.join("../../assets/house/policy"), tiny]
}

/// `eval ensemble` with these members.
fn ensemble<'a>(members: &'a [PathBuf], more: &[&'a str]) -> Vec<&'a str> {
    let mut arguments =
        vec!["eval", "ensemble", "--quiet", "--max-tokens", "60", "--temperature", "1"];
    for member in members {
        arguments.extend(["--member", member.to_str().unwrap()]);
    }
    arguments.extend(more);
    arguments
}

/// The records of a run, without what two runs need not share.
fn records(dir: &Path) -> Vec<Value> {
    let text = fs::read_to_string(dir.join("records.jsonl")).unwrap();
    let mut records: Vec<Value> =
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    for record in &mut records {
        record["wall_s"].take();
        record["spend"]["nanoseconds"].take();
        for time in ["wall_ns", "queue_ns"] {
            record["ledger"][time].take();
        }
    }
    records.sort_by_key(|record| record["id"].to_string());
    records
}

#[test]
fn an_ensemble_leaves_runs_that_every_command_reads() {
    let dir = TempDir::new().unwrap();
    let dir = dir.path();
    let members = members(dir);
    let told =
        said(dir, &ensemble(&members, &["--limit", "4", "--n", "3", "--out", "a", "--json"]));
    for part in ["member 1, policy", "member 2, tiny", "ensemble, members 2, n 3", "95 % interval"]
    {
        assert!(told.contains(part), "`{part}` is not in: {told}");
    }
    let json: Value = serde_json::from_str(told.lines().last().unwrap()).unwrap();
    assert_eq!((&json["n"], json["members"].as_array().map(Vec::len)), (&4.into(), Some(2)));
    let sum = |field: &str| -> u64 {
        let of = |member: &Value| member["spend"][field].as_u64().unwrap();
        json["members"].as_array().unwrap().iter().map(of).sum()
    };
    assert_eq!(json["spend"]["generated"], sum("generated"));
    let info: Value = serde_json::from_slice(&fs::read(dir.join("a/run.json")).unwrap()).unwrap();
    assert_eq!(info["generation"]["strategy"]["weights"]["answer"], 0.7);
    assert_eq!(info["generation"]["members"][1]["model"]["name"], "tiny");

    let id = records(&dir.join("a"))[0]["id"].as_str().unwrap().to_owned();
    assert!(said(dir, &["trace", "a"]).contains(&id));
    assert!(said(dir, &["trace", "a", &id]).contains('\n'));
    assert!(said(dir, &["trace", "a/members/2", &id, "--format", "json"]).contains("nodes"));
    assert!(said(dir, &["regrade", "a"]).contains("0 of 4 grades changed"));
    assert!(said(dir, &["regrade", "a/members/1"]).contains("0 of 4 grades changed"));
    assert!(said(dir, &["report", "a"]).contains("report.html"));
    let page = fs::read_to_string(dir.join("a/report.html")).unwrap();
    assert!(page.contains("ensemble, members 2, n 3") && page.contains("tiny"));
    let compared = said(dir, &["compare", "a/members/1", "a"]);
    assert!(
        compared.contains("self-consistency, n 3") && compared.contains("ensemble"),
        "{compared}"
    );
    assert!(said(dir, &["anytime", "a/members/1"]).contains("had it been stopped earlier"));
    refused(dir, &["anytime", "a"], &["is of an ensemble", "a/members/1"]);
    refused(dir, &ensemble(&members, &["--limit", "4", "--out", "a"]), &["already holds a run"]);
    let other = ["--limit", "4", "--n", "2", "--resume", "a"];
    refused(dir, &ensemble(&members, &other), &["another configuration", "strategy.n"]);
    let again = said(dir, &ensemble(&members, &["--limit", "4", "--n", "3", "--resume", "a"]));
    assert!(again.contains("ensemble, members 2"), "{again}");
    assert_eq!(records(&dir.join("a")).len(), 4, "nothing was done again");
}

#[test]
fn members_that_do_not_fit_together_are_loaded_one_after_the_other() {
    let dir = TempDir::new().unwrap();
    let dir = dir.path();
    let members = members(dir);
    let shared = ["--limit", "20", "--n", "2", "--budget", "tokens=61,computed=1001"];
    let go = |more: &[&str]| run(dir, &ensemble(&members, &[&shared[..], more].concat()));
    assert!(go(&["--out", "together"]).status.success());
    // The house model holds more than 10 MB, the tiny one 0.1 MB.
    let output = run(
        dir,
        &ensemble(&members, &[&shared[..], &["--out", "in-turn", "--memory", "11MB"]].concat())
            .into_iter()
            .filter(|word| *word != "--quiet")
            .collect::<Vec<_>>(),
    );
    assert!(output.status.success());
    for part in ["", "members/1", "members/2"] {
        let [together, in_turn] =
            ["together", "in-turn"].map(|run| records(&dir.join(run).join(part)));
        assert_eq!(together, in_turn, "{part}");
        assert_eq!(together.len(), 20);
        let most = if part.is_empty() { 61 } else { 31 };
        assert!(together.iter().all(|record| record["spend"]["generated"].as_u64() <= Some(most)));
    }
    refused(
        dir,
        &ensemble(&members, &["--memory", "200kB"]),
        &["member `", "house/policy` needs ", "`--memory` is 200 kB", "raise it"],
    );
}

#[test]
fn bad_ensembles_are_refused_before_anything_is_computed() {
    let dir = TempDir::new().unwrap();
    let dir = dir.path();
    let [house, tiny] = members(dir);
    let one = [house.clone()];
    refused(dir, &ensemble(&one, &[]), &["an ensemble of one member", "self-consistency"]);
    let roundabout = house.join("../policy");
    let twice = [house.clone(), tiny.clone(), roundabout];
    refused(dir, &ensemble(&twice, &[]), &["is the same model as", "leave one out"]);
    let missing = [house.clone(), PathBuf::from("nowhere")];
    refused(dir, &ensemble(&missing, &[]), &["model `nowhere` is not there"]);
    let both = [house, tiny];
    let refused = |more: &[&str], parts: &[&str]| refused(dir, &ensemble(&both, more), parts);
    refused(&["--answer-weight", "0.9"], &["`0.9`", "`0.3`", "add up to 1"]);
    refused(&["--answer-weight", "2", "--step-weight", "-1"], &["from 0 to 1"]);
    refused(&["--dataset", "gsm8k"], &["`--data FILE`"]);
    refused(&["--dataset", "gsm8k", "--data", "none.jsonl"], &["cannot read dataset"]);
    refused(&["--device", "tpu"], &["unknown device `tpu`"]);
    refused(&["--model", "m"], &["--model"]);
    let cold = ["eval", "ensemble", "--member", "a", "--member", "b", "--temperature", "0"];
    let output = run(dir, &cold);
    assert!(String::from_utf8_lossy(&output.stderr).contains("the same 4 times"));
}
