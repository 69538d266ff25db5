//! Errors: what ends one problem's search while the others go on.

use espalier_core::{ModelError, ToolError};

/// One problem's search could not go on. Its outcome holds what earlier rounds had found.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SearchError {
    /// The prompt leaves no room to generate; nothing was computed.
    #[error("the search could not start")]
    Prompt {
        /// How long it is and what fits.
        #[source]
        source: ModelError,
    },
    /// The strategy asked for what cannot be done; nothing of that round was spent.
    #[error("ask `{ask}` of round {round} refused: {reason}")]
    Refused {
        /// The round, from 0.
        round: u32,
        /// The ask's name.
        ask: &'static str,
        /// What is wrong with it and what to do.
        reason: String,
    },
    /// A model failed. What the round had computed until then is in neither the tree nor the ledger.
    #[error("ask `{ask}` failed in round {round}")]
    Failed {
        /// The round, from 0.
        round: u32,
        /// The ask's name; `score` where a new node was being scored.
        ask: &'static str,
        /// The cause.
        #[source]
        source: ModelError,
    },
    /// A tool failed: not what it ran. That is no observation, and says nothing of an answer.
    #[error("a tool failed in round {round}")]
    Tool {
        /// The round, from 0.
        round: u32,
        /// The cause.
        #[source]
        source: ToolError,
    },
}
