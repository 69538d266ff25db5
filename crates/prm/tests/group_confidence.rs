//! Laws of group confidence.

use std::sync::Arc;

use espalier_core::{Finish, ModelError, Path, PathScorer, Prompt, Step};
use espalier_prm::{GroupConfidence, Groups};
use proptest::prelude::*;

/// A path whose token confidences are these, cut into steps of `step` tokens.
fn path(confidences: &[f32], step: usize) -> Path {
    let one = |part: &[f32]| {
        Arc::new(Step {
            tokens: (0..part.len() as u32).collect(),
            text: "x".repeat(part.len()),
            stats: Vec::new(),
            alternatives: part.iter().map(|c| vec![(0, -0.5 * c), (1, -1.5 * c)]).collect(),
            observed: None,
            finish: Finish::Step,
        })
    };
    let prompt = Prompt { problem: String::new(), tokens: [1].into() };
    Path { prompt: Arc::new(prompt), steps: confidences.chunks(step).map(one).collect() }
}

fn score(window: usize, groups: Groups, path: &Path) -> f32 {
    let group = GroupConfidence::new(window, groups).expect("a window of at least 1");
    group.score(path).expect("every token has alternatives").get()
}

fn confidences() -> impl Strategy<Value = Vec<f32>> {
    prop::collection::vec(0.0_f32..8.0, 1..60)
}

proptest! {
    #[test]
    fn equals_the_textbook(all in confidences(), step in 1_usize..9, window in 1_usize..80) {
        let path = path(&all, step);
        let width = window.min(all.len());
        let mut means: Vec<f32> =
            all.windows(width).map(|group| group.iter().sum::<f32>() / width as f32).collect();
        let near = |groups, value: f32| (score(window, groups, &path) - value).abs() < 1e-4;
        prop_assert!(near(Groups::Tail, *means.last().unwrap()));
        means.sort_by(f32::total_cmp);
        prop_assert!(near(Groups::Lowest, means[0]));
        let tenth = &means[..(means.len() / 10).max(1)];
        prop_assert!(near(Groups::BottomTenth, tenth.iter().sum::<f32>() / tenth.len() as f32));
    }

    #[test]
    fn steps_are_only_where_it_is_cut(all in confidences(), window in 1_usize..80) {
        for groups in [Groups::Lowest, Groups::BottomTenth, Groups::Tail] {
            let [one, other] = [1, 7].map(|step| score(window, groups, &path(&all, step)));
            prop_assert_eq!(one.to_bits(), other.to_bits());
        }
    }
}

#[test]
fn what_is_unknown_is_an_error() {
    assert!(GroupConfidence::new(0, Groups::Tail).unwrap_err().to_string().contains("`0`"));
    let group = GroupConfidence::new(4, Groups::Lowest).unwrap();
    let known = path(&[1.0, 2.0], 2);
    let bad = |path: &Path| matches!(group.score(path), Err(ModelError::BadRequest { .. }));
    assert!(bad(&Path::root(Arc::clone(&known.prompt))));
    let mut unknown = known.clone();
    Arc::make_mut(&mut unknown.steps[0]).alternatives.pop();
    assert!(bad(&unknown));
    let mut empty = known;
    Arc::make_mut(&mut empty.steps[0]).alternatives[1].clear();
    assert!(bad(&empty));
}
