//! Asks: everything a strategy can want, as data.

use serde::{Deserialize, Serialize};

use crate::{FormId, NodeId, PolicyId, ScorerId, ToolId};

/// How far one continuation runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Until {
    /// To the next step boundary.
    Boundary,
    /// To the end of the answer.
    End,
    /// For this many tokens, or to the end of the answer.
    Tokens(u32),
}

/// How the tokens of a continuation are drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Draw {
    /// As the run's [`Sampling`](crate::Sampling) says.
    #[default]
    Sampled,
    /// The likeliest token each time, whatever the run's temperature.
    Likeliest,
}

impl Draw {
    #[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands it over by reference")]
    fn is_sampled(&self) -> bool {
        *self == Self::Sampled
    }
}

/// How a judge is asked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Judgement {
    /// Each node is rated by itself.
    Value(Vec<NodeId>),
    /// The judge names the best of these nodes.
    Vote(Vec<NodeId>),
}

/// One thing a strategy wants done before it is asked again.
///
/// Each ask names the policy (or scorer, or tool) that does it and the prompt form that turns it into
/// text. Results reach the strategy at the round's end, in ask order, as new nodes or new scores.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Ask {
    /// Sample `count` children of `parent`.
    Sample {
        /// The node to grow.
        parent: NodeId,
        /// How many children.
        count: u32,
        /// How far each child runs.
        until: Until,
        /// How its tokens are drawn.
        #[serde(default, skip_serializing_if = "Draw::is_sampled")]
        draw: Draw,
        /// Who samples.
        policy: PolicyId,
        /// How the path becomes a prompt: [`FormId::CONTINUE`], or a propose prompt, of each of whose
        /// replies the first step counts.
        form: FormId,
    },
    /// Propose several next steps of `parent` in one prompt; each becomes a child.
    Propose {
        /// The node to grow.
        parent: NodeId,
        /// Who proposes.
        policy: PolicyId,
        /// The propose prompt.
        form: FormId,
    },
    /// Have a policy rate nodes that have no score of this scorer yet.
    Judge {
        /// Which nodes, and how.
        what: Judgement,
        /// Judgements sampled of each node, or votes. A node's score is the mean of the values that could
        /// be read, or its share of the votes that could; where none could, it has no score.
        samples: u32,
        /// As whose scores they are kept: an id that none of the driver's scorers has.
        scorer: ScorerId,
        /// Who judges.
        policy: PolicyId,
        /// The judge prompt.
        form: FormId,
    },
    /// Rewrite a finished answer. The revision is a whole answer, so it becomes a child of the root, with
    /// a reference to the node it revises.
    Revise {
        /// The finished node to revise. The form sees the answers it revises in turn, too.
        node: NodeId,
        /// Who revises.
        policy: PolicyId,
        /// The revision prompt.
        form: FormId,
    },
    /// Merge several nodes into one (graph of thoughts). The prompt is counted as prefill.
    Merge {
        /// The context parent: prompt, KV and backup path of the new node.
        parent: NodeId,
        /// The nodes it merges; references, not tree edges.
        merged: Vec<NodeId>,
        /// Who merges.
        policy: PolicyId,
        /// The merge prompt.
        form: FormId,
    },
    /// Call a tool as the step of `node` asks for; what the call left becomes a child. A node calls a tool
    /// once. It may have ended its answer: then it is none.
    Tool {
        /// The node whose step ends with the call.
        node: NodeId,
        /// Which tool.
        tool: ToolId,
    },
    /// Score a node that has no score of this scorer yet.
    Score {
        /// The node.
        node: NodeId,
        /// Who scores.
        scorer: ScorerId,
    },
}

impl Ask {
    /// Samples `count` continuations of `parent` with the first policy, as the path stands.
    #[must_use]
    pub fn sample(parent: NodeId, count: u32, until: Until) -> Self {
        let (policy, form) = (PolicyId::default(), FormId::CONTINUE);
        Self::Sample { parent, count, until, draw: Draw::Sampled, policy, form }
    }

    /// Takes the likeliest continuation of `parent` with the first policy, as the path stands.
    #[must_use]
    pub fn likeliest(parent: NodeId, until: Until) -> Self {
        let (policy, form) = (PolicyId::default(), FormId::CONTINUE);
        Self::Sample { parent, count: 1, until, draw: Draw::Likeliest, policy, form }
    }

    /// The ask's name in traces and messages.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Sample { .. } => "sample",
            Self::Propose { .. } => "propose",
            Self::Judge { .. } => "judge",
            Self::Revise { .. } => "revise",
            Self::Merge { .. } => "merge",
            Self::Tool { .. } => "tool",
            Self::Score { .. } => "score",
        }
    }
}

/// Which nodes' KV the driver keeps for later rounds; it frees the rest at once.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Retain {
    /// Every node's: the strategy may come back to any.
    #[default]
    All,
    /// The children this round makes, and these nodes.
    New(Vec<NodeId>),
    /// Nothing after this round.
    Nothing,
}

/// One round: what to do next, and whose KV to keep. An empty list of asks ends the search.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Round {
    /// What to do, in the order results are wanted.
    pub asks: Vec<Ask>,
    /// Scores every node the round makes, before the round ends.
    pub score: Option<ScorerId>,
    /// Whose KV outlives the round.
    pub retain: Retain,
}

impl Round {
    /// The round that ends a search.
    #[must_use]
    pub fn end() -> Self {
        Self::default()
    }

    /// A round whose new nodes are not scored and whose nodes' KV is not needed afterwards.
    #[must_use]
    pub fn last(asks: Vec<Ask>) -> Self {
        Self { asks, score: None, retain: Retain::Nothing }
    }
}
