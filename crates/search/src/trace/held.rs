//! Held keys and values: whose a search keeps, round by round, as its trace tells.

use std::collections::{BTreeMap, BTreeSet};

use espalier_core::{Ask, Judgement, NodeId, Retain, TokenId};

use super::RoundChronicle;
use crate::Tree;

/// The leases on the policy's keys and values, as rounds and nodes come.
pub(super) struct Held<'a> {
    tree: &'a Tree,
    prompt_tokens: u64,
    /// Nodes whose path is leased, and those that the round under way has made.
    leases: BTreeSet<NodeId>,
    fresh: Vec<NodeId>,
    /// For each node, how many leased paths it is on.
    uses: Vec<u32>,
    /// For each node, where the runs of its tokens from the prompt on begin in `prefixes`: branches that
    /// begin alike are held once.
    spelled: Vec<Vec<usize>>,
    /// For each run of tokens from the prompt on, how many nodes that are held have it.
    prefixes: Vec<u32>,
    /// For each node, the rounds it is held from, and the ranges that are over.
    since: Vec<u32>,
    ranges: Vec<Vec<(u32, u32)>>,
    /// Tokens held now.
    tokens: u64,
    /// Whose leases the round under way keeps; `None` before the first.
    retain: Option<Retain>,
    /// Peak and rest of each round that is over.
    rounds: Vec<(u64, u64)>,
}

impl<'a> Held<'a> {
    pub(super) fn new(tree: &'a Tree, prompt_tokens: u64) -> Self {
        let spelled = spell(tree);
        let prefixes = spelled.iter().flatten().max().map_or(0, |last| last + 1);
        Self {
            spelled,
            prefixes: vec![0; prefixes],
            tree,
            prompt_tokens,
            leases: BTreeSet::new(),
            fresh: Vec::new(),
            uses: vec![0; tree.len()],
            since: vec![0; tree.len()],
            ranges: vec![Vec::new(); tree.len()],
            tokens: 0,
            retain: None,
            rounds: Vec::new(),
        }
    }

    /// Begins a round: what neither it nor the next needs is let go first.
    pub(super) fn begin(&mut self, asks: &[Ask], retain: &Retain) {
        self.close();
        let kept = match retain {
            Retain::All => None,
            Retain::New(kept) => Some(&kept[..]),
            Retain::Nothing => Some(&[][..]),
        };
        if let Some(kept) = kept {
            let mut needed: BTreeSet<NodeId> = kept.iter().copied().collect();
            for ask in asks {
                needed.extend(grown(ask));
            }
            // They were held to the end of the round before.
            let last = self.round().saturating_sub(1);
            self.let_go(last, |id| needed.contains(&id));
        }
        self.retain = Some(retain.clone());
    }

    /// A node is there, and its path is held to the end of the round.
    pub(super) fn add(&mut self, node: NodeId) {
        let round = self.round();
        let parent = self.tree.parent(node);
        if self.tree.observed(node).is_some() && parent.is_none_or(|id| !self.leases.contains(&id))
        {
            return;
        }
        self.fresh.push(node);
        for id in self.path(node) {
            self.uses[id.index()] += 1;
            if self.uses[id.index()] == 1 {
                self.hold(id);
                let ranges = &mut self.ranges[id.index()];
                let before = ranges.pop_if(|range| range.1 + 1 >= round);
                self.since[id.index()] = before.map_or(round, |range| range.0);
            }
        }
    }

    /// Ends the last round; returns the rounds with what they held, and the ranges of each node.
    pub(super) fn end(
        mut self,
        mut rounds: Vec<RoundChronicle>,
    ) -> (Vec<RoundChronicle>, Vec<Vec<(u32, u32)>>) {
        self.close();
        // What is leased still is held to the last round.
        let last = self.round().saturating_sub(1);
        self.let_go(last, |_| false);
        for (round, (peak, after)) in rounds.iter_mut().zip(self.rounds) {
            (round.kv_tokens_peak, round.kv_tokens_after) = (peak, after);
        }
        (rounds, self.ranges)
    }

    /// The number of the round under way, or of the next.
    fn round(&self) -> u32 {
        self.rounds.len() as u32
    }

    /// Ends the round under way: keeps what it retains.
    fn close(&mut self) {
        let Some(retain) = self.retain.take() else { return };
        let (peak, round) = (self.tokens, self.round());
        let fresh = std::mem::take(&mut self.fresh);
        match retain {
            Retain::All => self.leases.extend(fresh),
            Retain::New(kept) => {
                self.let_go(round, |id| kept.contains(&id));
                self.leases.extend(fresh);
            }
            Retain::Nothing => {
                self.leases.extend(fresh);
                self.let_go(round, |_| false);
            }
        }
        self.rounds.push((peak, self.tokens));
    }

    /// Ends the leases that are not kept; `last` is the last round they were held in.
    fn let_go(&mut self, last: u32, keep: impl Fn(NodeId) -> bool) {
        let gone: Vec<NodeId> = self.leases.iter().copied().filter(|&id| !keep(id)).collect();
        for node in gone {
            self.leases.remove(&node);
            for id in self.path(node) {
                self.uses[id.index()] -= 1;
                if self.uses[id.index()] == 0 {
                    self.let_go_of(id);
                    self.ranges[id.index()].push((self.since[id.index()], last));
                }
            }
        }
    }

    /// The nodes whose tokens a lease of `node` keeps: an observation has none of its own, and shares that of
    /// the step that called.
    fn path(&self, node: NodeId) -> Vec<NodeId> {
        let seen = |id: &NodeId| self.tree.observed(*id).is_some();
        self.tree.ancestors(node).skip_while(seen).collect()
    }

    fn hold(&mut self, id: NodeId) {
        if id == NodeId::ROOT {
            self.tokens += self.prompt_tokens;
        }
        for &prefix in &self.spelled[id.index()] {
            self.prefixes[prefix] += 1;
            self.tokens += u64::from(self.prefixes[prefix] == 1);
        }
    }

    fn let_go_of(&mut self, id: NodeId) {
        if id == NodeId::ROOT {
            self.tokens -= self.prompt_tokens;
        }
        for &prefix in &self.spelled[id.index()] {
            self.prefixes[prefix] -= 1;
            self.tokens -= u64::from(self.prefixes[prefix] == 0);
        }
    }
}

/// For each node and each of its tokens, the number of the run of tokens from the prompt to this one; equal
/// runs have equal numbers.
fn spell(tree: &Tree) -> Vec<Vec<usize>> {
    let mut known: BTreeMap<(Option<usize>, TokenId), usize> = BTreeMap::new();
    let mut spelled: Vec<Vec<usize>> = Vec::with_capacity(tree.len());
    // Where each node ends; a node without tokens ends where its parent does.
    let mut ends: Vec<Option<usize>> = Vec::with_capacity(tree.len());
    for id in tree.ids() {
        let mut at = tree.parent(id).and_then(|parent| ends[parent.index()]);
        let mut numbers = Vec::new();
        for &token in tree.node(id).step.iter().flat_map(|step| step.tokens.iter()) {
            let next = known.len();
            let number = *known.entry((at, token)).or_insert(next);
            numbers.push(number);
            at = Some(number);
        }
        spelled.push(numbers);
        ends.push(at);
    }
    spelled
}

/// The node that an ask goes on from.
fn grown(ask: &Ask) -> Option<NodeId> {
    match ask {
        Ask::Sample { parent, .. } | Ask::Propose { parent, .. } | Ask::Merge { parent, .. } => {
            Some(*parent)
        }
        Ask::Revise { node, .. } | Ask::Tool { node, .. } => Some(*node),
        Ask::Judge { what: Judgement::Vote(nodes), .. } => nodes.first().copied(),
        _ => None,
    }
}
