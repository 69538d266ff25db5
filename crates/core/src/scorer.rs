//! Scorers: what rates the last step of a path given its prefix.

use std::collections::VecDeque;

use crate::{Lease, ModelError, Path, Score, Service, Spend, Ticket, Usage};

/// A path whose last step wants a score.
#[derive(Debug, Clone)]
pub struct ScoreAsk {
    /// The path, ending with the step to score. Asks of one search share one `Arc` of its prompt, and
    /// asks of different searches do not, however alike their prompts: a scorer that accounts for KV
    /// tells searches apart by it.
    pub path: Path,
}

/// A score and what it cost.
#[derive(Debug)]
pub struct Scored {
    /// The last step's score.
    pub score: Score,
    /// What reading the model for it cost; zero for scores made of what the policy reported.
    pub usage: Usage,
    /// Keeps the KV of the path that was read, where a model was: while it lives, scoring a child costs
    /// only the child's tokens.
    pub lease: Option<Lease>,
}

/// What is known of a [`ScoreAsk`] before its step exists: enough to bound what it can cost.
#[derive(Debug, Clone)]
pub struct ScoreBound {
    /// The path to the step's parent, with the prompt's `Arc` that the ask will have.
    pub parent: Path,
    /// The most tokens the step can have, in the policy's tokens.
    pub max_tokens: u32,
}

/// A scorer: [`ScoreAsk`]s in, [`Scored`]s out. It scores a node once and reads only the tokens that
/// are new since the parent. A failure is an error, never a low score.
///
/// A score and its usage depend on the problem's own asks, in order, and never on what other problems
/// had computed: a problem costs the same alone and in company.
pub trait Scorer: Service<Ask = ScoreAsk, Reply = Scored> {
    /// The most each ask can spend given what is held now, in order; a token that several of them need
    /// is counted at the first. An upper bound: real spend never exceeds it.
    fn worst_case(&self, asks: &[ScoreBound]) -> Vec<Spend>;
}

/// A score that is a function of the path alone: no model is read.
pub trait PathScorer {
    /// Scores the last step of `path`.
    ///
    /// # Errors
    ///
    /// [`ModelError`] where the path lacks what the score is made of, or the score is not finite.
    fn score(&self, path: &Path) -> Result<Score, ModelError>;
}

/// Makes a [`Scorer`] of a [`PathScorer`]: every ask is answered at the next poll, at no cost.
#[derive(Debug)]
pub struct Immediate<F> {
    rule: F,
    next: u64,
    waiting: VecDeque<(Ticket, ScoreAsk)>,
}

impl<F: PathScorer> Immediate<F> {
    /// A scorer that applies `rule`.
    pub fn new(rule: F) -> Self {
        Self { rule, next: 0, waiting: VecDeque::new() }
    }
}

impl<F: PathScorer> Service for Immediate<F> {
    type Ask = ScoreAsk;
    type Reply = Scored;

    fn submit(&mut self, ask: ScoreAsk) -> Ticket {
        let ticket = Ticket(self.next);
        self.next += 1;
        self.waiting.push_back((ticket, ask));
        ticket
    }

    fn poll(&mut self) -> Vec<(Ticket, Result<Scored, ModelError>)> {
        let usage = Usage::default();
        let score = |ask: &ScoreAsk| {
            self.rule.score(&ask.path).map(|score| Scored { score, usage, lease: None })
        };
        self.waiting.drain(..).map(|(ticket, ask)| (ticket, score(&ask))).collect()
    }

    fn cancel(&mut self, ticket: Ticket) {
        self.waiting.retain(|(waiting, _)| *waiting != ticket);
    }
}

impl<F: PathScorer> Scorer for Immediate<F> {
    fn worst_case(&self, asks: &[ScoreBound]) -> Vec<Spend> {
        vec![Spend::default(); asks.len()]
    }
}
