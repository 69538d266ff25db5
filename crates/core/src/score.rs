//! Scores: finite, totally ordered numbers, and how the scores of a path become one.

use serde::{Deserialize, Serialize};

/// A finite score; larger is better.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "f32", into = "f32")]
pub struct Score(f32);

/// A model produced NaN or an infinity where a score was due.
#[derive(Debug, Clone, Copy, PartialEq, thiserror::Error)]
#[error("score is not finite: `{0}`")]
pub struct NotFinite(pub f32);

impl Score {
    /// Wraps a raw score. Negative zero becomes zero, so that equal numbers are equal scores.
    ///
    /// # Errors
    ///
    /// [`NotFinite`] for NaN and infinities.
    pub fn new(raw: f32) -> Result<Self, NotFinite> {
        if raw.is_finite() { Ok(Self(raw + 0.0)) } else { Err(NotFinite(raw)) }
    }

    /// The raw score.
    #[must_use]
    pub fn get(self) -> f32 {
        self.0
    }
}

impl TryFrom<f32> for Score {
    type Error = NotFinite;

    fn try_from(raw: f32) -> Result<Self, NotFinite> {
        Self::new(raw)
    }
}

impl From<Score> for f32 {
    fn from(score: Score) -> Self {
        score.0
    }
}

impl Eq for Score {}

impl PartialOrd for Score {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Score {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.0.total_cmp(&other.0)
    }
}

/// How the step scores of a path become the path's score: one definition for search and selection.
///
/// Source: Snell et al. 2024 (last), <https://arxiv.org/abs/2408.03314>, section 5.1; Lightman et al.
/// 2023 (product, minimum), <https://arxiv.org/abs/2305.20050>, appendix F; mean is RLHFlow's.
///
/// ```
/// use espalier_core::{Aggregate, Score};
/// let steps = [0.9, 0.5, 0.8].map(|raw| Score::new(raw).unwrap());
/// let of = |how: Aggregate| how.fold(&steps).unwrap().unwrap().get();
/// assert_eq!(of(Aggregate::Last), 0.8);
/// assert_eq!(of(Aggregate::Min), 0.5);
/// assert!((of(Aggregate::Prod) - 0.36).abs() < 1e-6);
/// assert!((of(Aggregate::Mean) - 2.2 / 3.0).abs() < 1e-6);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Aggregate {
    /// The last step's score.
    Last,
    /// The lowest step's score.
    Min,
    /// The product of the steps' scores; meaningful for scores in [0, 1].
    Prod,
    /// The mean of the steps' scores.
    Mean,
}

impl Aggregate {
    /// The score of a path with these step scores; `None` for a path without scored steps.
    ///
    /// # Errors
    ///
    /// [`NotFinite`] where a product or a sum overflows.
    pub fn fold(self, steps: &[Score]) -> Option<Result<Score, NotFinite>> {
        let last = *steps.last()?;
        let raw = || steps.iter().map(|score| f64::from(score.get()));
        Some(match self {
            Self::Last => Ok(last),
            Self::Min => Ok(steps.iter().copied().min().unwrap_or(last)),
            Self::Prod => Score::new(raw().product::<f64>() as f32),
            Self::Mean => Score::new((raw().sum::<f64>() / steps.len() as f64) as f32),
        })
    }
}
