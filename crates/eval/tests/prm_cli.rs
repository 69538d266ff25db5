//! The command line with reward models of the published families, all tiny: results, and bad input.

#![expect(clippy::unwrap_used, reason = "helpers of tests")]

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
};

use serde_json::Value;
use tempfile::TempDir;

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../models/tests/fixtures").join(name)
}

/// Runs best-of-N over one question.
#[expect(clippy::disallowed_methods, reason = "the test runs the binary")]
fn best_of_n(dir: &Path, model: &Path, prm: &Path, more: &[&str]) -> Output {
    // In few words: the contexts of tiny reward models are short.
    let line = "{\"question\": \"How many are 2 + 3?\", \"answer\": \"#### 5\"}";
    fs::write(dir.join("data.jsonl"), line).unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_espalier"));
    command.current_dir(dir).stdin(Stdio::null());
    command.args(["eval", "best-of-n", "--n", "3", "--quiet", "--json", "--max-tokens", "8"]);
    command.args(["--dataset", "gsm8k", "--data", "data.jsonl"]);
    command.arg("--model").arg(model).arg("--prm").arg(prm).args(more).output().unwrap()
}

#[test]
fn reward_models_of_every_family_score() {
    let (policy, skywork) = (fixture("qwen2"), fixture("prm/skywork"));
    for (model, prm, family, named) in [
        (&policy, "qwen", "qwen", false),
        (&policy, "skywork", "skywork", false),
        (&policy, "value", "value", false),
        (&policy, "rlhflow", "rlhflow", true),
        (&policy, "math-shepherd", "math-shepherd", true),
        // The policy scores itself, by the head it has.
        (&skywork, "skywork", "skywork", false),
    ] {
        let dir = TempDir::new().unwrap();
        let more = ["--prm-family", family];
        let more = if named { &more[..] } else { &[] };
        let output = best_of_n(dir.path(), model, &fixture("prm").join(prm), more);
        let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "{prm}: {stderr}");
        let stdout = String::from_utf8(output.stdout).unwrap();
        let last: Value = serde_json::from_str(stdout.lines().last().unwrap()).unwrap();
        assert_eq!(last["config"]["prm"]["family"], family);
        assert_eq!(last["config"]["prm"]["name"], prm);
        assert!(last["spend"]["scored"].as_u64().unwrap() > 0, "{prm}: {last}");
    }
}

#[test]
fn a_reward_model_of_another_family_is_refused() {
    let unsaid =
        ["does not say how it is read", "`--prm-family`: `auto`, `marks`, `math-shepherd`"];
    let no_head =
        "it needs a head `score` of 2 outputs, the checkpoint has a head `v_head` of 1 output";
    let signed = "`--select weighted` needs scores that are not negative, and those of this process \
                  reward model are values of any sign";
    for (prm, more, parts) in [
        ("rlhflow", &[][..], &unsaid[..]),
        ("skywork", &["--prm-family", "qwen"], &["read with `--prm-family qwen`", no_head]),
        (
            "math-shepherd",
            &["--prm-family", "rlhflow"],
            &["has no chat template", "another family"],
        ),
        ("skywork", &["--prm-family", "marks"], &["was trained here", "`prm.json`", "`qwen`"]),
        ("value", &["--select", "weighted"], &[signed]),
    ] {
        let dir = TempDir::new().unwrap();
        let output = best_of_n(dir.path(), &fixture("qwen2"), &fixture("prm").join(prm), more);
        let message = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(2), "{prm}: {message}");
        for part in parts {
            assert!(message.contains(part), "`{part}` is not in: {message}");
        }
        assert!(!dir.path().join("runs").exists(), "nothing was run");
    }
}
