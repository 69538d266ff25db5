//! Laws of allocations.

use espalier_search::allocation::{resample, shares, softmax};
use proptest::prelude::*;

fn weights() -> impl Strategy<Value = Vec<f64>> {
    prop::collection::vec(prop_oneof![Just(0.0), Just(0.25), 0.0_f64..1.0], 1..12)
        .prop_filter("something weighs", |weights| weights.iter().any(|&weight| weight > 0.0))
}

fn quotas(weights: &[f64], total: u32) -> Vec<f64> {
    let sum: f64 = weights.iter().sum();
    weights.iter().map(|weight| f64::from(total) * weight / sum).collect()
}

proptest! {
    #[test]
    fn softmax_weighs_by_differences(
        logits in prop::collection::vec(-5.0_f64..5.0, 1..10),
        temperature in 0.05_f64..5.0,
        shift in -100.0_f64..100.0,
    ) {
        let of = |shift: f64| {
            let logits: Vec<Option<f64>> = logits.iter().map(|logit| Some(logit + shift)).collect();
            softmax(&logits, temperature)
        };
        let weights = of(0.0);
        prop_assert!((weights.iter().sum::<f64>() - 1.0).abs() < 1e-9);
        for (one, other) in weights.iter().zip(of(shift)) {
            prop_assert!((one - other).abs() < 1e-9);
        }
        for (index, weight) in weights.iter().enumerate() {
            let wanted = ((logits[index] - logits[0]) / temperature).exp() * weights[0];
            prop_assert!((weight - wanted).abs() <= 1e-9 * wanted.max(1e-300) + 1e-12);
        }
    }

    #[test]
    fn allocations_sum_to_the_total_and_stay_next_to_their_quotas(
        weights in weights(),
        total in 0_u32..1000,
        start in 0.0_f64..1.0,
    ) {
        for counts in [shares(&weights, total), resample(&weights, total, start)] {
            prop_assert_eq!(counts.len(), weights.len());
            prop_assert_eq!(counts.iter().sum::<u32>(), total);
            for (count, quota) in counts.iter().zip(quotas(&weights, total)) {
                prop_assert!((f64::from(*count) - quota).abs() < 1.0 + 1e-9, "{count} of {quota}");
            }
            for (count, weight) in counts.iter().zip(&weights) {
                prop_assert!(*weight > 0.0 || *count == 0, "what weighs nothing gets nothing");
            }
        }
    }

    #[test]
    fn no_share_is_smaller_than_that_of_a_lighter_one(weights in weights(), total in 0_u32..100) {
        let shares = shares(&weights, total);
        for one in 0..weights.len() {
            for other in 0..weights.len() {
                let order = weights[other].total_cmp(&weights[one]).then(one.cmp(&other));
                if order.is_lt() {
                    prop_assert!(shares[one] >= shares[other], "{weights:?}: {shares:?}");
                }
            }
        }
    }

    #[test]
    fn draws_average_to_their_quotas(weights in weights(), total in 1_u32..20) {
        const STARTS: u32 = 500;
        let mut sums = vec![0.0; weights.len()];
        for start in 0..STARTS {
            let counts = resample(&weights, total, f64::from(start) / f64::from(STARTS));
            for (sum, count) in sums.iter_mut().zip(counts) {
                *sum += f64::from(count) / f64::from(STARTS);
            }
        }
        for (mean, quota) in sums.iter().zip(quotas(&weights, total)) {
            prop_assert!((mean - quota).abs() < 0.01, "{mean} of {quota}");
        }
    }
}

#[test]
fn what_is_not_known_weighs_nothing_unless_nothing_is() {
    assert_eq!(softmax(&[None, Some(3.0), Some(f64::NEG_INFINITY)], 1.0), [0.0, 1.0, 0.0]);
    assert_eq!(softmax(&[None, Some(f64::NAN)], 1.0), [0.5, 0.5]);
    assert_eq!(softmax(&[Some(1.0), Some(0.0)], 1e-300), [1.0, 0.0]);
    assert!(softmax(&[], 1.0).is_empty() && shares(&[], 5).is_empty());
    assert!(resample(&[], 5, 0.5).is_empty());
}
