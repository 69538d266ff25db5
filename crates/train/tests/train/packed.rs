//! Packing loses nothing, overlaps nothing, and changes no loss.

use burn::tensor::Device;
use espalier_models::Architecture;
use espalier_train::{Learner, Recipe, Sequence, packing};
use proptest::prelude::*;

use crate::small;

fn sequences() -> impl Strategy<Value = Vec<Sequence>> {
    let tokens = prop::collection::vec(3_u32..400, 2..20);
    let sequence = tokens.prop_map(|tokens| Sequence::completion(&tokens[..1], &tokens[1..]));
    prop::collection::vec(sequence, 1..60)
}

proptest! {
    #[test]
    fn every_sequence_is_in_one_row_and_rows_hold_what_fits(
        sequences in sequences(), seed in 0_u64..5, epoch in 0_u64..3,
    ) {
        let rows = packing::rows(&sequences, 24, seed, epoch);
        let mut all: Vec<usize> = rows.iter().flatten().copied().collect();
        all.sort_unstable();
        prop_assert_eq!(all, (0..sequences.len()).collect::<Vec<_>>());
        for row in &rows {
            let filled: usize = row.iter().map(|&index| sequences[index].tokens.len()).sum();
            prop_assert!(filled <= 24 && !row.is_empty());
        }
        prop_assert_eq!(&rows, &packing::rows(&sequences, 24, seed, epoch));
    }
}

#[test]
fn epochs_and_seeds_have_orders_of_their_own() {
    let sequences = small::counting(50);
    let of = |seed, epoch| packing::rows(&sequences, 32, seed, epoch);
    assert_ne!(of(1, 0), of(1, 1));
    assert_ne!(of(1, 0), of(2, 0));
}

#[test]
fn packed_sequences_have_the_loss_they_have_alone() {
    let config = small::config(Architecture::Llama);
    let device = Device::flex().autodiff();
    let net = small::net(&config, 3, &device);
    let sequences = small::counting(9);
    let recipe = small::recipe();
    let learner = Learner::new(net, config, &recipe, device);
    let packed = learner.loss(&sequences, &recipe);
    // Rows as wide as one sequence, one row at a time.
    let alone = Recipe { width: 12, rows: 1, ..recipe };
    let apart: f64 =
        sequences.iter().map(|one| learner.loss(std::slice::from_ref(one), &alone)).sum();
    let apart = apart / sequences.len() as f64;
    assert!((packed - apart).abs() < 1e-5, "{packed} {apart}");
}
