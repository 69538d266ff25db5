//! Ledgers: what a search did, to the token, by node and in total.

use std::ops::AddAssign;

use serde::{Deserialize, Serialize};

use crate::{NodeId, Spend, Usage};

/// What one node, one problem or one run cost. Every field but `tool_cpu_ns`, `wall_ns` and `queue_ns` is
/// exact and adds up from node to run.
///
/// # Units
///
/// Tokens, except calls, FLOPs, 10⁻⁹ dollars and nanoseconds where the name says so.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Entry {
    /// Prefix tokens computed. A problem's prompt counts here even where another problem had already
    /// computed part of it, so that a problem costs the same alone and in company.
    pub prefill_new: u64,
    /// Prefix tokens found in the KV cache.
    pub prefill_cached: u64,
    /// Sampled tokens on paths that lead to an answer.
    pub decode_kept: u64,
    /// Sampled tokens on paths that lead nowhere: pruned, cut, cancelled, looked ahead.
    pub decode_wasted: u64,
    /// Sampled tokens the model computed in order to go on.
    pub decode_new: u64,
    /// Sampled tokens whose KV a sibling had computed.
    pub decode_cached: u64,
    /// Tokens scorers computed.
    pub scorer_new: u64,
    /// Tokens scorers found in a KV cache.
    pub scorer_cached: u64,
    /// Tokens judges sampled.
    pub judge: u64,
    /// CPU time of tools, nanoseconds.
    pub tool_cpu_ns: u64,
    /// Calls of tools that were run. One that is answered from memory is not among them.
    #[serde(skip_serializing_if = "is_zero")]
    pub tool_calls: u64,
    /// Requests made of models.
    pub calls: u64,
    /// FLOPs done.
    pub flops: u128,
    /// FLOPs had nothing been cached.
    pub flops_uncached: u128,
    /// Price, 10⁻⁹ US dollars.
    pub nano_usd: u64,
    /// Time between submission and completion, nanoseconds; parallel requests overlap.
    pub wall_ns: u64,
    /// Time between submission and first work, nanoseconds, where the engine tells.
    pub queue_ns: u64,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands it over by reference")]
fn is_zero(count: &u64) -> bool {
    *count == 0
}

impl Entry {
    /// One answered policy request. Its tokens count as wasted until [`Ledger::settle`] finds them kept.
    #[must_use]
    pub fn of_policy(usage: &Usage) -> Self {
        Self {
            prefill_new: usage.prefill_new,
            prefill_cached: usage.prefill_cached,
            decode_wasted: usage.sampled,
            decode_new: usage.decode_new,
            decode_cached: usage.decode_cached,
            calls: 1,
            flops: usage.flops,
            flops_uncached: usage.flops_uncached,
            nano_usd: usage.nano_usd,
            ..Self::default()
        }
    }

    /// One answered scorer request.
    #[must_use]
    pub fn of_scorer(usage: &Usage) -> Self {
        Self {
            scorer_new: usage.computed(),
            scorer_cached: usage.cached(),
            calls: u64::from(*usage != Usage::default()),
            flops: usage.flops,
            flops_uncached: usage.flops_uncached,
            nano_usd: usage.nano_usd,
            ..Self::default()
        }
    }

    /// One answered policy request whose reply is a judgement.
    #[must_use]
    pub fn of_judge(usage: &Usage) -> Self {
        Self { judge: usage.sampled, decode_wasted: 0, ..Self::of_policy(usage) }
    }

    /// One call of a tool, which used this much CPU time in nanoseconds. On the budget's axes it is nothing.
    #[must_use]
    pub fn of_tool(cpu_ns: u64) -> Self {
        Self { tool_cpu_ns: cpu_ns, tool_calls: 1, ..Self::default() }
    }

    /// The same on the budget's axes.
    #[must_use]
    pub fn spend(&self) -> Spend {
        Spend {
            generated: self.decode_kept + self.decode_wasted + self.judge,
            scored: self.scorer_new,
            computed: self.prefill_new + self.decode_new + self.scorer_new,
            calls: self.calls,
            flops: self.flops,
            nano_usd: self.nano_usd,
            nanoseconds: 0,
        }
    }
}

impl AddAssign for Entry {
    fn add_assign(&mut self, other: Self) {
        self.prefill_new += other.prefill_new;
        self.prefill_cached += other.prefill_cached;
        self.decode_kept += other.decode_kept;
        self.decode_wasted += other.decode_wasted;
        self.decode_new += other.decode_new;
        self.decode_cached += other.decode_cached;
        self.scorer_new += other.scorer_new;
        self.scorer_cached += other.scorer_cached;
        self.judge += other.judge;
        self.tool_cpu_ns += other.tool_cpu_ns;
        self.tool_calls += other.tool_calls;
        self.calls += other.calls;
        self.flops += other.flops;
        self.flops_uncached += other.flops_uncached;
        self.nano_usd += other.nano_usd;
        self.wall_ns += other.wall_ns;
        self.queue_ns += other.queue_ns;
    }
}

/// The record of one problem's search.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ledger {
    nodes: Vec<Entry>,
    /// Rounds that had to wait for one another.
    pub sequential_depth: u32,
}

impl Ledger {
    /// Adds to a node's entry.
    pub fn charge(&mut self, node: NodeId, entry: Entry) {
        if self.nodes.len() <= node.index() {
            self.nodes.resize(node.index() + 1, Entry::default());
        }
        self.nodes[node.index()] += entry;
    }

    /// The entry of one node; all zero where nothing was charged.
    #[must_use]
    pub fn node(&self, node: NodeId) -> Entry {
        self.nodes.get(node.index()).copied().unwrap_or_default()
    }

    /// The sum over all nodes.
    #[must_use]
    pub fn total(&self) -> Entry {
        self.nodes.iter().fold(Entry::default(), |mut sum, entry| {
            sum += *entry;
            sum
        })
    }

    /// Splits sampled tokens into kept and wasted: those of nodes for which `kept` says so are kept.
    pub fn settle(&mut self, kept: impl Fn(NodeId) -> bool) {
        for (index, entry) in self.nodes.iter_mut().enumerate() {
            let sampled = entry.decode_kept + entry.decode_wasted;
            let kept = kept(NodeId(index as u32));
            (entry.decode_kept, entry.decode_wasted) =
                if kept { (sampled, 0) } else { (0, sampled) };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settling_moves_tokens_but_not_spend() {
        let usage = Usage { sampled: 7, decode_new: 6, prefill_new: 3, ..Usage::default() };
        let mut ledger = Ledger::default();
        ledger.charge(NodeId(1), Entry::of_policy(&usage));
        ledger.charge(NodeId(2), Entry::of_policy(&usage));
        let before = ledger.total().spend();
        ledger.settle(|node| node == NodeId(2));
        assert_eq!(ledger.total().spend(), before);
        assert_eq!((ledger.total().decode_kept, ledger.total().decode_wasted), (7, 7));
        assert_eq!(ledger.node(NodeId(2)).decode_kept, 7);
        assert_eq!(before.generated, 14);
        assert_eq!(before.computed, 18);
    }

    #[test]
    fn what_judges_say_is_generated_and_neither_kept_nor_wasted() {
        let usage = Usage { sampled: 7, decode_new: 6, prefill_new: 3, ..Usage::default() };
        let mut ledger = Ledger::default();
        ledger.charge(NodeId(1), Entry::of_judge(&usage));
        ledger.settle(|_| true);
        let total = ledger.total();
        assert_eq!((total.judge, total.decode_kept, total.decode_wasted), (7, 0, 0));
        assert_eq!(total.spend(), Spend::of_policy(&usage));
    }
}
