//! Group confidence: how sure the policy was where it was least sure, or at the end.

use espalier_core::{ModelError, Path, PathScorer, Score};

/// Which groups of a path's tokens count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Groups {
    /// The least sure one.
    Lowest,
    /// The mean of the tenth of all groups that is least sure, of one at least.
    BottomTenth,
    /// The last one.
    Tail,
}

/// A score that says how sure the policy was of parts of its path, whatever steps they lie in.
///
/// A token's confidence is Cₜ = −1/k Σⱼ ln p(vⱼ) over the k likeliest tokens vⱼ at its place: where one
/// token is sure, all others are very unlikely, and C is large. A group is `window` tokens in a row, its
/// confidence their mean. A path shorter than that is one group.
///
/// # Units
///
/// Nats a token; never negative. Larger is surer.
///
/// # Needs
///
/// Steps with [`alternatives`](espalier_core::Step::alternatives):
/// [`Sampling::top_logprobs`](espalier_core::Sampling) says how many, k. The source takes 20.
///
/// # Complexity
///
/// Linear in the path's tokens, each time one of its steps is scored.
///
/// Source: Fu et al. 2025, <https://arxiv.org/abs/2508.15260>, the section on confidence measurements; groups
/// are whole, as in the authors' code, <https://github.com/facebookresearch/deepconf>. Deviation: it scores
/// every step of a path, by all tokens up to it, so that a search can prune by it.
///
/// ```
/// use std::sync::Arc;
/// use espalier_core::{Finish, Path, PathScorer, Prompt, Step};
/// use espalier_prm::{GroupConfidence, Groups};
///
/// // Two alternatives at each of three tokens.
/// let at = |best: f32, next: f32| vec![(7, best.ln()), (8, next.ln())];
/// let step = Step {
///     tokens: [7, 7, 7].into(),
///     text: "abc".to_owned(),
///     stats: Vec::new(),
///     alternatives: vec![at(0.5, 0.5), at(0.9, 0.1), at(0.75, 0.25)],
///     observed: None,
///     finish: Finish::Step,
/// };
/// let prompt = Prompt { problem: String::new(), tokens: [].into() };
/// let path = Path { prompt: Arc::new(prompt), steps: vec![Arc::new(step)] };
/// let score = |window, groups| {
///     GroupConfidence::new(window, groups).unwrap().score(&path).unwrap().get()
/// };
/// let c = |best: f32, next: f32| -(best.ln() + next.ln()) / 2.0;
/// assert!((score(1, Groups::Lowest) - c(0.5, 0.5)).abs() < 1e-6);
/// assert!((score(1, Groups::Tail) - c(0.75, 0.25)).abs() < 1e-6);
/// assert!((score(2, Groups::Lowest) - (c(0.5, 0.5) + c(0.9, 0.1)) / 2.0).abs() < 1e-6);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct GroupConfidence {
    window: usize,
    groups: Groups,
}

/// A group of no tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a group of `0` tokens has no confidence; give a window of at least 1")]
pub struct EmptyWindow;

impl GroupConfidence {
    /// Groups of `window` tokens, such as the source's 2,048.
    ///
    /// # Errors
    ///
    /// [`EmptyWindow`] where that is 0.
    pub fn new(window: usize, groups: Groups) -> Result<Self, EmptyWindow> {
        if window == 0 { Err(EmptyWindow) } else { Ok(Self { window, groups }) }
    }

    fn of(self, tokens: &[f64]) -> f64 {
        let window = self.window.min(tokens.len());
        let mean = |group: &[f64]| group.iter().sum::<f64>() / group.len() as f64;
        match self.groups {
            Groups::Tail => mean(&tokens[tokens.len() - window..]),
            Groups::Lowest => sliding(tokens, window).into_iter().fold(f64::INFINITY, f64::min),
            Groups::BottomTenth => {
                let mut each = sliding(tokens, window);
                each.sort_by(f64::total_cmp);
                mean(&each[..(each.len() / 10).max(1)])
            }
        }
    }
}

/// The mean of each group of `window` tokens in a row.
fn sliding(tokens: &[f64], window: usize) -> Vec<f64> {
    let mut sum: f64 = tokens[..window].iter().sum();
    let mut means = vec![sum / window as f64];
    for at in window..tokens.len() {
        sum += tokens[at] - tokens[at - window];
        means.push(sum / window as f64);
    }
    means
}

impl PathScorer for GroupConfidence {
    /// # Errors
    ///
    /// [`ModelError`] at the root and where a token's alternatives were not reported.
    fn score(&self, path: &Path) -> Result<Score, ModelError> {
        let lacks = |what: &str| ModelError::BadRequest {
            reason: format!("group confidence needs {what}; set `top_logprobs` to at least 1"),
        };
        let mut tokens = Vec::new();
        // What a tool wrote says nothing of how sure the policy was.
        for step in path.steps.iter().filter(|step| step.observed.is_none()) {
            if step.alternatives.len() != step.tokens.len() {
                return Err(lacks("the likeliest alternatives at every token of the path"));
            }
            for alternatives in &step.alternatives {
                if alternatives.is_empty() {
                    return Err(lacks("an alternative at every token"));
                }
                let sum: f64 = alternatives.iter().map(|(_, nats)| f64::from(*nats)).sum();
                tokens.push(-sum / alternatives.len() as f64);
            }
        }
        if tokens.is_empty() {
            return Err(lacks("a step of at least one token"));
        }
        Ok(Score::new(self.of(&tokens) as f32)?)
    }
}
