//! Series: strategies without their size, the lines of a curve.

use std::num::NonZeroU32;

use espalier_core::Aggregate;
use serde::{Deserialize, Serialize};

use crate::spec::{
    EvaluateName, GenerateName, NextName, PriorName, REDRAWS, ScorerName, Selection, Stepwise,
    StrategySpec, Thinking,
};

/// Continuations of a path that a beam keeps: rounds have `size` candidates, of which a quarter is kept.
/// Also of a subtree's path in DVTS, and of a leaf in Monte-Carlo tree search.
///
/// Source: `beam_width` of search-and-learn, <https://github.com/huggingface/search-and-learn>, which
/// varies n alone; the setting M = 4 of Snell et al. 2024, <https://arxiv.org/abs/2408.03314>, section 5.3.
pub const BEAM_WIDTH: u32 = 4;

/// Steps of a beam's path, at most.
///
/// Source: `num_iterations` of search-and-learn, <https://github.com/huggingface/search-and-learn>.
const DEPTH: u32 = 40;

/// What divides scores before paths share by them.
///
/// Source: `softmax_temperature` of REBASE, <https://github.com/thu-wyz/rebase>.
const SCORE_TEMPERATURE: f64 = 0.2;

/// Weight of the likely and little visited in PUCT.
///
/// Source: `c_puct` of rStar-Math, <https://github.com/microsoft/rStar>, branch `rStar-math`.
const PUCT_EXPLORATION: f64 = 2.0;

/// How probable it must be that the leading answer of adaptive consistency stays ahead.
///
/// Source: Aggarwal et al. 2023, <https://arxiv.org/abs/2305.11860>.
const CONFIDENCE: f64 = 0.95;

/// Answers that vote before a gate opens, and the share of them that must agree.
///
/// Source: none; as many as a beam is wide, and three of four.
pub const GATE_ANSWERS: u32 = 4;
const AGREEMENT: f64 = 0.75;

/// Chains side by side in the hybrid of parallel and sequential answers.
///
/// Source: none for the number; a ratio in the middle, as Snell et al. 2024,
/// <https://arxiv.org/abs/2408.03314>, section 6.2, find best for questions of middling difficulty.
pub const CHAINS: u32 = 4;

/// Answers merged into one, and attempts at each merge, as by `eval graph`.
///
/// Source: the pairs of Besta et al. 2023, <https://arxiv.org/abs/2308.09687>, sorting; none for the attempts.
pub const GROUP: u32 = 2;
/// Attempts at each merge.
pub const ATTEMPTS: u32 = 2;

/// A strategy whose size grows with the budget.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Series {
    /// One answer at temperature 0: the reference.
    Greedy,
    /// Size answers and a vote.
    Majority,
    /// Size answers at most, until it is clear which is the most frequent.
    AdaptiveConsistency,
    /// Size answers; the best one counts.
    BestOfN,
    /// Size answers and a vote weighted by their scores.
    Weighted,
    /// Beam search with size candidates a round, those that equal a sibling drawn anew as by `eval beam`.
    Beam,
    /// Subtrees that do not compete, with size candidates a round in all.
    Dvts,
    /// Beam search with size candidates a round, each scored by where one step leads from it.
    Lookahead,
    /// A vote of four answers, and beam search with size candidates a round where they differ.
    Gate,
    /// Size continuations a round, shared out by score.
    Rebase,
    /// Size paths, drawn again by score.
    ParticleFilter,
    /// Monte-Carlo tree search of size simulations, by upper confidence bounds.
    Uct,
    /// The same, which visits first what the policy finds likely.
    Puct,
    /// Size steps, each wider or deeper by Thompson sampling.
    AbMcts,
    /// Tree of thoughts, breadth first: size thoughts a round, sampled, and scored instead of asked about.
    TotBfs,
    /// Tree of thoughts, depth first: size visits, each of which samples four thoughts.
    TotDfs,
    /// One answer, revised until there are size of them; the best one counts.
    Revision,
    /// Size answers in four chains side by side, each answer but the first a revision; the best one counts.
    Hybrid,
    /// Graph of thoughts: size answers, merged two at a time, twice each; the best one counts.
    Graph,
}

/// What all cells of a sweep share.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Draw {
    /// Divides the logits before a token is drawn.
    pub temperature: f32,
    /// What scores answers and steps.
    pub scorer: ScorerName,
    /// How the scores of a beam's steps become a path's.
    pub aggregate: Aggregate,
}

impl Series {
    /// Its name on the command line and in names of directories.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Greedy => "greedy",
            Self::Majority => "majority",
            Self::AdaptiveConsistency => "adaptive-consistency",
            Self::BestOfN => "best-of-n",
            Self::Weighted => "weighted",
            Self::Beam => "beam",
            Self::Dvts => "dvts",
            Self::Lookahead => "lookahead",
            Self::Gate => "gate",
            Self::Rebase => "rebase",
            Self::ParticleFilter => "particle-filter",
            Self::Uct => "uct",
            Self::Puct => "puct",
            Self::AbMcts => "ab-mcts",
            Self::TotBfs => "tot-bfs",
            Self::TotDfs => "tot-dfs",
            Self::Revision => "revision",
            Self::Hybrid => "hybrid",
            Self::Graph => "graph",
        }
    }

    /// Its name in tables and pictures.
    #[must_use]
    pub fn label(self, scorer: ScorerName) -> String {
        match self {
            Self::Greedy | Self::AdaptiveConsistency => self.name().to_owned(),
            Self::Majority => "best-of-n (majority)".to_owned(),
            Self::BestOfN => format!("best-of-n ({})", scorer_name(scorer)),
            Self::Weighted => format!("best-of-n (weighted by {})", scorer_name(scorer)),
            _ => format!("{} ({})", self.name(), scorer_name(scorer)),
        }
    }

    /// Returns true if and only if a scorer decides over its answers.
    pub fn is_scored(self) -> bool {
        !matches!(self, Self::Greedy | Self::Majority | Self::AdaptiveConsistency)
    }

    /// Returns true if and only if it goes step by step.
    #[must_use]
    pub fn is_stepwise(self) -> bool {
        self.is_scored() && !self.is_prompted() && !matches!(self, Self::BestOfN | Self::Weighted)
    }

    /// Returns true if and only if it shows the model its own answers in prompts.
    #[must_use]
    pub fn is_prompted(self) -> bool {
        matches!(self, Self::Revision | Self::Hybrid | Self::Graph)
    }

    /// Steps sampled in a simulation, where its size is a number of simulations.
    #[must_use]
    pub fn simulation(self) -> Option<u32> {
        match self {
            Self::Uct | Self::Puct | Self::TotDfs => Some(BEAM_WIDTH),
            Self::AbMcts => Some(1),
            _ => None,
        }
    }

    /// The strategy of a size.
    #[must_use]
    pub fn spec(
        self,
        size: u32,
        max_step_tokens: NonZeroU32,
        draw: Draw,
        seed: u64,
    ) -> StrategySpec {
        let Draw { temperature, scorer, aggregate } = draw;
        let steps = Stepwise {
            depth: DEPTH,
            max_step_tokens: max_step_tokens.get(),
            boundary: None,
            scorer,
            aggregate,
            select: Selection::Best,
            temperature,
            seed,
        };
        let (width, score_temperature) = (size.clamp(1, BEAM_WIDTH), SCORE_TEMPERATURE);
        let thinking = Thinking {
            depth: DEPTH,
            generate: GenerateName::Sample,
            n: width,
            evaluate: EvaluateName::Score(scorer),
            max_step_tokens: max_step_tokens.get(),
            select: Selection::Best,
            temperature,
            seed,
        };
        let select = Selection::Best;
        let answers = |select| StrategySpec::BestOfN { n: size, scorer, select, temperature, seed };
        let revised = |chains: u32| StrategySpec::Revision {
            chains,
            revisions: size.saturating_sub(1) / chains,
            scorer,
            select,
            temperature,
            seed,
        };
        match self {
            Self::Greedy => StrategySpec::Greedy,
            Self::Majority => StrategySpec::SelfConsistency { n: size, temperature, seed },
            Self::AdaptiveConsistency => StrategySpec::AdaptiveConsistency {
                n: size,
                batch: 1,
                confidence: CONFIDENCE,
                temperature,
                seed,
            },
            Self::BestOfN => answers(select),
            Self::Weighted => answers(Selection::Weighted),
            Self::Revision => revised(1),
            Self::Hybrid => revised(size.clamp(1, CHAINS)),
            Self::Graph => {
                let (group, attempts) = (GROUP, ATTEMPTS);
                StrategySpec::Graph { n: size, group, attempts, scorer, select, temperature, seed }
            }
            Self::Beam => StrategySpec::Beam {
                width,
                n: Some(size),
                redraws: REDRAWS,
                next: NextName::Continue,
                code: None,
                steps,
            },
            Self::Dvts => StrategySpec::Dvts { width, n: Some(size), steps },
            Self::Lookahead => {
                // Only the ends of rollouts are scored.
                let steps = Stepwise { aggregate: Aggregate::Last, ..steps };
                StrategySpec::Lookahead { width, n: Some(size), lookahead: 1, steps }
            }
            Self::Gate => StrategySpec::Gate {
                first: GATE_ANSWERS,
                agreement: AGREEMENT,
                width,
                n: Some(size),
                steps,
            },
            Self::AbMcts => StrategySpec::AbMcts { n: size, prior: PriorName::Gaussian, steps },
            Self::TotBfs => StrategySpec::TotBfs { breadth: size.div_ceil(width), thinking },
            Self::TotDfs => {
                let thinking = Thinking { n: BEAM_WIDTH, ..thinking };
                StrategySpec::TotDfs { visits: size, threshold: threshold(scorer), thinking }
            }
            Self::Rebase => StrategySpec::Rebase { n: size, score_temperature, steps },
            Self::ParticleFilter => {
                StrategySpec::ParticleFilter { n: size, score_temperature, steps }
            }
            Self::Uct => StrategySpec::Uct {
                width: BEAM_WIDTH,
                simulations: size,
                exploration: std::f64::consts::SQRT_2,
                rollouts: 0,
                code: None,
                steps,
            },
            Self::Puct => StrategySpec::Puct {
                width: BEAM_WIDTH,
                simulations: size,
                exploration: PUCT_EXPLORATION,
                rollouts: 0,
                code: None,
                steps,
            },
        }
    }

    /// The largest size that is not more than `size` and that the series can have; `None` for none.
    #[must_use]
    pub fn allowed(self, size: u32) -> Option<u32> {
        let size = match self {
            Self::Greedy => size.min(1),
            Self::Beam | Self::Dvts | Self::Lookahead | Self::Gate | Self::TotBfs
                if size > BEAM_WIDTH =>
            {
                size - size % BEAM_WIDTH
            }
            Self::Hybrid if size > CHAINS => size - size % CHAINS,
            _ => size,
        };
        (size > 0).then_some(size)
    }
}

/// What a thought's score must be more than to be visited: more likely good than not. Where scores are no
/// probabilities, all are visited, the best first.
fn threshold(scorer: ScorerName) -> f64 {
    match scorer {
        ScorerName::Prm => 0.5,
        _ => f64::MIN,
    }
}

/// The scorer's name, as in configurations.
fn scorer_name(scorer: ScorerName) -> String {
    serde_json::to_value(scorer)
        .ok()
        .and_then(|value| value.as_str().map(str::to_owned))
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_size_makes_a_strategy() {
        let draw = Draw {
            temperature: 0.8,
            scorer: ScorerName::ChosenLogprob,
            aggregate: Aggregate::Last,
        };
        for series in [
            Series::Greedy,
            Series::Majority,
            Series::BestOfN,
            Series::AdaptiveConsistency,
            Series::Beam,
            Series::Dvts,
            Series::Lookahead,
            Series::Gate,
            Series::AbMcts,
            Series::TotBfs,
            Series::TotDfs,
            Series::Rebase,
            Series::ParticleFilter,
            Series::Uct,
            Series::Puct,
            Series::Revision,
            Series::Hybrid,
            Series::Graph,
        ] {
            assert_eq!(series.allowed(0), None);
            for size in 1..40 {
                let size = series.allowed(size).unwrap();
                let spec = series.spec(size, NonZeroU32::MIN, draw, 1);
                assert!(
                    spec.check().is_ok() && spec.strategy(crate::AnswerForm::Latex).is_ok(),
                    "{spec}"
                );
            }
        }
        assert_eq!(Series::Beam.allowed(11), Some(8));
        for (series, size, chains, revisions) in [
            (Series::Revision, 1, 1, 0),
            (Series::Revision, 6, 1, 5),
            (Series::Hybrid, 3, 3, 0),
            (Series::Hybrid, 4, 4, 0),
            (Series::Hybrid, Series::Hybrid.allowed(15).unwrap(), 4, 2),
        ] {
            let spec = series.spec(size, NonZeroU32::MIN, draw, 1);
            let StrategySpec::Revision { chains: c, revisions: r, .. } = spec else { panic!() };
            assert_eq!((c, r), (chains, revisions), "{series:?} {size}");
            assert_eq!(c * (r + 1), size);
        }
        assert_eq!(Series::Beam.allowed(3), Some(3));
        assert_eq!(Series::BestOfN.label(draw.scorer), "best-of-n (chosen-logprob)");
    }
}
