//! Steps: the text between two boundaries, as a policy sampled it.

use serde::{Deserialize, Serialize};

use crate::{TokenId, TokenStat, Tokens, tool::Observed};

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

/// One step: what a policy sampled, or what a tool left.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Step {
    /// The ids, the end-of-sequence token included where one was sampled.
    pub tokens: Tokens,
    /// What `tokens` say, special tokens left out. Derived from the tokens, never re-tokenized.
    pub text: String,
    /// One entry a token; empty where the text was not sampled (a tool's output).
    pub stats: Vec<TokenStat>,
    /// The likeliest alternatives at each token, best first, as many as were asked for.
    pub alternatives: Vec<Vec<(TokenId, f32)>>,
    /// The tool that left it, and how; `None` where a policy sampled it. No token of an observation counts as
    /// generated, and none says how sure the policy is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed: Option<Observed>,
    /// Why the step ended.
    pub finish: Finish,
}
