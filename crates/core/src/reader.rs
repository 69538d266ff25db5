//! Readers: what scorers may ask of a model without sampling from it.

use crate::{Lease, ModelCost, ModelError, Price, Service, Spend, TokenId, Tokens, Usage};

/// What to read off a sequence. A position is an index into the sequence's tokens; what is read there
/// depends on that token and the ones before it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Want {
    /// Log-probabilities of these ids as the next token after each position.
    NextOf {
        /// Where to read.
        positions: Vec<u32>,
        /// Which ids.
        ids: Vec<TokenId>,
    },
    /// Log-probabilities of the whole vocabulary as the next token after each position.
    Next {
        /// Where to read.
        positions: Vec<u32>,
    },
    /// Log-probability of each token from index `from` on, given all before it; `from` is at least 1.
    Tokens {
        /// The first token to read.
        from: u32,
    },
    /// Outputs of a named head (a value or reward head) at each position.
    Head {
        /// The name of one of [`Reader::heads`].
        name: String,
        /// Where to read.
        positions: Vec<u32>,
    },
}

/// One sequence to read.
#[derive(Debug, Clone)]
pub struct Read {
    /// The whole sequence. The engine reuses what KV it holds of any prefix of it.
    pub tokens: Tokens,
    /// What to read.
    pub want: Want,
    /// Whether the caller wants a [`Lease`] on the sequence's KV.
    pub retain: bool,
}

/// A head that a model has beside the vocabulary's: it reads a value, or classes, off a position.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Head {
    /// Its name, for [`Want::Head`].
    pub name: String,
    /// Numbers it gives for one position.
    pub outputs: u32,
    /// What one position costs.
    ///
    /// # Units
    ///
    /// FLOPs; a multiply-add is two.
    pub flops: u64,
}

/// What was read.
#[derive(Debug)]
pub struct Reading {
    /// One row for each position wanted (for [`Want::Tokens`], one row of one value for each token);
    /// a row holds one value an id, a vocabulary entry or a head output.
    ///
    /// # Units
    ///
    /// Nats for log-probabilities; the head's own for heads.
    pub values: Vec<Vec<f32>>,
    /// What it cost.
    pub usage: Usage,
    /// Keeps the sequence's KV, where [`Read::retain`] asked for that.
    pub lease: Option<Lease>,
}

/// A model that can be read.
///
/// Reads are computed in the order in which they were submitted: a token that several of them need is
/// computed for the first.
pub trait Reader: Service<Ask = Read, Reply = Reading> {
    /// The heads it has beside the vocabulary's.
    fn heads(&self) -> Vec<Head>;

    /// The most each read can spend given what is held now, as [`Policy::worst_case`] counts.
    ///
    /// [`Policy::worst_case`]: crate::Policy::worst_case
    fn worst_case(&self, reads: &[Read]) -> Vec<Spend>;

    /// What a token costs.
    fn cost(&self) -> ModelCost;

    /// What it charges for one.
    fn price(&self) -> Price;

    /// Token ids of `text`; special tokens in it are parsed, none are added.
    ///
    /// # Errors
    ///
    /// [`ModelError`] where the tokenizer fails.
    fn encode(&self, text: &str) -> Result<Tokens, ModelError>;
}
