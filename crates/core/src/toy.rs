//! A toy world: a policy that writes letters, a scorer that hashes them and a reader that hashes what
//! comes before them, for tests and examples.

use std::collections::VecDeque;

use crate::{
    Completion, Finish, Leases, ModelCost, ModelError, PathScorer, Policy, Request, Score, Seed,
    Service, Spend, Step, Ticket, TokenId, TokenStat, Tokens, Until, Usage, token::Entropy,
};

mod reader;

pub use reader::HashReader;

/// The letter that ends a step.
pub const BOUNDARY: TokenId = b'.' as TokenId;
/// The letter that ends an answer.
pub const EOS: TokenId = b'!' as TokenId;

/// Writes random letters; `.` ends a step, `!` ends an answer. A token is a byte.
///
/// Deterministic in each request, whatever else is in flight; answers as many requests a poll as it is
/// told to, in submission order, so that tests can vary what completes together.
#[derive(Debug)]
pub struct Letters {
    /// Letters in use: `a`, `b`, …
    pub alphabet: u8,
    /// Probability that a letter is `.`.
    pub boundary: f64,
    /// Probability that a letter is `!`.
    pub eos: f64,
    /// Requests answered at each poll; at least 1.
    pub at_once: usize,
    /// Tokens a sequence can hold.
    pub context: u32,
    next: u64,
    waiting: VecDeque<(Ticket, Request)>,
    leases: Leases,
}

impl Letters {
    /// Three letters, steps of about four letters, answers of about four steps.
    #[must_use]
    pub fn new() -> Self {
        Self {
            alphabet: 3,
            boundary: 0.25,
            eos: 0.0625,
            at_once: 4,
            context: 100_000,
            next: 0,
            waiting: VecDeque::new(),
            leases: Leases::default(),
        }
    }

    /// Requests submitted and not answered.
    #[must_use]
    pub fn in_flight(&self) -> usize {
        self.waiting.len()
    }

    /// Leases that have been dropped since the last call.
    #[must_use]
    pub fn released(&self) -> Vec<u64> {
        self.leases.take_returned()
    }

    fn letter(&self, seed: Seed, position: u64) -> (TokenId, f64) {
        let draw = seed.uniform(position);
        if draw < self.eos {
            return (EOS, self.eos);
        }
        if draw < self.eos + self.boundary {
            return (BOUNDARY, self.boundary);
        }
        let rest = 1.0 - self.eos - self.boundary;
        let letter = (draw - self.eos - self.boundary) / rest * f64::from(self.alphabet);
        (TokenId::from(b'a') + letter as TokenId, rest / f64::from(self.alphabet))
    }

    fn answer(&self, ticket: Ticket, request: &Request) -> Result<Completion, ModelError> {
        let len = request.prefix.len() as u64;
        if len >= u64::from(self.context) {
            let (model, max) = ("letters".to_owned(), self.context.into());
            return Err(ModelError::TooLong { model, len, max });
        }
        let (mut tokens, mut stats) = (Vec::new(), Vec::new());
        let finish = loop {
            if tokens.len() as u64 == u64::from(request.max_tokens) {
                break Finish::Length;
            }
            let (token, probability) = self.letter(request.seed, tokens.len() as u64);
            let stat = self.stat(probability);
            if stat.entropy.is_some_and(|entropy| request.parts(tokens.len(), entropy.nats())) {
                break Finish::Step;
            }
            tokens.push(token);
            stats.push(stat);
            match (token, request.until) {
                (EOS, _) => break Finish::Eos,
                (BOUNDARY, Until::Boundary) => break Finish::Step,
                _ if request.is_full(tokens.len()) => break Finish::Step,
                _ => {}
            }
        };
        let sampled = tokens.len() as u64;
        let cost = self.cost();
        let usage = Usage {
            prefill_new: 0,
            prefill_cached: len,
            decode_new: sampled,
            decode_cached: 0,
            sampled,
            flops: cost.forward(len, len + sampled),
            flops_uncached: cost.forward(0, len + sampled),
            nano_usd: sampled,
        };
        let step = Step {
            text: self.decode(&tokens),
            tokens: tokens.into(),
            stats,
            alternatives: Vec::new(),
            observed: None,
            finish,
        };
        let lease = request.retain.then(|| self.leases.issue(ticket.0));
        Ok(Completion { step, usage, lease })
    }

    fn stat(&self, probability: f64) -> TokenStat {
        let rest = (1.0 - self.eos - self.boundary) / f64::from(self.alphabet);
        let each = [(self.eos, 1.0), (self.boundary, 1.0), (rest, f64::from(self.alphabet))];
        let possible = || each.iter().filter(|(p, _)| *p > 0.0);
        let entropy = possible().map(|(p, times)| -p * p.ln() * times).sum::<f64>();
        // Of the letters that are possible, for that of others is infinite.
        let letters = possible().map(|(_, times)| times).sum::<f64>();
        let mean = possible().map(|(p, times)| p.ln() * times).sum::<f64>() / letters;
        TokenStat {
            logprob: probability.ln() as f32,
            top_logprob: self.eos.max(self.boundary).max(rest).ln() as f32,
            entropy: Some(Entropy::Exact(entropy as f32)),
            self_certainty: Some((-letters.ln() - mean) as f32),
        }
    }
}

impl Default for Letters {
    fn default() -> Self {
        Self::new()
    }
}

impl Service for Letters {
    type Ask = Request;
    type Reply = Completion;

    fn submit(&mut self, request: Request) -> Ticket {
        let ticket = Ticket(self.next);
        self.next += 1;
        self.waiting.push_back((ticket, request));
        ticket
    }

    fn poll(&mut self) -> Vec<(Ticket, Result<Completion, ModelError>)> {
        let n = self.at_once.max(1).min(self.waiting.len());
        let now: Vec<_> = self.waiting.drain(..n).collect();
        now.iter().map(|(ticket, request)| (*ticket, self.answer(*ticket, request))).collect()
    }

    fn cancel(&mut self, ticket: Ticket) {
        self.waiting.retain(|(waiting, _)| *waiting != ticket);
    }
}

impl Policy for Letters {
    fn worst_case(&self, requests: &[Request]) -> Vec<Spend> {
        let cost = self.cost();
        let worst = |request: &Request| {
            let len = request.prefix.len() as u64;
            let max = request.most_tokens();
            Spend {
                generated: max.into(),
                computed: max.into(),
                calls: 1,
                flops: cost.forward(len, len + u64::from(max)),
                nano_usd: max.into(),
                ..Spend::default()
            }
        };
        requests.iter().map(worst).collect()
    }

    fn cost(&self) -> ModelCost {
        ModelCost { trunk: 100, attention: 2, head: 0 }
    }

    fn context(&self) -> u32 {
        self.context
    }

    fn encode(&self, text: &str) -> Result<Tokens, ModelError> {
        Ok(text.bytes().map(TokenId::from).collect())
    }

    fn decode(&self, tokens: &[TokenId]) -> String {
        tokens.iter().map(|&token| char::from(token as u8)).collect()
    }
}

/// Scores a path by a hash of its last step: arbitrary, but the same every time.
#[derive(Debug, Clone, Copy)]
pub struct Hashed;

impl PathScorer for Hashed {
    fn score(&self, path: &crate::Path) -> Result<Score, ModelError> {
        let tokens = path.last().map(|step| step.tokens.clone()).unwrap_or_default();
        let hash = tokens.iter().fold(Seed::run(0), |seed, &token| seed.fold(token.into()));
        Ok(Score::new(hash.uniform(0) as f32)?)
    }
}

#[cfg(test)]
mod tests {
    use std::{num::NonZeroU32, sync::Arc};

    use super::*;
    use crate::{Sampling, Stops, collect};

    /// The steps of a path that goes on where the one before ended.
    fn steps(until: Until, stops: &Stops) -> Vec<(usize, Finish)> {
        let mut letters = Letters { boundary: 0.0, eos: 0.0, ..Letters::new() };
        let step = |seed| {
            let (prefix, stops) = (Tokens::from([1_u32].as_slice()), Arc::new(stops.clone()));
            let (sampling, seed) = (Sampling::at(1.0), Seed::run(seed));
            let request =
                Request { prefix, until, max_tokens: 9, stops, sampling, seed, retain: false };
            let worst = letters.worst_case(std::slice::from_ref(&request))[0].generated;
            let done =
                collect(&mut letters, [request]).remove(0).expect("letters do not fail").step;
            assert!(done.tokens.len() as u64 <= worst);
            (done.tokens.len(), done.finish)
        };
        (0..4).map(step).collect()
    }

    #[test]
    fn steps_end_where_the_stops_say() {
        // Three letters, each as likely: ln 3 nats everywhere.
        let of = |entropy, step_tokens: Option<u32>| {
            let step_tokens = step_tokens.and_then(NonZeroU32::new);
            Stops { step_tokens, entropy, ..Stops::default() }
        };
        let all = |steps: Vec<(usize, Finish)>, len, finish| {
            assert!(steps.iter().all(|step| *step == (len, finish)), "{steps:?}");
        };
        all(steps(Until::Boundary, &of(None, None)), 9, Finish::Length);
        all(steps(Until::Boundary, &of(None, Some(4))), 4, Finish::Step);
        all(steps(Until::Boundary, &of(Some(1.09), None)), 1, Finish::Step);
        all(steps(Until::Boundary, &of(Some(1.11), None)), 9, Finish::Length);
        all(steps(Until::Boundary, &of(None, Some(20))), 9, Finish::Length);
        // Answers and counts of tokens have no steps.
        all(steps(Until::End, &of(Some(0.5), Some(2))), 9, Finish::Length);
        all(steps(Until::Tokens(3), &of(Some(0.5), Some(2))), 3, Finish::Step);
    }
}
