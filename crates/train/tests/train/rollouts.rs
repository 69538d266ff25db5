//! Labels from rollouts: a step is worth what becomes of it.

use std::num::{NonZeroU32, NonZeroUsize};
use std::ops::ControlFlow;
use std::sync::Arc;

use espalier_core::{Budget, Frozen, Policy, Prompt, Stops, toy};
use espalier_train::{Estimate, Labelled, Labelling, Rollouts, label};

fn rollouts(estimate: Estimate, budget: Budget) -> Rollouts {
    Rollouts {
        solutions: NonZeroU32::new(3).unwrap(),
        rollouts: NonZeroU32::new(4).unwrap(),
        estimate,
        temperature: 1.0,
        max_tokens: NonZeroU32::new(40).unwrap(),
        stops: Arc::new(Stops::default()),
        budget,
        seed: 7,
        in_flight: NonZeroUsize::new(2).unwrap(),
    }
}

fn labelled(estimate: Estimate, budget: Budget, is_right: fn(&str) -> bool) -> Vec<Labelled> {
    labelled_as(&rollouts(estimate, budget), is_right)
}

fn labelled_as(how: &Rollouts, is_right: fn(&str) -> bool) -> Vec<Labelled> {
    let mut policy = toy::Letters::new();
    let problems: Vec<Labelling<'_>> = (0..6_u64)
        .map(|hash| Labelling {
            id: hash.to_string(),
            prompt: Arc::new(Prompt {
                problem: "p".to_owned(),
                tokens: policy.encode("ab").unwrap(),
            }),
            text: "ab".to_owned(),
            hash,
            is_right: Box::new(is_right),
        })
        .collect();
    let mut found = vec![Vec::new(); problems.len()];
    label(&mut policy, &problems, how, &Frozen, &mut |index, labelled| {
        found[index] = labelled.unwrap();
        ControlFlow::Continue(())
    });
    found.concat()
}

#[test]
fn steps_are_those_of_the_solution_and_the_last_has_its_own_verdict() {
    let is_right = |text: &str| text.len().is_multiple_of(2);
    let all = labelled(Estimate::Soft, Budget::default(), is_right);
    assert!(all.len() > 6, "{}", all.len());
    for example in &all {
        assert_eq!(example.steps.len(), example.labels.len());
        if !example.ended {
            continue;
        }
        let own = if is_right(&example.steps.concat()) { 1.0 } else { 0.0 };
        let last = example.labels.last().copied().unwrap();
        assert!((last - own).abs() < 1e-6, "{example:?}");
        for step in &example.steps[..example.steps.len() - 1] {
            assert!(step.ends_with('.'), "{example:?}");
        }
    }
    // Four rollouts and the solution itself: fifths.
    let soft: Vec<f32> = all.iter().flat_map(|example| example.labels.clone()).collect();
    assert!(soft.iter().all(|label| ((label * 5.0).round() - label * 5.0).abs() < 1e-5));
    assert!(soft.iter().any(|label| *label > 0.1 && *label < 0.9), "{soft:?}");
}

#[test]
fn hard_labels_are_whether_any_soft_one_is_above_0() {
    let is_right = |text: &str| text.len().is_multiple_of(3);
    let soft = labelled(Estimate::Soft, Budget::default(), is_right);
    let hard = labelled(Estimate::Hard, Budget::default(), is_right);
    for (soft, hard) in soft.iter().zip(&hard) {
        assert_eq!(soft.steps, hard.steps);
        for (soft, hard) in soft.labels.iter().zip(&hard.labels) {
            assert_eq!(*hard > 0.5, *soft > 0.0);
        }
    }
}

#[test]
fn where_nothing_or_everything_is_right_all_labels_say_so() {
    let none = labelled(Estimate::Hard, Budget::default(), |_| false);
    assert!(none.iter().flat_map(|example| &example.labels).all(|label| *label < 0.5));
    let all = labelled(Estimate::Soft, Budget::default(), |_| true);
    let ended =
        all.iter().filter(|example| example.ended).filter_map(|example| example.labels.last());
    assert!(ended.copied().all(|label| label > 0.5));
}

#[test]
fn a_solution_that_is_cut_ends_with_its_last_step_and_got_nowhere() {
    let short = Rollouts {
        max_tokens: NonZeroU32::new(6).unwrap(),
        ..rollouts(Estimate::Soft, Budget::default())
    };
    let all = labelled_as(&short, |_| true);
    let cut: Vec<&Labelled> = all.iter().filter(|example| !example.ended).collect();
    assert!(!cut.is_empty() && cut.len() < all.len(), "{all:?}");
    for example in cut {
        assert_eq!(example.steps.len(), example.labels.len());
        assert!(example.steps.iter().all(|step| step.ends_with('.')), "{example:?}");
        // At best all four rollouts got there, and the solution did not.
        assert!(example.labels.iter().all(|label| *label < 0.81), "{example:?}");
    }
}

#[test]
fn a_budget_that_cuts_the_rollouts_leaves_no_half_labelled_solution() {
    let budget = Budget { generated: Some(60), ..Budget::default() };
    let all = labelled(Estimate::Soft, budget, |_| true);
    let whole = labelled(Estimate::Soft, Budget::default(), |_| true);
    assert!(all.len() < whole.len());
    assert!(all.iter().all(|example| whole.contains(example)), "{all:?}");
}
