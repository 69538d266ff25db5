//! Paths: a prompt and the steps from the root to one node.

use std::sync::Arc;

use crate::{Step, TokenId, Tokens};

/// What a search starts from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Prompt {
    /// The problem as its author wrote it, for scorers with prompt formats of their own.
    pub problem: String,
    /// The policy's prompt: chat template applied, tokenized.
    pub tokens: Tokens,
}

/// The prompt and the steps from the root to a node, by reference.
#[derive(Debug, Clone)]
pub struct Path {
    /// The root.
    pub prompt: Arc<Prompt>,
    /// The steps below the root, in order; empty at the root.
    pub steps: Vec<Arc<Step>>,
}

impl Path {
    /// The path that is only a prompt.
    #[must_use]
    pub fn root(prompt: Arc<Prompt>) -> Self {
        Self { prompt, steps: Vec::new() }
    }

    /// All token ids, prompt first.
    #[must_use]
    pub fn tokens(&self) -> Vec<TokenId> {
        let mut ids = self.prompt.tokens.to_vec();
        for step in &self.steps {
            ids.extend_from_slice(&step.tokens);
        }
        ids
    }

    /// The text below the prompt.
    #[must_use]
    pub fn text(&self) -> String {
        self.steps.iter().map(|step| step.text.as_str()).collect()
    }

    /// The last step; `None` at the root.
    #[must_use]
    pub fn last(&self) -> Option<&Step> {
        self.steps.last().map(AsRef::as_ref)
    }
}
