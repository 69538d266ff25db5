//! Step marks: process reward models that say after each step whether it is good, in a word.

use std::{cell::RefCell, collections::BTreeMap};

use espalier_core::{
    ModelError, Path, Read, Reader, Reading, Score, ScoreAsk, ScoreBound, Scored, Scorer, Service,
    Spend, Ticket, TokenId, Tokens, Usage, Want,
};

use crate::held::{Held, Rates};

/// A scorer that reads a process reward model of the "+/−" family: a language model trained to put one
/// of two marks, good or bad, after each step.
///
/// The model shares the policy's tokenizer and reads prompt and steps as they stand. The score of a step
/// is the share of the good mark in what would follow the step's last token:
///
/// r = p(good) / (p(good) + p(bad)), in [0, 1].
///
/// Marks are never put into the sequence, so scoring a child costs the child's tokens alone for as long
/// as the KV of its parent is held: each [`Scored`] has the lease for that.
///
/// Source: Wang et al. 2023 (Math-Shepherd), <https://arxiv.org/abs/2312.08935>, section 3.3, and RLHFlow's
/// [math-rm](https://github.com/RLHFlow/RLHF-Reward-Modeling), which normalizes over the two marks.
/// Deviations: there is no step tag; the mark is predicted at the last token of a step, as it was sampled
/// (the newline that ends it, or the end-of-sequence token of an answer).
///
/// # Accounting
///
/// A search pays for every token once while it holds the KV itself, and as if it were alone: what other
/// searches hold makes the model compute less, but nothing cheaper. Work that the model does again
/// because it evicted what was leased is the reader's to tell, not the search's to pay, so that a budget
/// admits the same whatever else is in flight.
///
/// The scorer must be alone with its reader: it takes every reply the reader gives.
///
/// # Example
///
/// ```
/// use std::sync::Arc;
/// use espalier_core::{Finish, Path, Prompt, ScoreAsk, Step, collect, toy::HashReader};
/// use espalier_prm::StepMarks;
///
/// let (good, bad) = (43, 45); // `+` and `-`, where a token is a byte
/// let mut scorer = StepMarks::new(HashReader::new(), good, bad)?;
/// let step = Step {
///     tokens: [49, 10].into(),
///     text: "1\n".to_owned(),
///     stats: Vec::new(),
///     alternatives: Vec::new(),
///     finish: Finish::Step,
/// };
/// let prompt = Prompt { problem: "0 + 1".to_owned(), tokens: [48, 43, 49].into() };
/// let path = Path { prompt: Arc::new(prompt), steps: vec![Arc::new(step)] };
/// let scored = collect(&mut scorer, [ScoreAsk { path }]).remove(0)?;
/// assert!((0.0..=1.0).contains(&scored.score.get()));
/// assert_eq!(scored.usage.prefill_new, 5);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct StepMarks<R> {
    reader: R,
    good: TokenId,
    bad: TokenId,
    next: u64,
    /// The reads submitted, by the reader's ticket.
    waiting: BTreeMap<Ticket, (Ticket, Usage)>,
    /// The asks that could not be read.
    refused: Vec<(Ticket, ModelError)>,
    /// Behind a cell, for worst cases must know what has been released.
    held: RefCell<Held>,
}

/// The two marks are one token, which tells nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("token `{mark}` is both the good mark and the bad one; give two tokens")]
pub struct SameMark {
    /// The token.
    pub mark: TokenId,
}

impl<R: Reader> StepMarks<R> {
    /// A scorer that reads `reader` for the marks `good` and `bad`.
    ///
    /// # Errors
    ///
    /// [`SameMark`] where they are one token.
    pub fn new(reader: R, good: TokenId, bad: TokenId) -> Result<Self, SameMark> {
        if good == bad {
            return Err(SameMark { mark: good });
        }
        let (waiting, refused) = (BTreeMap::new(), Vec::new());
        Ok(Self { reader, good, bad, next: 0, waiting, refused, held: RefCell::default() })
    }

    /// The model.
    #[must_use]
    pub fn reader(&self) -> &R {
        &self.reader
    }

    /// The model, to set it up or to ask what it holds. Leases that were dropped have reached it.
    pub fn reader_mut(&mut self) -> &mut R {
        self.held.get_mut().reclaim();
        &mut self.reader
    }

    fn rates(&self) -> Rates {
        Rates { cost: self.reader.cost(), price: self.reader.price() }
    }

    fn scored(
        &mut self,
        ticket: Ticket,
        usage: Usage,
        reading: Result<Reading, ModelError>,
    ) -> Result<Scored, ModelError> {
        let scored = reading.and_then(|Reading { values, lease, .. }| {
            let bad = |reason: String| ModelError::BadRequest { reason };
            let [row] = &values[..] else {
                return Err(bad(format!("the model read `{}` positions of 1", values.len())));
            };
            let [good_logprob, bad_logprob] = row[..] else {
                return Err(bad(format!("the model read `{}` marks of 2", row.len())));
            };
            let score = good_share(good_logprob, bad_logprob)?;
            let lease = lease.ok_or_else(|| {
                bad("the model leases no KV, so that steps cannot be read one by one; \
                     take one that does"
                    .to_owned())
            })?;
            Ok((score, lease))
        });
        let held = self.held.get_mut();
        match scored {
            Ok((score, lease)) => {
                Ok(Scored { score, usage, lease: Some(held.keep(ticket.0, lease)) })
            }
            Err(error) => {
                held.forget(ticket.0);
                Err(error)
            }
        }
    }
}

/// The score of a step after which the marks have these log-probabilities: p(good) / (p(good) + p(bad)),
/// as the logistic function of their difference, which neither overflows nor underflows.
///
/// # Units
///
/// Nats; the score has none.
///
/// # Errors
///
/// [`ModelError::NotFinite`] where one is NaN or positively infinite, or neither mark is possible.
///
/// # Source
///
/// Math-Shepherd, <https://arxiv.org/abs/2312.08935>, section 3.3.
///
/// # Example
///
/// ```
/// use espalier_prm::step_marks::good_share;
/// let score = |good: f32, bad: f32| good_share(good.ln(), bad.ln()).unwrap().get();
/// assert!((score(0.6, 0.2) - 0.6 / (0.6 + 0.2)).abs() < 1e-6);
/// assert!((score(1e-30, 3e-30) - 0.25).abs() < 1e-6);
/// assert_eq!(good_share(-1000.0, -1000.0).unwrap().get(), 0.5);
/// assert!(good_share(f32::NAN, -1.0).is_err());
/// ```
pub fn good_share(good_logprob: f32, bad_logprob: f32) -> Result<Score, ModelError> {
    for logprob in [good_logprob, bad_logprob] {
        if logprob.is_nan() || logprob == f32::INFINITY {
            return Err(ModelError::NotFinite { what: format!("log-probability {logprob}") });
        }
    }
    let difference = f64::from(bad_logprob) - f64::from(good_logprob);
    Ok(Score::new((1.0 / (1.0 + difference.exp())) as f32)?)
}

fn check(path: &Path) -> Result<(), ModelError> {
    let steps = path.last().map(|step| step.tokens.len());
    match steps {
        Some(1..) => Ok(()),
        _ => Err(ModelError::BadRequest {
            reason: "a process reward model scores a step of at least one token; the root has none"
                .to_owned(),
        }),
    }
}

impl<R: Reader> Service for StepMarks<R> {
    type Ask = ScoreAsk;
    type Reply = Scored;

    fn submit(&mut self, ask: ScoreAsk) -> Ticket {
        let ticket = Ticket(self.next);
        self.next += 1;
        if let Err(error) = check(&ask.path) {
            self.refused.push((ticket, error));
            return ticket;
        }
        let tokens: Tokens = ask.path.tokens().into();
        let rates = self.rates();
        let held = self.held.get_mut();
        held.reclaim();
        let usage = held.begin(ticket.0, &ask.path, &tokens, rates);
        let (positions, ids) = (vec![tokens.len() as u32 - 1], vec![self.good, self.bad]);
        let want = Want::NextOf { positions, ids };
        let read = self.reader.submit(Read { tokens, want, retain: true });
        self.waiting.insert(read, (ticket, usage));
        ticket
    }

    fn poll(&mut self) -> Vec<(Ticket, Result<Scored, ModelError>)> {
        self.held.get_mut().reclaim();
        let refused = std::mem::take(&mut self.refused);
        let mut done: Vec<_> =
            refused.into_iter().map(|(ticket, why)| (ticket, Err(why))).collect();
        if !self.waiting.is_empty() {
            for (read, reading) in self.reader.poll() {
                if let Some((ticket, usage)) = self.waiting.remove(&read) {
                    done.push((ticket, self.scored(ticket, usage, reading)));
                }
            }
        }
        done.sort_by_key(|(ticket, _)| *ticket);
        done
    }

    /// # Complexity
    ///
    /// Linear in the asks in flight.
    fn cancel(&mut self, ticket: Ticket) {
        self.refused.retain(|(refused, _)| *refused != ticket);
        let ours = |(_, (ours, _)): &(&Ticket, &(Ticket, Usage))| *ours == ticket;
        let read = self.waiting.iter().find(ours).map(|(read, _)| *read);
        if let Some(read) = read {
            self.waiting.remove(&read);
            self.reader.cancel(read);
            self.held.get_mut().forget(ticket.0);
        }
    }
}

impl<R: Reader> Scorer for StepMarks<R> {
    fn worst_case(&self, asks: &[ScoreBound]) -> Vec<Spend> {
        let mut held = self.held.borrow_mut();
        held.reclaim();
        let bounds: Vec<(&Path, u32)> =
            asks.iter().map(|ask| (&ask.parent, ask.max_tokens)).collect();
        held.worst_case(&bounds, self.rates())
    }
}
