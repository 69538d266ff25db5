//! Laws of confidence scores.

use std::sync::Arc;

use espalier_core::{
    Finish, ModelError, Path, PathScorer, Prompt, ScoreAsk, Step, TokenStat, collect,
    token::Entropy,
};
use espalier_prm::Confidence;
use proptest::prelude::*;

fn path(stats: Vec<TokenStat>) -> Path {
    let step = Step {
        tokens: (0..stats.len() as u32).collect(),
        text: "x".repeat(stats.len()),
        stats,
        alternatives: Vec::new(),
        observed: None,
        finish: Finish::Step,
    };
    let prompt = Prompt { problem: String::new(), tokens: [1].into() };
    Path { prompt: Arc::new(prompt), steps: vec![Arc::new(step)] }
}

/// A distribution's numbers: top, then chosen at most top; entropy apart.
fn stat() -> impl Strategy<Value = TokenStat> {
    let nats = || 0.0_f32..8.0;
    (nats(), nats(), nats(), nats(), any::<bool>()).prop_map(|(top, gap, nats, far, exact)| {
        let entropy = if exact { Entropy::Exact(nats) } else { Entropy::Estimated(nats) };
        TokenStat {
            logprob: -top - gap,
            top_logprob: -top,
            entropy: Some(entropy),
            self_certainty: Some(far),
        }
    })
}

fn stats() -> impl Strategy<Value = Vec<TokenStat>> {
    prop::collection::vec(stat(), 1..20)
}

fn which() -> impl Strategy<Value = Confidence> {
    prop::sample::select(Confidence::ALL.to_vec())
}

fn raw(which: Confidence, stat: &TokenStat) -> f32 {
    match which {
        Confidence::MeanTopLogprob => stat.top_logprob,
        Confidence::MeanChosenLogprob => stat.logprob,
        Confidence::NegativeMeanEntropy => -stat.entropy.map_or(f32::NAN, Entropy::nats),
        Confidence::SelfCertainty => stat.self_certainty.unwrap_or(f32::NAN),
        _ => unreachable!("a new confidence needs its formula here"),
    }
}

fn score(which: Confidence, stats: Vec<TokenStat>) -> f32 {
    which.score(&path(stats)).expect("the path has what it needs").get()
}

proptest! {
    #[test]
    fn lies_between_its_tokens(which in which(), stats in stats()) {
        let each: Vec<f32> = stats.iter().map(|stat| raw(which, stat)).collect();
        let score = score(which, stats);
        prop_assert!(score <= each.iter().copied().fold(f32::MIN, f32::max));
        prop_assert!(score >= each.iter().copied().fold(f32::MAX, f32::min));
        let sign = if which == Confidence::SelfCertainty { 1.0 } else { -1.0 };
        prop_assert!(score * sign >= 0.0);
    }

    #[test]
    fn shifts_with_its_tokens(which in which(), stats in stats(), by in 0.0_f32..4.0) {
        let lower = stats
            .iter()
            .map(|stat| TokenStat {
                logprob: stat.logprob - by,
                top_logprob: stat.top_logprob - by,
                entropy: stat.entropy.map(|entropy| Entropy::Exact(entropy.nats() + by)),
                self_certainty: stat.self_certainty.map(|far| far - by),
            })
            .collect();
        prop_assert!((score(which, stats) - by - score(which, lower)).abs() < 1e-4);
    }

    #[test]
    fn ignores_the_order_of_tokens(which in which(), stats in stats(), turn in 0_usize..20) {
        let mut turned = stats.clone();
        turned.rotate_left(turn % stats.len());
        turned.reverse();
        prop_assert!((score(which, stats) - score(which, turned)).abs() < 1e-5);
    }

    #[test]
    fn reads_the_last_step_alone(which in which(), before in stats(), stats in stats()) {
        let mut longer = path(before);
        longer.steps.extend(path(stats.clone()).steps);
        prop_assert_eq!(which.score(&longer).unwrap(), which.score(&path(stats)).unwrap());
    }

    #[test]
    fn a_batch_scores_like_one_by_one(
        which in which(),
        paths in prop::collection::vec(stats(), 1..8),
    ) {
        let ask = |stats: &Vec<TokenStat>| ScoreAsk { path: path(stats.clone()) };
        let together = collect(&mut which.scorer(), paths.iter().map(ask));
        for (stats, scored) in paths.iter().zip(together) {
            let alone = collect(&mut which.scorer(), [ask(stats)]).pop().unwrap().unwrap();
            let scored = scored.unwrap();
            prop_assert_eq!((scored.score, scored.usage), (alone.score, alone.usage));
        }
    }

    #[test]
    fn chosen_is_at_most_top(stats in stats()) {
        let chosen = score(Confidence::MeanChosenLogprob, stats.clone());
        prop_assert!(chosen <= score(Confidence::MeanTopLogprob, stats));
    }
}

#[test]
fn what_is_unknown_is_an_error_not_zero() {
    let known = TokenStat { logprob: -1.0, top_logprob: -0.5, entropy: None, self_certainty: None };
    let bad = |which: Confidence, path: &Path| {
        assert!(matches!(which.score(path), Err(ModelError::BadRequest { .. })), "{which:?}");
    };
    for which in Confidence::ALL {
        bad(which, &Path::root(path(vec![known]).prompt));
        bad(which, &path(Vec::new()));
        let mut partly = path(vec![known; 2]);
        Arc::make_mut(&mut partly.steps[0]).stats.pop();
        bad(which, &partly);
    }
    bad(Confidence::NegativeMeanEntropy, &path(vec![known]));
    bad(Confidence::SelfCertainty, &path(vec![known]));
    let nan = TokenStat { logprob: f32::NAN, ..known };
    let error = Confidence::MeanChosenLogprob.score(&path(vec![nan])).unwrap_err();
    assert!(matches!(error, ModelError::NotFinite { .. }));
}

#[test]
fn names_lead_back() {
    for one in Confidence::ALL {
        assert_eq!(Confidence::by_name(one.name()), Ok(one));
    }
    assert_eq!(
        Confidence::by_name("vibes").unwrap_err().to_string(),
        "no confidence score `vibes`; take one of `mean-top-logprob`, `mean-chosen-logprob`, \
         `negative-mean-entropy`, `self-certainty`"
    );
}
