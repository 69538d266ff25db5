//! Steps: the text between two boundaries, as a policy sampled it.

use serde::{Deserialize, Serialize};

use crate::{TokenId, TokenStat, Tokens};

/// Why generation stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Finish {
    /// A step boundary, or the number of tokens asked for, was reached; the path can be continued.
    Step,
    /// The model ended its answer: an end-of-sequence token or an end string.
    Eos,
    /// A length cap or the end of the context cut the text: neither a step nor an answer.
    Length,
}

/// One sampled step.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Step {
    /// The sampled ids, the end-of-sequence token included where one was sampled.
    pub tokens: Tokens,
    /// What `tokens` say, special tokens left out. Derived from the tokens, never re-tokenized.
    pub text: String,
    /// One entry a token; empty where the text was not sampled (a tool's output).
    pub stats: Vec<TokenStat>,
    /// The likeliest alternatives at each token, best first, as many as were asked for.
    pub alternatives: Vec<Vec<(TokenId, f32)>>,
    /// Why the step ended.
    pub finish: Finish,
}
