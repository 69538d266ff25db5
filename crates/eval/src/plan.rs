//! Plans: a strategy's data turned into the objects that search.

use std::num::{NonZeroU32, NonZeroUsize};
use std::sync::Arc;

use espalier_core::{Aggregate, Answers, Budget, Sampling, ScorerId, Stops};
use espalier_search::{
    BadStrategy, Beam, BestOfN, Config, Greedy, Selected, SelfConsistency, Strategy, Tree, best,
    majority, weighted,
};

use crate::config::{ScorerName, Selection, StrategySpec};

/// The one scorer of a run.
const SCORER: ScorerId = ScorerId(0);

impl StrategySpec {
    /// The strategy, fresh, for one problem.
    ///
    /// # Errors
    ///
    /// [`BadStrategy`] says which number cannot be.
    pub fn strategy(&self) -> Result<Box<dyn Strategy>, BadStrategy> {
        Ok(match *self {
            Self::Greedy => Box::new(Greedy),
            Self::BestOfN { n, .. } => Box::new(BestOfN::new(n, SCORER)?),
            Self::SelfConsistency { n, .. } => Box::new(SelfConsistency::new(n)?),
            Self::Beam { width, n, depth, aggregate, .. } => {
                Box::new(Beam::new(width, n, depth, SCORER, aggregate)?)
            }
        })
    }

    /// What scores its paths, if anything does.
    #[must_use]
    pub fn scorer(&self) -> Option<ScorerName> {
        match *self {
            Self::Greedy | Self::SelfConsistency { .. } => None,
            Self::BestOfN { scorer, .. } | Self::Beam { scorer, .. } => Some(scorer),
        }
    }

    /// The answer of a finished tree.
    #[must_use]
    pub fn select(&self, tree: &Tree, answers: &dyn Answers) -> Option<Selected> {
        let (select, how) = match *self {
            // The vote over one path is that path.
            Self::Greedy | Self::SelfConsistency { .. } => (Selection::Majority, Aggregate::Last),
            Self::BestOfN { select, .. } => (select, Aggregate::Last),
            Self::Beam { select, aggregate, .. } => (select, aggregate),
        };
        match select {
            Selection::Best => best(tree, SCORER, how, answers),
            Selection::Majority => majority(tree, answers),
            Selection::Weighted => weighted(tree, SCORER, how, answers),
        }
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
        let (temperature, seed, max_step_tokens) = match *self {
            Self::Greedy => (0.0, 0, max_tokens),
            Self::BestOfN { temperature, seed, .. }
            | Self::SelfConsistency { temperature, seed, .. } => (temperature, seed, max_tokens),
            Self::Beam { temperature, seed, max_step_tokens, .. } => {
                let step = NonZeroU32::new(max_step_tokens).unwrap_or(NonZeroU32::MIN);
                (temperature, seed, step)
            }
        };
        Config {
            stops,
            budget,
            seed,
            in_flight,
            ..Config::new(Sampling::at(temperature), max_step_tokens, max_tokens)
        }
    }
}
