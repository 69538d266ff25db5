//! Policies: models that propose steps.

use std::{num::NonZeroU32, sync::Arc};

use serde::{Deserialize, Serialize};

use crate::{Lease, ModelCost, ModelError, Seed, Service, Spend, Step, Tokens, Until, Usage};

/// How a token is drawn from the model's distribution.
///
/// Applied in this order: repetition penalty, top-k, min-p, top-p, temperature. `None` leaves a filter
/// out.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Sampling {
    /// Divides the logits; 0 takes the likeliest token, ties to the lowest id.
    pub temperature: f32,
    /// Keep the k likeliest tokens.
    pub top_k: Option<u32>,
    /// Keep the smallest set of likeliest tokens whose probability reaches p (at temperature 1).
    pub top_p: Option<f32>,
    /// Keep tokens at least this likely relative to the likeliest (at temperature 1).
    pub min_p: Option<f32>,
    /// Divide (multiply, where negative) the logits of tokens already in the sequence by this.
    pub repetition_penalty: Option<f32>,
    /// Alternatives to report at each token.
    pub top_logprobs: u8,
}

impl Sampling {
    /// The likeliest token, always.
    #[must_use]
    pub fn greedy() -> Self {
        Self::at(0.0)
    }

    /// The whole distribution at this temperature.
    #[must_use]
    pub fn at(temperature: f32) -> Self {
        Self {
            temperature,
            top_k: None,
            top_p: None,
            min_p: None,
            repetition_penalty: None,
            top_logprobs: 0,
        }
    }
}

/// Where text stops. End-of-sequence tokens end an answer in any case.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Stops {
    /// A step ends with the token that completes one of these.
    pub boundary: Vec<String>,
    /// A step ends with the token that closes a block of code, too: that completes the second of two of
    /// these fences, the fourth, and so on.
    pub fence: Option<String>,
    /// A step ends with this many tokens, too, where it goes to its boundary.
    pub step_tokens: Option<NonZeroU32>,
    /// A step ends before a token whose distribution has more entropy than this, in nats, too: there
    /// continuations part. It has at least one token.
    pub entropy: Option<f32>,
    /// The answer ends with the token that completes one of these.
    pub end: Vec<String>,
}

/// One continuation wanted.
#[derive(Debug, Clone)]
pub struct Request {
    /// Everything before the continuation, prompt included. The engine reuses what KV it holds.
    pub prefix: Tokens,
    /// How far to go.
    pub until: Until,
    /// Most tokens to sample; reaching it is [`Finish::Length`](crate::Finish::Length).
    pub max_tokens: u32,
    /// Where text stops.
    pub stops: Arc<Stops>,
    /// How tokens are drawn.
    pub sampling: Sampling,
    /// The source of all randomness of this continuation.
    pub seed: Seed,
    /// Whether the caller wants a [`Lease`] on the KV of prefix and continuation.
    pub retain: bool,
}

impl Request {
    /// The most tokens the continuation can have.
    #[must_use]
    pub fn most_tokens(&self) -> u32 {
        self.wanted().map_or(self.max_tokens, |n| n.min(self.max_tokens))
    }

    /// The tokens at which it ends in any case, where there is such a number.
    fn wanted(&self) -> Option<u32> {
        match self.until {
            Until::Tokens(n) => Some(n),
            Until::Boundary => self.stops.step_tokens.map(NonZeroU32::get),
            Until::End => None,
        }
    }

    /// Whether the step ends before its next token, `sampled` tokens long, because the distribution there has
    /// this much entropy in nats.
    #[must_use]
    pub fn parts(&self, sampled: usize, entropy: f32) -> bool {
        let above = self.stops.entropy.is_some_and(|limit| entropy > limit);
        above && sampled > 0 && self.until == Until::Boundary
    }

    /// Whether the continuation has, with `sampled` tokens, all that were asked for: neither its answer nor a
    /// length cap ends it.
    #[must_use]
    pub fn is_full(&self, sampled: usize) -> bool {
        self.wanted().is_some_and(|n| sampled >= n as usize)
    }
}

/// One continuation done.
#[derive(Debug)]
pub struct Completion {
    /// What was sampled.
    pub step: Step,
    /// What it cost.
    pub usage: Usage,
    /// Keeps its KV, where [`Request::retain`] asked for that.
    pub lease: Option<Lease>,
}

/// A policy proposes steps: [`Request`]s in, [`Completion`]s out, any number in flight.
///
/// Sampling depends on the request alone, never on what else is in flight.
pub trait Policy: Service<Ask = Request, Reply = Completion> {
    /// The most each request can spend given what is held now, in order; a token that several of them
    /// need is counted at the first. An upper bound: real spend never exceeds it.
    fn worst_case(&self, requests: &[Request]) -> Vec<Spend>;

    /// What a token costs.
    fn cost(&self) -> ModelCost;

    /// The most tokens a sequence can hold.
    fn context(&self) -> u32;

    /// Token ids of `text`; special tokens in it are parsed, none are added.
    ///
    /// # Errors
    ///
    /// [`ModelError`] where the tokenizer fails.
    fn encode(&self, text: &str) -> Result<Tokens, ModelError>;

    /// What `tokens` say, special tokens left out.
    fn decode(&self, tokens: &[crate::TokenId]) -> String;
}
