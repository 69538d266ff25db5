//! Stand-ins: a policy and a scorer that compute nothing and charge what models would.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::num::NonZeroU32;
use std::sync::Arc;

use espalier_core::{
    Completion, Finish, Immediate, Leases, ModelCost, ModelError, Path, PathScorer, Policy, Prompt,
    Request, Score, ScoreAsk, ScoreBound, Scored, Scorer, Seed, Service, Spend, Step, Ticket,
    TokenId, TokenStat, Tokens, Until, Usage, token::Entropy,
};

/// How long what is written is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lengths {
    /// Tokens of a step; at least 1.
    pub step: u32,
    /// Steps of an answer; `None` where answers are as long as is allowed.
    pub steps: Option<u32>,
}

/// The bit of a token that ends a step. No vocabulary is that large.
const END: TokenId = 1 << 31;

/// A policy that writes steps of one length. Each step begins with a token of its own, so that no two
/// branches agree, and what sampling saves where they do is not counted on.
#[derive(Debug)]
pub struct StandIn {
    lengths: Lengths,
    cost: ModelCost,
    context: u32,
    next: u64,
    waiting: VecDeque<(Ticket, Request)>,
    leases: Leases,
}

impl StandIn {
    /// A stand-in for a model that costs so much a token and holds so many.
    #[must_use]
    pub fn new(lengths: Lengths, cost: ModelCost, context: u32) -> Self {
        let (waiting, leases) = (VecDeque::new(), Leases::default());
        Self { lengths, cost, context, next: 0, waiting, leases }
    }

    /// What would be written: tokens up to the end of the step, the answer, or what is allowed.
    fn write(&self, request: &Request) -> (Vec<TokenId>, Finish) {
        let cap = request.stops.step_tokens.map_or(u32::MAX, NonZeroU32::get);
        let step = self.lengths.step.min(cap);
        let written = request.prefix.iter().filter(|&&token| token & END != 0).count() as u32;
        let left =
            self.lengths.steps.map_or(u32::MAX, |steps| steps.saturating_sub(written).max(1));
        let room = request.max_tokens.min(self.context.saturating_sub(request.prefix.len() as u32));
        let answer = step.saturating_mul(left);
        let (whole, then) = match request.until {
            Until::Boundary if left > 1 => (step, Finish::Step),
            Until::Tokens(n) if n < answer => (n, Finish::Step),
            Until::Boundary | Until::End | Until::Tokens(_) => (answer, Finish::Eos),
        };
        let own = (request.seed.bits() as TokenId) & !END;
        let tokens = (1..=whole.min(room)).map(|at| {
            let end = if at.is_multiple_of(step) { END } else { 0 };
            own | end
        });
        (tokens.collect(), if whole <= room { then } else { Finish::Length })
    }

    fn answer(&self, ticket: Ticket, request: &Request) -> Completion {
        let (tokens, finish) = self.write(request);
        let (len, sampled) = (request.prefix.len() as u64, tokens.len() as u64);
        let usage = Usage {
            prefill_cached: len,
            decode_new: sampled,
            sampled,
            flops: self.cost.forward(len, len + sampled) + self.heads(sampled),
            flops_uncached: self.cost.forward(0, len + sampled) + self.heads(sampled),
            ..Usage::default()
        };
        let stat = TokenStat {
            logprob: 0.0,
            top_logprob: 0.0,
            entropy: Some(Entropy::Exact(0.0)),
            self_certainty: Some(0.0),
        };
        let step = Step {
            text: String::new(),
            stats: vec![stat; tokens.len()],
            tokens: tokens.into(),
            alternatives: Vec::new(),
            observed: None,
            finish,
        };
        let lease = request.retain.then(|| self.leases.issue(ticket.0));
        Completion { step, usage, lease }
    }

    fn heads(&self, tokens: u64) -> u128 {
        u128::from(self.cost.head) * u128::from(tokens)
    }
}

impl Service for StandIn {
    type Ask = Request;
    type Reply = Completion;

    fn submit(&mut self, request: Request) -> Ticket {
        let ticket = Ticket(self.next);
        self.next += 1;
        self.waiting.push_back((ticket, request));
        ticket
    }

    fn poll(&mut self) -> Vec<(Ticket, Result<Completion, ModelError>)> {
        drop(self.leases.take_returned());
        let now = std::mem::take(&mut self.waiting);
        now.iter().map(|(ticket, request)| (*ticket, Ok(self.answer(*ticket, request)))).collect()
    }

    fn cancel(&mut self, ticket: Ticket) {
        self.waiting.retain(|(waiting, _)| *waiting != ticket);
    }
}

impl Policy for StandIn {
    fn worst_case(&self, requests: &[Request]) -> Vec<Spend> {
        let worst = |request: &Request| {
            let len = request.prefix.len() as u64;
            let max = u64::from(request.most_tokens());
            Spend {
                generated: max,
                computed: max,
                calls: 1,
                flops: self.cost.forward(len, len + max) + self.heads(max),
                ..Spend::default()
            }
        };
        requests.iter().map(worst).collect()
    }

    fn cost(&self) -> ModelCost {
        self.cost
    }

    fn context(&self) -> u32 {
        self.context
    }

    fn encode(&self, _: &str) -> Result<Tokens, ModelError> {
        Err(ModelError::BadRequest {
            reason: "a dry run cannot put a new prompt: what it would say depends on what a model \
                     writes; run a few problems with `--limit` instead"
                .to_owned(),
        })
    }

    fn decode(&self, _: &[TokenId]) -> String {
        String::new()
    }
}

/// A scorer that charges what a reward model would, or nothing where there is none, and spreads its
/// scores evenly over [0, 1].
#[derive(Debug)]
pub struct StandInScorer {
    cost: Option<ModelCost>,
    scores: Immediate<Spread>,
    /// Usage of what was asked, in the order of the asks.
    asked: VecDeque<Usage>,
    /// The prompts that were read, by their address, which is theirs for as long as they are kept.
    begun: BTreeMap<usize, Arc<Prompt>>,
}

impl StandInScorer {
    /// A stand-in for a reward model that costs so much a token; `None` for a scorer that reads none.
    #[must_use]
    pub fn new(cost: Option<ModelCost>) -> Self {
        Self {
            cost,
            scores: Immediate::new(Spread),
            asked: VecDeque::new(),
            begun: BTreeMap::new(),
        }
    }
}

/// Scores without meaning.
#[derive(Debug)]
struct Spread;

impl PathScorer for Spread {
    fn score(&self, path: &Path) -> Result<Score, ModelError> {
        let hash = path.tokens().iter().fold(Seed::run(0), |seed, &token| seed.fold(token.into()));
        Ok(Score::new(hash.uniform(0) as f32)?)
    }
}

/// What names a search: the place of its prompt.
fn address(prompt: &Arc<Prompt>) -> usize {
    Arc::as_ptr(prompt).addr()
}

/// Tokens of a path, those that are held already, and all: a search reads its prompt once, and a
/// parent before its children.
fn held_and_all(parent: &Path, step: u64, begun: bool) -> (u64, u64) {
    let before = parent.tokens().len() as u64;
    (if begun { before } else { 0 }, before + step)
}

impl Service for StandInScorer {
    type Ask = ScoreAsk;
    type Reply = Scored;

    fn submit(&mut self, ask: ScoreAsk) -> Ticket {
        let usage = self.cost.map_or_else(Usage::default, |cost| {
            let mut parent = ask.path.clone();
            let step = parent.steps.pop().map_or(0, |step| step.tokens.len() as u64);
            let prompt = &parent.prompt;
            let begun = self.begun.insert(address(prompt), Arc::clone(prompt)).is_some();
            let (cached, len) = held_and_all(&parent, step, begun);
            Usage {
                prefill_new: len - cached,
                prefill_cached: cached,
                flops: cost.forward(cached, len) + u128::from(cost.head),
                flops_uncached: cost.forward(0, len) + u128::from(cost.head),
                ..Usage::default()
            }
        });
        self.asked.push_back(usage);
        self.scores.submit(ask)
    }

    fn poll(&mut self) -> Vec<(Ticket, Result<Scored, ModelError>)> {
        let mut scored = self.scores.poll();
        for ((_, scored), usage) in scored.iter_mut().zip(self.asked.drain(..)) {
            if let Ok(scored) = scored {
                scored.usage = usage;
            }
        }
        scored
    }

    fn cancel(&mut self, ticket: Ticket) {
        self.scores.cancel(ticket);
    }
}

impl Scorer for StandInScorer {
    fn worst_case(&self, asks: &[ScoreBound]) -> Vec<Spend> {
        let mut first = BTreeSet::new();
        let mut worst = |ask: &ScoreBound| {
            self.cost.map_or_else(Spend::default, |cost| {
                let search = address(&ask.parent.prompt);
                let begun = !first.insert(search) || self.begun.contains_key(&search);
                let (cached, len) = held_and_all(&ask.parent, ask.max_tokens.into(), begun);
                Spend {
                    scored: len - cached,
                    computed: len - cached,
                    calls: 1,
                    flops: cost.forward(cached, len) + u128::from(cost.head),
                    ..Spend::default()
                }
            })
        };
        asks.iter().map(&mut worst).collect()
    }
}
