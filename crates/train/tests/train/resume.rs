//! A run that is stopped and resumed ends where it would have ended.

use std::ops::ControlFlow;
use std::path::Path;

use burn::tensor::Device;
use espalier_core::Frozen;
use espalier_models::Architecture;
use espalier_train::export::{Named, tensors};
use espalier_train::{Recipe, Sequence, Training};

use crate::small;

fn train(dir: &Path, sequences: &[Sequence], recipe: Recipe, stop: Option<u64>) -> (Named, bool) {
    let config = small::config(Architecture::Llama);
    let training = Training {
        config: &config,
        recipe,
        sequences,
        held_out: &sequences[..2],
        dir,
        device: Device::flex(),
    };
    let mut begin = |device: &Device| Ok(small::net(&config, recipe.seed, device));
    let mut observe = |point: &espalier_train::Point| match stop {
        Some(stop) if point.step == stop => ControlFlow::Break(()),
        _ => ControlFlow::Continue(()),
    };
    let (net, done) = training.run(&mut begin, &Frozen, &mut observe).unwrap();
    (tensors(&net, &config), done)
}

#[test]
fn a_resumed_run_equals_an_uninterrupted_one_bit_for_bit() {
    let sequences = small::counting(23);
    let [whole, parts] = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
    let (expected, done) = train(whole.path(), &sequences, small::recipe(), None);
    assert!(done);
    // Stopped off a checkpoint, then on one.
    for stop in [3, 4] {
        let (_, done) = train(parts.path(), &sequences, small::recipe(), Some(stop));
        assert!(!done);
    }
    let (got, done) = train(parts.path(), &sequences, small::recipe(), None);
    assert!(done);
    assert_eq!(expected, got);
    let curve = |dir: &Path| std::fs::read_to_string(dir.join("loss.jsonl")).unwrap();
    assert_eq!(curve(whole.path()), curve(parts.path()), "the loss curve has no seam");
}

#[test]
fn the_result_does_not_depend_on_how_many_parts_run_at_once() {
    let sequences = small::counting(23);
    // With one thread the parts are computed one after the other, in the same order.
    let dir = tempfile::tempdir().unwrap();
    let (expected, _) = train(dir.path(), &sequences, small::recipe(), None);
    for _ in 0..2 {
        let dir = tempfile::tempdir().unwrap();
        let (again, _) = train(dir.path(), &sequences, small::recipe(), None);
        assert_eq!(expected, again);
    }
}

#[test]
fn accumulation_changes_only_the_last_bits() {
    let sequences = small::counting(23);
    let of = |accumulation| {
        let dir = tempfile::tempdir().unwrap();
        let recipe = Recipe { accumulation, ..small::recipe() };
        train(dir.path(), &sequences, recipe, None).0
    };
    let (one, four) = (of(1), of(4));
    for (name, (_, values)) in &one {
        for (a, b) in values.iter().zip(&four[name].1) {
            assert!((a - b).abs() < 2e-3, "{name}: {a} {b}");
        }
    }
}
