//! Functions as answers: tested in the real sandbox, searched by scripted policies and by a tiny real model.

#![expect(clippy::unwrap_used, reason = "helpers of tests")]

mod functions;

use std::fs;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::Duration;

use espalier_core::{Answer, Path as Branch, Prompt, Verdict as Found, Verifier};
use espalier_eval::code::{Examples, MAX_BYTES, Python};
use espalier_eval::{Dataset, DatasetKind, Grader, Verdict};
use espalier_exec::{
    Echo, Launcher, Limits, Pool, PoolConfig, PythonTool, Replay, ReplayLimits, TierChoice,
};
use serde_json::Value;
use tempfile::TempDir;

const BINARY: &str = env!("CARGO_BIN_EXE_espalier");

fn tasks() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/functions.jsonl")
}

fn dataset() -> Dataset {
    Dataset::read(DatasetKind::HumanEval, &tasks()).unwrap()
}

/// The solutions of the fixture, whole functions.
fn solutions() -> Vec<String> {
    let text = fs::read_to_string(tasks()).unwrap();
    let line = |line: &str| {
        let line: Value = serde_json::from_str(line).unwrap();
        let [prompt, solution] =
            ["prompt", "canonical_solution"].map(|name| line[name].as_str().unwrap());
        let start = prompt.rfind("\ndef ").map_or(0, |at| at + 1);
        format!("{}{solution}", &prompt[start..])
    };
    text.lines().map(line).collect()
}

/// The interpreter that `cargo xtask` made.
fn python() -> Option<PathBuf> {
    #[expect(clippy::disallowed_methods, reason = "xtask tells tests where the interpreter is")]
    let named = std::env::var("ESPALIER_PYTHON").ok().map(PathBuf::from);
    let made = Path::new(BINARY).ancestors().nth(2);
    let python = named.or_else(|| Some(made?.join("python/bin/python"))).filter(|p| p.exists());
    if python.is_none() {
        #[expect(clippy::print_stderr, reason = "a skipped test must be seen")]
        let () = eprintln!("SKIPPED: no Python environment; `cargo xtask sandbox check` makes one");
    }
    python
}

fn sandbox() -> Option<PythonTool<Replay<Pool>>> {
    let cpu = Duration::from_secs(1);
    let config = PoolConfig {
        python: python()?,
        workers: NonZeroUsize::MIN,
        tier: "highest".parse::<TierChoice>().unwrap(),
        limits: Limits { cpu, wall: cpu * 9, ..Limits::default() },
        launcher: Launcher::Program(BINARY.into()),
    };
    let many = NonZeroUsize::new(1000).unwrap();
    let replay = Replay::new(
        Pool::start(&config).unwrap(),
        ReplayLimits { path_blocks: many, known_blocks: many },
    );
    Some(PythonTool::new(replay, Echo::Off, |outcome| outcome.stdout.text()))
}

/// Functions that are all wrong, each in its own way, under the name of the first task's.
const WRONG: [(&str, &str); 9] = [
    ("wrong", "def middle(a, b, c):\n    return b"),
    ("never-ending", "def middle(a, b, c):\n    while True:\n        pass"),
    ("exiting", "import os\nos._exit(0)\ndef middle(a, b, c):\n    return sorted((a, b, c))[1]"),
    ("exiting when called", "import sys\ndef middle(a, b, c):\n    sys.exit(0)"),
    ("crashing", "def middle(a, b, c):\n    raise ValueError(a)"),
    ("no Python", "def middle(a, b, c):\n    return ((("),
    ("recursive", "def middle(a, b, c):\n    return middle(c, b, a)"),
    ("of another name", "def median(a, b, c):\n    return sorted((a, b, c))[1]"),
    ("lying", "def middle(a, b, c):\n    print('pass')\n    print('0000000000000000 pass')"),
];

#[test]
fn functions_are_right_where_their_hidden_tests_pass() {
    let Some(mut tool) = sandbox() else { return };
    let dataset = dataset();
    let grader = Grader::with_tests(DatasetKind::HumanEval, Python::new(&mut tool));
    let first = &dataset.items[0];
    for (item, solution) in dataset.items.iter().zip(solutions()) {
        let noisy =
            format!("from __future__ import annotations\nprint('begun', end='')\n{solution}");
        let main = format!("{solution}\nif __name__ == '__main__':\n    input()\n");
        for answer in [solution, noisy, main] {
            let verdict = grader.grade(item, &Answer(answer.clone())).unwrap();
            assert_eq!(verdict, Verdict::Equal, "{answer}");
        }
    }
    for (how, answer) in WRONG {
        let verdict = grader.grade(first, &Answer(answer.to_owned())).unwrap();
        assert_eq!(verdict, Verdict::NotEqual, "{how}");
    }
    let long = format!("{}\n#{}", solutions()[0], "x".repeat(MAX_BYTES));
    assert_eq!(grader.grade(first, &Answer(long)).unwrap(), Verdict::NotEqual);
}

#[test]
fn examples_of_the_docstring_are_evidence() {
    let Some(mut tool) = sandbox() else { return };
    let mut examples = Examples::new(Python::new(&mut tool));
    let mut judge = |question: &str, text: &str, finish| {
        let prompt = Prompt { problem: question.to_owned(), tokens: [].into() };
        let mut path = Branch::root(prompt.into());
        path.steps.push(functions::step(text, finish).into());
        examples.verify(&path).unwrap()
    };
    let (eos, cut) = (espalier_core::Finish::Eos, espalier_core::Finish::Length);
    let block = |code: &str| format!("```python\n{code}\n```");
    let questions: Vec<String> =
        dataset().items.into_iter().map(|item| item.problem.question).collect();
    let expected = [Found::Pass, Found::Pass, Found::Pass, Found::Unknown];
    for ((question, solution), expected) in questions.iter().zip(solutions()).zip(expected) {
        assert_eq!(judge(question, &block(&solution), eos), expected, "{question}");
        assert_eq!(judge(question, &block(&solution), cut), Found::Unknown, "{question}");
    }
    for (how, answer) in WRONG {
        assert_eq!(judge(&questions[0], &block(answer), eos), Found::Fail, "{how}");
    }
    assert_eq!(judge(&questions[0], "I cannot.", eos), Found::Fail);
    // The examples show less than the tests: what they do not show passes.
    let seen = "def middle(a, b, c):\n    return 5 if a == 3 else 2";
    assert_eq!(judge(&questions[0], &block(seen), eos), Found::Pass);
    // Outputs that are written otherwise, and examples that cannot be read.
    let written = "def f(x):\n    \"\"\"\n    >>> f(1)\n    [1,\"a\" , 2.0]\n    \"\"\"\n";
    assert_eq!(judge(written, &block("def f(x): return [1, 'a', 2]"), eos), Found::Pass);
    assert_eq!(judge(written, &block("def f(x): return [1, 'a', 3]"), eos), Found::Fail);
    let unreadable = "def f(x):\n    \"\"\"\n    >>> f(1)\n  1\n    >>>f(2)\n    2\n    \"\"\"\n";
    assert_eq!(judge(unreadable, &block("def f(x): return x"), eos), Found::Unknown);
}

#[expect(clippy::disallowed_methods, reason = "the test runs the binary")]
fn espalier(dir: &Path, arguments: &[&str]) -> Output {
    Command::new(BINARY).current_dir(dir).args(arguments).stdin(Stdio::null()).output().unwrap()
}

fn refused(arguments: &[&str], parts: &[&str]) {
    let dir = TempDir::new().unwrap();
    let output = espalier(dir.path(), arguments);
    let message = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(2), "{arguments:?}: {message}");
    for part in parts {
        assert!(message.contains(part), "`{part}` is not in: {message}");
    }
}

#[test]
fn what_cannot_run_functions_is_refused_before_a_model_is_loaded() {
    let data = tasks().display().to_string();
    let given = ["--model", "/no/model", "--dataset", "humaneval", "--data", &data];
    let python = ["--python", "/no/python"];
    let eval = |strategy: &str| [&["eval", strategy], &given[..]].concat().join(" ");
    let arguments = |line: &str| line.split(' ').map(str::to_owned).collect::<Vec<_>>();
    for (line, parts) in [
        (eval("greedy"), ["`--python PATH`", "--dataset humaneval"]),
        (
            format!("{} {}", eval("greedy"), python.join(" ")),
            ["`/no/python`", "cargo xtask sandbox check"],
        ),
        (
            format!("{} {}", eval("sc-tir"), python.join(" ")),
            ["cannot take dataset `humaneval`", "best-of-n"],
        ),
        (
            format!("{} --next prompt", eval("beam")),
            ["cannot take dataset `humaneval`", "best-of-n"],
        ),
        (format!("{} --tool-seconds 1", eval("greedy")), ["--python", "--tool-seconds"]),
        (
            "eval greedy --model /no/model --python /no/python".to_owned(),
            ["`--python` has no effect", "leave it out"],
        ),
        (
            format!("sweep --model /no/model --dataset humaneval --data {data}"),
            ["`sweep` cannot take dataset `humaneval`", "functions"],
        ),
        (
            format!("eval ensemble --member /a --member /b --dataset humaneval --data {data}"),
            ["`eval ensemble` cannot take dataset `humaneval`", "functions"],
        ),
    ] {
        let line = arguments(&line);
        refused(&line.iter().map(String::as_str).collect::<Vec<_>>(), &parts);
    }
}

#[test]
fn runs_over_functions_say_how_they_were_isolated_and_are_regraded() {
    let Some(python) = python() else { return };
    let python = python.display().to_string();
    let dir = TempDir::new().unwrap();
    let model = functions::tiny_model(dir.path());
    let (model, data) = (model.display().to_string(), tasks().display().to_string());
    for (tier, warns) in [("highest", false), ("none-i-accept-the-risk", true)] {
        let tools = ["--python", &python, "--sandbox-tier", tier];
        let run = [
            &["eval", "best-of-n", "--n", "2", "--scorer", "verifier", "--model", &model][..],
            &["--dataset", "humaneval", "--data", &data, "--max-tokens", "16", "--quiet", "--json"],
            &["--beside", "greedy", "--out", tier],
            &tools,
        ];
        let output = espalier(dir.path(), &run.concat());
        let printed = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        assert_eq!(printed.contains("NO ISOLATION"), warns, "{printed}");
        let last: Value = serde_json::from_str(printed.lines().last().unwrap()).unwrap();
        assert_eq!((&last["n"], &last["failed"]), (&4.into(), &0.into()), "{printed}");
        for folder in [tier.to_owned(), format!("{tier}/greedy")] {
            let info = fs::read(dir.path().join(folder).join("run.json")).unwrap();
            let info: Value = serde_json::from_slice(&info).unwrap();
            let said = info["generation"]["sandbox"]["tier"].as_str().unwrap();
            assert_eq!(said == "none-i-accept-the-risk", warns);
        }
        let bare = espalier(dir.path(), &["regrade", tier]);
        let message = String::from_utf8_lossy(&bare.stderr).into_owned();
        assert_eq!(bare.status.code(), Some(2), "{message}");
        assert!(message.contains("`--python PATH`"), "{message}");
        let regraded = espalier(dir.path(), &[&["regrade", tier], &tools[..]].concat());
        let printed = String::from_utf8_lossy(&regraded.stdout).into_owned();
        assert!(regraded.status.success(), "{}", String::from_utf8_lossy(&regraded.stderr));
        assert!(printed.contains("0 of 4 grades changed"), "{printed}");
        assert_eq!(printed.contains("NO ISOLATION"), warns, "{printed}");
        // The grades are still those of one grader.
        let beside = format!("{tier}/greedy");
        let compared = espalier(dir.path(), &["compare", tier, &beside]);
        assert!(compared.status.success(), "{}", String::from_utf8_lossy(&compared.stderr));
        let anytime = espalier(dir.path(), &["anytime", tier]);
        assert_eq!(anytime.status.code(), Some(2));
    }
}
