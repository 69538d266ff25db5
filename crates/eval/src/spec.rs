//! Specs: strategies and their numbers, as data.

use std::fmt;
use std::path::Path;

use espalier_core::Aggregate;
use espalier_prm::Confidence;
use espalier_search::belief::Prior;
use serde::Serialize;

use crate::config::ConfigError;

/// What rates a path: the policy's own confidence, or a process reward model.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum ScorerName {
    /// Mean log-probability of the likeliest token.
    TopLogprob,
    /// Mean log-probability of the sampled token.
    ChosenLogprob,
    /// Negative mean entropy.
    Entropy,
    /// A process reward model; scores are in [0, 1].
    Prm,
}

impl ScorerName {
    /// The confidence it names; `None` for a process reward model.
    #[must_use]
    pub fn confidence(self) -> Option<Confidence> {
        match self {
            Self::TopLogprob => Some(Confidence::MeanTopLogprob),
            Self::ChosenLogprob => Some(Confidence::MeanChosenLogprob),
            Self::Entropy => Some(Confidence::NegativeMeanEntropy),
            Self::Prm => None,
        }
    }
}

/// How a finished tree becomes an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Selection {
    /// The answer of the best path.
    Best,
    /// The answer that most paths give.
    Majority,
    /// The answer whose paths' scores have the largest sum.
    Weighted,
}

/// What all strategies have that go step by step.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Stepwise {
    /// Steps of a path, at most.
    pub depth: u32,
    /// Tokens of a step, at most.
    pub max_step_tokens: u32,
    /// What scores a step.
    pub scorer: ScorerName,
    /// How the scores of a path's steps become one.
    pub aggregate: Aggregate,
    /// How a path is chosen.
    pub select: Selection,
    /// How tokens are drawn.
    pub temperature: f32,
    /// The source of all randomness.
    pub seed: u64,
}

/// What AB-MCTS believes of steps before it sees any.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum PriorName {
    /// [`Prior::GAUSSIAN`].
    Gaussian,
    /// [`Prior::JEFFREYS`], for scores in [0, 1].
    Beta,
}

impl From<PriorName> for Prior {
    fn from(name: PriorName) -> Self {
        match name {
            PriorName::Gaussian => Self::GAUSSIAN,
            PriorName::Beta => Self::JEFFREYS,
        }
    }
}

/// A strategy and its numbers. What has no effect on a strategy is not in it.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[serde(tag = "name", rename_all = "kebab-case")]
pub enum StrategySpec {
    /// One answer at temperature 0.
    Greedy,
    /// `n` answers, each scored once.
    BestOfN {
        /// Answers.
        n: u32,
        /// What scores them.
        scorer: ScorerName,
        /// How one is chosen.
        select: Selection,
        /// How tokens are drawn.
        temperature: f32,
        /// The source of all randomness.
        seed: u64,
    },
    /// `n` answers and a vote.
    SelfConsistency {
        /// Answers.
        n: u32,
        /// How tokens are drawn.
        temperature: f32,
        /// The source of all randomness.
        seed: u64,
    },
    /// Answers and a vote, until the vote is decided.
    AdaptiveConsistency {
        /// Answers, at most.
        n: u32,
        /// Answers sampled at a time.
        batch: u32,
        /// How probable it must be that the leading answer stays ahead.
        confidence: f64,
        /// How tokens are drawn.
        temperature: f32,
        /// The source of all randomness.
        seed: u64,
    },
    /// A vote, and a beam search where it is not clear enough.
    Gate {
        /// Answers that vote.
        first: u32,
        /// The share of them that must agree.
        agreement: f64,
        /// Continuations of a kept path of the beam's.
        width: u32,
        /// Candidates in a round of the beam's; `width`² where not given.
        n: Option<u32>,
        /// What it shares with others.
        #[serde(flatten)]
        steps: Stepwise,
    },
    /// Tree search that decides by Thompson sampling between wider and deeper.
    AbMcts {
        /// Steps.
        n: u32,
        /// What it believes before it sees any.
        prior: PriorName,
        /// What it shares with others.
        #[serde(flatten)]
        steps: Stepwise,
    },
    /// Beam search over steps.
    Beam {
        /// Continuations of a kept path.
        width: u32,
        /// Candidates in a round; `width`² where not given.
        n: Option<u32>,
        /// What it shares with others.
        #[serde(flatten)]
        steps: Stepwise,
    },
    /// Independent subtrees, each a beam that keeps one path.
    Dvts {
        /// Continuations of a subtree's path.
        width: u32,
        /// Candidates in a round; `width`² where not given.
        n: Option<u32>,
        /// What it shares with others.
        #[serde(flatten)]
        steps: Stepwise,
    },
    /// A beam whose candidates are scored by where they lead; the last step's score counts.
    Lookahead {
        /// Continuations of a kept path.
        width: u32,
        /// Candidates in a round; `width`² where not given.
        n: Option<u32>,
        /// Steps that a candidate is rolled out.
        lookahead: u32,
        /// What it shares with others.
        #[serde(flatten)]
        steps: Stepwise,
    },
    /// Continuations shared out by the paths' scores.
    Rebase {
        /// Continuations in a round.
        n: u32,
        /// Divides the scores before shares are made of them.
        score_temperature: f64,
        /// What it shares with others.
        #[serde(flatten)]
        steps: Stepwise,
    },
    /// Paths drawn again by their scores after every step.
    ParticleFilter {
        /// Particles.
        n: u32,
        /// Divides the scores before chances are made of them.
        score_temperature: f64,
        /// What it shares with others.
        #[serde(flatten)]
        steps: Stepwise,
    },
    /// Monte-Carlo tree search by upper confidence bounds.
    Uct {
        /// Steps sampled in a simulation.
        width: u32,
        /// Simulations, at most.
        simulations: u32,
        /// Weight of what is little visited.
        exploration: f64,
        /// What it shares with others.
        #[serde(flatten)]
        steps: Stepwise,
    },
    /// Monte-Carlo tree search that visits first what the policy finds likely.
    Puct {
        /// Steps sampled in a simulation.
        width: u32,
        /// Simulations, at most.
        simulations: u32,
        /// Weight of what is likely and little visited.
        exploration: f64,
        /// What it shares with others.
        #[serde(flatten)]
        steps: Stepwise,
    },
}

impl fmt::Display for StrategySpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Greedy => f.write_str("greedy"),
            Self::BestOfN { n, .. } => write!(f, "best-of-n, n {n}"),
            Self::SelfConsistency { n, .. } => write!(f, "self-consistency, n {n}"),
            Self::AdaptiveConsistency { n, .. } => write!(f, "adaptive-consistency, n {n}"),
            Self::Gate { first, width, n, .. } => {
                write!(f, "gate, first {first}, width {width}{}", candidates(*n))
            }
            Self::AbMcts { n, .. } => write!(f, "ab-mcts, n {n}"),
            Self::Beam { width, n, .. } => write!(f, "beam, width {width}{}", candidates(*n)),
            Self::Dvts { width, n, .. } => write!(f, "dvts, width {width}{}", candidates(*n)),
            Self::Lookahead { width, n, lookahead, .. } => {
                write!(f, "lookahead {lookahead}, width {width}{}", candidates(*n))
            }
            Self::Rebase { n, .. } => write!(f, "rebase, n {n}"),
            Self::ParticleFilter { n, .. } => write!(f, "particle-filter, n {n}"),
            Self::Uct { width, simulations, .. } => {
                write!(f, "uct, width {width}, simulations {simulations}")
            }
            Self::Puct { width, simulations, .. } => {
                write!(f, "puct, width {width}, simulations {simulations}")
            }
        }
    }
}

fn candidates(n: Option<u32>) -> String {
    n.map_or_else(String::new, |n| format!(", n {n}"))
}

impl StrategySpec {
    /// What it has if it goes step by step.
    #[must_use]
    pub fn stepwise(&self) -> Option<&Stepwise> {
        match self {
            Self::Greedy
            | Self::BestOfN { .. }
            | Self::SelfConsistency { .. }
            | Self::AdaptiveConsistency { .. } => None,
            Self::Gate { steps, .. }
            | Self::AbMcts { steps, .. }
            | Self::Beam { steps, .. }
            | Self::Dvts { steps, .. }
            | Self::Lookahead { steps, .. }
            | Self::Rebase { steps, .. }
            | Self::ParticleFilter { steps, .. }
            | Self::Uct { steps, .. }
            | Self::Puct { steps, .. } => Some(steps),
        }
    }

    /// What scores its paths, if anything does.
    #[must_use]
    pub fn scorer(&self) -> Option<ScorerName> {
        match self {
            Self::BestOfN { scorer, .. } => Some(*scorer),
            _ => self.stepwise().map(|steps| steps.scorer),
        }
    }

    /// How its answer is chosen, and how the scores of a path's steps become one for that.
    #[must_use]
    pub fn selection(&self) -> (Selection, Aggregate) {
        match self {
            Self::BestOfN { select, .. } => (*select, Aggregate::Last),
            // The vote over one path is that path.
            _ => self
                .stepwise()
                .map_or((Selection::Majority, Aggregate::Last), |s| (s.select, s.aggregate)),
        }
    }

    /// Checks what the strategy itself cannot: that scores can be used as asked.
    ///
    /// # Errors
    ///
    /// [`ConfigError::NegativeScores`] for products and weighted votes of log-probabilities.
    pub fn check(&self) -> Result<(), ConfigError> {
        if self.scorer().is_none_or(|scorer| scorer == ScorerName::Prm) {
            return Ok(());
        }
        self.check_signed("those of `--scorer` are log-probabilities")
    }

    /// Checks that scores which can be negative can be used as asked. `whose` tells whose they are, to be
    /// read after "and".
    ///
    /// # Errors
    ///
    /// [`ConfigError::NegativeScores`] for products and weighted votes.
    pub fn check_signed(&self, whose: &'static str) -> Result<(), ConfigError> {
        let (select, aggregate) = self.selection();
        if select == Selection::Weighted {
            let instead = "use `--select majority` or `--select best`";
            return Err(ConfigError::NegativeScores { flag: "--select weighted", whose, instead });
        }
        if matches!(self, Self::AbMcts { prior: PriorName::Beta, .. }) {
            let instead = "use `--prior gaussian`";
            return Err(ConfigError::NegativeScores { flag: "--prior beta", whose, instead });
        }
        if aggregate == Aggregate::Prod {
            let instead = "use `--aggregate mean`, which ranks as their product's root does";
            return Err(ConfigError::NegativeScores { flag: "--aggregate prod", whose, instead });
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

#[cfg(test)]
mod tests {
    use super::*;

    fn scored(scorer: ScorerName, aggregate: Aggregate, select: Selection) -> StrategySpec {
        let steps = Stepwise {
            depth: 40,
            max_step_tokens: 256,
            scorer,
            aggregate,
            select,
            temperature: 0.8,
            seed: 42,
        };
        StrategySpec::Beam { width: 4, n: None, steps }
    }

    #[test]
    fn log_probabilities_are_neither_multiplied_nor_added_as_votes() {
        assert!(
            scored(ScorerName::ChosenLogprob, Aggregate::Last, Selection::Best).check().is_ok()
        );
        let error = scored(ScorerName::ChosenLogprob, Aggregate::Prod, Selection::Best)
            .check()
            .unwrap_err()
            .to_string();
        assert!(error.starts_with("`--aggregate prod` needs scores that are not negative"));
        assert!(
            scored(ScorerName::ChosenLogprob, Aggregate::Last, Selection::Weighted)
                .check()
                .is_err()
        );
        assert!(StrategySpec::Greedy.check().is_ok());
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
        let value = serde_json::to_value(rebase).unwrap();
        assert_eq!((&value["name"], &value["n"]), (&"rebase".into(), &16.into()));
        assert_eq!((&value["aggregate"], &value["depth"]), (&"min".into(), &40.into()));
        assert_eq!(rebase.to_string(), "rebase, n 16");
    }
}
