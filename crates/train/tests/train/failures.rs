//! Bad input: refused with the place and the remedy, before or without loss.

use std::fs;
use std::ops::ControlFlow;
use std::path::Path;

use burn::tensor::Device;
use espalier_core::Frozen;
use espalier_models::{Architecture, Tokenizer};
use espalier_train::export::write_json;
use espalier_train::house::vocabulary;
use espalier_train::{
    Labelled, Marks, Recipe, Sequence, Supervised, TrainError, Training, checkpoint, examples,
};

use crate::small;

fn run(dir: &Path, recipe: Recipe, hidden: usize, seed: u64) -> Result<bool, TrainError> {
    let config = espalier_models::ModelConfig { hidden, ..small::config(Architecture::Llama) };
    let sequences = small::counting(20);
    let device = Device::flex();
    let training = Training {
        config: &config,
        recipe,
        sequences: &sequences[seed as usize..],
        held_out: &[],
        dir,
        device,
    };
    let mut begin = |device: &Device| Ok(small::net(&config, 1, device));
    training.run(&mut begin, &Frozen, &mut |_| ControlFlow::Continue(())).map(|(_, done)| done)
}

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

#[test]
fn a_malformed_row_is_named_by_its_line() {
    let dir = tempfile::tempdir().unwrap();
    let tokenizer = tokenizer(dir.path());
    let path = dir.path().join("rows.jsonl");
    let good = r#"{"prompt": "Reach 3 with 1 2\n", "completion": "1 + 2 = 3 left 3\n"}"#;
    let read = |line: &str| {
        fs::write(&path, format!("{good}\n\n{line}\n")).unwrap();
        let error = examples::read::<Supervised>(&path, &tokenizer, None, 40).unwrap_err();
        error.to_string()
    };
    for (line, problem) in [
        ("{", "line 3: EOF while parsing"),
        (r#"{"completion": "a"}"#, "line 3: missing field `prompt`"),
        (r#"{"prompt": "a"}"#, "line 3: it needs a `completion` or `alternatives`"),
        (r#"{"prompt": "a", "completion": "b", "answer": 1}"#, "line 3: unknown field `answer`"),
        (r#"{"prompt": "a", "completion": ""}"#, "line 3: it needs a `completion`"),
        (&good.replace("1 + 2", &"1 + 2".repeat(20)), "tokens, a row of a batch 40; raise `width`"),
    ] {
        let message = read(line);
        assert!(message.contains(problem), "{message}");
    }
    fs::write(&path, "\n").unwrap();
    let error = examples::read::<Supervised>(&path, &tokenizer, None, 40).unwrap_err();
    assert!(error.to_string().contains("has no examples"), "{error}");
}

#[test]
fn a_label_out_of_range_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let tokenizer = tokenizer(dir.path());
    let path = dir.path().join("labels.jsonl");
    let marks = Some(Marks { good: 1, bad: 2 });
    for (labels, problem) in [
        ("[1.5]", "label `1.5` is out of range"),
        ("[-0.1]", "label `-0.1` is out of range"),
        ("[1, 0]", "1 steps need as many labels, at least 1, not 2"),
    ] {
        let row =
            format!(r#"{{"prompt": "p", "steps": ["1 + 2 = 3 left 3\n"], "labels": {labels}}}"#);
        fs::write(&path, row).unwrap();
        let error = examples::read::<Labelled>(&path, &tokenizer, marks, 40).unwrap_err();
        assert!(error.to_string().contains(problem), "{error}");
    }
}

#[test]
fn a_checkpoint_of_another_run_is_refused_and_stays() {
    let dir = tempfile::tempdir().unwrap();
    assert!(run(dir.path(), small::recipe(), 32, 0).unwrap());
    let checkpoint = checkpoint::newest(&dir.path().join("checkpoints")).unwrap();
    let longer = Recipe { steps: 8, ..small::recipe() };
    for (what, error) in [
        ("its shape", run(dir.path(), small::recipe(), 40, 0).unwrap_err()),
        ("its recipe", run(dir.path(), longer, 32, 0).unwrap_err()),
        ("its data", run(dir.path(), small::recipe(), 32, 1).unwrap_err()),
    ] {
        let message = error.to_string();
        assert!(message.contains(what) && message.contains("start afresh"), "{message}");
    }
    assert!(checkpoint.join("weights.safetensors").exists());
    // A broken file is an error of its own, not a fresh start.
    fs::write(checkpoint.join("optimizer.bpk"), b"short").unwrap();
    let error = run(dir.path(), small::recipe(), 32, 0).unwrap_err();
    assert!(error.to_string().contains("cannot be resumed: its optimizer"), "{error}");
}

#[test]
fn a_disk_that_refuses_leaves_the_last_checkpoint() {
    let dir = tempfile::tempdir().unwrap();
    assert!(run(dir.path(), Recipe { steps: 2, ..small::recipe() }, 32, 0).unwrap());
    let checkpoints = dir.path().join("checkpoints");
    let good = checkpoint::newest(&checkpoints).unwrap();
    let before = fs::read(good.join("weights.safetensors")).unwrap();
    let config = small::config(Architecture::Llama);
    let net = small::net(&config, 2, &Device::flex().autodiff());
    let recipe = small::recipe();
    let learner = espalier_train::Learner::new(net, config, &recipe, Device::flex().autodiff());
    let text = fs::read(good.join("state.json")).unwrap();
    let mut state: espalier_train::State = serde_json::from_slice(&text).unwrap();
    state.step = 4;
    // A file stands where the new checkpoint's folder must go: as refused as on a full disk.
    fs::write(checkpoints.join(".step-00000004"), b"in the way").unwrap();
    let error = checkpoint::save(&checkpoints, &learner, &state).unwrap_err();
    assert!(error.to_string().contains("cannot write"), "{error}");
    assert_eq!(checkpoint::newest(&checkpoints).unwrap(), good);
    assert_eq!(fs::read(good.join("weights.safetensors")).unwrap(), before);
}

#[test]
fn a_loss_that_is_not_a_number_stops_with_the_batch_saved() {
    let dir = tempfile::tempdir().unwrap();
    let recipe = Recipe { peak_rate: 1e30, final_rate: 1e30, warm_up: 1, ..small::recipe() };
    let error = run(dir.path(), recipe, 32, 0).unwrap_err();
    let TrainError::Diverged { step, batch } = &error else { panic!("{error}") };
    let text = fs::read(batch).unwrap();
    let saved: serde_json::Value = serde_json::from_slice(&text).unwrap();
    assert_eq!(saved["step"].as_u64(), Some(*step));
    assert!(saved["tokens"][0][0].as_array().is_some_and(|tokens| !tokens.is_empty()));
    assert!(error.to_string().contains("lower `peak_rate`"), "{error}");
}

#[test]
fn impossible_recipes_are_refused() {
    let dir = tempfile::tempdir().unwrap();
    let message = |recipe| run(dir.path(), recipe, 32, 0).unwrap_err().to_string();
    assert!(message(Recipe { steps: 0, ..small::recipe() }).starts_with("`steps` and `rows`"));
    assert!(message(Recipe { width: 65, ..small::recipe() }).starts_with("`width` is 65"));
    let nan = Recipe { peak_rate: f64::NAN, ..small::recipe() };
    assert!(message(nan).starts_with("`peak_rate`"));
    let _: &[Sequence] = &[];
}
