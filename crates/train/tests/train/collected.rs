//! Collected trajectories: the policy's words are learned, and those of tools are not.

use std::fs;
use std::ops::ControlFlow;
use std::path::Path;

use burn::tensor::Device;
use espalier_core::{Frozen, NodeId, TokenId};
use espalier_eval::{DatasetKind, Segment, Status, Trajectory, Voice, collect::Counts};
use espalier_models::{Architecture, Tokenizer};
use espalier_train::house::vocabulary;
use espalier_train::{Example, Lesson, Recipe, Sequence, Training, examples, export::write_json};

use crate::small;

fn tokenizer(dir: &Path) -> Tokenizer {
    let path = dir.join("tokenizer.json");
    write_json(&path, &vocabulary::tokenizer()).unwrap();
    write_json(
        &dir.join("tokenizer_config.json"),
        &vocabulary::tokenizer_config(vocabulary::QUESTION),
    )
    .unwrap();
    Tokenizer::from_file(path).unwrap()
}

/// A trajectory of segments, with the tokens that a policy with this tokenizer samples and reads.
fn trajectory(tokenizer: &Tokenizer, prompt: &str, segments: &[(Voice, &str)]) -> Trajectory {
    let end = tokenizer.eos()[0];
    let segment = |(at, (role, text)): (usize, &(Voice, &str))| {
        let mut ids = tokenizer.encode(text).unwrap();
        if at + 1 == segments.len() && *role == Voice::Policy {
            ids.push(end);
        }
        Segment { role: *role, text: (*text).to_owned(), status: None, ids }
    };
    let prompt_tokens = tokenizer.encode(prompt).unwrap().len() as u64;
    Trajectory {
        run: "runs/a".to_owned(),
        strategy: "tora".to_owned(),
        dataset: DatasetKind::Countdown,
        problem: "countdown-0001".to_owned(),
        hash: 1,
        question: prompt.to_owned(),
        prompt: prompt.to_owned(),
        segments: segments.iter().enumerate().map(segment).collect(),
        answer: None,
        verdict: Status::Right,
        forged: false,
        score: None,
        node: NodeId(3),
        tokens: Counts { prompt: prompt_tokens, policy: 0, tool: 0 },
        seed: Some(1),
    }
}

const PROMPT: &str = "Reach 3 with 1 2\n";

fn called(output: &str) -> [(Voice, &str); 3] {
    [(Voice::Policy, "1 + 2 ="), (Voice::Tool, output), (Voice::Policy, "#ANSWER: 1 + 2\n")]
}

fn sequence(tokenizer: &Tokenizer, one: &Trajectory) -> Sequence {
    one.sequence(tokenizer, None).unwrap()
}

fn said(sequence: &Sequence) -> Vec<TokenId> {
    sequence.targets.iter().map(|target| target.id).collect()
}

#[test]
fn every_token_of_the_policys_is_a_target_and_none_of_a_tools() {
    let dir = tempfile::tempdir().unwrap();
    let tokenizer = tokenizer(dir.path());
    let one = trajectory(&tokenizer, PROMPT, &called(" 3\n"));
    let learned = sequence(&tokenizer, &one);
    let policy = [&one.segments[0].ids[..], &one.segments[2].ids].concat();
    assert_eq!(said(&learned), policy);
    assert!((learned.weight() - policy.len() as f64).abs() < 1e-9);
    // The whole is what the policy saw: its tokens one after the other, but for the last, which is only said.
    let mut whole = tokenizer.encode(PROMPT).unwrap();
    let prompt = whole.len();
    whole.extend(one.segments.iter().flat_map(|segment| &segment.ids));
    assert_eq!(learned.tokens, whole[..whole.len() - 1]);
    for target in &learned.targets {
        assert_eq!(whole[target.at as usize + 1], target.id);
    }
    let tool = prompt + one.segments[0].ids.len();
    let tool = tool..tool + one.segments[1].ids.len();
    assert!(learned.targets.iter().all(|target| !tool.contains(&(target.at as usize + 1))));
    // A tool that says something else, and more, changes what is read and not what is learned.
    let other = sequence(&tokenizer, &trajectory(&tokenizer, PROMPT, &called(" 199 * 7 / 3\n")));
    assert!(other.tokens.len() > learned.tokens.len());
    assert_eq!((said(&other), other.weight()), (policy, learned.weight()));
}

#[test]
fn what_a_tool_leaves_at_the_end_is_not_even_read() {
    let dir = tempfile::tempdir().unwrap();
    let tokenizer = tokenizer(dir.path());
    let of = |output| [(Voice::Policy, "1 + 2 ="), (Voice::Tool, output)];
    let [one, other] = [" 3\n", " 199\n"].map(|output| trajectory(&tokenizer, PROMPT, &of(output)));
    assert_eq!(sequence(&tokenizer, &one), sequence(&tokenizer, &other));
    let tool = trajectory(&tokenizer, PROMPT, &[(Voice::Tool, " 3\n")]);
    assert!(tool.sequence(&tokenizer, None).unwrap_err().contains("no words of the policy's"));
}

#[test]
fn lines_are_read_beside_others_and_another_vocabulary_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let tokenizer = tokenizer(dir.path());
    let path = dir.path().join("rows.jsonl");
    let one = trajectory(&tokenizer, PROMPT, &called(" 3\n"));
    let read = |one: &Trajectory| {
        let line = serde_json::to_string(one).unwrap();
        let other = r#"{"prompt": "Reach 3 with 1 2\n", "completion": "1 + 2 = 3 left 3\n"}"#;
        fs::write(&path, format!("{other}\n{line}\n")).unwrap();
        examples::read::<Lesson>(&path, &tokenizer, None, 64).map_err(|error| error.to_string())
    };
    assert_eq!(read(&one).unwrap()[1], sequence(&tokenizer, &one));
    // Written by hand: texts are encoded each by itself, and the answer ends.
    let mut bare = one.clone();
    bare.segments.iter_mut().for_each(|segment| segment.ids.clear());
    assert_eq!(read(&bare).unwrap()[1], sequence(&tokenizer, &one));
    let mut wrong = one.clone();
    wrong.segments[1].ids[0] += 2;
    let message = read(&wrong).unwrap_err();
    assert!(message.contains("line 2: the `ids` of segment 2 say `"), "{message}");
    wrong.segments[1].ids[0] = 1_000_000;
    assert!(read(&wrong).unwrap_err().contains("the `ids` of segment 2"));
    let mut wrong = one.clone();
    wrong.tokens.prompt += 1;
    assert!(
        read(&wrong).unwrap_err().contains("line 2: `prompt` has 6 tokens"),
        "{:?}",
        read(&wrong)
    );
    let mut line = serde_json::to_value(&one).unwrap();
    line["segments"][0]["role"] = "user".into();
    fs::write(&path, format!("{line}\n")).unwrap();
    let message = examples::read::<Lesson>(&path, &tokenizer, None, 64).unwrap_err().to_string();
    assert!(message.contains("line 1: unknown variant `user`"), "{message}");
}

#[test]
fn a_network_learns_what_the_policy_says_and_not_what_tools_say() {
    let dir = tempfile::tempdir().unwrap();
    let tokenizer = tokenizer(dir.path());
    // What the tool says is the same in all, and so easy to learn.
    let of = |n: usize| {
        let prompt = format!("Reach {} with 1 {}\n", n + 1, n);
        let answer = format!("#ANSWER: 1 + {n}\n");
        let segments = [
            (Voice::Policy, "1 = "),
            (Voice::Tool, " left 7 7 7 7 7 7\n"),
            (Voice::Policy, &*answer),
        ];
        sequence(&tokenizer, &trajectory(&tokenizer, &prompt, &segments))
    };
    let all: Vec<Sequence> = (2..62).map(of).collect();
    // The same sequences, with what the tool says as targets.
    let first = " left 7";
    let ids = tokenizer.encode(first).unwrap();
    let tool = |sequence: &Sequence| {
        let at = sequence.tokens.windows(ids.len()).position(|window| window == ids).unwrap();
        let targets = (at..at + 7).map(|at| espalier_train::Target {
            at: at as u32 - 1,
            id: sequence.tokens[at],
            weight: 1.0,
        });
        Sequence { targets: targets.collect(), ..sequence.clone() }
    };
    let outputs: Vec<Sequence> = all.iter().map(tool).collect();
    let loss = |held_out: &[Sequence]| {
        let config = small::config(Architecture::Llama);
        let dir = tempfile::tempdir().unwrap();
        let recipe = Recipe { steps: 60, warm_up: 10, checkpoint_every: 60, ..small::recipe() };
        let device = Device::flex();
        let training = Training {
            config: &config,
            recipe,
            sequences: &all,
            held_out,
            dir: dir.path(),
            device,
        };
        let mut begin = |device: &Device| Ok(small::net(&config, 1, device));
        let mut last = None;
        let mut observe = |point: &espalier_train::Point| {
            last = point.held_out.or(last);
            ControlFlow::Continue(())
        };
        training.run(&mut begin, &Frozen, &mut observe).unwrap();
        last.unwrap()
    };
    let (policy, tool) = (loss(&all), loss(&outputs));
    // Guessing costs ln 494 = 6.2 nats.
    assert!(policy < 1.5, "{policy}");
    assert!(tool > 4.0, "{tool}");
}
