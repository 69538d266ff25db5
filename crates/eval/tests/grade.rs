//! `espalier grade`: verdicts beside what is expected, and files that are refused.

mod command;

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;
use tempfile::TempDir;

use command::{refused, said};

const PAIRS: &str = r#"{"gold": "$\\frac12$", "pred": "\\boxed{0.5}", "expected": true}
{"gold": "2", "pred": "so it is 3", "expected": true, "options": {"match_types": ["expr"]}}

{"gold": "$\\sin x$", "pred": "$\\cos x$", "expected": false}
"#;

#[test]
fn pairs_are_graded_and_counted() {
    let dir = TempDir::new().unwrap();
    fs::write(dir.path().join("pairs.jsonl"), PAIRS).unwrap();
    let told = said(dir.path(), &["grade", "pairs.jsonl", "--json", "--wrong", "--rounds", "1"]);
    let lines: Vec<&str> = told.lines().collect();
    let wrong: Value = serde_json::from_str(lines[0]).unwrap();
    assert_eq!((&wrong["verdict"], &wrong["pair"]["gold"]), (&"not_equal".into(), &"2".into()));
    assert!(lines[1].starts_with("2 of 3 as expected (66.7 %), 1 undecided"), "{told}");
    let found: Value = serde_json::from_str(lines[2]).unwrap();
    assert_eq!((found["right"].as_u64(), found["false_equal"].as_u64()), (Some(2), Some(0)));
    assert!(found["a_second"].as_f64().unwrap() > 0.0);
    let number = said(dir.path(), &["grade", "pairs.jsonl", "--dataset", "gsm8k"]);
    assert!(number.starts_with("2 of 3 as expected"), "{number}");
}

#[test]
fn what_is_no_pair_is_refused() {
    let dir = TempDir::new().unwrap();
    fs::write(dir.path().join("bad.jsonl"), "\n{\"gold\": \"1\"}\n").unwrap();
    fs::write(dir.path().join("empty.jsonl"), "\n").unwrap();
    let refuse = |arguments: &[&str], part: &str| refused(dir.path(), arguments, &[part]);
    refuse(&["grade", "no.jsonl"], "cannot read `no.jsonl`");
    refuse(&["grade", "bad.jsonl"], "`bad.jsonl` line 2 is no pair");
    refuse(&["grade", "empty.jsonl"], "`empty.jsonl` holds no pairs");
    refuse(&["grade", "bad.jsonl", "--dataset", "humaneval"], "functions are graded by running");
}

/// The shared folder of data; `None`, said aloud, if it is not on this machine.
fn shared() -> Option<PathBuf> {
    let default = || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared");
    let root = std::env::var_os("ESPALIER_SHARED").map_or_else(default, PathBuf::from);
    if !root.exists() {
        #[expect(clippy::print_stderr, reason = "a skipped test must be seen")]
        let () = eprintln!("SKIPPED: {} is not there; set ESPALIER_SHARED", root.display());
        return None;
    }
    Some(root)
}

#[test]
fn no_test_of_a_grader_is_found_equal_that_should_not_be() {
    let Some(shared) = shared() else { return };
    for (file, flags, right) in [
        ("math_verify_tests.jsonl", &[][..], 179),
        ("inspect_ai_math.jsonl", &[], 52),
        ("gsm8k_model_solutions.jsonl", &["--dataset", "gsm8k"], 1026),
    ] {
        let file = shared.join("data/grading").join(file);
        let arguments = [&["grade", file.to_str().unwrap(), "--json"], flags].concat();
        let told = said(Path::new("."), &arguments);
        let found: Value = serde_json::from_str(told.lines().last().unwrap()).unwrap();
        assert_eq!(found["false_equal"], 0, "{told}");
        assert!(found["right"].as_u64().unwrap() >= right, "{told}");
    }
}
