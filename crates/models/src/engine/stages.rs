//! Stages: what a model computes on the way to its logits, to be held against a reference.

use espalier_core::{ModelError, TokenId};

use super::{core_loop::Engine, sample_step::to_vec};

/// Every stage of one sequence's computation, row-major.
#[derive(Debug)]
pub struct Stages {
    /// The residual stream after the embedding and after each layer, `[T, E]` each.
    pub stream: Vec<Vec<f32>>,
    /// After the final norm, `[T, E]`.
    pub norm: Vec<f32>,
    /// `[T, V]`.
    pub logits: Vec<f32>,
}

impl Engine {
    /// Computes a sequence from its first token on, in one chunk, and keeps every stage.
    ///
    /// # Errors
    ///
    /// [`ModelError`] where the sequence is empty, too long or not of this vocabulary.
    pub fn stages(&mut self, tokens: &[TokenId]) -> Result<Stages, ModelError> {
        self.check(tokens)?;
        let mut stream = Vec::new();
        let last = tokens.len() - 1;
        let (ix, hidden) = self.run(self.tree.root(), tokens, last, Some(&mut stream));
        self.let_go(ix);
        let logits = self.logits(hidden.clone())?;
        Ok(Stages { stream, norm: to_vec(hidden)?, logits })
    }
}
