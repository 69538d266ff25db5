//! Heads of reward models: which are found, what they read, and what is wrong with broken ones.
//!
//! `fixtures/prm.py` made the models. That the numbers are the reference's is tested where the families are
//! read, in `crates/eval/tests/prm_families.rs`.

#![allow(clippy::unwrap_used, reason = "a test that cannot prepare its data fails")]

mod files;

use std::{fs, path::Path, sync::Arc};

use espalier_core::{
    Head, ModelError, Policy, Read, Reader, Request, Sampling, Seed, Until, Want, collect,
};
use espalier_models::{
    Architecture, Checkpoint, DeviceChoice, EngineOptions, HfWeights, LocalPolicy, LocalReader,
    WeightSource, load, share,
};
use safetensors::{Dtype, tensor::TensorView};
use tempfile::TempDir;

fn open(dir: &Path) -> (LocalPolicy, LocalReader) {
    share(load(dir, DeviceChoice::Cpu, EngineOptions::default()).unwrap().engine)
}

fn family(name: &str) -> (LocalPolicy, LocalReader) {
    open(&files::fixture(&format!("prm/{name}")).unwrap())
}

/// A copy of a fixture with other tensors in place of some: `None` leaves one out.
fn altered(name: &str, tensors: &[(&str, Option<&[usize]>)]) -> TempDir {
    let from = files::fixture(name).unwrap();
    let dir = tempfile::tempdir().unwrap();
    for file in fs::read_dir(&from).unwrap() {
        let file = file.unwrap();
        fs::copy(file.path(), dir.path().join(file.file_name())).unwrap();
    }
    let source = HfWeights::open(&from).unwrap();
    let changed = |name: &str| tensors.iter().find(|(changed, _)| *changed == name);
    let mut all: Vec<(String, Vec<usize>, Vec<u8>)> = Vec::new();
    for name in source.names().iter().filter(|name| changed(name).is_none()) {
        let bytes = source.read_f32(name).unwrap().iter().flat_map(|v| v.to_le_bytes()).collect();
        all.push((name.clone(), source.info(name).unwrap().shape, bytes));
    }
    for (name, shape) in tensors {
        if let Some(shape) = shape {
            let bytes = vec![0; 4 * shape.iter().product::<usize>()];
            all.push(((*name).to_owned(), shape.to_vec(), bytes));
        }
    }
    let views = all.iter().map(|(name, shape, bytes)| {
        (name.as_str(), TensorView::new(Dtype::F32, shape.clone(), bytes).unwrap())
    });
    let bytes = safetensors::serialize(views, None).unwrap();
    fs::write(dir.path().join("model.safetensors"), bytes).unwrap();
    dir
}

fn refused(dir: &TempDir) -> String {
    load(dir.path(), DeviceChoice::Cpu, EngineOptions::default()).unwrap_err().to_string()
}

#[test]
fn heads_are_found_by_their_tensors() {
    let told = |name: &str, outputs, flops| vec![Head { name: name.to_owned(), outputs, flops }];
    for (name, heads) in [
        ("math-shepherd", Vec::new()),
        ("rlhflow", Vec::new()),
        ("qwen", told("score", 2, 2 * (16 * 16 + 2 * 16))),
        ("skywork", told("v_head", 1, 2 * 16)),
        ("value", told("score", 1, 2 * 16)),
    ] {
        assert_eq!(family(name).1.heads(), heads, "{name}");
    }
}

#[test]
fn a_head_reads_the_same_whatever_was_held() {
    let (_, mut reader) = family("qwen");
    let tokens: Vec<u32> = (40..70).collect();
    let want = |positions: Vec<u32>| Want::Head { name: "score".to_owned(), positions };
    let read = |len: usize, positions, retain| Read {
        tokens: tokens[..len].into(),
        want: want(positions),
        retain,
    };
    let whole = collect(&mut reader, [read(30, vec![9, 19, 29], false)]).remove(0).unwrap();
    assert_eq!(whole.usage.prefill_new, 30);
    assert_eq!(whole.values.iter().map(Vec::len).collect::<Vec<_>>(), [2, 2, 2]);
    let mut leases = Vec::new();
    for (index, len) in [10, 20, 30].into_iter().enumerate() {
        let part = collect(&mut reader, [read(len, vec![len as u32 - 1], true)]).remove(0).unwrap();
        assert_eq!((part.usage.prefill_new, part.usage.prefill_cached), (10, 10 * index as u64));
        for (part, whole) in part.values[0].iter().zip(&whole.values[index]) {
            assert!((part - whole).abs() < 1e-5, "{part} {whole}");
        }
        leases.push(part.lease);
    }
    let again = collect(&mut reader, [read(30, vec![29], false)]).remove(0).unwrap();
    assert_eq!(again.usage.flops, 576, "all is held: the head alone is computed");
}

#[test]
fn what_a_model_lacks_is_refused() {
    let (mut policy, mut reader) = family("qwen");
    let mut read = |want| {
        let read = Read { tokens: [40, 41].into(), want, retain: false };
        match collect(&mut reader, [read]).remove(0) {
            Err(ModelError::BadRequest { reason }) => reason,
            other => panic!("{other:?}"),
        }
    };
    let no_head = Want::Head { name: "v_head".to_owned(), positions: vec![1] };
    assert_eq!(read(no_head), "`qwen` has no head named `v_head`");
    let beyond = Want::Head { name: "score".to_owned(), positions: vec![2] };
    assert!(read(beyond).contains("beyond the sequence's 2 tokens"));
    let why =
        "`qwen` predicts no tokens: it is a reward model, which scores what another model samples";
    assert_eq!(read(Want::Next { positions: vec![1] }), why);
    let request = Request {
        prefix: policy.encode("1 + 1").unwrap(),
        until: Until::Tokens(1),
        stops: Arc::default(),
        max_tokens: 1,
        sampling: Sampling::at(1.0),
        seed: Seed::run(1),
        retain: false,
    };
    let sampled = collect(&mut policy, [request]).remove(0);
    assert!(matches!(sampled, Err(ModelError::BadRequest { reason }) if reason == why));
    assert_eq!(policy.cost().head, 0);
}

#[test]
fn heads_of_other_shapes_are_refused() {
    let many = altered("prm/value", &[("score.weight", Some(&[5, 16]))]);
    assert_eq!(
        refused(&many),
        "tensor `score.weight` of a head must have the shape [1, 16] (a value) or [2, 16] (bad, good), \
         but has: [5, 16]"
    );
    let wide = altered("prm/skywork", &[("v_head.summary.weight", Some(&[1, 8]))]);
    assert!(refused(&wide).contains("but has: [1, 8]"));
    let bias = altered("prm/skywork", &[("v_head.summary.bias", Some(&[2]))]);
    let shape = "tensor `v_head.summary.bias` must have the shape [1], but has: [2]";
    assert_eq!(refused(&bias), shape);
    let inner = altered("prm/qwen", &[("score.0.weight", None)]);
    assert!(refused(&inner).ends_with("has no tensor `score.0.weight`"));
    let none = altered("prm/value", &[("score.weight", None)]);
    assert!(refused(&none).ends_with("has no tensor `score.weight`"), "{}", refused(&none));
    let neither = altered("prm/rlhflow", &[("lm_head.weight", None)]);
    assert!(refused(&neither).ends_with("has no tensor `lm_head.weight`"));
}

#[test]
fn a_head_of_two_classes_in_one_layer_is_read() {
    let dir = altered("prm/value", &[("score.weight", Some(&[2, 16])), ("score.bias", Some(&[2]))]);
    let heads = open(dir.path()).1.heads();
    assert_eq!(heads, [Head { name: "score".to_owned(), outputs: 2, flops: 64 }]);
}

#[test]
fn a_sliding_window_ends_the_context() {
    let dir = files::fixture("prm/math-shepherd").unwrap();
    let config = Checkpoint::open(&dir).unwrap().config;
    assert_eq!((config.architecture, config.context), (Architecture::Mistral, 192));
    let open = altered("prm/math-shepherd", &[]);
    let path = open.path().join("config.json");
    let text = fs::read_to_string(&path).unwrap();
    fs::write(&path, text.replace("\"sliding_window\": 192", "\"sliding_window\": null")).unwrap();
    assert_eq!(Checkpoint::open(open.path()).unwrap().config.context, 256);
}
