//! Dry runs count what a run would pay for.

use std::num::{NonZeroU32, NonZeroUsize};

use espalier_core::{Aggregate, Budget, ModelCost, Stops};

use super::*;
use crate::config::DatasetSpec;
use crate::dataset::{Dataset, DatasetKind};
use crate::spec::{NextName, ScorerName, Selection, Stepwise, StrategySpec};

const COST: ModelCost = ModelCost { trunk: 100, attention: 0, head: 10 };

const STEPS: Stepwise = Stepwise {
    depth: 6,
    max_step_tokens: 8,
    boundary: None,
    scorer: ScorerName::Prm,
    aggregate: Aggregate::Last,
    select: Selection::Best,
    temperature: 1.0,
    seed: 1,
};

fn estimate(strategy: StrategySpec, lengths: Lengths, budget: Budget) -> Estimate {
    let wanted = DatasetSpec { kind: DatasetKind::Builtin, path: None, rows: None, limit: Some(2) };
    let dataset: Dataset = wanted.open().unwrap();
    let max_tokens = const { NonZeroU32::new(40).unwrap() };
    let run = Run {
        dataset: &dataset,
        strategy,
        stops: Arc::new(Stops::default()),
        max_tokens,
        budget,
        in_flight: NonZeroUsize::MIN,
        forms: espalier_core::Forms::default(),
    };
    let prompt = |item: &crate::Item| {
        Arc::new(Prompt { problem: item.problem.question.clone(), tokens: (0..10).collect() })
    };
    let prompts: Vec<_> = dataset.items.iter().map(prompt).collect();
    let mut policy = StandIn::new(lengths, COST, 1000);
    let mut scorer = StandInScorer::new(Some(COST));
    dry_run(&run, &prompts, &mut policy, &mut scorer).unwrap()
}

const SHORT: Lengths = Lengths { step: 5, steps: Some(3) };

#[test]
fn answers_cost_their_tokens_and_the_prompt_once() {
    let best_of_4 = StrategySpec::BestOfN {
        n: 4,
        scorer: ScorerName::Prm,
        select: Selection::Best,
        temperature: 1.0,
        seed: 1,
    };
    let found = estimate(best_of_4, SHORT, Budget::default());
    // Two problems of four answers of 15 tokens. The reward model reads each prompt once, too.
    assert_eq!((found.problems, found.exhausted, found.generated), (2, 0, 120));
    assert_eq!(found.scored, 2 * (10 + 60));
    assert_eq!(found.computed, 2 * (10 + 60) + found.scored);
    assert!(found.flops_uncached > found.flops);
}

#[test]
fn a_beam_pays_for_each_round() {
    let beam = StrategySpec::Beam {
        width: 2,
        n: None,
        redraws: 0,
        next: NextName::Continue,
        code: None,
        steps: STEPS,
    };
    // A round of four steps of 5 tokens; the second and third continue two paths twice.
    let found = estimate(beam.clone(), SHORT, Budget::default());
    assert_eq!((found.generated, found.exhausted), (2 * 3 * 4 * 5, 0));
    // What is not known is taken at its most: steps of 8 tokens, five of which fill a path.
    let most = estimate(beam, Lengths { step: 8, steps: None }, Budget::default());
    assert_eq!(most.generated, 2 * 5 * 4 * 8);
    assert!(most.computed > found.computed && most.flops > found.flops);
}

#[test]
fn budgets_bind() {
    let budget = Budget { generated: Some(50), ..Budget::default() };
    let beam = StrategySpec::Beam {
        width: 2,
        n: None,
        redraws: 0,
        next: NextName::Continue,
        code: None,
        steps: STEPS,
    };
    let found = estimate(beam, SHORT, budget);
    assert_eq!(found.exhausted, 2);
    assert!(found.generated > 0 && found.generated <= 2 * 50, "{found:?}");
}

#[test]
fn a_table_has_means_and_totals() {
    let estimate = Estimate { problems: 2, generated: 120, ..Estimate::default() };
    let table = estimate.table();
    let line = table.lines().find(|line| line.starts_with("tokens generated")).unwrap();
    assert_eq!(line.split_whitespace().collect::<Vec<_>>(), ["tokens", "generated", "60", "120"]);
    assert!(!table.contains("dollars"));
}
