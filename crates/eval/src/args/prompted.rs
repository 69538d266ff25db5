//! The grammar of strategies that ask with prompts.

use std::num::NonZeroU32;

use clap::{Args, ValueEnum};

use super::steps::Draw;
use super::{Run, ScorerArg, SelectArg, at_least_one, finite};
use crate::config::ConfigError;
use crate::spec::{EvaluateName, GenerateName, NextName, StrategySpec, Thinking};

/// Judgements of each step.
///
/// Source: `n_evaluate_sample` of the Game of 24, <https://github.com/princeton-nlp/tree-of-thought-llm>.
const JUDGEMENTS: u32 = 3;

/// What a judgement must be more than: not all say impossible.
///
/// Source: none; the value of `impossible` in <https://github.com/princeton-nlp/tree-of-thought-llm>.
const THRESHOLD: f64 = 0.001;

/// Arguments of both kinds of trees of thoughts. All defaults but those marked are of the Game of 24 in
/// <https://arxiv.org/abs/2305.10601> and its authors' code.
#[derive(Debug, Args)]
pub struct Thoughts {
    /// Steps of a path, at most [default chosen here]
    #[arg(long, value_name = "STEPS", default_value = "8", value_parser = at_least_one)]
    pub depth: NonZeroU32,
    /// How next steps are made
    #[arg(long, value_enum, default_value_t = GenerateArg::Propose)]
    pub generate: GenerateArg,
    /// Steps sampled of a path, or proposed at most [default chosen here]
    #[arg(long, value_name = "N", default_value = "8", value_parser = at_least_one)]
    pub n: NonZeroU32,
    /// How steps are judged
    #[arg(long, value_enum, default_value_t = EvaluateArg::Value)]
    pub evaluate: EvaluateArg,
    /// Judgements of each step, or votes, where the policy judges [default: 3]
    #[arg(long, value_name = "COUNT", value_parser = at_least_one)]
    pub judgements: Option<NonZeroU32>,
    /// With `--evaluate score`: what scores a step; if not given, `prm` where `--prm` gives one, else
    /// `chosen-logprob`, the average log-probability of <https://arxiv.org/abs/2502.18581>
    #[arg(long, value_enum)]
    pub scorer: Option<ScorerArg>,
    /// Tokens of a step, at most; a longer step leads nowhere [source of the default: REBASE,
    /// `max_step_tokens`]
    #[arg(long, value_name = "TOKENS", default_value = "256", value_parser = at_least_one)]
    pub max_step_tokens: NonZeroU32,
    /// How the answer is chosen: `best` is by the judgements
    #[arg(long, value_enum, default_value_t = SelectArg::Best)]
    pub select: SelectArg,
    /// How tokens are drawn.
    #[command(flatten)]
    pub draw: Draw,
    /// What all strategies share.
    #[command(flatten)]
    pub run: Run,
}

impl Thoughts {
    pub(super) fn check(&self) -> Result<(), ConfigError> {
        let with = match self.evaluate {
            EvaluateArg::Value => "--evaluate value",
            EvaluateArg::Vote => "--evaluate vote",
            EvaluateArg::Score => "--evaluate score",
        };
        let judges = self.evaluate != EvaluateArg::Score;
        match (self.judgements, self.scorer) {
            (Some(_), _) if !judges => Err(ConfigError::Unused { flag: "--judgements", with }),
            (_, Some(_)) if judges => Err(ConfigError::Unused { flag: "--scorer", with }),
            _ => Ok(()),
        }
    }

    fn numbers(&self) -> Thinking {
        let times = self.judgements.map_or(JUDGEMENTS, NonZeroU32::get);
        let scorer = || ScorerArg::or_default(self.scorer, self.run.prm.as_deref());
        Thinking {
            depth: self.depth.get(),
            generate: self.generate.into(),
            n: self.n.get(),
            evaluate: match self.evaluate {
                EvaluateArg::Value => EvaluateName::Value(times),
                EvaluateArg::Vote => EvaluateName::Vote(times),
                EvaluateArg::Score => EvaluateName::Score(scorer()),
            },
            max_step_tokens: self.max_step_tokens.get(),
            select: self.select.into(),
            temperature: self.draw.temperature,
            seed: self.draw.seed,
        }
    }
}

/// Arguments of the tree of thoughts, breadth first.
#[derive(Debug, Args)]
pub struct TotBfs {
    /// Paths kept after each step
    #[arg(long, value_name = "B", default_value = "5", value_parser = at_least_one)]
    pub breadth: NonZeroU32,
    /// What both have.
    #[command(flatten)]
    pub thoughts: Thoughts,
}

impl TotBfs {
    pub(super) fn spec(&self) -> StrategySpec {
        let thinking = self.thoughts.numbers();
        StrategySpec::TotBfs { breadth: self.breadth.get(), thinking }
    }
}

/// Arguments of the tree of thoughts, depth first.
#[derive(Debug, Args)]
pub struct TotDfs {
    /// Steps visited, at most [source of the default: <https://arxiv.org/abs/2305.10601>, section 4.3]
    #[arg(long, value_name = "COUNT", default_value = "100", value_parser = at_least_one)]
    pub visits: NonZeroU32,
    /// What a step must be worth more than to be visited: a judgement of `impossible` is worth 0.001, of
    /// `likely` 1, of `sure` 20; a vote is a share [default where the policy judges, chosen here: 0.001,
    /// not all say impossible]
    #[arg(long, value_name = "VALUE", value_parser = finite, allow_negative_numbers = true)]
    pub threshold: Option<f64>,
    /// What both have.
    #[command(flatten)]
    pub thoughts: Thoughts,
}

impl TotDfs {
    pub(super) fn spec(&self) -> StrategySpec {
        let thinking = self.thoughts.numbers();
        let threshold = self.threshold.unwrap_or(THRESHOLD);
        StrategySpec::TotDfs { visits: self.visits.get(), threshold, thinking }
    }

    pub(super) fn check(&self) -> Result<(), ConfigError> {
        self.thoughts.check()?;
        if self.thoughts.evaluate == EvaluateArg::Score && self.threshold.is_none() {
            let (flag, with) = ("--threshold", "--evaluate score");
            return Err(ConfigError::Needed { flag, with });
        }
        Ok(())
    }
}

/// Arguments of revision.
#[derive(Debug, Args)]
pub struct Revision {
    /// Chains of answers side by side; 1 is sequential revision
    #[arg(long, value_name = "COUNT", default_value = "2", value_parser = at_least_one)]
    pub chains: NonZeroU32,
    /// Revisions of each answer, one of another [default chosen here, as that of the chains]
    #[arg(long, value_name = "COUNT", default_value_t = 2)]
    pub revisions: u32,
    /// What all that score whole answers share.
    #[command(flatten)]
    pub answers: Answers,
}

impl Revision {
    pub(super) fn spec(&self) -> StrategySpec {
        let Answers { select, draw, .. } = &self.answers;
        StrategySpec::Revision {
            chains: self.chains.get(),
            revisions: self.revisions,
            scorer: self.answers.scorer(),
            select: (*select).into(),
            temperature: draw.temperature,
            seed: draw.seed,
        }
    }
}

/// Arguments of graph of thoughts.
#[derive(Debug, Args)]
pub struct Graph {
    /// Answers to begin with [default chosen here]
    #[arg(long, value_name = "N", default_value = "4", value_parser = at_least_one)]
    pub n: NonZeroU32,
    /// Answers merged into one, at least 2 [source of the default: <https://arxiv.org/abs/2308.09687>,
    /// sorting]
    #[arg(long, value_name = "COUNT", default_value = "2", value_parser = at_least_one)]
    pub group: NonZeroU32,
    /// Attempts at each merge, of which the best goes on [default chosen here]
    #[arg(long, value_name = "COUNT", default_value = "2", value_parser = at_least_one)]
    pub attempts: NonZeroU32,
    /// What all that score whole answers share.
    #[command(flatten)]
    pub answers: Answers,
}

impl Graph {
    pub(super) fn spec(&self) -> StrategySpec {
        let Answers { select, draw, .. } = &self.answers;
        StrategySpec::Graph {
            n: self.n.get(),
            group: self.group.get(),
            attempts: self.attempts.get(),
            scorer: self.answers.scorer(),
            select: (*select).into(),
            temperature: draw.temperature,
            seed: draw.seed,
        }
    }
}

/// What strategies share that score whole answers.
#[derive(Debug, Args)]
pub struct Answers {
    /// What scores an answer; if not given, `prm` where `--prm` gives one, else `chosen-logprob`, the
    /// average log-probability of <https://arxiv.org/abs/2502.18581>
    #[arg(long, value_enum)]
    pub scorer: Option<ScorerArg>,
    /// How the answer is chosen [source of the default: <https://arxiv.org/abs/2110.14168>]
    #[arg(long, value_enum, default_value_t = SelectArg::Best)]
    pub select: SelectArg,
    /// How tokens are drawn.
    #[command(flatten)]
    pub draw: Draw,
    /// What all strategies share.
    #[command(flatten)]
    pub run: Run,
}

impl Answers {
    pub(super) fn scorer(&self) -> crate::ScorerName {
        ScorerArg::or_default(self.scorer, self.run.prm.as_deref())
    }
}

/// The values of `--generate`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum GenerateArg {
    /// Each step is sampled by itself
    Sample,
    /// One prompt asks for several steps
    Propose,
}

impl From<GenerateArg> for GenerateName {
    fn from(arg: GenerateArg) -> Self {
        match arg {
            GenerateArg::Sample => Self::Sample,
            GenerateArg::Propose => Self::Propose,
        }
    }
}

/// The values of `--evaluate`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum EvaluateArg {
    /// The policy, asked of each step by itself: sure, likely or impossible
    Value,
    /// The policy, asked to name the best of all new steps
    Vote,
    /// A scorer, as each step is made; with `--generate sample`, nothing is asked by prompts
    Score,
}

/// The values of `--next`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum NextArg {
    /// It is continued as it stands
    Continue,
    /// A prompt shows it and asks for its next step
    Prompt,
}

impl From<NextArg> for NextName {
    fn from(arg: NextArg) -> Self {
        match arg {
            NextArg::Continue => Self::Continue,
            NextArg::Prompt => Self::Prompt,
        }
    }
}
