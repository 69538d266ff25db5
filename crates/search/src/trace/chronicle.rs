//! Chronicles: all that a trace tells of each node and each round, in one object that can be exported.

use std::{collections::BTreeMap, sync::Arc};

use espalier_core::{
    Ask, Entry, Event, Finish, Ledger, NodeId, Observed, Prompt, Retain, Score, ScorerId, Seed,
    Stop, TokenId,
};
use serde::{Deserialize, Serialize};

use super::{BadTrace, held::Held, replay};
use crate::Tree;

/// A search as its trace tells it. As JSON it is the export for other programs: field names and
/// meanings are those of the trace.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Chronicle {
    /// Content hash of the problem.
    pub problem: u64,
    /// Tokens of the prompt.
    pub prompt_tokens: u64,
    /// The problem's seed.
    pub seed: Seed,
    /// Why the search ended.
    pub stop: Stop,
    /// Bytes of keys and values that one token holds in the policy; `None` where nobody said.
    pub kv_bytes_per_token: Option<u64>,
    /// Every node, in creation order; the root first.
    pub nodes: Vec<NodeChronicle>,
    /// Every round, in order.
    pub rounds: Vec<RoundChronicle>,
}

/// What a trace tells of one node.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct NodeChronicle {
    /// Its id: its position.
    pub id: NodeId,
    /// Its parent; `None` at the root.
    pub parent: Option<NodeId>,
    /// The nodes it was made from beside its parent.
    pub merged: Vec<NodeId>,
    /// Steps between the root and this node, this one included.
    pub depth: u32,
    /// The round that made it; `None` at the root.
    pub round: Option<u32>,
    /// The tool whose observation it is, and how the call ended; `None` where it was sampled.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed: Option<Observed>,
    /// The seed it was sampled with, or its call was run with; `None` at the root.
    pub seed: Option<Seed>,
    /// What was sampled, or what the policy reads of the observation.
    pub tokens: Vec<TokenId>,
    /// What the tokens say.
    pub text: String,
    /// Sum of the tokens' log-probabilities, nats; `None` at the root and where nothing was sampled.
    pub logprob: Option<f64>,
    /// Why it ended; `None` at the root.
    pub finish: Option<Finish>,
    /// The step score of each scorer that scored it.
    pub scores: BTreeMap<ScorerId, Score>,
    /// What it cost, scores and judgements included. Sampled tokens are split into kept and wasted.
    pub cost: Entry,
    /// Whether its path leads to an ended answer.
    pub kept: bool,
    /// The rounds during which its keys and values were held, as ranges with both ends included.
    pub held: Vec<(u32, u32)>,
    /// Bytes of keys and values of its tokens, where a token's are known; branches that begin alike share
    /// theirs. The root's are the prompt's.
    pub kv_bytes: Option<u64>,
    /// Whole replies that were charged to it: proposals below it, and judgements of it.
    pub replies: Vec<Reply>,
}

/// A reply that is no node itself.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Reply {
    /// What it is.
    pub kind: ReplyKind,
    /// The round it came in.
    pub round: u32,
    /// The nodes it is about: those judged, or none.
    pub nodes: Vec<NodeId>,
    /// The seed it was sampled with.
    pub seed: Seed,
    /// What was sampled.
    pub tokens: Vec<TokenId>,
    /// What the tokens say.
    pub text: String,
}

/// What a reply is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReplyKind {
    /// It proposes several steps; those are nodes.
    Proposed,
    /// It judges nodes; what comes of it is a score.
    Judged,
}

/// What a trace tells of one round.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RoundChronicle {
    /// Its number: its position.
    pub round: u32,
    /// What was asked.
    pub asks: Vec<Ask>,
    /// Who scored the new nodes.
    pub score: Option<ScorerId>,
    /// Whose keys and values were kept.
    pub retain: Retain,
    /// Units of work admitted, from the front.
    pub admitted: u32,
    /// The nodes it made: this many, ending where the next round's begin.
    pub made: u32,
    /// What all of it cost. Sampled tokens count as wasted: what is kept is only known at the end.
    pub cost: Entry,
    /// Tokens whose keys and values were held while it ran.
    pub kv_tokens_peak: u64,
    /// Tokens whose keys and values were held when it was over.
    pub kv_tokens_after: u64,
}

/// Reads a chronicle from a trace. `kv_bytes_per_token` is the policy's, where it is known.
///
/// Keys and values are counted as leases keep them: the prompt's and every step's on a path to a node
/// whose lease is alive. Branches that begin alike are held once and counted once. The policy's alone are
/// counted, those of scorers and of forms' prompts are not; and a step's last token is, although it is
/// computed only when the step is continued.
///
/// # Errors
///
/// [`BadTrace`] where the trace does not begin with its start, does not go to its end, or contradicts
/// itself.
///
/// # Complexity
///
/// Linear in events and in the tokens of the path of each lease, apart from a logarithm of all tokens.
pub fn chronicle(events: &[Event], kv_bytes_per_token: Option<u64>) -> Result<Chronicle, BadTrace> {
    let Some(&Event::Start { problem, prompt_tokens, seed }) = events.first() else {
        return Err(BadTrace::NoStart);
    };
    let Some(&Event::End { stop }) = events.last() else { return Err(BadTrace::NoEnd) };
    let prompt = Arc::new(Prompt { problem: String::new(), tokens: Arc::new([]) });
    let tree = replay(prompt, u64::MAX, events)?;
    let mut reading = Reading::new(&tree, prompt_tokens);
    for (index, event) in events.iter().enumerate() {
        reading.take(index, event)?;
    }
    let Reading { mut ledger, rounds, mut told, held, .. } = reading;
    let kept = tree.kept();
    ledger.settle(|id| kept[id.index()]);
    let (rounds, held) = held.end(rounds);
    let node = |id: NodeId| {
        let (node, told) = (tree.node(id), std::mem::take(&mut told[id.index()]));
        let tokens = node.step.as_ref().map_or_else(Vec::new, |step| step.tokens.to_vec());
        let len = if id == NodeId::ROOT { prompt_tokens } else { tokens.len() as u64 };
        NodeChronicle {
            id,
            parent: tree.parent(id),
            merged: node.merged.clone(),
            depth: node.depth,
            round: told.round,
            observed: node.observed(),
            seed: node.seed,
            tokens,
            text: node.step.as_ref().map_or_else(String::new, |step| step.text.clone()),
            logprob: told.logprob,
            finish: node.finish(),
            scores: node.scores.clone(),
            cost: ledger.node(id),
            kept: kept[id.index()],
            held: held[id.index()].clone(),
            kv_bytes: kv_bytes_per_token.map(|bytes| bytes * len),
            replies: told.replies,
        }
    };
    let nodes = tree.ids().map(node).collect();
    Ok(Chronicle { problem, prompt_tokens, seed, stop, kv_bytes_per_token, nodes, rounds })
}

/// What the trace tells of a node and its tree does not.
#[derive(Default)]
struct Told {
    round: Option<u32>,
    logprob: Option<f64>,
    replies: Vec<Reply>,
}

/// A trace, read so far.
struct Reading<'a> {
    tree: &'a Tree,
    ledger: Ledger,
    rounds: Vec<RoundChronicle>,
    told: Vec<Told>,
    held: Held<'a>,
    /// Nodes still to come of the last proposal.
    proposed: u32,
}

impl<'a> Reading<'a> {
    fn new(tree: &'a Tree, prompt_tokens: u64) -> Self {
        Self {
            tree,
            ledger: Ledger::default(),
            rounds: Vec::new(),
            told: tree.ids().map(|_| Told::default()).collect(),
            held: Held::new(tree, prompt_tokens),
            proposed: 0,
        }
    }

    fn take(&mut self, index: usize, event: &Event) -> Result<(), BadTrace> {
        match event {
            Event::Round { round, asks, score, retain, admitted } => {
                if *round as usize != self.rounds.len() {
                    return Err(BadTrace::RoundOutOfTurn { event: index, round: *round });
                }
                self.held.begin(asks, retain);
                self.rounds.push(RoundChronicle {
                    round: *round,
                    asks: asks.clone(),
                    score: *score,
                    retain: retain.clone(),
                    admitted: *admitted,
                    made: 0,
                    cost: Entry::default(),
                    kv_tokens_peak: 0,
                    kv_tokens_after: 0,
                });
            }
            Event::Prompt { cost } => self.charge(index, NodeId::ROOT, *cost)?,
            Event::Node { node, merged, observed, logprob, cost, .. } => {
                self.charge(index, *node, *cost)?;
                let round = self.rounds.last_mut().expect("a charge is refused outside of rounds");
                round.made += 1;
                let told = &mut self.told[node.index()];
                (told.round, told.logprob) =
                    (Some(round.round), Some(*logprob).filter(|_| observed.is_none()));
                // Where a form prompted, what is held is the form's prompt.
                if self.proposed == 0 && merged.is_empty() {
                    self.held.add(*node);
                }
                self.proposed = self.proposed.saturating_sub(1);
            }
            Event::Scored { node, cost, .. } => self.charge(index, *node, *cost)?,
            Event::Proposed { parent, seed, tokens, text, made, cost } => {
                self.charge(index, *parent, *cost)?;
                self.proposed = *made;
                let (kind, nodes) = (ReplyKind::Proposed, Vec::new());
                self.reply(*parent, kind, nodes, *seed, tokens, text);
            }
            Event::Judged { nodes, seed, tokens, text, cost } => {
                if let Some(first) = nodes.first() {
                    self.charge(index, *first, *cost)?;
                }
                for &node in nodes {
                    if !self.tree.contains(node) {
                        return Err(BadTrace::OutOfTurn { event: index, node });
                    }
                    self.reply(node, ReplyKind::Judged, nodes.clone(), *seed, tokens, text);
                }
            }
            _ => {}
        }
        Ok(())
    }

    fn charge(&mut self, event: usize, node: NodeId, cost: Entry) -> Result<(), BadTrace> {
        let round = self.rounds.last_mut().filter(|_| self.tree.contains(node));
        round.ok_or(BadTrace::OutOfTurn { event, node })?.cost += cost;
        self.ledger.charge(node, cost);
        Ok(())
    }

    fn reply(
        &mut self,
        at: NodeId,
        kind: ReplyKind,
        nodes: Vec<NodeId>,
        seed: Seed,
        tokens: &[TokenId],
        text: &str,
    ) {
        let round = self.rounds.last().map_or(0, |round| round.round);
        let (tokens, text) = (tokens.to_vec(), text.to_owned());
        self.told[at.index()].replies.push(Reply { kind, round, nodes, seed, tokens, text });
    }
}
