//! Training learns.

use std::ops::ControlFlow;

use burn::tensor::Device;
use espalier_core::Frozen;
use espalier_models::Architecture;
use espalier_train::{Marks, Recipe, Sequence, Training};

use crate::small;

fn loss_after(sequences: &[Sequence], held_out: &[Sequence], steps: u64) -> f64 {
    let config = small::config(Architecture::Llama);
    let dir = tempfile::tempdir().unwrap();
    let recipe = Recipe { steps, warm_up: 10, checkpoint_every: steps, ..small::recipe() };
    let device = Device::flex();
    let training =
        Training { config: &config, recipe, sequences, held_out, dir: dir.path(), device };
    let mut begin = |device: &Device| Ok(small::net(&config, 1, device));
    let mut last = None;
    let mut observe = |point: &espalier_train::Point| {
        last = point.held_out.or(last);
        ControlFlow::Continue(())
    };
    training.run(&mut begin, &Frozen, &mut observe).unwrap();
    last.expect("the last step is measured")
}

#[test]
fn a_network_learns_to_count() {
    let all = small::counting(60);
    let (held_out, sequences) = all.split_at(6);
    let loss = loss_after(sequences, held_out, 120);
    // Guessing costs ln 494 = 6.2 nats.
    assert!(loss < 0.5, "{loss}");
}

#[test]
fn a_network_learns_soft_marks_as_probabilities() {
    let marks = Marks { good: 480, bad: 481 };
    // The first token says how likely the step is good: 1, 0 or 1/4.
    let of = |kind: usize| {
        let label = [1.0, 0.0, 0.25][kind % 3];
        Sequence::marked(&[30 + (kind % 3) as u32], &[(vec![40, 41], label)], marks)
    };
    let all: Vec<Sequence> = (0..90).map(of).collect();
    let loss = loss_after(&all, &all, 150);
    // The best there is: the entropy of a quarter, for a third of the sequences.
    let quarter: f64 = -(0.25_f64.ln() * 0.25 + 0.75_f64.ln() * 0.75) / 3.0;
    assert!(loss < quarter + 0.02, "{loss} against {quarter}");
    assert!(loss > quarter - 1e-4, "{loss} against {quarter}");
}
