//! The house model's pipeline: its vocabulary, and the whole of it, small.

use std::ops::ControlFlow;

use burn::tensor::Device;
use espalier_core::{Frozen, Seed};
use espalier_eval::countdown::{Puzzle, Solver, Split, is_correct, path_truth, split};
use espalier_models::{ChatTemplate, Checkpoint, DeviceChoice, Message, Tokenizer};
use espalier_train::export::write_json;
use espalier_train::house::{
    Pipeline, Plan, Size,
    data::{Mixture, Source},
    vocabulary,
    walks::Walks,
};
use espalier_train::{Arrangement, Labelled, Net, Supervised, TrainError, Training};
use proptest::prelude::*;

fn tokenizer(dir: &std::path::Path) -> Tokenizer {
    write_json(&dir.join("tokenizer.json"), &vocabulary::tokenizer()).unwrap();
    write_json(
        &dir.join("tokenizer_config.json"),
        &vocabulary::tokenizer_config(vocabulary::QUESTION),
    )
    .unwrap();
    Tokenizer::from_file(dir.join("tokenizer.json")).unwrap()
}

fn tokens(tokenizer: &Tokenizer, text: &str) -> Vec<String> {
    let ids = tokenizer.encode(text).unwrap();
    ids.into_iter().map(|id| tokenizer.token(id).unwrap()).collect()
}

#[test]
fn texts_of_the_task_are_split_into_its_words() {
    let dir = tempfile::tempdir().unwrap();
    let tokenizer = tokenizer(dir.path());
    assert_eq!(
        tokens(&tokenizer, "Reach 24 with 4 5 6 10\n10 - 6 = 4 left 4 4 5\n"),
        [
            "Reach", " 24", " with", " 4", " 5", " 6", " 10", "\n", "10", " - ", "6", " = ", "4",
            " left", " 4", " 4", " 5", "\n"
        ]
    );
    let answer = "#ANSWER: ((10 - 6) * 5) + 4";
    assert_eq!(
        tokens(&tokenizer, answer),
        ["#ANSWER: ", "(", "(", "10", " - ", "6", ")", " * ", "5", ")", " + ", "4"]
    );
    // Fractions, negative and large numbers, and the two marks apart from the operators.
    assert_eq!(
        tokens(&tokenizer, "8 / 3 = 8/3 left -2 8/3 240\n")[5..],
        ["8", "/", "3", " left", " ", "-", "2", " 8", "/", "3", " 2", "40", "\n"][1..]
    );
    assert_ne!(tokenizer.token_id("+"), tokenizer.token_id(" + "));
}

proptest! {
    #[test]
    fn any_ascii_text_comes_back_as_it_was(text in "[ -~\n]{0,60}") {
        let dir = tempfile::tempdir().unwrap();
        let tokenizer = tokenizer(dir.path());
        let ids = tokenizer.encode(&text).unwrap();
        prop_assert_eq!(tokenizer.decode(&ids), text);
    }
}

#[test]
fn the_template_keeps_the_question_of_any_instruction() {
    let dir = tempfile::tempdir().unwrap();
    drop(tokenizer(dir.path()));
    let chat = ChatTemplate::from_dir(dir.path()).unwrap().unwrap();
    let turn = Message::new("user", "Do this.\nAnd that.\n\nReach 24 with 4 5 6 10");
    assert_eq!(chat.render(&[turn], true).unwrap(), "Reach 24 with 4 5 6 10\n");
}

#[test]
fn the_template_of_the_reviser_keeps_the_attempts() {
    let dir = tempfile::tempdir().unwrap();
    let config = vocabulary::tokenizer_config(vocabulary::ATTEMPTS);
    write_json(&dir.path().join("tokenizer.json"), &vocabulary::tokenizer()).unwrap();
    write_json(&dir.path().join("tokenizer_config.json"), &config).unwrap();
    let chat = ChatTemplate::from_dir(dir.path()).unwrap().unwrap();
    let question = "Reach the target, as in\n8 - 5 = 3 left 3 3 4\n\nReach 24 with 4 5 6 10";
    let text = format!(
        "{question}\n\n---\nEarlier attempts, the newest last:\n\nAttempt 1:\n4 + 5 = 9 left 6 9 10\n\
         #ANSWER: 4 + 5\n\nAttempt 2:\nwhat\n#ANSWER: 6\n\nThe newest attempt may be wrong."
    );
    let render = |text: &str| chat.render(&[Message::new("user", text)], true).unwrap();
    assert_eq!(render(question), "Reach 24 with 4 5 6 10\n");
    assert_eq!(
        render(&text),
        "Reach 24 with 4 5 6 10\n4 + 5 = 9 left 6 9 10\n#ANSWER: 4 + 5\n#ANSWER: 6\n"
    );
}

/// Runs the smoke plan and returns the losses on what was never learned, first and last, of policy and
/// reward model.
fn smoke(dir: &std::path::Path) -> Vec<(f64, f64)> {
    let plan = Plan::smoke();
    let pipeline = Pipeline { plan: &plan, dir, device: Device::flex() };
    pipeline.data().unwrap();
    let mut curves = Vec::new();
    let mut runner =
        |training: &Training<'_>, begin: &mut dyn FnMut(&Device) -> Result<Net, TrainError>| {
            let mut losses = Vec::new();
            let mut observe = |point: &espalier_train::Point| {
                losses.extend(point.held_out);
                ControlFlow::Continue(())
            };
            let done = training.run(begin, &Frozen, &mut observe)?;
            curves.push((losses[0], losses[losses.len() - 1]));
            Ok(done)
        };
    assert!(pipeline.train_policy(Size::Smoke, &mut runner).unwrap());
    assert!(pipeline.train_prm(DeviceChoice::Cpu, &mut runner).unwrap());
    assert!(pipeline.train_reviser(DeviceChoice::Cpu, &mut runner).unwrap());
    for model in [pipeline.policy(Size::Smoke), pipeline.prm(), pipeline.reviser()] {
        Checkpoint::open(&model).unwrap();
    }
    assert!(pipeline.prm().join("prm.json").exists());
    // What is there is not trained again.
    let mut never = |_: &Training<'_>, _: &mut dyn FnMut(&Device) -> Result<Net, TrainError>| {
        panic!("the model is there")
    };
    assert!(pipeline.train_policy(Size::Smoke, &mut never).unwrap());
    curves
}

#[test]
fn the_smoke_pipeline_learns() {
    let dir = tempfile::tempdir().unwrap();
    let curves = smoke(dir.path());
    let [(policy_first, _), (_, policy_last), (_, prm_last), (reviser_first, reviser_last)] =
        curves[..]
    else {
        panic!("two stages of a policy, a reward model and a reviser: {curves:?}")
    };
    // Guessing a token of the vocabulary costs 6.2 nats, knowing only how often each occurs about 3.
    assert!(policy_last < policy_first && policy_last < 1.8, "{policy_first} {policy_last}");
    assert!(reviser_last < reviser_first, "{reviser_first} {reviser_last}");
    // Knowing only how many steps are good costs their entropy.
    let text = std::fs::read_to_string(dir.path().join("data/prm-1-held-out.jsonl")).unwrap();
    let labels: Vec<f32> = rows(&text).flat_map(|row| row.labels).collect();
    let good = f64::from(labels.iter().sum::<f32>()) / labels.len() as f64;
    let entropy = -(good * good.ln() + (1.0 - good) * (1.0 - good).ln());
    assert!(prm_last < entropy - 0.04, "{prm_last} {entropy}");
    // After the walks stands what the policy wrote itself, each step with its truth.
    let text = std::fs::read_to_string(dir.path().join("data/prm-1.jsonl")).unwrap();
    let walks = Plan::smoke().prm[0].judged as usize;
    let (mut solver, mut states, mut steps) = (Solver::new(), 0, 0);
    for Labelled { prompt, steps: siblings, labels, arrangement, .. } in rows(&text).skip(walks) {
        assert_eq!(arrangement, Arrangement::Siblings);
        let (question, before) = prompt.split_once('\n').unwrap();
        let puzzle = Puzzle::parse(question).unwrap();
        assert_eq!(split(puzzle.numbers()), Split::Train);
        for (step, label) in siblings.iter().zip(labels) {
            let truth = path_truth(&mut solver, &puzzle, &format!("{before}{step}"));
            let finished = step.ends_with('\n') || step.starts_with("#ANSWER: ");
            let good = finished && truth.last() == Some(&true);
            assert_eq!(label > 0.5, good, "{prompt}{step}");
            steps += 1;
        }
        states += usize::from(!before.is_empty());
    }
    assert!(states > 20 && steps > 100, "{states} {steps}");
    revisions_are_right_and_read_as_they_were_learned(dir.path());
}

fn revisions_are_right_and_read_as_they_were_learned(dir: &std::path::Path) {
    let text = std::fs::read_to_string(dir.join("data/reviser.jsonl")).unwrap();
    let examples: Vec<Supervised> =
        text.lines().map(|row| serde_json::from_str(row).unwrap()).collect();
    let chat = ChatTemplate::from_dir(dir.join("reviser/model")).unwrap().unwrap();
    let mut attempts = 0;
    for Supervised { prompt, completion, .. } in &examples {
        let (question, before) = prompt.split_once('\n').unwrap();
        let puzzle = Puzzle::parse(question).unwrap();
        assert_eq!(split(puzzle.numbers()), Split::Train);
        let answer = completion.as_ref().unwrap().lines().last().unwrap();
        assert!(is_correct(&puzzle, answer), "{prompt}{answer}");
        let asked = format!("Solve it.\n\n{question}\n\n---\nAttempts:\n\n{before}\nAnd now?");
        assert_eq!(&chat.render(&[Message::new("user", &asked)], true).unwrap(), prompt);
        attempts += usize::from(!before.is_empty());
    }
    assert!(examples.len() > 200 && attempts > 20, "{} {attempts}", examples.len());
}

fn rows(text: &str) -> impl Iterator<Item = Labelled> {
    text.lines().map(|row| serde_json::from_str(row).unwrap())
}

#[test]
fn the_data_fits_a_row() {
    let dir = tempfile::tempdir().unwrap();
    let tokenizer = tokenizer(dir.path());
    let mut source = Source::new().unwrap();
    let width = Plan::full().prm[0].recipe.width;
    let fits = |text: String| tokenizer.encode(&text).unwrap().len() < width;
    for index in 0..2000 {
        let of = |mixture| source.solved(mixture, Seed::run(5), index).unwrap();
        let (whole, first) = [Mixture::WHOLE, Mixture::FIRST_STEPS].map(of).into();
        assert!(fits(format!("{}{}", whole.prompt, whole.completion.unwrap())));
        assert!(fits(format!("{}{}", first.prompt, first.alternatives.concat())));
        let second = source.solved(Mixture::BOTH_STEPS, Seed::run(7), index).unwrap();
        let said = second.completion.unwrap_or_else(|| second.alternatives.concat());
        assert!(fits(format!("{}{said}", second.prompt)));
        for walks in [Walks::TO_THE_END, Walks::ENDS] {
            let judged = source.judged(walks, Seed::run(6), index).unwrap();
            // An answer ends with a token more.
            let end = if judged.ended { "\n" } else { "" };
            let steps: String = judged.steps.iter().flat_map(|step| [step.as_str(), end]).collect();
            assert!(fits(format!("{}{steps}", judged.prompt)), "{judged:?}");
        }
    }
}
