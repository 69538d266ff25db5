//! Traces: what happened in a search, in order. One JSON object a line when written down.

use serde::{Deserialize, Serialize};

use crate::{
    Axis, Entry, Finish, NodeId, Retain, Score, ScorerId, Seed, TokenId, ask::Ask, tool::Observed,
};

/// Why a search ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Stop {
    /// The strategy asked for nothing more.
    Done,
    /// The next round, or part of it, could not be paid for on this axis.
    Exhausted(Axis),
    /// Whoever runs the search stopped it.
    Interrupted,
    /// A model failed, or the strategy asked for what cannot be done.
    Failed,
}

/// One thing that happened. Events of a round come in ask order, whatever order work completed in.
///
/// Tagged from outside (`{"node": {…}}`): serde's inner tags cannot hold the 128-bit FLOP counts.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Event {
    /// The search began.
    Start {
        /// Content hash of the problem.
        problem: u64,
        /// Tokens of the prompt.
        prompt_tokens: u64,
        /// The problem's seed.
        seed: Seed,
    },
    /// The strategy asked; `admitted` samples, judgements and calls of tools could be paid for.
    Round {
        /// Number of the round, from 0.
        round: u32,
        /// What was asked.
        asks: Vec<Ask>,
        /// Who scores the new nodes.
        score: Option<ScorerId>,
        /// Whose KV is kept.
        retain: Retain,
        /// Units of work admitted, from the front.
        admitted: u32,
    },
    /// Several steps were proposed at once: the nodes that follow, whose tokens are charged to them. What
    /// is left of the cost is charged to their parent.
    Proposed {
        /// The node they continue.
        parent: NodeId,
        /// The seed the reply was sampled with, which is the nodes', too.
        seed: Seed,
        /// The whole reply.
        tokens: Vec<TokenId>,
        /// What the tokens say.
        text: String,
        /// How many nodes follow.
        made: u32,
        /// What it cost, the nodes' tokens aside.
        cost: Entry,
    },
    /// A judge has replied. What comes of its replies to an ask are the scores that follow.
    Judged {
        /// The node that was rated, or the nodes to choose from. The cost is charged to the first.
        nodes: Vec<NodeId>,
        /// The seed the reply was sampled with.
        seed: Seed,
        /// The whole reply.
        tokens: Vec<TokenId>,
        /// What the tokens say.
        text: String,
        /// What it cost.
        cost: Entry,
    },
    /// The prompt was charged to the root: once, in the first round that computes it.
    Prompt {
        /// What it cost.
        cost: Entry,
    },
    /// A node was added.
    Node {
        /// Its id.
        node: NodeId,
        /// Its parent.
        parent: NodeId,
        /// The nodes it was made from beside its parent: those it merges, or the one it revises.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        merged: Vec<NodeId>,
        /// The tool whose observation it is, and how the call ended; `None` where it was sampled.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        observed: Option<Observed>,
        /// The seed it was sampled with, or its call was run with.
        seed: Seed,
        /// What was sampled, or what the policy reads of the observation.
        tokens: Vec<TokenId>,
        /// What the tokens say.
        text: String,
        /// Sum of the sampled tokens' log-probabilities, nats.
        logprob: f64,
        /// Why it ended.
        finish: Finish,
        /// What it cost.
        cost: Entry,
    },
    /// A node was scored.
    Scored {
        /// The node.
        node: NodeId,
        /// Who scored it.
        scorer: ScorerId,
        /// The last step's score.
        score: Score,
        /// What it cost.
        cost: Entry,
    },
    /// The search ended.
    End {
        /// Why.
        stop: Stop,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_survive_json() {
        let cost = Entry { flops: u128::from(u64::MAX) * 4, prefill_new: 3, ..Entry::default() };
        let event = Event::Prompt { cost };
        let json = serde_json::to_string(&event).unwrap();
        assert_eq!(serde_json::from_str::<Event>(&json).unwrap(), event, "{json}");
    }
}
