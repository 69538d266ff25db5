//! The grammar of the strategies that `espalier eval` runs.

use std::num::NonZeroU32;

use clap::{Args, Subcommand, ValueEnum};

use super::calling::{self, Code};
use super::compute_optimal::ComputeOptimal;
use super::prompted::{self, Answers, NextArg, Thoughts};
use super::steps::{Draw, Steps};
use super::{AggregateArg, Run, at_least_one, not_negative, positive};
use crate::config::ConfigError;
use crate::learned::LearnedTable;
use crate::spec::{PriorName, REDRAWS, Stepwise, StrategySpec};

/// The strategies `eval` runs.
#[derive(Debug, Subcommand)]
pub enum Strategy {
    /// One answer, the likeliest token at every place
    Greedy(Run),
    /// n answers, scored; the best one counts
    #[command(name = "best-of-n")]
    BestOfN(BestOfN),
    /// n answers; the most frequent one counts
    SelfConsistency(SelfConsistency),
    /// Answers until it is clear which is the most frequent; that one counts
    AdaptiveConsistency(Adaptive),
    /// A vote over a few answers; where they differ, a beam search
    Gate(Gate),
    /// A few answers, then what did best on other problems that their scores say are as hard
    ComputeOptimal(ComputeOptimal),
    /// Tree search that decides at each node by Thompson sampling whether to go wider or deeper
    #[command(name = "ab-mcts")]
    AbMcts(AbMcts),
    /// Step by step: the best paths are kept, each is continued `width` times
    Beam(BeamSearch),
    /// Step by step in n / width subtrees that do not compete: each keeps its best path (diverse
    /// verifier tree search)
    Dvts(Beam),
    /// A beam whose candidates are scored by where the likeliest steps lead from them
    Lookahead(Lookahead),
    /// Step by step: n continuations are shared out among all paths by their scores (reward balanced
    /// search)
    Rebase(Shared),
    /// Step by step: n paths are drawn again by their scores
    ParticleFilter(Shared),
    /// Monte-Carlo tree search by upper confidence bounds
    Uct(Uct),
    /// Monte-Carlo tree search that visits first what the policy finds likely
    Puct(Puct),
    /// Tree of thoughts, breadth first: the policy itself proposes and judges steps, by prompts
    #[command(name = "tot-bfs")]
    TotBfs(prompted::TotBfs),
    /// Tree of thoughts, depth first, with backtracking: the policy itself proposes and judges steps
    #[command(name = "tot-dfs")]
    TotDfs(prompted::TotDfs),
    /// Answers are revised by prompts, one after the other, in chains side by side; the best counts
    Revision(prompted::Revision),
    /// Answers are merged by prompts (graph of thoughts)
    Graph(prompted::Graph),
    /// Paths that write code and see its output, and a vote (self-consistency with tool-integrated reasoning)
    ScTir(calling::ScTir),
    /// A program is the reasoning, and what it prints the answer (program-aided language models)
    Pal(calling::Pal),
    /// Rationale and code in turn, until the answer (tool-integrated reasoning)
    #[command(name = "tora")]
    ToRa(calling::ToRa),
    /// Thoughts and actions in turn, with Python and a calculator as tools
    #[command(name = "react")]
    ReAct(calling::ReAct),
}

impl Strategy {
    /// The strategy, as data.
    #[must_use]
    pub fn spec(&self) -> StrategySpec {
        match self {
            Self::Greedy(_) => StrategySpec::Greedy,
            Self::BestOfN(args) => StrategySpec::BestOfN {
                n: args.n.get(),
                scorer: args.answers.scorer(),
                select: args.answers.select.into(),
                temperature: args.answers.draw.temperature,
                seed: args.answers.draw.seed,
            },
            Self::SelfConsistency(args) => StrategySpec::SelfConsistency {
                n: args.n.get(),
                temperature: args.draw.temperature,
                seed: args.draw.seed,
            },
            Self::AdaptiveConsistency(args) => StrategySpec::AdaptiveConsistency {
                n: args.n.get(),
                batch: args.batch.get(),
                confidence: args.confidence,
                temperature: args.draw.temperature,
                seed: args.draw.seed,
            },
            Self::Gate(args) => {
                let (width, n, steps) = args.beam.numbers();
                let (first, agreement) = (args.first.get(), args.agreement);
                StrategySpec::Gate { first, agreement, width, n, steps }
            }
            Self::ComputeOptimal(args) => args.spec(),
            Self::AbMcts(args) => StrategySpec::AbMcts {
                n: args.n.get(),
                prior: args.prior.into(),
                steps: args.steps.numbers(args.aggregate),
            },
            Self::Beam(args) => {
                let (width, n, steps) = args.beam.numbers();
                let next = args.next.into();
                let code = args.code.output();
                StrategySpec::Beam { width, n, redraws: args.redraws, next, code, steps }
            }
            Self::Dvts(args) => {
                let (width, n, steps) = args.numbers();
                StrategySpec::Dvts { width, n, steps }
            }
            Self::Lookahead(args) => StrategySpec::Lookahead {
                width: args.width.get(),
                n: args.n.map(NonZeroU32::get),
                lookahead: args.ahead,
                // Only the ends of rollouts are scored.
                steps: args.steps.numbers(AggregateArg::Last),
            },
            Self::Rebase(args) => {
                let (n, score_temperature, steps) = args.numbers();
                StrategySpec::Rebase { n, score_temperature, steps }
            }
            Self::ParticleFilter(args) => {
                let (n, score_temperature, steps) = args.numbers();
                StrategySpec::ParticleFilter { n, score_temperature, steps }
            }
            Self::Uct(args) => {
                let (width, simulations, rollouts, steps) = args.tree.numbers();
                let exploration = args.exploration;
                let code = args.tree.code.output();
                StrategySpec::Uct { width, simulations, exploration, rollouts, code, steps }
            }
            Self::TotBfs(args) => args.spec(),
            Self::TotDfs(args) => args.spec(),
            Self::Revision(args) => args.spec(),
            Self::Graph(args) => args.spec(),
            Self::ScTir(args) => args.spec(),
            Self::Pal(args) => args.spec(),
            Self::ToRa(args) => args.spec(),
            Self::ReAct(args) => args.spec(),
            Self::Puct(args) => {
                let (width, simulations, rollouts, steps) = args.tree.numbers();
                let exploration = args.exploration;
                let code = args.tree.code.output();
                StrategySpec::Puct { width, simulations, exploration, rollouts, code, steps }
            }
        }
    }

    /// Checks that nothing is said that has no effect, and that all is said that must be.
    ///
    /// # Errors
    ///
    /// [`ConfigError::Unused`] and [`ConfigError::Needed`].
    pub fn check(&self) -> Result<(), ConfigError> {
        match self {
            Self::TotBfs(args) => args.thoughts.check(),
            Self::TotDfs(args) => args.check(),
            Self::Beam(args) => {
                let unused = args.next == NextArg::Prompt && args.beam.steps.boundary.is_some();
                let with = "--next prompt";
                if unused {
                    return Err(ConfigError::Unused { flag: "--boundary", with });
                }
                if args.next == NextArg::Prompt && args.code.format.is_some() {
                    return Err(ConfigError::Unused { flag: "--code", with });
                }
                args.code.check(args.beam.steps.boundary)
            }
            Self::Uct(Uct { tree, .. }) | Self::Puct(Puct { tree, .. }) => {
                tree.code.check(tree.steps.boundary)
            }
            _ => Ok(()),
        }
    }

    /// Tokens of a prompt's reply, and steps taken from one proposal, at most.
    #[must_use]
    pub fn replies(&self) -> (NonZeroU32, NonZeroU32) {
        let most = match self {
            Self::TotBfs(args) => args.thoughts.n,
            Self::TotDfs(args) => args.thoughts.n,
            _ => NonZeroU32::MIN,
        };
        (self.run().max_tokens(), most)
    }

    /// The learned table it chooses by, if any.
    #[must_use]
    pub fn table(&self) -> Option<&LearnedTable> {
        match self {
            Self::ComputeOptimal(args) => args.table.as_ref(),
            _ => None,
        }
    }

    /// What all strategies share.
    #[must_use]
    pub fn run(&self) -> &Run {
        match self {
            Self::Greedy(run)
            | Self::BestOfN(BestOfN { answers: Answers { run, .. }, .. })
            | Self::SelfConsistency(SelfConsistency { run, .. })
            | Self::AdaptiveConsistency(Adaptive { run, .. })
            | Self::TotBfs(prompted::TotBfs { thoughts: Thoughts { run, .. }, .. })
            | Self::TotDfs(prompted::TotDfs { thoughts: Thoughts { run, .. }, .. })
            | Self::Revision(prompted::Revision { answers: Answers { run, .. }, .. })
            | Self::Graph(prompted::Graph { answers: Answers { run, .. }, .. })
            | Self::ScTir(calling::ScTir { run, .. })
            | Self::Pal(calling::Pal { run, .. })
            | Self::ToRa(calling::ToRa { run, .. })
            | Self::ReAct(calling::ReAct { run, .. }) => run,
            Self::Beam(BeamSearch { beam: Beam { steps, .. }, .. })
            | Self::Dvts(Beam { steps, .. })
            | Self::Gate(Gate { beam: Beam { steps, .. }, .. })
            | Self::ComputeOptimal(ComputeOptimal { steps, .. })
            | Self::AbMcts(AbMcts { steps, .. })
            | Self::Lookahead(Lookahead { steps, .. })
            | Self::Rebase(Shared { steps, .. })
            | Self::ParticleFilter(Shared { steps, .. })
            | Self::Uct(Uct { tree: Simulated { steps, .. }, .. })
            | Self::Puct(Puct { tree: Simulated { steps, .. }, .. }) => &steps.run,
        }
    }
}

/// Arguments of best-of-N.
#[derive(Debug, Args)]
pub struct BestOfN {
    /// Answers to sample [source of the default: search-and-learn, `n`]
    #[arg(long, value_name = "N", default_value = "4", value_parser = at_least_one)]
    pub n: NonZeroU32,
    /// What all that score whole answers share.
    #[command(flatten)]
    pub answers: Answers,
}

/// Arguments of self-consistency.
#[derive(Debug, Args)]
pub struct SelfConsistency {
    /// Answers to sample [source of the default: search-and-learn, `n`]
    #[arg(long, value_name = "N", default_value = "4", value_parser = at_least_one)]
    pub n: NonZeroU32,
    /// How tokens are drawn.
    #[command(flatten)]
    pub draw: Draw,
    /// What all strategies share.
    #[command(flatten)]
    pub run: Run,
}

/// Arguments of adaptive consistency.
#[derive(Debug, Args)]
pub struct Adaptive {
    /// Answers, at most [source of the default: <https://arxiv.org/abs/2305.11860>]
    #[arg(long, value_name = "N", default_value = "40", value_parser = at_least_one)]
    pub n: NonZeroU32,
    /// Answers sampled at a time: more cost fewer rounds and more answers [source of the default:
    /// <https://arxiv.org/abs/2305.11860>]
    #[arg(long, value_name = "COUNT", default_value = "1", value_parser = at_least_one)]
    pub batch: NonZeroU32,
    /// How probable it must be that the leading answer stays ahead of the next, above 0 and at most 1
    /// [source of the default: <https://arxiv.org/abs/2305.11860>]
    #[arg(long, value_name = "SHARE", default_value = "0.95", value_parser = positive)]
    pub confidence: f64,
    /// How tokens are drawn.
    #[command(flatten)]
    pub draw: Draw,
    /// What all strategies share.
    #[command(flatten)]
    pub run: Run,
}

/// Arguments of a gate.
#[derive(Debug, Args)]
pub struct Gate {
    /// Answers that vote before anything is searched [default chosen here: as many as a beam is wide]
    #[arg(long, value_name = "COUNT", default_value = "4", value_parser = at_least_one)]
    pub first: NonZeroU32,
    /// The share of them that makes a problem easy, above 0 and at most 1 [default chosen here: three
    /// of four]
    #[arg(long, value_name = "SHARE", default_value = "0.75", value_parser = positive)]
    pub agreement: f64,
    /// The beam that searches hard problems.
    #[command(flatten)]
    pub beam: Beam,
}

/// Arguments of AB-MCTS.
#[derive(Debug, Args)]
pub struct AbMcts {
    /// Steps to sample; a budget may end the search before [default chosen here: four rounds of a beam
    /// of width 4]
    #[arg(long, value_name = "N", default_value = "64", value_parser = at_least_one)]
    pub n: NonZeroU32,
    /// What is believed of steps before any is seen; `beta` is for scores from 0 to 1 [source of the
    /// default: <https://github.com/SakanaAI/treequest>]
    #[arg(long, value_enum, default_value_t = PriorArg::Gaussian)]
    pub prior: PriorArg,
    /// How the scores of a path's steps become the path's where an answer is chosen [source of the
    /// default: search-and-learn, `agg_strategy`]
    #[arg(long, value_enum, default_value_t = AggregateArg::Last)]
    pub aggregate: AggregateArg,
    /// What step by step strategies share.
    #[command(flatten)]
    pub steps: Steps,
}

/// `--prior`.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub enum PriorArg {
    /// Scores are normal: mean 0, κ = 1, ν = 1, τ² = 0.1
    Gaussian,
    /// Scores are shares of successes: Jeffreys' prior
    Beta,
}

impl From<PriorArg> for PriorName {
    fn from(arg: PriorArg) -> Self {
        match arg {
            PriorArg::Gaussian => Self::Gaussian,
            PriorArg::Beta => Self::Beta,
        }
    }
}

/// Arguments of beam search.
#[derive(Debug, Args)]
pub struct BeamSearch {
    /// What a gate's beam and DVTS have, too.
    #[command(flatten)]
    pub beam: Beam,
    /// How often candidates that say the same as a sibling are drawn anew in a round, so that the beam
    /// keeps paths that differ; 0 keeps duplicates, which search-and-learn's recipes leave out
    /// (`filter_duplicates`) [default chosen here, on test puzzles of the Game of 24 beside the paper's]
    #[arg(long, value_name = "COUNT", default_value_t = REDRAWS)]
    pub redraws: u32,
    /// How a path is continued [source of the default: search-and-learn, which continues it as it stands]
    #[arg(long, value_enum, default_value_t = NextArg::Continue)]
    pub next: NextArg,
    /// Whether it runs code.
    #[command(flatten)]
    pub code: Code,
}

/// Arguments of beam search, a gate's beam and DVTS.
#[derive(Debug, Args)]
pub struct Beam {
    /// Continuations of each kept path [source of the default: search-and-learn, `beam_width`]
    #[arg(long, value_name = "W", default_value = "4", value_parser = at_least_one)]
    pub width: NonZeroU32,
    /// Candidates in a round, a multiple of the width; n / width paths are kept [default: width
    /// squared, so that width paths are kept]
    #[arg(long, value_name = "N", value_parser = at_least_one)]
    pub n: Option<NonZeroU32>,
    /// How the scores of a path's steps become the path's [source of the default: search-and-learn,
    /// `agg_strategy`]
    #[arg(long, value_enum, default_value_t = AggregateArg::Last)]
    pub aggregate: AggregateArg,
    /// What step by step strategies share.
    #[command(flatten)]
    pub steps: Steps,
}

impl Beam {
    fn numbers(&self) -> (u32, Option<u32>, Stepwise) {
        let n = self.n.map(NonZeroU32::get);
        (self.width.get(), n, self.steps.numbers(self.aggregate))
    }
}

/// Arguments of lookahead search.
#[derive(Debug, Args)]
pub struct Lookahead {
    /// Continuations of each kept path [source of the default: search-and-learn, `beam_width`]
    #[arg(long, value_name = "W", default_value = "4", value_parser = at_least_one)]
    pub width: NonZeroU32,
    /// Candidates in a round, a multiple of the width; n / width paths are kept [default: width
    /// squared, so that width paths are kept]
    #[arg(long, value_name = "N", value_parser = at_least_one)]
    pub n: Option<NonZeroU32>,
    /// Likeliest steps by which a candidate is rolled out before it is scored; 0 is a beam [source of
    /// the default: the smallest of <https://arxiv.org/abs/2408.03314>, section 5.3]
    #[arg(long = "lookahead", value_name = "STEPS", default_value_t = 1)]
    pub ahead: u32,
    /// What step by step strategies share.
    #[command(flatten)]
    pub steps: Steps,
}

/// Arguments of REBASE and particle filtering.
#[derive(Debug, Args)]
pub struct Shared {
    /// Continuations in a round [source of the default: REBASE, `width`]
    #[arg(long, value_name = "N", default_value = "16", value_parser = at_least_one)]
    pub n: NonZeroU32,
    /// Divides the scores before shares or chances are made of them: small ones favour the best paths
    /// [source of the default: REBASE, `softmax_temperature`]
    #[arg(long, value_name = "T", default_value = "0.2", value_parser = positive)]
    pub score_temperature: f64,
    /// How the scores of a path's steps become the path's [source of the default: search-and-learn,
    /// `agg_strategy`]
    #[arg(long, value_enum, default_value_t = AggregateArg::Last)]
    pub aggregate: AggregateArg,
    /// What step by step strategies share.
    #[command(flatten)]
    pub steps: Steps,
}

impl Shared {
    fn numbers(&self) -> (u32, f64, Stepwise) {
        (self.n.get(), self.score_temperature, self.steps.numbers(self.aggregate))
    }
}

/// Arguments of UCT.
#[derive(Debug, Args)]
pub struct Uct {
    /// Weight of what is little visited, in units of the scores [source of the default: Kocsis and
    /// Szepesvári 2006, √2 for scores from 0 to 1]
    #[arg(long, value_name = "WEIGHT", default_value = "1.4142135623730951", value_parser = not_negative)]
    pub exploration: f64,
    /// What both have.
    #[command(flatten)]
    pub tree: Simulated,
}

/// Arguments of PUCT.
#[derive(Debug, Args)]
pub struct Puct {
    /// Weight of what is likely and little visited, in units of the scores [source of the default:
    /// rStar-Math, `c_puct`]
    #[arg(long, value_name = "WEIGHT", default_value = "2", value_parser = not_negative)]
    pub exploration: f64,
    /// What both have.
    #[command(flatten)]
    pub tree: Simulated,
}

/// Arguments of both kinds of Monte-Carlo tree search.
#[derive(Debug, Args)]
pub struct Simulated {
    /// Steps sampled in a simulation [source of the default: search-and-learn, `beam_width`]
    #[arg(long, value_name = "W", default_value = "4", value_parser = at_least_one)]
    pub width: NonZeroU32,
    /// Simulations, at most; a budget may end the search before [source of the default: rStar, 16
    /// rollouts]
    #[arg(long, value_name = "COUNT", default_value = "16", value_parser = at_least_one)]
    pub simulations: NonZeroU32,
    /// Answers that each new step is rolled out to: the mean of their scores is its value; 0 takes its own
    /// score [source of the default: Silver et al. 2017, who roll nothing out]
    #[arg(long, value_name = "COUNT", default_value_t = 0)]
    pub rollouts: u32,
    /// Whether it runs code.
    #[command(flatten)]
    pub code: Code,
    /// How the scores of a path's steps become the path's where an answer is chosen [source of the
    /// default: search-and-learn, `agg_strategy`]
    #[arg(long, value_enum, default_value_t = AggregateArg::Last)]
    pub aggregate: AggregateArg,
    /// What step by step strategies share.
    #[command(flatten)]
    pub steps: Steps,
}

impl Simulated {
    fn numbers(&self) -> (u32, u32, u32, Stepwise) {
        let steps = self.steps.numbers(self.aggregate);
        (self.width.get(), self.simulations.get(), self.rollouts, steps)
    }
}
