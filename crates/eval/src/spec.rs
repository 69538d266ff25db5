//! Specs: strategies and their numbers, as data.

mod bin;
mod boundary;
mod calling;
mod check;
mod display;
mod prompted;

use std::num::NonZeroU32;
use std::sync::Arc;

use espalier_core::{Aggregate, Stops};
use espalier_prm::Confidence;
use espalier_search::belief::Prior;
use serde::{Deserialize, Serialize};

pub use bin::{Bin, REDRAWS, Then, UnknownOption};
pub use boundary::{BadBoundary, Boundary};
pub use calling::{Calling, OnFailName, OutputFormat};
pub use prompted::{EvaluateName, GenerateName, NextName, Thinking};

/// What rates a path: the policy's own confidence, or a process reward model.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ScorerName {
    /// Mean log-probability of the likeliest token.
    TopLogprob,
    /// Mean log-probability of the sampled token.
    ChosenLogprob,
    /// Negative mean entropy.
    Entropy,
    /// Mean divergence of the next-token distribution from the uniform one.
    SelfCertainty,
    /// A verifier of what the problem itself provides; scores are in [0, 1].
    Verifier,
    /// A process reward model; scores are in [0, 1].
    Prm,
}

impl ScorerName {
    /// The confidence it names; `None` for a verifier and a process reward model.
    #[must_use]
    pub fn confidence(self) -> Option<Confidence> {
        match self {
            Self::TopLogprob => Some(Confidence::MeanTopLogprob),
            Self::ChosenLogprob => Some(Confidence::MeanChosenLogprob),
            Self::Entropy => Some(Confidence::NegativeMeanEntropy),
            Self::SelfCertainty => Some(Confidence::SelfCertainty),
            Self::Verifier | Self::Prm => None,
        }
    }
}

/// How a finished tree becomes an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
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
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Stepwise {
    /// Steps of a path, at most.
    pub depth: u32,
    /// Tokens of a step, at most.
    pub max_step_tokens: u32,
    /// What ends a step; what the dataset says where not given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub boundary: Option<Boundary>,
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
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
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
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
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
    /// First answers, and what their mean score says goes on.
    ComputeOptimal {
        /// First answers.
        first: u32,
        /// The bins, from the hardest on.
        table: Vec<Bin>,
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
        /// How often candidates that equal a sibling are drawn anew in a round; 0 keeps them.
        #[serde(default)]
        redraws: u32,
        /// How a path is continued.
        #[serde(default)]
        next: NextName,
        /// The format of code that steps end with and that is run; `None` where none is.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        code: Option<OutputFormat>,
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
        /// Answers that a step is rolled out to for its value; its own score counts where there are none.
        rollouts: u32,
        /// The format of code that steps end with and that is run; `None` where none is.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        code: Option<OutputFormat>,
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
        /// Answers that a step is rolled out to for its value; its own score counts where there are none.
        rollouts: u32,
        /// The format of code that steps end with and that is run; `None` where none is.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        code: Option<OutputFormat>,
        /// What it shares with others.
        #[serde(flatten)]
        steps: Stepwise,
    },
    /// Tree of thoughts, breadth first.
    TotBfs {
        /// Paths that are kept.
        breadth: u32,
        /// What both have.
        #[serde(flatten)]
        thinking: Thinking,
    },
    /// Tree of thoughts, depth first.
    TotDfs {
        /// Steps visited, at most.
        visits: u32,
        /// What a step must be worth more than.
        threshold: f64,
        /// What both have.
        #[serde(flatten)]
        thinking: Thinking,
    },
    /// Answers revised in turn.
    Revision {
        /// Chains side by side.
        chains: u32,
        /// Revisions of each answer.
        revisions: u32,
        /// What scores an answer.
        scorer: ScorerName,
        /// How one is chosen.
        select: Selection,
        /// How tokens are drawn.
        temperature: f32,
        /// The source of all randomness.
        seed: u64,
    },
    /// Graph of thoughts: answers merged.
    Graph {
        /// Answers to begin with.
        n: u32,
        /// Answers merged into one.
        group: u32,
        /// Attempts at each merge.
        attempts: u32,
        /// What scores an answer.
        scorer: ScorerName,
        /// How one is chosen.
        select: Selection,
        /// How tokens are drawn.
        temperature: f32,
        /// The source of all randomness.
        seed: u64,
    },
    /// Paths that run code, and a vote.
    ScTir {
        /// Paths.
        width: u32,
        /// Steps a path samples, at most.
        depth: u32,
        /// What becomes of a path that wrote no code.
        on_fail: OnFailName,
        /// Answers are whole numbers, and count by their remainder by this.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        modulo: Option<NonZeroU32>,
        /// What it shares with others.
        #[serde(flatten)]
        calling: Calling,
    },
    /// Programs whose output is the answer.
    Pal {
        /// Programs.
        n: u32,
        /// What it shares with others.
        #[serde(flatten)]
        calling: Calling,
    },
    /// Rationale and code in turn.
    #[serde(rename = "tora")]
    ToRa {
        /// Paths.
        n: u32,
        /// Calls of a path, at most.
        calls: u32,
        /// What it shares with others.
        #[serde(flatten)]
        calling: Calling,
    },
    /// Thoughts and actions in turn, with a choice of tools.
    #[serde(rename = "react")]
    ReAct {
        /// Paths.
        n: u32,
        /// Calls of a path, at most.
        calls: u32,
        /// What it shares with others.
        #[serde(flatten)]
        calling: Calling,
    },
}

impl StrategySpec {
    /// What it has if it goes step by step.
    #[must_use]
    pub fn stepwise(&self) -> Option<&Stepwise> {
        match self {
            Self::Greedy
            | Self::BestOfN { .. }
            | Self::SelfConsistency { .. }
            | Self::AdaptiveConsistency { .. }
            | Self::TotBfs { .. }
            | Self::TotDfs { .. }
            | Self::Revision { .. }
            | Self::Graph { .. }
            | Self::ScTir { .. }
            | Self::Pal { .. }
            | Self::ToRa { .. }
            | Self::ReAct { .. } => None,
            Self::Gate { steps, .. }
            | Self::ComputeOptimal { steps, .. }
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

    /// Tokens of a step, at most, if it has steps.
    #[must_use]
    pub fn max_step_tokens(&self) -> Option<u32> {
        match self {
            Self::TotBfs { thinking, .. } | Self::TotDfs { thinking, .. } => {
                Some(thinking.max_step_tokens)
            }
            _ => self.stepwise().map(|steps| steps.max_step_tokens),
        }
    }

    /// Whether it asks with prompts, which need a model that reads instructions.
    #[must_use]
    pub fn is_prompted(&self) -> bool {
        match self {
            Self::Revision { .. } | Self::Graph { .. } => true,
            Self::Beam { next, .. } => *next == NextName::Prompt,
            Self::TotBfs { thinking, .. } | Self::TotDfs { thinking, .. } => thinking.is_prompted(),
            _ => false,
        }
    }

    /// Where text stops, given where it does by the dataset.
    #[must_use]
    pub fn stops(&self, stops: &Arc<Stops>) -> Arc<Stops> {
        if let Some(of) = self.manner().stops(stops) {
            return Arc::new(of);
        }
        match self.stepwise().and_then(|steps| steps.boundary) {
            Some(boundary) => Arc::new(boundary.stops(stops)),
            None => Arc::clone(stops),
        }
    }

    /// What scores its paths, if anything but the policy's own judgement does.
    #[must_use]
    pub fn scorer(&self) -> Option<ScorerName> {
        match self {
            Self::BestOfN { scorer, .. }
            | Self::Revision { scorer, .. }
            | Self::Graph { scorer, .. } => Some(*scorer),
            Self::TotBfs { thinking, .. } | Self::TotDfs { thinking, .. } => {
                thinking.evaluate.scorer()
            }
            _ => self.stepwise().map(|steps| steps.scorer),
        }
    }

    /// How its answer is chosen, and how the scores of a path's steps become one for that.
    #[must_use]
    pub fn selection(&self) -> (Selection, Aggregate) {
        match self {
            Self::BestOfN { select, .. }
            | Self::Revision { select, .. }
            | Self::Graph { select, .. }
            | Self::TotBfs { thinking: Thinking { select, .. }, .. }
            | Self::TotDfs { thinking: Thinking { select, .. }, .. } => (*select, Aggregate::Last),
            // The vote over one path is that path.
            _ => self
                .stepwise()
                .map_or((Selection::Majority, Aggregate::Last), |s| (s.select, s.aggregate)),
        }
    }
}

#[cfg(test)]
mod tests;
