//! Collections of runs with a toy policy that writes code.

use std::fs;
use std::ops::ControlFlow;
use std::path::Path;
use std::sync::Arc;

use espalier_core::TokenId;
use espalier_core::{
    Budget, Entry, Event, Finish, Frozen, NodeId, ObservationStatus, Prompt, Seed,
};
use espalier_search::{profiles::Fenced, trace::replay};
use serde_json::{Value, json};
use tempfile::TempDir;

use super::*;
use crate::config::{Chat, generation};
use crate::dataset::Dataset;
use crate::problem::Problem;
use crate::run::tests::calling::{calling, coder, python};
use crate::run::tests::plan;
use crate::run::{Helpers, Run, run};
use crate::run_info::RunInfo;
use crate::spec::{OutputFormat, StrategySpec};
use crate::store::Store;
use crate::tools::Toolkit;

/// Every answer is 1042, so the second of three questions stays unsolved.
const ROWS: [&str; 3] = [
    r#"{"question": "q0", "answer": "So #### 1042"}"#,
    r#"{"question": "q1", "answer": "So #### 7"}"#,
    r#"{"question": "q2", "answer": "So #### 1042"}"#,
];

const ALL: Choice = Choice { keep: Keep::All, most: None };
const RIGHT: Choice = Choice { keep: Keep::Right, most: None };

fn tora(n: u32) -> StrategySpec {
    StrategySpec::ToRa { n, calls: 1, calling: calling(OutputFormat::Tora) }
}

/// Runs a strategy over rows of `data.jsonl`, in the folder `name`; `change` is made to what is said of it.
fn search(
    dir: &Path,
    name: &str,
    rows: &[&str],
    strategy: StrategySpec,
    change: impl FnOnce(&mut RunInfo),
) -> PathBuf {
    let data = dir.join(format!("{name}.jsonl"));
    fs::write(&data, rows.join("\n")).unwrap();
    let dataset = Dataset::read(DatasetKind::Gsm8k, &data).unwrap();
    let model = json!({ "name": "toy", "sha256": "0" });
    let budget = Budget::default();
    let mut info =
        RunInfo::new(generation(&strategy, &dataset, &model, Chat::Template, 400, &budget));
    info.runtime["data"] = data.display().to_string().into();
    info.runtime["prompt"] = "<user>{question}<model>".into();
    change(&mut info);
    let mut store = Store::create(&dir.join(name), info).unwrap();
    let plan = Run { budget, ..plan(&dataset, strategy, 3) };
    let plan = Run { max_tokens: NonZeroU32::new(400).unwrap(), ..plan };
    let mut put = |problem: &Problem| {
        let tokens = problem.question.bytes().map(TokenId::from).collect();
        Ok(Arc::new(Prompt { problem: problem.question.clone(), tokens }))
    };
    let (mut coder, mut python) = (coder(), python());
    let tools = Some(Toolkit { python: &mut python, turn: None });
    let helpers = Helpers { prm: None, tools };
    let mut go_on = |_: &crate::Progress| ControlFlow::Continue(());
    run(&plan, &mut put, &mut coder, helpers, &mut store, &Frozen, &mut go_on).unwrap();
    dir.join(name)
}

fn open(dir: &Path) -> FinishedRun {
    FinishedRun::open(dir, None, None).unwrap()
}

fn refusal(dir: &Path) -> String {
    FinishedRun::open(dir, None, None).unwrap_err().to_string()
}

#[test]
fn a_line_tells_the_policys_words_from_those_of_tools() {
    let dir = TempDir::new().unwrap();
    let run = open(&search(dir.path(), "a", &ROWS, tora(2), |_| {}));
    let found = collect(&[run], &[], RIGHT).unwrap();
    // Both paths of a problem say the same.
    let tally =
        Tally { problems: 3, trajectories: 6, right: 4, kept: 2, unsolved: 1, ..Tally::default() };
    assert_eq!(found.tally, tally);
    let one = &found.new[0];
    assert_eq!((&*one.problem, &*one.question), ("gsm8k-0001", "q0"));
    assert_eq!(one.prompt, "<user>q0<model>");
    let told: Vec<_> = one.segments.iter().map(|s| (s.role, &*s.text, s.status)).collect();
    let expected = [
        (Voice::Policy, "```python\nprint(6 * 7)\n```", None),
        (Voice::Tool, "\n```output\n42\n```\n", Some(ObservationStatus::Ok)),
        (Voice::Policy, "\nSo \\boxed{1042}.", None),
    ];
    assert_eq!(told, expected);
    assert_eq!(
        (one.answer.as_deref(), one.verdict, one.seed),
        (Some("1042"), Status::Right, Some(1))
    );
    assert_eq!(one.tokens, Counts { prompt: 2, policy: 3, tool: one.segments[1].ids.len() as u64 });
    let line = serde_json::to_string(one).unwrap();
    assert_eq!(&serde_json::from_str::<Trajectory>(&line).unwrap(), one);
    let value: Value = serde_json::from_str(&line).unwrap();
    assert_eq!(
        (&value["segments"][1]["role"], &value["verdict"]),
        (&"tool".into(), &"right".into())
    );
}

#[test]
fn all_are_kept_where_that_is_asked_for_and_as_many_of_a_problem() {
    let dir = TempDir::new().unwrap();
    let runs = [open(&search(dir.path(), "a", &ROWS, tora(1), |_| {}))];
    let verdicts = |choice| -> Vec<Status> {
        collect(&runs, &[], choice).unwrap().new.iter().map(|one| one.verdict).collect()
    };
    assert_eq!(verdicts(ALL), [Status::Right, Status::Wrong, Status::Right]);
    // Other words of the first problem take its place.
    let mut other = collect(&runs, &[], RIGHT).unwrap().new.remove(0);
    other.segments[0].text.push(' ');
    let most = |most| Choice { most: NonZeroU32::new(most), ..RIGHT };
    assert_eq!(collect(&runs, std::slice::from_ref(&other), most(1)).unwrap().tally.kept, 1);
    assert_eq!(collect(&runs, &[other], most(2)).unwrap().tally.kept, 2);
}

#[test]
fn rounds_go_on_from_each_other_and_repeat_nothing() {
    let dir = TempDir::new().unwrap();
    let out = dir.path().join("out.jsonl");
    let runs = [open(&search(dir.path(), "a", &ROWS, tora(2), |_| {}))];
    let first = collect(&runs, &[], RIGHT).unwrap();
    CollectedFile::create(&out).unwrap().extend(&first.new).unwrap();
    let left = dir.path().join("left.jsonl");
    unsolved_rows(&runs, &first.unsolved, &left).unwrap();
    assert_eq!(fs::read_to_string(&left).unwrap(), format!("{}\n", ROWS[1]));
    // A file that does not end with a line's end, as an editor may leave it.
    let text = fs::read_to_string(&out).unwrap();
    fs::write(&out, text.trim_end()).unwrap();
    // The same again adds nothing; the next round, on rows of the dataset that has other names there, does.
    let file = CollectedFile::open(&out).unwrap();
    assert_eq!(file.trajectories, first.new);
    assert_eq!(collect(&runs, &file.trajectories, RIGHT).unwrap().tally.kept, 0);
    let solvable = ROWS[1].replace('7', "1042");
    let next = [open(&search(dir.path(), "b", &[&solvable], tora(1), |_| {}))];
    let second = collect(&next, &file.trajectories, RIGHT).unwrap();
    assert_eq!((second.tally.kept, second.tally.unsolved), (1, 0));
    file.check(&next).unwrap();
    file.extend(&second.new).unwrap();
    let after = fs::read_to_string(&out).unwrap();
    assert!(after.starts_with(&text), "what was there is as it was");
    assert_eq!(CollectedFile::open(&out).unwrap().trajectories.len(), 3);
    // What is in the file counts for the problems of a run, too.
    let both = collect(&runs, &CollectedFile::open(&out).unwrap().trajectories, RIGHT).unwrap();
    assert_eq!(both.tally.unsolved, 0);
    assert!(!dir.path().join("out.jsonl.new").exists());
}

#[test]
fn a_broken_line_is_named_and_files_are_not_overwritten() {
    let dir = TempDir::new().unwrap();
    let out = dir.path().join("out.jsonl");
    let runs = [open(&search(dir.path(), "a", &ROWS, tora(1), |_| {}))];
    CollectedFile::open(&out).unwrap().extend(&collect(&runs, &[], RIGHT).unwrap().new).unwrap();
    let message = CollectedFile::create(&out).unwrap_err().to_string();
    assert!(
        message.contains("out.jsonl` is there already: add to it with `--append`"),
        "{message}"
    );
    let text = fs::read_to_string(&out).unwrap();
    fs::write(&out, format!("{text}\n{{\"run\": 1}}\n")).unwrap();
    let message = CollectedFile::open(&out).unwrap_err().to_string();
    assert!(message.contains("out.jsonl` line 4 is no trajectory: invalid type"), "{message}");
    // A line that was cut.
    fs::write(&out, &text[..text.len() - 9]).unwrap();
    let message = CollectedFile::open(&out).unwrap_err().to_string();
    assert!(message.contains("line 2 is no trajectory: EOF"), "{message}");
    let message = check_unsolved(&runs, &out).unwrap_err().to_string();
    assert!(message.contains("a dataset is not overwritten"), "{message}");
}

#[test]
fn what_cannot_be_collected_is_refused() {
    let dir = TempDir::new().unwrap();
    let dir = dir.path();
    let run = search(dir, "few", &ROWS, tora(1), |info| {
        info.generation["dataset"]["problems"] = 5.into();
    });
    assert!(
        refusal(&run).contains("is not finished: 3 of its 5 problems are"),
        "{}",
        refusal(&run)
    );
    let run = search(dir, "old", &ROWS, tora(1), |info| info.runtime["prompt"] = Value::Null);
    assert!(refusal(&run).contains("does not hold the text of its prompts"), "{}", refusal(&run));
    let render: crate::forms::Render = Arc::new(|message| Ok(format!("<{message}>")));
    let rendered = [FinishedRun::open(&run, None, Some(&render)).unwrap()];
    let one = collect(&rendered, &[], RIGHT).unwrap().new.remove(0);
    assert!(one.prompt.starts_with("<q0\n") && one.prompt.contains("```python"), "{}", one.prompt);
    let run = search(dir, "moved", &ROWS, tora(1), |info| info.runtime["data"] = "/no".into());
    assert!(refusal(&run).contains("give the file with `--data FILE`"), "{}", refusal(&run));
    let run = search(dir, "bare", &ROWS, tora(1), |_| {});
    fs::remove_dir_all(run.join("traces")).unwrap();
    let message = collect(&[open(&run)], &[], ALL).unwrap_err().to_string();
    assert!(message.contains("has no trace of problem `gsm8k-0001`"), "{message}");
    let run = open(&search(dir, "right", &ROWS, tora(1), |_| {}));
    let mut other = collect(std::slice::from_ref(&run), &[], ALL).unwrap().new.remove(0);
    other.dataset = DatasetKind::Math500;
    let out = dir.join("other.jsonl");
    CollectedFile::create(&out).unwrap().extend(&[other]).unwrap();
    let message = CollectedFile::open(&out).unwrap().check(&[run]).unwrap_err().to_string();
    assert!(message.contains("is of the dataset `math500`, and"), "{message}");
    let strategy = json!({ "name": "revision", "chains": 1, "revisions": 1, "scorer": "entropy",
        "select": "best", "temperature": 0.5, "seed": 1 });
    let run = search(dir, "asks", &ROWS, tora(1), |info| info.generation["strategy"] = strategy);
    assert!(refusal(&run).contains("asks with prompts of its own"), "{}", refusal(&run));
}

#[test]
fn an_output_that_is_made_up_is_told_and_not_learned() {
    let node = |text: &str| Event::Node {
        node: NodeId(1),
        parent: NodeId::ROOT,
        merged: Vec::new(),
        observed: None,
        seed: Seed::run(1),
        tokens: vec![1],
        text: text.to_owned(),
        logprob: -1.0,
        finish: Finish::Eos,
        cost: Entry::default(),
    };
    let forged = |text: &str| {
        let prompt = Arc::new(Prompt { problem: String::new(), tokens: [].into() });
        let tree = replay(prompt, 100, &[node(text)]).unwrap();
        trajectory::segments(&tree, NodeId(1), Some(&Fenced::tora())).1
    };
    assert!(forged("```python\n1\n```\n```output\n1\n```\n\\boxed{1}"));
    assert!(!forged("```python\n1\n```\n\\boxed{1}"));
    let dir = TempDir::new().unwrap();
    let runs = [open(&search(dir.path(), "a", &ROWS, tora(1), |_| {}))];
    let mut one = collect(&runs, &[], RIGHT).unwrap().new.remove(0);
    assert!(one.is_sound());
    one.forged = true;
    assert!(!one.is_sound());
}
