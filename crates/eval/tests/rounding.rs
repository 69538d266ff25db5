//! `espalier model rounding`: what 8-bit activations cost, and texts and kernels that are refused.

#![expect(clippy::unwrap_used, reason = "helpers of tests")]

#[expect(dead_code, reason = "only one of its helpers is used here")]
mod command;

use std::io::Write;
use std::path::Path;
use std::process::{Output, Stdio};

use serde_json::Value;

use command::espalier;

/// Runs `model rounding` on the house policy, whose weights are `f32`, or on another model.
fn rounding(model: &Path, arguments: &[&str], input: &str) -> Output {
    let mut command = espalier(Path::new("."), &["model", "rounding"]);
    command.arg(model).args(arguments);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    child.wait_with_output().unwrap()
}

fn house() -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../assets/house/policy")
}

#[test]
fn weights_that_are_f32_lose_next_to_nothing() {
    let text = format!("\"{}\"\n\"8 8 3 3\\n\"", "4 5 6 10\\n4 + 5 = 9 left 6 9 10\\n".repeat(4));
    let output = rounding(&house(), &["--window", "16", "--json"], &text);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let found: Value = serde_json::from_slice(&output.stdout).unwrap();
    let number = |key: &str| found[key].as_f64().unwrap();
    assert!(number("tokens") >= 7.0 && number("perplexity_f32") > 1.0, "{found}");
    assert!(number("relative_error") < 1e-4 && number("divergence") < 1e-6, "{found}");
    assert!((number("perplexity") / number("perplexity_f32") - 1.0).abs() < 1e-4, "{found}");
}

#[test]
fn what_cannot_be_measured_is_refused() {
    for (arguments, input, part) in [
        (&["--kernels", "f32"][..], "\"4 5 6 10\"", "is what others are held against"),
        (&["--window", "16"], "\"4 5\"", "which is less than a window of 16"),
        (&["--window", "2"], "\"4 5 6 10\"", "`--window 2` is not between 4 tokens"),
        (&[], "4 5", "line 1 of standard input is not a JSON string"),
    ] {
        let output = rounding(&house(), arguments, input);
        let message = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(2), "{message}");
        assert!(message.contains(part), "{message}");
    }
}
