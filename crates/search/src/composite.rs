//! Composites: what symbolic validation says of a finished path, as one number.

use espalier_core::Verdict;
use serde::{Deserialize, Serialize};

/// What symbolic validation finds in a finished path.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Validation {
    /// What the evidence says of the answer; `None` where there is no answer.
    pub answer: Option<Verdict>,
    /// What it says of each step, in order; [`Verdict::Unknown`] where a step holds nothing to check.
    pub steps: Vec<Verdict>,
}

impl Validation {
    /// How many of the steps that could be checked are supported, and how many could be checked.
    #[must_use]
    pub fn supported(&self) -> (usize, usize) {
        let count = |wanted| self.steps.iter().filter(|step| **step == wanted).count();
        let supported = count(Verdict::Pass);
        (supported, supported + count(Verdict::Fail))
    }
}

/// How much the answer and the steps count in a composite; they add up to 1.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Weights {
    answer: f64,
    steps: f64,
}

/// Weights that cannot be.
#[derive(Debug, Clone, Copy, PartialEq, thiserror::Error)]
#[error(
    "weights `{answer}` of the answer and `{steps}` of the steps are not two shares of 1: give two numbers \
     from 0 to 1 that add up to 1, such as 0.7 and 0.3"
)]
pub struct BadWeights {
    /// The answer's.
    pub answer: f64,
    /// The steps'.
    pub steps: f64,
}

impl Weights {
    /// 0.7 for the answer and 0.3 for the steps.
    ///
    /// Source: the composite of the ensemble that this project set out to build.
    pub const ANSWER_FIRST: Self = Self { answer: 0.7, steps: 0.3 };

    /// Two weights that add up to 1, but for their last bits.
    ///
    /// # Errors
    ///
    /// [`BadWeights`] for a number outside 0 to 1, and for a sum other than 1.
    ///
    /// ```
    /// use espalier_search::Weights;
    /// assert_eq!(Weights::new(0.7, 0.3), Ok(Weights::ANSWER_FIRST));
    /// assert!(Weights::new(0.7, 0.7).is_err() && Weights::new(1.5, -0.5).is_err());
    /// assert!(Weights::new(f64::NAN, 1.0).is_err());
    /// ```
    pub fn new(answer: f64, steps: f64) -> Result<Self, BadWeights> {
        let share = |weight: &f64| (0.0..=1.0).contains(weight);
        let whole = ((answer + steps) - 1.0).abs() < 1e-9;
        if whole && [answer, steps].iter().all(share) {
            Ok(Self { answer, steps })
        } else {
            Err(BadWeights { answer, steps })
        }
    }

    /// The weight of the answer's validation.
    #[must_use]
    pub fn answer(self) -> f64 {
        self.answer
    }

    /// The weight of the share of steps that are supported.
    #[must_use]
    pub fn steps(self) -> f64 {
        self.steps
    }

    /// `answer` × the answer's validation + `steps` × the share of the steps that are supported, from 0 to 1.
    ///
    /// The answer's validation is 1 where the evidence supports it, 0 where it contradicts it or there is no
    /// answer, and 1/2 where there is no evidence either way. Steps that hold nothing to check are left out of
    /// the share; where no step can be checked, there is no evidence either way, and it is 1/2. One half is the
    /// chance of being right that a verifier without evidence leaves, as in `espalier_prm::Evidence`: what
    /// cannot be checked stands between what is supported and what is contradicted.
    ///
    /// ```
    /// use espalier_core::Verdict::{Fail, Pass, Unknown};
    /// use espalier_search::{Validation, Weights};
    /// let of = |answer, steps: &[_]| {
    ///     Weights::ANSWER_FIRST.composite(&Validation { answer: Some(answer), steps: steps.to_vec() })
    /// };
    /// let close = |one: f64, other: f64| (one - other).abs() < 1e-12;
    /// assert!(close(of(Pass, &[Pass, Unknown, Fail, Pass]), 0.7 + 0.3 * 2.0 / 3.0));
    /// assert!(close(of(Fail, &[Pass]), 0.3));
    /// assert!(close(of(Unknown, &[Unknown]), 0.5));
    /// assert!(close(of(Pass, &[]), 0.7 + 0.3 / 2.0));
    /// ```
    #[must_use]
    pub fn composite(self, validation: &Validation) -> f64 {
        const NO_EVIDENCE: f64 = 0.5;
        let answer = match validation.answer {
            Some(Verdict::Pass) => 1.0,
            Some(Verdict::Fail) | None => 0.0,
            Some(Verdict::Unknown) => NO_EVIDENCE,
        };
        let steps = match validation.supported() {
            (_, 0) => NO_EVIDENCE,
            (supported, checked) => supported as f64 / checked as f64,
        };
        self.answer * answer + self.steps * steps
    }
}
