//! Functions found in texts, and lines that ask for none.

use std::path::Path;

use espalier_core::{Answer, Answers};

use super::*;
use crate::extract::Rule;
use crate::grade::{Grader, Verdict};
use crate::{AnswerForm, Dataset, DatasetKind, Votes};

const QUESTION: &str = "import math\n\ndef half(x):\n    return x / 2\n\ndef twice(x):\n    \"\"\"\n    >>> twice(2)\n    4\n    \"\"\"\n";

fn line(change: impl FnOnce(&mut serde_json::Value)) -> String {
    let mut line = serde_json::json!({
        "task_id": "a/0", "prompt": QUESTION, "entry_point": "twice",
        "canonical_solution": "    return 2 * x\n", "test": "def check(candidate):\n    assert candidate(3) == 6\n",
    });
    change(&mut line);
    line.to_string()
}

fn parse(text: &str) -> Result<Dataset, String> {
    Dataset::parse(DatasetKind::HumanEval, Path::new("f.jsonl"), text).map_err(|e| e.to_string())
}

fn found(text: &str) -> Option<(String, Rule)> {
    let found = Votes::of(DatasetKind::HumanEval, QUESTION).find(text)?;
    Some((found.answer.0, found.rule))
}

#[test]
fn the_fixture_is_of_four_tasks_and_keeps_its_tests_to_itself() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/functions.jsonl");
    let data = Dataset::read(DatasetKind::HumanEval, Path::new(path)).unwrap();
    assert_eq!(data.items.len(), 4);
    for item in &data.items {
        let task = Task::parse(&item.problem.question).unwrap();
        assert!(item.gold.text().ends_with(&format!("\n\ncheck({})", task.name())));
        assert!(!item.problem.question.contains("assert"));
    }
}

#[test]
fn a_line_that_asks_for_no_function_says_why() {
    let data = parse(&line(|_| {})).unwrap();
    assert_eq!(
        (data.items[0].problem.id.as_str(), data.kind.form()),
        ("a/0", AnswerForm::Function)
    );
    let without =
        |name: &'static str| line(|line| drop(line.as_object_mut().unwrap().remove(name)));
    parse(&without("canonical_solution")).unwrap();
    for (text, problem) in [
        (without("task_id"), "field `task_id` is missing"),
        (without("prompt"), "field `prompt` is missing"),
        (without("entry_point"), "field `entry_point` is missing"),
        (without("test"), "field `test` is missing"),
        (line(|line| line["prompt"] = "How much?".into()), "`prompt` begins no function"),
        (
            line(|line| line["entry_point"] = "half".into()),
            "`entry_point` is `half`, but the last function that `prompt` begins is `twice`",
        ),
        (
            line(|line| line["test"] = "assert twice(1) == 2".into()),
            "`test` defines no function `check`",
        ),
        ("{\"task_id\"".to_owned(), "not JSON"),
    ] {
        let good = line(|line| line["task_id"] = "a/1".into());
        let error = parse(&format!("{good}\n{text}")).unwrap_err();
        assert!(error.starts_with("`f.jsonl` line 2: ") && error.contains(problem), "{error}");
        assert!(error.ends_with("expected a line in the `humaneval` layout"), "{error}");
    }
}

#[test]
fn the_last_block_that_defines_the_function_is_the_answer() {
    let block = |code: &str| format!("```python\n{code}\n```\n");
    let (one, two) =
        ("def twice(x):\n    return x + x", "import math\nasync  def twice (x):\n  return 2 * x");
    let other = "def check_it():\n    assert twice(1) == 2";
    for (text, answer) in [
        (block(one), one),
        (format!("First:\n{}then\n{}Use:\n{}", block(one), block(two), block(other)), two),
        (format!("```\n{one}"), one),
        (format!("{}```python\nprint(twice(3))", block(one)), one),
    ] {
        assert_eq!(found(&text), Some((answer.to_owned(), Rule::Block)), "{text}");
    }
    let listed = "1. So:\n   ```py\n   def twice(x):\n       return 2 * x\n   ```\n";
    assert_eq!(found(listed).unwrap().0, "def twice(x):\n    return 2 * x");
    let inside = block("class A:\n    def twice(x):\n        pass");
    for none in [
        "",
        "def twice(x): pass",
        "I cannot.",
        &block(other),
        &block("def twicer(x): pass"),
        &inside,
    ] {
        assert_eq!(found(none), None, "{none}");
    }
}

#[test]
fn a_text_that_goes_on_with_the_function_is_an_answer_up_to_a_stop() {
    let header = QUESTION[QUESTION.find("def twice").unwrap()..].trim_end();
    let text = "    y = x\n\n    return y + x\n\nprint(twice(3))\n";
    assert_eq!(
        found(text),
        Some((format!("{header}\n    y = x\n\n    return y + x"), Rule::Completion))
    );
    assert_eq!(found("    return x\n```python\nprint(1)\n```"), None, "it has a block");
}

#[test]
fn long_texts_are_read_in_linear_time_and_long_functions_are_none() {
    let lines = "    x = x + 1\n".repeat(1_000_000);
    let block = format!("```python\ndef twice(x):\n{lines}    return x\n```");
    assert!(block.len() > 10 << 20 && found(&block).is_none());
    assert!(found(&lines).is_none() && found(&"```\n".repeat(2_500_000)).is_none());
    let small = "```python\ndef twice(x):\n    return 2 * x\n```";
    assert!(found(&format!("{block}\n{small}")).is_some());
}

#[test]
fn functions_vote_by_their_text() {
    let votes = Votes::of(DatasetKind::HumanEval, QUESTION);
    let same = |one: &str, other: &str| votes.same(&Answer(one.into()), &Answer(other.into()));
    assert!(same("def twice(x): pass", "def twice(x): pass \n"));
    assert!(!same("def twice(x): return 2 * x", "def twice(x): return x * 2"));
    assert_eq!(
        votes.extract("```\ndef twice(x): pass\n```"),
        Some(Answer("def twice(x): pass".into()))
    );
}

#[test]
fn nothing_is_right_that_was_not_run() {
    let data = parse(&line(|_| {})).unwrap();
    let grader = Grader::new(DatasetKind::HumanEval);
    let verdict =
        grader.grade(&data.items[0], &Answer("def twice(x): return 2 * x".into())).unwrap();
    assert_eq!(verdict, Verdict::Undecided);
}

#[test]
fn a_program_has_passed_only_where_its_last_line_says_so() {
    let task = Task::parse(QUESTION).unwrap();
    let answer = Answer("def twice(x):\n    return '\u{e9}\"\\n\u{2028}' * x".into());
    let program = Program::examples(&task, &answer);
    let word = &program.word;
    assert_eq!(program.said(&format!("noise\n{word} pass\n")), Some("pass"));
    for output in ["", "pass", word, &format!("{word} pass\nmore"), "0000000000000000 pass"] {
        assert_eq!(program.said(output), None, "{output}");
    }
    assert!(program.text.contains("NAME = \"twice\"\n"));
}
