//! Errors: what models and tools can fail with, seen from a search.

type Source = Box<dyn std::error::Error + Send + Sync>;

/// A model could not answer one request.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ModelError {
    /// The sequence does not fit the model's context.
    #[error(
        "prompt of {len} tokens does not fit the context of `{model}`: {max} tokens, one of them to \
         generate; shorten the prompt or take a model with a longer context"
    )]
    TooLong {
        /// The model's name.
        model: String,
        /// Tokens in the sequence.
        len: u64,
        /// Tokens the model can hold.
        max: u64,
    },
    /// The request makes no sense for this model.
    #[error("bad request: {reason}")]
    BadRequest {
        /// What is wrong with it.
        reason: String,
    },
    /// The keys and values of one request alone are more than may be held; nothing was computed.
    #[error(
        "keys and values of a request of {tokens} tokens, those to generate included, may take {needed} bytes, \
         and `kv_limit` is {limit}: raise it (`--kv-limit`), ask for fewer tokens (`--max-tokens`) or shorten \
         the prompt"
    )]
    KvLimit {
        /// Tokens of the sequence at its longest.
        tokens: u64,
        /// Bytes that it may take.
        needed: u64,
        /// Bytes that may be held.
        limit: u64,
    },
    /// There is no memory for the keys and values of a request, though what could be freed was.
    #[error(
        "keys and values of a request of {tokens} tokens, those to generate included, may take {needed} bytes \
         more, and there is memory for {left}: free memory, ask for fewer tokens (`--max-tokens`), have fewer \
         problems under way (`--in-flight`) or take a smaller model"
    )]
    NoMemory {
        /// Tokens of the sequence at its longest.
        tokens: u64,
        /// Bytes that it may take beside those that are held.
        needed: u64,
        /// Bytes that keys and values may still take.
        left: u64,
    },
    /// The model produced NaN or an infinity.
    #[error("`{what}` is not finite")]
    NotFinite {
        /// What was computed.
        what: String,
    },
    /// The model produced NaN or an infinity while it held keys and values as halves.
    #[error(
        "`{what}` is not finite: a key or value may be beyond 65504, the largest half; hold them in `f32` \
         (`--kv f32`)"
    )]
    BeyondHalves {
        /// What was computed.
        what: String,
    },
    /// Anything else, with its cause.
    #[error("`{operation}` failed")]
    Failed {
        /// What was being done.
        operation: String,
        /// The cause.
        #[source]
        source: Source,
    },
}

impl From<crate::NotFinite> for ModelError {
    fn from(error: crate::NotFinite) -> Self {
        Self::NotFinite { what: format!("score {}", error.0) }
    }
}

/// A tool itself failed: not what it ran, which is an observation.
#[derive(Debug, thiserror::Error)]
#[error("tool `{tool}` failed: {reason}")]
pub struct ToolError {
    /// The tool's name.
    pub tool: String,
    /// What happened and what to do.
    pub reason: String,
}
