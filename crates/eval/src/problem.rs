//! Problems: what a model is asked, and the gold answer it is not shown.

use std::fmt;

use sha2::{Digest, Sha256};

/// What is asked. Everything in it may reach a model.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The dataset's name for it; unique within the dataset.
    pub id: String,
    /// The question, as its author wrote it.
    pub question: String,
    /// How hard the dataset says it is, where it says.
    pub level: Option<String>,
    /// [`content_hash`] of the question: seeds and resumed runs know a problem by it.
    pub hash: u64,
}

impl Problem {
    /// A problem; its hash is that of `question`.
    #[must_use]
    pub fn new(id: String, question: String, level: Option<String>) -> Self {
        let hash = content_hash(&question);
        Self { id, question, level, hash }
    }
}

/// The first eight bytes of the SHA-256 of a text, big-endian: the same on every machine, for ever.
///
/// ```
/// assert_eq!(espalier_eval::content_hash("abc"), 0xba78_16bf_8f01_cfea);
/// ```
#[must_use]
pub fn content_hash(text: &str) -> u64 {
    let digest = Sha256::digest(text.as_bytes());
    digest.iter().take(8).fold(0, |hash, &byte| hash << 8 | u64::from(byte))
}

/// A gold answer. Only this crate's graders can read it; it does not even print.
#[derive(Clone, PartialEq, Eq)]
pub struct Gold(String);

impl Gold {
    /// Wraps the answer a dataset gives.
    #[must_use]
    pub fn new(text: String) -> Self {
        Self(text)
    }

    pub(crate) fn text(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Gold {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Gold(..)")
    }
}

/// A problem and its gold answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Item {
    /// What is asked.
    pub problem: Problem,
    /// What only graders see.
    pub gold: Gold,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gold_does_not_print() {
        let item = Item {
            problem: Problem::new("1".into(), "6 times 7?".into(), None),
            gold: Gold::new("secret".into()),
        };
        assert!(!format!("{item:?}").contains("secret"));
    }
}
