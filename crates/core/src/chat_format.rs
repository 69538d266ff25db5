//! Chat formats: how a model wants a conversation written as one text.

use std::fmt::Debug;

use crate::ModelError;

/// Who speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// Whoever sets the task.
    System,
    /// Whoever asks.
    User,
    /// Who answers.
    Assistant,
}

impl Role {
    /// Its name in chat templates.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::System => "system",
            Self::User => "user",
            Self::Assistant => "assistant",
        }
    }
}

/// One turn of a conversation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Turn {
    /// Who speaks.
    pub role: Role,
    /// What is said.
    pub content: String,
}

impl Turn {
    /// A turn of a conversation.
    #[must_use]
    pub fn new(role: Role, content: impl Into<String>) -> Self {
        Self { role, content: content.into() }
    }
}

/// The rule by which a model wants conversations written.
pub trait ChatFormat: Debug {
    /// Writes a conversation as one text, which ends with its last turn.
    ///
    /// # Errors
    ///
    /// [`ModelError`] where the format refuses the conversation.
    fn write(&self, turns: &[Turn]) -> Result<String, ModelError>;
}
