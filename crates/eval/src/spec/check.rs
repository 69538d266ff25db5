//! Checks: what a strategy's numbers cannot say of themselves.

use std::path::Path;

use espalier_core::Aggregate;

use super::{PriorName, ScorerName, Selection, StrategySpec};
use crate::config::ConfigError;
use crate::dataset::DatasetKind;

impl StrategySpec {
    /// Checks what the strategy itself cannot: that scores can be used as asked.
    ///
    /// # Errors
    ///
    /// [`ConfigError::NegativeScores`] for products and weighted votes of log-probabilities,
    /// [`ConfigError::UnboundScores`] for a Beta prior over scores that are no shares.
    pub fn check(&self) -> Result<(), ConfigError> {
        let beta = matches!(self, Self::AbMcts { prior: PriorName::Beta, .. });
        match self.scorer() {
            None | Some(ScorerName::Prm | ScorerName::Verifier) => return Ok(()),
            Some(ScorerName::SelfCertainty) if !beta => return Ok(()),
            Some(_) => {}
        }
        self.check_signed("those of `--scorer` are log-probabilities")
    }

    /// Checks that a strategy with tools that samples several paths has them differ.
    ///
    /// # Errors
    ///
    /// [`ConfigError::SameAgain`] for several paths at temperature 0.
    pub fn check_calling(&self) -> Result<(), ConfigError> {
        let (Self::Pal { n, .. } | Self::ToRa { n, .. } | Self::ReAct { n, .. }) = *self else {
            return Ok(());
        };
        let same = n > 1 && self.calling().is_some_and(|calling| calling.temperature <= 0.0);
        if same { Err(ConfigError::SameAgain { n }) } else { Ok(()) }
    }

    /// Checks that scores which can be negative can be used as asked. `whose` tells whose they are, to be
    /// read after "and".
    ///
    /// # Errors
    ///
    /// [`ConfigError::NegativeScores`] for products and weighted votes, [`ConfigError::UnboundScores`] for a
    /// Beta prior.
    pub fn check_signed(&self, whose: &'static str) -> Result<(), ConfigError> {
        let (select, aggregate) = self.selection();
        if matches!(self, Self::AbMcts { prior: PriorName::Beta, .. }) {
            let instead = "use `--prior gaussian`";
            return Err(ConfigError::UnboundScores { flag: "--prior beta", instead });
        }
        if select == Selection::Weighted {
            let instead = "use `--select majority` or `--select best`";
            return Err(ConfigError::NegativeScores { flag: "--select weighted", whose, instead });
        }
        if aggregate == Aggregate::Prod {
            let instead = "use `--aggregate mean`, which ranks as their product's root does";
            return Err(ConfigError::NegativeScores { flag: "--aggregate prod", whose, instead });
        }
        Ok(())
    }

    /// Checks that a dataset provides what scores.
    ///
    /// # Errors
    ///
    /// [`ConfigError::NoVerifier`] where a verifier scores and the dataset has none.
    pub fn check_verifier(&self, kind: DatasetKind) -> Result<(), ConfigError> {
        match self.scorer() {
            Some(ScorerName::Verifier) if !kind.is_verifiable() => {
                Err(ConfigError::NoVerifier { kind })
            }
            _ => Ok(()),
        }
    }

    /// Checks that a dataset of functions is searched by a strategy that asks for them as the dataset does: none that
    /// calls tools or asks with prompts of its own.
    ///
    /// # Errors
    ///
    /// [`ConfigError::NotForFunctions`].
    pub fn check_functions(&self, kind: DatasetKind) -> Result<(), ConfigError> {
        let own = self.calling().is_some() || self.is_prompted();
        if kind.is_run() && own {
            return Err(ConfigError::NotForFunctions { what: self.to_string(), kind });
        }
        Ok(())
    }

    /// Checks that a process reward model is given if and only if it scores.
    ///
    /// # Errors
    ///
    /// [`ConfigError::NoPrm`] and [`ConfigError::PrmUnused`].
    pub fn check_prm(&self, prm: Option<&Path>) -> Result<(), ConfigError> {
        match (self.scorer(), prm) {
            (Some(ScorerName::Prm), None) => Err(ConfigError::NoPrm),
            (Some(ScorerName::Prm), Some(_)) | (_, None) => Ok(()),
            (_, Some(path)) => Err(ConfigError::PrmUnused { path: path.to_owned() }),
        }
    }
}
