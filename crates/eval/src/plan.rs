//! Plans: a strategy's data turned into the objects that search.

use std::num::{NonZeroU32, NonZeroUsize};
use std::sync::Arc;

use espalier_core::{Answers, Budget, Sampling, ScorerId, Stops};
use espalier_search::{
    AbMcts, AdaptiveConsistency, BadStrategy, Beam, BestOfN, Coding, ComputeOptimal, Config, Dvts,
    Gate, GraphOfThoughts, Greedy, Lookahead, OnFail, Pal, ParticleFilter, Puct, ReAct, Rebase,
    Revision, ScTir, Selected, SelfConsistency, Strategy, ToRa, TotBfs, TotDfs, Tree, Uct, best,
    majority, majority_of,
    thoughts::{Evaluate, Generate},
    weighted,
};

use crate::dataset::AnswerForm;
use crate::{
    Modulo, Votes, forms,
    spec::{
        Bin, EvaluateName, GenerateName, NextName, OnFailName, Selection, Stepwise, StrategySpec,
        Thinking,
    },
    tools,
};

/// The one scorer of a run; where the policy judges and there is none, the id of its judgements.
pub(crate) const SCORER: ScorerId = ScorerId(0);

impl StrategySpec {
    /// The strategy, fresh, for one problem with such answers.
    ///
    /// # Errors
    ///
    /// [`BadStrategy`] says which number cannot be.
    pub fn strategy(&self, votes: impl Into<Votes>) -> Result<Box<dyn Strategy>, BadStrategy> {
        let votes = votes.into();
        let form = votes.form();
        let answers = || Arc::new(votes.clone());
        Ok(match *self {
            Self::Greedy => Box::new(Greedy),
            Self::BestOfN { n, .. } => Box::new(BestOfN::new(n, SCORER)?),
            Self::SelfConsistency { n, .. } => Box::new(SelfConsistency::new(n)?),
            Self::AdaptiveConsistency { n, batch, confidence, .. } => {
                Box::new(AdaptiveConsistency::new(n, batch, confidence, answers())?)
            }
            Self::Gate { first, agreement, width, n, steps } => {
                let beam = Beam::new(width, n, steps.depth, SCORER, steps.aggregate)?;
                Box::new(Gate::new(first, agreement, answers(), beam)?)
            }
            Self::ComputeOptimal { first, ref table, steps } => {
                let bin = |bin: &Bin| {
                    let then = bin.then.spec(steps).map(|spec| spec.strategy(votes.clone()));
                    Ok(espalier_search::Bin { below: bin.below, then: then.transpose()? })
                };
                let bins = table.iter().map(bin).collect::<Result<_, BadStrategy>>()?;
                Box::new(ComputeOptimal::new(first, SCORER, bins)?)
            }
            Self::AbMcts { n, prior, steps } => {
                Box::new(AbMcts::new(n, steps.depth, prior.into(), SCORER)?)
            }
            Self::Beam { width, n, redraws, next, code, steps } => {
                let beam = Beam::new(width, n, steps.depth, SCORER, steps.aggregate)?;
                let mut beam = beam.with_redraws(redraws);
                if code.is_some() {
                    beam = beam.with_code(coding(self, form));
                }
                Box::new(match next {
                    NextName::Continue => beam,
                    NextName::Prompt => beam.with_form(forms::NEXT),
                })
            }
            Self::Dvts { width, n, steps } => {
                Box::new(Dvts::new(width, n, steps.depth, SCORER, steps.aggregate)?)
            }
            Self::Lookahead { width, n, lookahead, steps } => {
                Box::new(Lookahead::new(width, n, steps.depth, lookahead, SCORER)?)
            }
            Self::Rebase { n, score_temperature, steps } => {
                let Stepwise { depth, aggregate, .. } = steps;
                Box::new(Rebase::new(n, score_temperature, depth, SCORER, aggregate)?)
            }
            Self::ParticleFilter { n, score_temperature, steps } => {
                let Stepwise { depth, aggregate, .. } = steps;
                Box::new(ParticleFilter::new(n, score_temperature, depth, SCORER, aggregate)?)
            }
            Self::Uct { width, simulations, exploration, rollouts, code, steps } => {
                let uct = Uct::new(width, simulations, steps.depth, exploration, SCORER)?;
                let uct = uct.with_rollouts(rollouts);
                Box::new(if code.is_some() { uct.with_code(coding(self, form)) } else { uct })
            }
            Self::Puct { width, simulations, exploration, rollouts, code, steps } => {
                let puct = Puct::new(width, simulations, steps.depth, exploration, SCORER)?;
                let puct = puct.with_rollouts(rollouts);
                Box::new(if code.is_some() { puct.with_code(coding(self, form)) } else { puct })
            }
            Self::TotBfs { breadth, thinking } => {
                let (generate, evaluate) = thoughts(thinking);
                Box::new(TotBfs::new(breadth, thinking.depth, generate, evaluate, SCORER)?)
            }
            Self::TotDfs { visits, threshold, thinking } => {
                let (generate, evaluate) = thoughts(thinking);
                let depth = thinking.depth;
                Box::new(TotDfs::new(visits, depth, threshold, generate, evaluate, SCORER)?)
            }
            Self::Revision { chains, revisions, .. } => {
                Box::new(Revision::new(chains, revisions, forms::REVISE, SCORER)?)
            }
            Self::Graph { n, group, attempts, .. } => {
                Box::new(GraphOfThoughts::new(n, group, attempts, forms::MERGE, SCORER)?)
            }
            Self::ScTir { width, depth, on_fail, .. } => {
                let on_fail = match on_fail {
                    OnFailName::Prune => OnFail::Prune,
                    OnFailName::Restart => OnFail::Restart,
                };
                Box::new(ScTir::new(width, depth, on_fail, tools::PYTHON, profile(self, form))?)
            }
            Self::Pal { n, .. } => Box::new(Pal::new(n, tools::PYTHON, profile(self, form))?),
            Self::ToRa { n, calls, .. } => {
                Box::new(ToRa::new(n, calls, tools::PYTHON, profile(self, form))?)
            }
            Self::ReAct { n, calls, .. } => Box::new(ReAct::new(n, calls, tools::registry())?),
        })
    }

    /// The answer of a finished tree.
    #[must_use]
    pub fn select(&self, tree: &Tree, answers: &dyn Answers) -> Option<Selected> {
        match self {
            Self::ScTir { modulo, .. } => {
                // What is read from texts is the same whatever form the answers have.
                let profile = profile(self, AnswerForm::Number);
                let counts = |id| ScTir::counts(tree, id, &*profile);
                return match modulo {
                    Some(modulo) => majority_of(tree, &Modulo::new(answers, *modulo), counts),
                    None => majority_of(tree, answers, counts),
                };
            }
            Self::Pal { .. } => return majority_of(tree, answers, |id| Pal::counts(tree, id)),
            _ => {}
        }
        let (select, how) = self.selection();
        let selected = match select {
            Selection::Best => best(tree, SCORER, how, answers),
            Selection::Majority => majority(tree, answers),
            Selection::Weighted => weighted(tree, SCORER, how, answers),
        };
        // A gate's first answers are not scored.
        let is_gate = matches!(self, Self::Gate { .. });
        selected.or_else(|| majority(tree, answers).filter(|_| is_gate))
    }

    /// The search's configuration. Strategies that sample whole answers have no steps to bound.
    #[must_use]
    pub fn config(
        &self,
        max_tokens: NonZeroU32,
        stops: Arc<Stops>,
        budget: Budget,
        in_flight: NonZeroUsize,
    ) -> Config {
        let (temperature, seed) = match (self, self.stepwise(), self.calling()) {
            (_, Some(steps), _) => (steps.temperature, steps.seed),
            (_, _, Some(calling)) => (calling.temperature, calling.seed),
            (
                Self::TotBfs { thinking: Thinking { temperature, seed, .. }, .. }
                | Self::TotDfs { thinking: Thinking { temperature, seed, .. }, .. }
                | Self::Revision { temperature, seed, .. }
                | Self::Graph { temperature, seed, .. }
                | Self::BestOfN { temperature, seed, .. }
                | Self::SelfConsistency { temperature, seed, .. }
                | Self::AdaptiveConsistency { temperature, seed, .. },
                ..,
            ) => (*temperature, *seed),
            _ => (0.0, 0),
        };
        let max_step_tokens = self
            .max_step_tokens()
            .map_or(max_tokens, |step| NonZeroU32::new(step).unwrap_or(NonZeroU32::MIN));
        Config {
            stops,
            budget,
            seed,
            in_flight,
            ..Config::new(Sampling::at(temperature), max_step_tokens, max_tokens)
        }
    }
}

/// How calls are read from the text. What they leave is written by the profile that the run is equipped with.
fn profile(strategy: &StrategySpec, form: AnswerForm) -> Arc<dyn espalier_core::Profile> {
    tools::profile(strategy, form, None)
}

/// Who runs the code with which the steps of a search end.
fn coding(strategy: &StrategySpec, form: AnswerForm) -> Coding {
    Coding { tool: tools::PYTHON, profile: profile(strategy, form) }
}

fn thoughts(thinking: Thinking) -> (Generate, Evaluate) {
    let generate = match thinking.generate {
        GenerateName::Sample => Generate::Sample(thinking.n),
        GenerateName::Propose => Generate::Propose(forms::PROPOSE),
    };
    let evaluate = match thinking.evaluate {
        EvaluateName::Value(times) => Evaluate::Value(forms::VALUE, times),
        EvaluateName::Vote(times) => Evaluate::Vote(forms::VOTE, times),
        EvaluateName::Score(_) => Evaluate::Score,
    };
    (generate, evaluate)
}
