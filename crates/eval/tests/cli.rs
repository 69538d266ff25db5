//! The command line on tiny real models: results, bad input, and a clean stop.

#![expect(clippy::unwrap_used, reason = "helpers of tests")]

mod command;

use std::{
    fs,
    io::Write,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use command::{espalier, refused as refused_in, run, said};
use serde_json::Value;
use tempfile::TempDir;

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../models/tests/fixtures").join(name)
}

/// Runs with one line of standard input and returns the one JSON line it prints.
fn json(arguments: &[&str], line: &str) -> Value {
    let dir = TempDir::new().unwrap();
    let mut command = espalier(dir.path(), arguments);
    let child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = child.spawn().unwrap();
    child.stdin.take().unwrap().write_all(line.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

/// Runs and expects exit code 2, no panic, and all of `parts` in the message.
fn refused(arguments: &[&str], parts: &[&str]) {
    let dir = TempDir::new().unwrap();
    refused_in(dir.path(), arguments, parts);
    assert!(!dir.path().join("runs").exists(), "nothing was run");
}

fn eval<'a>(strategy: &'a str, model: &'a str, more: &[&'a str]) -> Vec<&'a str> {
    let mut arguments = vec!["eval", strategy, "--model", model, "--quiet"];
    if !more.contains(&"--dataset") {
        arguments.extend(["--dataset", "builtin"]);
    }
    arguments.extend(more);
    arguments
}

#[test]
fn every_strategy_runs_and_ends_with_its_json() {
    let model = fixture("qwen2");
    let model = model.to_str().unwrap();
    let dir = TempDir::new().unwrap();
    for strategy in ["greedy", "best-of-n", "self-consistency", "beam"] {
        let more = ["--limit", "2", "--max-tokens", "12", "--json", "--out", strategy];
        let output = run(dir.path(), &eval(strategy, model, &more));
        let stdout = String::from_utf8(output.stdout).unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let last: Value = serde_json::from_str(stdout.lines().last().unwrap()).unwrap();
        assert_eq!(last["n"], 2);
        assert!(last["accuracy"].is_number());
        assert!(last["spend"]["generated"].as_u64().unwrap() > 0);
        assert_eq!(last["config"]["strategy"]["name"], strategy);
        let records = fs::read_to_string(dir.path().join(strategy).join("records.jsonl")).unwrap();
        assert_eq!(records.lines().count(), 2);
        assert!(dir.path().join(strategy).join("summary.json").exists());
    }
}

#[test]
fn an_interrupted_run_keeps_what_is_finished_and_goes_on_to_the_same_records() {
    let model = fixture("llama");
    let model = model.to_str().unwrap();
    let dir = TempDir::new().unwrap();
    let row = |row| format!("{{\"question\": \"q{row}?\", \"answer\": \"#### {row}\"}}");
    let rows = (0..40).map(row).collect::<Vec<_>>().join("\n");
    let data = dir.path().join("data.jsonl");
    fs::write(&data, rows).unwrap();
    let shared = [
        "--dataset",
        "gsm8k",
        "--data",
        data.to_str().unwrap(),
        "--max-tokens",
        "60",
        "--in-flight",
        "1",
        "--n",
        "16",
    ];
    let go = |out: &[&str]| {
        eval("best-of-n", model, &[&shared[..], out].concat())
            .into_iter()
            .map(str::to_owned)
            .collect::<Vec<_>>()
    };
    let words = go(&["--out", "a"]);
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let mut child = espalier(dir.path(), &words).stderr(Stdio::piped()).spawn().unwrap();
    let log = dir.path().join("a/records.jsonl");
    let lines = |path: &Path| fs::read_to_string(path).unwrap_or_default().lines().count();
    while lines(&log) < 2 {
        assert!(child.try_wait().unwrap().is_none(), "it ended before it could be interrupted");
        std::thread::yield_now();
    }
    #[expect(clippy::disallowed_methods, reason = "the test sends a signal")]
    let kill = Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
    assert!(kill.success());
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(130));
    assert!(String::from_utf8_lossy(&output.stderr).contains("--resume a"));
    let before = lines(&log);
    assert!((2..40).contains(&before), "{before}");
    assert!(
        run(dir.path(), &eval("best-of-n", model, &[&shared[..], &["--resume", "a"]].concat()))
            .status
            .success()
    );
    assert!(
        run(dir.path(), &eval("best-of-n", model, &[&shared[..], &["--out", "b"]].concat()))
            .status
            .success()
    );
    let answers = |name: &str| -> Vec<(String, String, String)> {
        let text = fs::read_to_string(dir.path().join(name).join("records.jsonl")).unwrap();
        let mut all: Vec<_> = text
            .lines()
            .map(|line| serde_json::from_str::<Value>(line).unwrap())
            .map(|record| {
                (
                    record["id"].to_string(),
                    record["text"].to_string(),
                    record["spend"]["generated"].to_string(),
                )
            })
            .collect();
        all.sort();
        all
    };
    assert_eq!(answers("a").len(), 40);
    assert_eq!(answers("a"), answers("b"));
}

#[test]
fn an_interrupted_sweep_goes_on_to_the_same_points() {
    let model = fixture("llama");
    let words = |out| {
        let more: Vec<&str> =
            "--dataset builtin --limit 3 --max-tokens 24 --seeds 2 --in-flight 1 --quiet --json"
                .split(' ')
                .collect();
        [&["sweep", "--model", model.to_str().unwrap(), "--out", out][..], &more].concat()
    };
    let dir = TempDir::new().unwrap();
    let mut child = espalier(dir.path(), &words("a"))
        .stderr(Stdio::piped())
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    let cells = || dir.path().join("a/cells").read_dir().map_or(0, Iterator::count);
    while cells() < 4 {
        assert!(child.try_wait().unwrap().is_none(), "it ended before it could be interrupted");
        std::thread::yield_now();
    }
    #[expect(clippy::disallowed_methods, reason = "the test sends a signal")]
    let kill = Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
    assert!(kill.success());
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(130));
    assert!(String::from_utf8_lossy(&output.stderr).contains("--json --out a"));
    assert!(!dir.path().join("a/sweep.json").exists());
    let points = |out| -> Value {
        let output = run(dir.path(), &words(out));
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let stdout = String::from_utf8(output.stdout).unwrap();
        for file in ["sweep.json", "sweep.txt", "sweep.svg", "sweep.png"] {
            assert!(stdout.contains(file) && dir.path().join(out).join(file).exists(), "{file}");
        }
        let last: Value = serde_json::from_str(stdout.lines().last().unwrap()).unwrap();
        last["points"].clone()
    };
    let (resumed, whole) = (points("a"), points("b"));
    // Greedy, and twelve series at six budgets; two more where they fit.
    let all = whole.as_array().unwrap();
    let count = |name: &str| all.iter().filter(|point| point["series"] == name).count();
    let dear = ["lookahead", "gate"].map(count);
    assert_eq!(all.len() - dear.iter().sum::<usize>(), 73);
    assert!(dear.iter().all(|count| (1..=6).contains(count)), "{dear:?}");
    for (resumed, whole) in resumed.as_array().unwrap().iter().zip(whole.as_array().unwrap()) {
        for field in ["series", "budget", "size", "searches", "accuracy", "generated_mean"] {
            assert_eq!(resumed[field], whole[field], "{field}");
        }
        let bound = whole["budget"].as_u64().unwrap_or(u64::MAX);
        assert!(whole["computed_max"].as_u64().unwrap() <= bound);
    }
    let mut other = words("b");
    other.extend(["--temperature", "0.5"]);
    refused_in(dir.path(), &other, &["cell `majority-", "strategy.temperature: was `0.8"]);
}

#[test]
fn bad_arguments_are_refused() {
    let model = fixture("llama");
    let model = model.to_str().unwrap();
    refused(&eval("beam", model, &["--width", "0"]), &["--width"]);
    refused(&eval("beam", model, &["--width", "4", "--n", "6"]), &["`--n", "4"]);
    refused(&eval("greedy", model, &["--device", "tpu"]), &["unknown device `tpu`"]);
    refused(&eval("greedy", model, &["--device", "cuda"]), &["cuda"]);
    refused(&eval("greedy", model, &["--rows", "70-99"]), &["70", "99", "72"]);
    refused(&eval("greedy", model, &["--rows", "5-2"]), &["--rows"]);
    refused(&eval("greedy", model, &["--limit", "0"]), &["--limit"]);
    refused(&eval("greedy", model, &["--budget", "tokens=-3"]), &["--budget"]);
    refused(&eval("greedy", model, &["--dataset", "gsm8k"]), &["--data"]);
    refused(
        &eval("greedy", model, &["--dataset", "gsm8k", "--data", "nowhere.jsonl"]),
        &["nowhere.jsonl"],
    );
    refused(&eval("greedy", "no/such/model", &[]), &["no/such/model"]);
    let weighted = ["sweep", "--model", model, "--series", "weighted"];
    refused(&weighted, &["series `weighted`", "needs scores that are not negative"]);
    let words = ["sweep", "--model", model, "--dataset", "builtin"];
    let small = [&words[..], &["--budgets", "1,2", "--limit", "1", "--max-tokens", "2"]].concat();
    refused_in(TempDir::new().unwrap().path(), &small, &["budgets `1,2` admit no answer"]);
}

#[test]
fn a_malformed_line_is_named_by_file_and_number() {
    let dir = TempDir::new().unwrap();
    let data = dir.path().join("bad.jsonl");
    fs::write(&data, "{\"question\": \"q\", \"answer\": \"#### 1\"}\n{\"question\": \"q\"}\n")
        .unwrap();
    let data = data.to_str().unwrap();
    let model = fixture("llama");
    let arguments = ["--dataset", "gsm8k", "--data", data];
    refused(
        &eval("greedy", model.to_str().unwrap(), &arguments),
        &["bad.jsonl", "line 2", "answer"],
    );
}

#[test]
fn a_prompt_beyond_the_context_is_refused() {
    let dir = TempDir::new().unwrap();
    let data = dir.path().join("long.jsonl");
    let question = "many words ".repeat(300);
    fs::write(&data, format!("{{\"question\": \"{question}\", \"answer\": \"#### 1\"}}\n"))
        .unwrap();
    let model = fixture("llama");
    let arguments = ["--dataset", "gsm8k", "--data", data.to_str().unwrap()];
    refused(&eval("greedy", model.to_str().unwrap(), &arguments), &["context holds 256"]);
}

/// A copy of a fixture, changed.
fn broken(name: &str, change: impl FnOnce(&Path)) -> TempDir {
    let dir = TempDir::new().unwrap();
    for file in fixture(name).read_dir().unwrap() {
        let file = file.unwrap();
        if file.path().is_file() {
            fs::copy(file.path(), dir.path().join(file.file_name())).unwrap();
        }
    }
    change(dir.path());
    dir
}

fn edit(path: &Path, from: &str, to: &str) {
    let text = fs::read_to_string(path).unwrap();
    assert!(text.contains(from));
    fs::write(path, text.replace(from, to)).unwrap();
}

#[test]
fn broken_models_are_refused() {
    let refuse = |dir: &TempDir, parts: &[&str]| {
        refused(&eval("greedy", dir.path().to_str().unwrap(), &[]), parts);
    };
    let dir = broken("llama", |dir| fs::remove_file(dir.join("model.safetensors")).unwrap());
    refuse(&dir, &["model.safetensors"]);
    let dir = broken("llama", |dir| {
        let path = dir.join("model.safetensors");
        let bytes = fs::read(&path).unwrap();
        fs::write(&path, &bytes[..bytes.len() / 2]).unwrap();
    });
    refuse(&dir, &["model.safetensors", "truncated"]);
    let dir = broken("qwen2", |dir| {
        fs::remove_file(dir.join("model-00002-of-00003.safetensors")).unwrap();
    });
    refuse(&dir, &["model-00002-of-00003.safetensors"]);
    let dir = broken("llama", |dir| {
        edit(&dir.join("config.json"), "\"model_type\": \"llama\"", "\"model_type\": \"mamba\"");
    });
    refuse(&dir, &["`mamba`", "llama, mistral, qwen2"]);
    let dir = broken("llama", |dir| {
        edit(&dir.join("config.json"), "\"intermediate_size\": 48", "\"intermediate_size\": 64");
    });
    refuse(&dir, &["`model.layers.0.mlp.gate_proj.weight`", "[64, 32]", "[48, 32]"]);
    let dir = broken("llama", |dir| {
        fs::copy(fixture("qwen2").join("tokenizer.json"), dir.join("tokenizer.json")).unwrap();
    });
    refuse(&dir, &["tokenizer has 280 tokens", "96"]);
    let dir = TempDir::new().unwrap();
    let path = dir.path().join("cut.gguf");
    let bytes = fs::read(fixture("tiny-llama.gguf")).unwrap();
    fs::write(&path, &bytes[..bytes.len() - 1000]).unwrap();
    refused(&eval("greedy", path.to_str().unwrap(), &[]), &["cut.gguf", "truncated"]);
}

#[test]
fn a_hub_name_without_the_feature_or_the_network_fails_fast() {
    let dir = TempDir::new().unwrap();
    let output = run(dir.path(), &eval("greedy", "hf:org/name", &[]));
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&output.stderr).contains("hf:org/name"));
}

#[test]
fn model_commands_show_what_the_runtime_sees() {
    let model = fixture("tiny-qwen2.gguf");
    let model = model.to_str().unwrap();
    let ids = json(&["model", "tokenize", model, "--json"], "\"hello world\"")["ids"].clone();
    let n = ids.as_array().unwrap().len();
    assert!(n > 0);
    let logits = json(&["model", "logits", model, "--json"], "\"hello world\"");
    assert_eq!(logits["ids"], ids);
    assert_eq!(logits["logprobs"].as_array().unwrap().len(), n);
    assert_eq!(logits["logprobs"][0].as_array().unwrap().len(), 288);
    let score = json(&["model", "score", model, "--json"], "\"hello world\"");
    let sum: f64 = (1..n)
        .map(|at| logits["logprobs"][at - 1][ids[at].as_u64().unwrap() as usize].as_f64().unwrap())
        .sum();
    assert!((score["logprob"].as_f64().unwrap() - sum).abs() < 1e-4);
    let greedy = ["model", "generate", model, "--json", "--max-tokens", "5"];
    let one = json(&greedy, "\"hello world\"");
    assert_eq!(one["ids"].as_array().unwrap().len(), 5);
    assert!(one["text"].is_string());
    assert_eq!(one, json(&greedy, "\"hello world\""));
    let inspect = json(&["model", "inspect", model, "--json"], "");
    assert_eq!(inspect["architecture"], "qwen2");
    assert_eq!(inspect["tensors"].as_array().unwrap().len(), 2 + 3 * 12);
}

fn house(part: &str) -> String {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../assets/house");
    root.join(part).to_str().unwrap().to_owned()
}

#[test]
fn the_house_model_searches_better_than_it_decodes() {
    let dir = TempDir::new().unwrap();
    let (policy, prm) = (house("policy"), house("prm"));
    let more = [
        "--dataset",
        "game24",
        "--prm",
        &prm,
        "--beside",
        "greedy",
        "--limit",
        "30",
        "--json",
        "--out",
        "run",
    ];
    let output = run(dir.path(), &eval("beam", &policy, &more));
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let stdout = String::from_utf8(output.stdout).unwrap();
    let last: Value = serde_json::from_str(stdout.lines().last().unwrap()).unwrap();
    let (beam, greedy) = (&last["accuracy"], &last["beside"]["greedy"]["accuracy"]);
    assert!(beam.as_f64().unwrap() >= 0.7, "{last}");
    assert!(beam.as_f64().unwrap() > greedy.as_f64().unwrap() + 0.2, "{last}");
    assert!(last["spend"]["scored"].as_u64().unwrap() > 0);
    assert_eq!(last["config"]["strategy"]["scorer"], "prm");
    assert_eq!(last["config"]["prm"]["name"], "prm");
    assert!(stdout.contains("of its errors closed"), "{stdout}");
    assert!(dir.path().join("run/greedy/records.jsonl").exists());
    // The same run, resumed, has nothing left to do and says the same.
    let more = [
        "--dataset",
        "game24",
        "--prm",
        &prm,
        "--beside",
        "greedy",
        "--limit",
        "30",
        "--json",
        "--resume",
        "run",
    ];
    let again = run(dir.path(), &eval("beam", &policy, &more));
    let stdout = String::from_utf8(again.stdout).unwrap();
    let resumed: Value = serde_json::from_str(stdout.lines().last().unwrap()).unwrap();
    assert_eq!(resumed["accuracy"], last["accuracy"]);
    assert_eq!(resumed["beside"]["greedy"]["correct"], last["beside"]["greedy"]["correct"]);
}

#[test]
fn a_wrong_process_reward_model_is_refused() {
    let (policy, prm) = (house("policy"), house("prm"));
    let llama = fixture("llama");
    let llama = llama.to_str().unwrap();
    let no_prm = ["eval", "beam", "--model", &policy, "--scorer", "prm"];
    refused(&no_prm, &["`--scorer prm` needs a process reward model", "--prm PATH"]);
    let not_one = ["eval", "beam", "--model", &policy, "--prm", &policy];
    refused(&not_one, &["does not say how it is read as a process reward model", "prm.json"]);
    let marks = [&not_one[..], &["--prm-family", "marks"]].concat();
    refused(&marks, &["is not a process reward model that was trained here", "`qwen`"]);
    refused(&eval("beam", llama, &["--prm", &prm]), &["another vocabulary than the policy"]);
    let unused = ["eval", "self-consistency", "--model", &policy, "--prm", &prm];
    refused(&unused, &["has no effect on this strategy"]);
    let beside = ["eval", "greedy", "--model", &policy, "--beside", "greedy"];
    refused(&beside, &["`--beside greedy` has no effect"]);
}

/// The interpreter that `cargo xtask` made.
fn python() -> Option<PathBuf> {
    #[expect(clippy::disallowed_methods, reason = "xtask tells tests where the interpreter is")]
    let named = std::env::var("ESPALIER_PYTHON").ok().map(PathBuf::from);
    let made = Path::new(env!("CARGO_BIN_EXE_espalier")).ancestors().nth(2);
    let python = named.or_else(|| Some(made?.join("python/bin/python"))).filter(|p| p.exists());
    if python.is_none() {
        #[expect(clippy::print_stderr, reason = "a skipped test must be seen")]
        let () = eprintln!("SKIPPED: no Python environment; `cargo xtask sandbox check` makes one");
    }
    python
}

#[test]
fn what_runs_code_is_refused_before_a_model_is_loaded() {
    let no = ["--python", "/no/python"];
    let cases: [(&str, &[&str], &[&str]); 6] = [
        ("pal", &[], &["--python"]),
        ("sc-tir", &no, &["`/no/python`", "cargo xtask sandbox check"]),
        ("tora", &[no[0], no[1], "--sandbox-tier", "none"], &["`--sandbox-tier`", "`none`"]),
        ("react", &[no[0], no[1], "--n", "3"], &["`--n 3`", "`--temperature 0`"]),
        ("pal", &[no[0], no[1], "--dry-run"], &["`--dry-run`", "calls", "--limit"]),
        ("uct", &[no[0], no[1], "--code", "qwen"], &["`/no/python`"]),
    ];
    for (strategy, more, parts) in cases {
        refused(&[&eval(strategy, "/no/model", &["--limit", "1"])[..], more].concat(), parts);
    }
}

#[test]
fn runs_with_code_say_how_it_was_isolated() {
    let Some(python) = python() else { return };
    // Room for prompts with an example.
    let model = broken("llama", |dir| edit(&dir.join("config.json"), ": 256", ": 4096"));
    let (model, python) = (model.path().display().to_string(), python.display().to_string());
    let all = ["pal", "sc-tir", "tora", "react", "beam"];
    let tiers = [("highest", false, &all[..]), ("none-i-accept-the-risk", true, &all[..1])];
    for (tier, warns, strategies) in tiers {
        for &strategy in strategies {
            let dir = TempDir::new().unwrap();
            let more = ["--max-tokens", "16", "--limit", "2", "--json", "--out", "run"];
            let tools = ["--python", &python, "--sandbox-tier", tier, "--code", "numina"];
            let tools = &tools[..if strategy == "beam" { 6 } else { 4 }];
            let arguments = [&eval(strategy, &model, &more)[..], tools].concat();
            let output = run(dir.path(), &arguments);
            let message = String::from_utf8_lossy(&output.stderr);
            assert!(output.status.success(), "{strategy}: {message}");
            let printed = String::from_utf8_lossy(&output.stdout);
            assert_eq!(printed.contains("NO ISOLATION"), warns, "{printed}");
            for words in [&["regrade", "run"][..], &["compare", "run", "run"], &["report", "run"]] {
                let said = said(dir.path(), words);
                assert_eq!(
                    said.contains("`run`: ") && said.contains("NO ISOLATION"),
                    warns,
                    "{said}"
                );
            }
            let info = fs::read(dir.path().join("run/run.json")).unwrap();
            let info: Value = serde_json::from_slice(&info).unwrap();
            let sandbox = &info["generation"]["sandbox"];
            let said = sandbox["tier"].as_str().unwrap();
            assert_eq!(said == "none-i-accept-the-risk", warns, "{sandbox}");
            assert!(sandbox["versions"]["sympy"].is_string(), "{sandbox}");
            assert!(printed.lines().last().unwrap().contains("\"failed\":0"), "{printed}");
        }
    }
}
