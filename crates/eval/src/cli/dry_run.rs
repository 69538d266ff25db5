//! `espalier eval --dry-run`: what a run would cost.

use std::path::Path;

use anyhow::anyhow;
use espalier_core::{Forms, Policy, Reader};
use serde_json::json;

use super::{failure::Failure, loaded::IN_FLIGHT, loaded::Loaded, prm::Prm};
use crate::sweep::Calibration;
use crate::{
    Dataset, Lengths, Run, ScorerName, StandIn, StandInScorer, StrategySpec, args, read_run,
};

/// Prints what a run would cost.
#[expect(clippy::print_stdout, reason = "the result of the command")]
pub(super) fn dry_run(
    args: &args::Run,
    strategy: &StrategySpec,
    dataset: &Dataset,
    loaded: &Loaded,
    prm: Option<&Prm>,
) -> Result<(), Failure> {
    if strategy.is_prompted() {
        return Err(refuse(strategy));
    }
    let plan = Run {
        dataset,
        stops: strategy.stops(&loaded.stops),
        strategy: strategy.clone(),
        max_tokens: args.max_tokens(),
        budget: args.terms.budget.unwrap_or_default(),
        in_flight: args.terms.in_flight.unwrap_or(IN_FLIGHT),
        forms: Forms::default(),
    };
    let most = strategy.max_step_tokens().unwrap_or(args.max_tokens().get());
    let lengths = match &args.like {
        Some(dir) => measured(dir, &plan)?,
        None => Lengths { step: most.min(args.max_tokens().get()), steps: None },
    };
    let model = &loaded.policy;
    let mut policy = StandIn::new(lengths, model.cost(), model.context());
    let judged = prm.filter(|_| strategy.scorer() == Some(ScorerName::Prm));
    let mut scorer = StandInScorer::new(judged.map(|prm| prm.scorer.reader().cost()));
    let found = crate::dry_run(&plan, &loaded.prompts, &mut policy, &mut scorer);
    let found = found.map_err(Failure::bad)?;
    let n = found.problems;
    let Lengths { step, steps } = lengths;
    match steps {
        Some(steps) => {
            println!("{strategy}, {n} problems, if answers have {steps} steps of {step} tokens:");
        }
        None => println!(
            "{strategy}, {n} problems, at most: steps of {step} tokens and paths as long as is allowed"
        ),
    }
    println!("\n{}", found.table());
    println!("Branches that begin alike are computed once, which this does not count on.");
    if found.exhausted > 0 {
        println!("The budget ends {} of {n} searches before the strategy does.", found.exhausted);
    }
    if args.terms.json {
        let mut object = serde_json::to_value(found)?;
        object["step_tokens"] = json!(step);
        object["steps"] = json!(steps);
        println!("{object}");
    }
    Ok(())
}

/// Refuses what a dry run cannot tell.
pub(super) fn refuse(strategy: &StrategySpec) -> Failure {
    let what = if strategy.output().is_some() { "calls" } else { "prompts" };
    Failure::BadInput(anyhow!(
        "`--dry-run` cannot tell what `{strategy}` costs: its {what} depend on what the model writes; run a few \
         problems with `--limit` instead"
    ))
}

/// How long a run's answers and steps are.
fn measured(dir: &Path, plan: &Run<'_>) -> Result<Lengths, Failure> {
    let (_, records) = read_run(dir).map_err(Failure::bad)?;
    let boundaries: Vec<&str> = plan.stops.boundary.iter().map(String::as_str).collect();
    let seen = Calibration::of(&records, &boundaries, plan.max_tokens);
    if seen.answers == 0 {
        return Err(Failure::BadInput(anyhow!(
            "`{}` has no answer to measure; give the directory of a run that has some",
            dir.display()
        )));
    }
    Ok(Lengths::like(&seen))
}
