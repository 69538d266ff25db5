//! DESIGN §8 row 4: computed / distinct token ids is 1.00 for beam search on a real engine.

use std::{
    collections::BTreeSet,
    num::{NonZeroU32, NonZeroUsize},
    path::{Path, PathBuf},
    sync::Arc,
};

use espalier::{
    core::{Aggregate, Frozen, NodeId, Prompt, Sampling, ScorerId, Stops},
    models::{DeviceChoice, EngineOptions, load, share},
    prm::Confidence,
    search::{Beam, Config, Models, Outcome, Report, Task, Tree, search_many},
};

fn count(n: u32) -> NonZeroU32 {
    NonZeroU32::new(n).expect("it is not 0")
}

/// (computed token ids, distinct token ids that had to be computed) of beam searches over `texts`.
fn beam(model: &Path, texts: &[&str], width: u32, step: u32, depth: u32) -> (u64, u64) {
    let model = load(model, DeviceChoice::Cpu, EngineOptions::default()).expect("the model loads");
    let (mut policy, _) = share(model.engine);
    let tasks: Vec<Task> = texts
        .iter()
        .enumerate()
        .map(|(hash, text)| {
            let tokens = policy.prompt(text).expect("the text has tokens");
            let prompt = Arc::new(Prompt { problem: (*text).to_owned(), tokens });
            let strategy = Beam::new(width, None, depth, ScorerId(0), Aggregate::Last);
            let strategy = Box::new(strategy.expect("the widths divide"));
            Task { prompt, hash: hash as u64, strategy }
        })
        .collect();
    let stops = Stops { boundary: vec!["\n".to_owned(), ".".to_owned()], end: Vec::new() };
    let config = Config {
        stops: Arc::new(stops),
        in_flight: NonZeroUsize::new(2).expect("it is not 0"),
        ..Config::new(Sampling::at(0.8), count(step), count(step * depth))
    };
    let mut scorer = Confidence::MeanChosenLogprob.scorer();
    let mut watch = policy.clone();
    let mut models = Models { policy: &mut policy, scorers: vec![&mut scorer] };
    let mut outcomes: Vec<Outcome> = Vec::new();
    let mut keep = |report| {
        if let Report::Finished { outcome, .. } = report {
            outcomes.push(*outcome);
        }
        std::ops::ControlFlow::Continue(())
    };
    let left = search_many(tasks, &mut models, &config, &Frozen, &mut keep);
    assert!(left.is_empty());
    assert_eq!(watch.stats().kv_bytes, 0, "a finished search holds nothing");
    let distinct = outcomes.iter().map(|outcome| distinct(&outcome.tree)).fold(
        BTreeSet::new(),
        |mut all, some| {
            all.extend(some);
            all
        },
    );
    assert!(espalier::core::Service::poll(&mut watch).is_empty());
    (watch.stats().computed_tokens, distinct.len() as u64)
}

/// Every prefix whose last token the model must have computed: all but those that end a path.
fn distinct(tree: &Tree) -> BTreeSet<Vec<u32>> {
    let mut seen = BTreeSet::new();
    for id in tree.ids().filter(|id| *id != NodeId::ROOT) {
        let path = tree.tokens(id);
        seen.extend((1..path.len()).map(|len| path[..len].to_vec()));
    }
    seen
}

#[test]
fn on_tiny_architectures() {
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("../models/tests/fixtures");
    for model in ["llama", "llama3", "qwen2"] {
        let texts = ["one and one", "one and two are", "three"];
        let (computed, distinct) = beam(&fixtures.join(model), &texts, 3, 10, 4);
        assert!(distinct > 100, "{model}: {distinct}");
        assert_eq!(computed, distinct, "{model}");
    }
}

#[test]
fn on_smollm2() {
    #[expect(clippy::disallowed_methods, reason = "a test finds its model")]
    let folder = std::env::var("ESPALIER_MODELS").map(PathBuf::from);
    let folder = folder
        .unwrap_or_else(|_| Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/models"));
    let model = folder.join("SmolLM2-135M-Instruct.Q4_1.gguf");
    if !model.exists() {
        eprintln!("SKIPPED: {} is not there; set ESPALIER_MODELS", model.display());
        return;
    }
    let texts =
        ["Question: What is 12 times 7?\nAnswer: First", "Question: What is 9 plus 8?\nAnswer:"];
    let (computed, distinct) = beam(&model, &texts, 2, 24, 3);
    println!("computed {computed}, distinct {distinct}: {:.2}", computed as f64 / distinct as f64);
    assert_eq!(computed, distinct);
}
