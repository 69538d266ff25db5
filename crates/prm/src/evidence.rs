//! Evidence: a verifier as an outcome reward model.

use std::cell::RefCell;

use espalier_core::{Immediate, ModelError, Path, PathScorer, Score, Verdict, Verifier};

/// A scorer that asks a [`Verifier`]: the chance that the path is right by the evidence alone, which is 1
/// where it passes, 0 where it fails, and 1/2 where there is none either way.
///
/// It knows no gold answer: a verifier checks what the problem itself provides, such as the arithmetic of
/// an expression or tests that are part of the task.
///
/// Source: Cobbe et al. 2021, <https://arxiv.org/abs/2110.14168>, section 4, where a trained verifier takes
/// this place.
///
/// ```
/// use std::sync::Arc;
/// use espalier_core::{Path, PathScorer, Prompt, ToolError, Verdict, Verifier};
/// use espalier_prm::Evidence;
///
/// /// Sees only whether there is a step.
/// struct HasStep;
/// impl Verifier for HasStep {
///     fn verify(&mut self, path: &Path) -> Result<Verdict, ToolError> {
///         Ok(if path.steps.is_empty() { Verdict::Unknown } else { Verdict::Pass })
///     }
/// }
/// let prompt = Prompt { problem: String::new(), tokens: [].into() };
/// let score = Evidence::new(HasStep).score(&Path::root(Arc::new(prompt)))?;
/// assert_eq!(score.get(), 0.5);
/// # Ok::<(), espalier_core::ModelError>(())
/// ```
#[derive(Debug)]
pub struct Evidence<V> {
    /// Behind a cell, for a verifier may keep what it has worked out.
    verifier: RefCell<V>,
}

impl<V: Verifier> Evidence<V> {
    /// Scores by this verifier.
    pub fn new(verifier: V) -> Self {
        Self { verifier: RefCell::new(verifier) }
    }

    /// The scorer that applies it.
    #[must_use]
    pub fn scorer(self) -> Immediate<Self> {
        Immediate::new(self)
    }
}

impl<V: Verifier> PathScorer for Evidence<V> {
    /// # Errors
    ///
    /// [`ModelError::Failed`] where the check itself could not be carried out; that is never a score.
    fn score(&self, path: &Path) -> Result<Score, ModelError> {
        let verdict = self.verifier.borrow_mut().verify(path);
        let verdict = verdict.map_err(|error| ModelError::Failed {
            operation: "verification".to_owned(),
            source: error.into(),
        })?;
        Ok(Score::new(match verdict {
            Verdict::Pass => 1.0,
            Verdict::Fail => 0.0,
            Verdict::Unknown => 0.5,
        })?)
    }
}
