//! Thoughts: how the next steps of a tree of thoughts are made and judged.

use std::cmp::Reverse;

use espalier_core::{Ask, FormId, Judgement, NodeId, PolicyId, Retain, Round, Score, ScorerId};

use crate::{BadStrategy, Tree, ranking::one_step, strategies::at_least_one};

/// How next steps are made.
///
/// Source: Yao et al. 2023, <https://arxiv.org/abs/2305.10601>, section 3, thought generator.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Generate {
    /// This many samples, each by itself.
    Sample(u32),
    /// Those of one reply to a form that proposes.
    Propose(FormId),
}

/// How steps are judged.
///
/// Source: Yao et al. 2023, <https://arxiv.org/abs/2305.10601>, section 3, state evaluator.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Evaluate {
    /// Each by itself, by this form, so many times.
    Value(FormId, u32),
    /// All that are new together, by this form, by so many votes.
    Vote(FormId, u32),
    /// Each by itself, by the scorer, as it is made. (Not the paper's.)
    Score,
}

/// How steps are made and judged, and as whose scores the judgements are kept.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Thoughts {
    generate: Generate,
    evaluate: Evaluate,
    pub(crate) scorer: ScorerId,
}

impl Thoughts {
    pub(crate) fn new(
        generate: Generate,
        evaluate: Evaluate,
        scorer: ScorerId,
    ) -> Result<Self, BadStrategy> {
        if let Generate::Sample(n) = generate {
            at_least_one("--n", n)?;
        }
        if let Evaluate::Value(_, samples) | Evaluate::Vote(_, samples) = evaluate {
            at_least_one("--judgements", samples)?;
        }
        Ok(Self { generate, evaluate, scorer })
    }

    /// The round that makes the next steps of these nodes. All KV is kept: prompts begin alike.
    pub(crate) fn grow(&self, nodes: Vec<NodeId>) -> Round {
        let policy = PolicyId::default();
        let asks = match self.generate {
            Generate::Sample(n) => one_step(nodes.into_iter().map(|id| (id, n)).collect()),
            Generate::Propose(form) => {
                nodes.into_iter().map(|parent| Ask::Propose { parent, policy, form }).collect()
            }
        };
        let score = matches!(self.evaluate, Evaluate::Score).then_some(self.scorer);
        Round { asks, score, retain: Retain::All }
    }

    /// The round that judges these nodes; `None` where they were judged as they were made.
    pub(crate) fn judge(&self, nodes: &[NodeId]) -> Option<Round> {
        let nodes = nodes.to_vec();
        let (what, form, samples) = match self.evaluate {
            Evaluate::Value(form, samples) => (Judgement::Value(nodes), form, samples),
            Evaluate::Vote(form, samples) => (Judgement::Vote(nodes), form, samples),
            Evaluate::Score => return None,
        };
        let (scorer, policy) = (self.scorer, PolicyId::default());
        let asks = vec![Ask::Judge { what, samples, scorer, policy, form }];
        Some(Round { asks, score: None, retain: Retain::All })
    }

    /// Sorts the best first, ties to the lowest id, and last those whose judgements could not be read.
    pub(crate) fn key(&self, tree: &Tree, id: NodeId) -> (Reverse<Option<Score>>, NodeId) {
        (Reverse(tree.node(id).score(self.scorer)), id)
    }
}
