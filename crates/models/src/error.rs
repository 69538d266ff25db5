//! The error of reading a checkpoint: what was wrong, in which file, and what to do about it.

use std::path::{Path, PathBuf};

/// Why a model, a tokenizer or a chat template could not be loaded.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LoadError {
    /// The operating system refused to open or read a file.
    #[error("cannot read `{}`", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the operating system said.
        source: std::io::Error,
    },
    /// The file ends before something its header announces: an interrupted download or copy.
    #[error(
        "`{}` is truncated, fetch it again: {what} needs {needed} bytes, the file has {found}",
        path.display()
    )]
    Truncated {
        /// The file.
        path: PathBuf,
        /// What does not fit, with a tensor's or key's name in backticks.
        what: String,
        /// Length the file must have at least, in bytes.
        needed: u64,
        /// Length the file has, in bytes.
        found: u64,
    },
    /// The path is not a checkpoint in a format that is read here, or its header contradicts itself.
    #[error("`{}` is not a model that can be loaded: {reason}", path.display())]
    NotAModel {
        /// The file or directory.
        path: PathBuf,
        /// What is wrong and what to do.
        reason: String,
    },
    /// The checkpoint is of an architecture that is not implemented.
    #[error(
        "`{}` has the architecture `{name}`, which is not one of those implemented: {supported}",
        path.display()
    )]
    UnsupportedArchitecture {
        /// The file or directory.
        path: PathBuf,
        /// The architecture's name in the checkpoint.
        name: String,
        /// The implemented ones, separated by commas.
        supported: String,
    },
    /// The checkpoint lacks a tensor that its architecture needs.
    #[error("`{}` has no tensor `{tensor}`", path.display())]
    MissingTensor {
        /// The file or directory.
        path: PathBuf,
        /// The tensor's name.
        tensor: String,
    },
    /// A tensor's shape contradicts the model's configuration.
    #[error("tensor `{tensor}` must have the shape {expected:?}, but has: {found:?}")]
    Shape {
        /// The tensor's name.
        tensor: String,
        /// Row-major shape that the configuration implies, outermost dimension first.
        expected: Vec<usize>,
        /// Row-major shape in the checkpoint.
        found: Vec<usize>,
    },
    /// A head of a reward model has a shape that is not read.
    #[error(
        "tensor `{tensor}` of a head must have the shape [1, {hidden}] (a value) or [2, {hidden}] \
         (bad, good), but has: {found:?}"
    )]
    Head {
        /// The tensor's name.
        tensor: String,
        /// The model's hidden size.
        hidden: usize,
        /// Row-major shape in the checkpoint.
        found: Vec<usize>,
    },
    /// A tensor is stored in a number format that is not read.
    #[error("tensor `{tensor}` is stored in a type that is not read: `{dtype}`")]
    UnsupportedType {
        /// The tensor's name.
        tensor: String,
        /// The type's name in its format.
        dtype: String,
    },
    /// A tensor's quantized weights cannot be multiplied.
    #[error("tensor `{tensor}` is damaged, fetch the file again: {reason}")]
    Quantized {
        /// The tensor's name.
        tensor: String,
        /// What is wrong with it.
        reason: String,
    },
    /// A value of the model's configuration is missing, of the wrong type or out of range.
    #[error("`{}`: `{key}` {reason}", path.display())]
    Config {
        /// The file that holds the configuration.
        path: PathBuf,
        /// The key in it.
        key: String,
        /// What is wrong with its value, to be read after the key.
        reason: String,
    },
    /// The tokenizer cannot be built, or cannot encode a text.
    #[error("the tokenizer of `{}` cannot be used: {reason}", path.display())]
    Tokenizer {
        /// The file that holds the tokenizer.
        path: PathBuf,
        /// What is wrong and what to do.
        reason: String,
    },
    /// The tokenizer produces ids that the model's embedding does not have.
    #[error(
        "the tokenizer has {tokenizer} tokens, but the model embeds only {model}: \
         they are not of the same model"
    )]
    VocabMismatch {
        /// Number of ids of the tokenizer: the highest id + 1.
        tokenizer: usize,
        /// Rows of the model's embedding.
        model: usize,
    },
    /// The chat template does not parse, or refused the conversation.
    #[error("the chat template cannot be rendered: {reason}")]
    Template {
        /// What the template or its interpreter said.
        reason: String,
    },
}

impl LoadError {
    pub(crate) fn io(path: &Path, source: std::io::Error) -> Self {
        Self::Io { path: path.to_owned(), source }
    }

    pub(crate) fn not_a_model(path: &Path, reason: impl Into<String>) -> Self {
        Self::NotAModel { path: path.to_owned(), reason: reason.into() }
    }

    pub(crate) fn config(path: &Path, key: &str, reason: impl Into<String>) -> Self {
        Self::Config { path: path.to_owned(), key: key.to_owned(), reason: reason.into() }
    }

    pub(crate) fn tokenizer(path: &Path, reason: impl Into<String>) -> Self {
        Self::Tokenizer { path: path.to_owned(), reason: reason.into() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_name_the_file_and_the_tensor() {
        let error = LoadError::MissingTensor { path: "m.gguf".into(), tensor: "a.weight".into() };
        assert_eq!(error.to_string(), "`m.gguf` has no tensor `a.weight`");
        let error = LoadError::config(Path::new("config.json"), "hidden_size", "must be positive");
        assert_eq!(error.to_string(), "`config.json`: `hidden_size` must be positive");
    }
}
