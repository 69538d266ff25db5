//! Tree views: a chronicle as the page shows it, finished paths read and graded.

use std::collections::{BTreeMap, BTreeSet};

use espalier_core::{
    Answers, Ask, Entry, Finish, Judgement, NodeId, Observed, Retain, Score, ScorerId, Seed,
};
use espalier_search::{Chronicle, NodeChronicle};
use serde::Serialize;

use crate::Votes;
use crate::grade::Verdict;
use crate::record::Record;
use crate::source::Source;

/// A tree and its rounds.
#[derive(Debug, Serialize)]
pub(super) struct TreeView {
    prompt_tokens: u64,
    kv_bytes_per_token: Option<u64>,
    selected: Option<NodeId>,
    nodes: Vec<NodeView>,
    rounds: Vec<RoundView>,
}

/// A node. What is zero, empty or absent is left out.
#[derive(Debug, Serialize)]
struct NodeView {
    #[serde(skip_serializing_if = "Option::is_none")]
    parent: Option<NodeId>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    merged: Vec<NodeId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    round: Option<u32>,
    /// The tool that left it.
    #[serde(skip_serializing_if = "Option::is_none")]
    observed: Option<Observed>,
    /// In hexadecimal: scripts round large numbers.
    #[serde(skip_serializing_if = "Option::is_none")]
    seed: Option<String>,
    tokens: usize,
    text: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    logprob: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    finish: Option<Finish>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    scores: BTreeMap<ScorerId, Score>,
    cost: Cost,
    kept: bool,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    held: Vec<(u32, u32)>,
    /// The answer on the path that ends here.
    #[serde(skip_serializing_if = "Option::is_none")]
    answer: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    verdict: Option<Verdict>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    replies: Vec<ReplyView>,
}

#[derive(Debug, Serialize)]
struct ReplyView {
    kind: espalier_search::trace::ReplyKind,
    round: u32,
    tokens: usize,
    text: String,
}

#[derive(Debug, Serialize)]
struct RoundView {
    asks: String,
    admitted: u32,
    retain: &'static str,
    made: u32,
    cost: Cost,
    kv_peak: u64,
    kv_after: u64,
}

/// A cost on the axes of the budget, and what caches saved.
#[derive(Debug, Serialize)]
struct Cost {
    sampled: u64,
    computed: u64,
    cached: u64,
    scored: u64,
    judged: u64,
    calls: u64,
    tool_calls: u64,
    tool_ms: f64,
    flops: u128,
    flops_uncached: u128,
}

impl TreeView {
    /// The view of a record's chronicle. Finished paths are graded where `source` has the problem.
    pub(super) fn new(chronicle: Chronicle, record: &Record, source: Option<&Source>) -> Self {
        let paths = Paths { chronicle: &chronicle, record, source };
        let answers: Vec<_> = chronicle.nodes.iter().map(|node| paths.answer(node)).collect();
        let selected = record.node.or_else(|| paths.with_text(record.text.as_deref()?));
        let Chronicle { prompt_tokens, kv_bytes_per_token, nodes, rounds, .. } = chronicle;
        let node = |(node, answer): (NodeChronicle, Option<Read>)| {
            let (answer, verdict) = answer.map_or((None, None), |read| (Some(read.0), read.1));
            NodeView {
                parent: node.parent,
                merged: node.merged,
                round: node.round,
                observed: node.observed,
                seed: node.seed.map(hexadecimal),
                tokens: node.tokens.len(),
                text: node.text,
                logprob: node.logprob,
                finish: node.finish,
                scores: node.scores,
                cost: Cost::of(&node.cost),
                kept: node.kept,
                held: node.held,
                answer,
                verdict,
                replies: node
                    .replies
                    .into_iter()
                    .map(|reply| ReplyView {
                        kind: reply.kind,
                        round: reply.round,
                        tokens: reply.tokens.len(),
                        text: reply.text,
                    })
                    .collect(),
            }
        };
        let nodes = nodes.into_iter().zip(answers).map(node).collect();
        let rounds = rounds
            .into_iter()
            .map(|round| RoundView {
                asks: describe(&round.asks),
                admitted: round.admitted,
                retain: match round.retain {
                    Retain::All => "all",
                    Retain::New(_) => "new",
                    Retain::Nothing => "nothing",
                },
                made: round.made,
                cost: Cost::of(&round.cost),
                kv_peak: round.kv_tokens_peak,
                kv_after: round.kv_tokens_after,
            })
            .collect();
        Self { prompt_tokens, kv_bytes_per_token, selected, nodes, rounds }
    }
}

/// An answer as written, and what the grader says of it.
type Read = (String, Option<Verdict>);

/// The paths of a tree, read as answers to a record's problem.
struct Paths<'a> {
    chronicle: &'a Chronicle,
    record: &'a Record,
    source: Option<&'a Source>,
}

impl Paths<'_> {
    fn text(&self, node: &NodeChronicle) -> String {
        let above = |node: &&NodeChronicle| node.parent.map(|id| &self.chronicle.nodes[id.index()]);
        let mut parts: Vec<&str> =
            std::iter::successors(Some(node), above).map(|node| &node.text[..]).collect();
        parts.reverse();
        parts.concat()
    }

    /// The first ended path with this text.
    fn with_text(&self, text: &str) -> Option<NodeId> {
        let ended = |node: &&NodeChronicle| node.finish == Some(Finish::Eos);
        let mut ended = self.chronicle.nodes.iter().filter(ended);
        ended.find(|node| self.text(node) == text).map(|node| node.id)
    }

    fn answer(&self, node: &NodeChronicle) -> Option<Read> {
        let source = self.source?;
        let ended = node.finish == Some(Finish::Eos);
        let question = self.record.question.as_deref().unwrap_or_default();
        let votes = Votes::of(source.kind, question);
        let answer = ended.then(|| votes.extract(&self.text(node)))??;
        let verdict = source.grade(self.record, &answer);
        Some((answer.0, verdict))
    }
}

impl Cost {
    fn of(entry: &Entry) -> Self {
        let spend = entry.spend();
        Self {
            sampled: spend.generated,
            computed: spend.computed,
            cached: entry.prefill_cached + entry.decode_cached + entry.scorer_cached,
            scored: spend.scored,
            judged: entry.judge,
            calls: spend.calls,
            tool_calls: entry.tool_calls,
            tool_ms: entry.tool_cpu_ns as f64 / 1e6,
            flops: spend.flops,
            flops_uncached: entry.flops_uncached,
        }
    }
}

fn hexadecimal(seed: Seed) -> String {
    serde_json::to_value(seed)
        .ok()
        .and_then(|value| value.as_u64())
        .map_or_else(String::new, |seed| format!("{seed:016x}"))
}

/// A round's asks in a few words.
fn describe(asks: &[Ask]) -> String {
    // Of each kind of ask: samples, and the nodes asked about.
    let mut kinds: BTreeMap<&'static str, (u64, BTreeSet<NodeId>)> = BTreeMap::new();
    for ask in asks {
        let (samples, nodes) = match ask {
            Ask::Sample { parent, count, .. } => (u64::from(*count), vec![*parent]),
            Ask::Judge { what: Judgement::Value(nodes) | Judgement::Vote(nodes), .. } => {
                (0, nodes.clone())
            }
            Ask::Propose { parent, .. } => (0, vec![*parent]),
            Ask::Merge { merged, .. } => (0, merged.clone()),
            Ask::Revise { node, .. } | Ask::Tool { node, .. } | Ask::Score { node, .. } => {
                (0, vec![*node])
            }
            _ => (0, Vec::new()),
        };
        let kind = kinds.entry(ask.name()).or_default();
        kind.0 += samples;
        kind.1.extend(nodes);
    }
    let words = kinds.iter().map(|(name, (samples, nodes))| {
        let nodes = format!("{} node{}", nodes.len(), if nodes.len() == 1 { "" } else { "s" });
        if *name == "sample" {
            format!("sample {samples} from {nodes}")
        } else {
            format!("{name} {nodes}")
        }
    });
    words.collect::<Vec<_>>().join(", ")
}
