//! Layouts: how a problem and its steps become the text that a reward model was trained on.

use std::fmt::Debug;

use espalier_core::{ModelError, Path, TokenId, Tokens};

/// What makes token ids of a text: [`Reader::encode`](espalier_core::Reader::encode).
pub type Encode<'a> = &'a dyn Fn(&str) -> Result<Tokens, ModelError>;

/// The text of one family of reward models, in the model's own tokens.
pub trait Layout: Debug {
    /// The tokens to read for the score of the path's last step, which is read at the last of them.
    ///
    /// # Errors
    ///
    /// [`ModelError`] where the text cannot be made or encoded, or its mark is lost in the encoding.
    fn sequence(&self, path: &Path, encode: Encode<'_>) -> Result<Vec<TokenId>, ModelError>;
}

/// The error of a text in whose tokens the mark is not where it must be.
pub(crate) fn lost(mark: &str) -> ModelError {
    ModelError::BadRequest {
        reason: format!("the mark `{mark}` is not a token of its own after this step"),
    }
}
