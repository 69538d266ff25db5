//! What strategies can be scored by, and how they are written down.

use std::path::Path;

use super::*;
use crate::dataset::DatasetKind;

fn scored(scorer: ScorerName, aggregate: Aggregate, select: Selection) -> StrategySpec {
    let steps = Stepwise {
        depth: 40,
        max_step_tokens: 256,
        boundary: None,
        scorer,
        aggregate,
        select,
        temperature: 0.8,
        seed: 42,
    };
    StrategySpec::Beam {
        width: 4,
        n: None,
        redraws: 0,
        next: NextName::Continue,
        code: None,
        steps,
    }
}

#[test]
fn log_probabilities_are_neither_multiplied_nor_added_as_votes() {
    assert!(scored(ScorerName::ChosenLogprob, Aggregate::Last, Selection::Best).check().is_ok());
    let error = scored(ScorerName::ChosenLogprob, Aggregate::Prod, Selection::Best)
        .check()
        .unwrap_err()
        .to_string();
    assert!(error.starts_with("`--aggregate prod` needs scores that are not negative"));
    assert!(
        scored(ScorerName::ChosenLogprob, Aggregate::Last, Selection::Weighted).check().is_err()
    );
    assert!(StrategySpec::Greedy.check().is_ok());
}

#[test]
fn a_verifier_scores_what_can_be_checked() {
    let verified = scored(ScorerName::Verifier, Aggregate::Prod, Selection::Weighted);
    assert!(verified.check().is_ok() && verified.check_verifier(DatasetKind::Game24).is_ok());
    let error = verified.check_verifier(DatasetKind::Gsm8k).unwrap_err().to_string();
    assert!(error.starts_with("dataset `gsm8k` has no verifier"), "{error}");
    let other = scored(ScorerName::Entropy, Aggregate::Last, Selection::Best);
    assert!(other.check_verifier(DatasetKind::Gsm8k).is_ok());
}

#[test]
fn a_beta_prior_needs_shares() {
    let of = |scorer| {
        let beam = scored(scorer, Aggregate::Last, Selection::Best);
        let StrategySpec::Beam { steps, .. } = beam else { unreachable!() };
        StrategySpec::AbMcts { n: 4, prior: PriorName::Beta, steps }.check()
    };
    assert!(of(ScorerName::Prm).is_ok() && of(ScorerName::Verifier).is_ok());
    let error = of(ScorerName::SelfCertainty).unwrap_err().to_string();
    assert!(error.starts_with("`--prior beta` needs scores from 0 to 1"), "{error}");
}

#[test]
fn scores_of_a_prm_are_multiplied_and_added_as_votes() {
    let best = |scorer| StrategySpec::BestOfN {
        n: 2,
        scorer,
        select: Selection::Weighted,
        temperature: 0.8,
        seed: 1,
    };
    assert!(best(ScorerName::Prm).check().is_ok());
    assert!(best(ScorerName::Entropy).check().is_err());
    let beam = scored(ScorerName::Prm, Aggregate::Prod, Selection::Weighted);
    assert!(beam.check().is_ok());
    assert_eq!(serde_json::to_value(beam).unwrap()["scorer"], "prm");
}

#[test]
fn a_prm_is_given_if_and_only_if_it_scores() {
    let confident = scored(ScorerName::ChosenLogprob, Aggregate::Last, Selection::Best);
    let path = Path::new("dir");
    assert!(confident.check_prm(None).is_ok() && StrategySpec::Greedy.check_prm(None).is_ok());
    let unused =
        "`--prm dir` has no effect on this strategy: take `--scorer prm` too, or leave it out";
    assert_eq!(confident.check_prm(Some(path)).unwrap_err().to_string(), unused);
    let prm = scored(ScorerName::Prm, Aggregate::Last, Selection::Best);
    assert!(prm.check_prm(Some(path)).is_ok());
    let missing = "`--scorer prm` needs a process reward model: give one with `--prm PATH`";
    assert_eq!(prm.check_prm(None).unwrap_err().to_string(), missing);
}

#[test]
fn what_strategies_share_stands_beside_their_own_numbers() {
    let beam = scored(ScorerName::Prm, Aggregate::Min, Selection::Best);
    let StrategySpec::Beam { steps, .. } = beam else { unreachable!() };
    let rebase = StrategySpec::Rebase { n: 16, score_temperature: 0.2, steps };
    let value = serde_json::to_value(&rebase).unwrap();
    assert_eq!((&value["name"], &value["n"]), (&"rebase".into(), &16.into()));
    assert_eq!((&value["aggregate"], &value["depth"]), (&"min".into(), &40.into()));
    assert_eq!(rebase.to_string(), "rebase, n 16");
}
