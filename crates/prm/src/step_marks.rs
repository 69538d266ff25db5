//! Step marks: process reward models that say after each step whether it is good, in a word.

use espalier_core::{
    ModelError, Reader, Score, ScoreAsk, ScoreBound, Scored, Scorer, Service, Spend, Ticket,
    TokenId,
};

use crate::{RewardModel, families::Family, readout::Readout, sequences::Sequences};

/// A scorer that reads a process reward model of the house's family: a language model trained to put one
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
/// Source: Wang et al. 2023 (Math-Shepherd), <https://arxiv.org/abs/2312.08935>, section 4 (two tokens are
/// the labels); the share is that of the authors'
/// [model card](https://huggingface.co/peiyi9979/math-shepherd-mistral-7b-prm) and of RLHFlow's
/// [math-rm](https://github.com/RLHFlow/RLHF-Reward-Modeling), which normalize over the two marks.
/// Deviations: there is no step tag; the mark is predicted at the last token of a step, as it was sampled
/// (the newline that ends it, or the end-of-sequence token of an answer).
///
/// # Accounting
///
/// That of [`RewardModel`]. A step's worst case is its tokens.
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
///     observed: None,
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
    inner: RewardModel<R>,
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
        let readout = Readout::Marks { good, bad };
        let family = Family { sequences: Sequences::AsSampled, readout };
        Ok(Self { inner: RewardModel::new(reader, family) })
    }

    /// The model.
    #[must_use]
    pub fn reader(&self) -> &R {
        self.inner.reader()
    }

    /// The model, to set it up or to ask what it holds. Leases that were dropped have reached it.
    pub fn reader_mut(&mut self) -> &mut R {
        self.inner.reader_mut()
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
/// Math-Shepherd's [model card](https://huggingface.co/peiyi9979/math-shepherd-mistral-7b-prm).
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

impl<R> From<StepMarks<R>> for RewardModel<R> {
    fn from(marks: StepMarks<R>) -> Self {
        marks.inner
    }
}

impl<R: Reader> Service for StepMarks<R> {
    type Ask = ScoreAsk;
    type Reply = Scored;

    fn submit(&mut self, ask: ScoreAsk) -> Ticket {
        self.inner.submit(ask)
    }

    fn poll(&mut self) -> Vec<(Ticket, Result<Scored, ModelError>)> {
        self.inner.poll()
    }

    fn cancel(&mut self, ticket: Ticket) {
        self.inner.cancel(ticket);
    }
}

impl<R: Reader> Scorer for StepMarks<R> {
    fn worst_case(&self, asks: &[ScoreBound]) -> Vec<Spend> {
        self.inner.worst_case(asks)
    }
}
