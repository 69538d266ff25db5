//! The tree of held token runs: prefix lookup, forks, lifetimes.

use std::collections::BTreeSet;

use espalier_core::TokenId;

/// A node's index; reused after the node is freed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KvIx(usize);

/// A place in the tree: the first `len` tokens of a node, and all tokens above it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Loc {
    /// The node.
    pub node: KvIx,
    /// Tokens of it, at least 1 except at the root.
    pub len: usize,
}

/// A run of tokens that follows a place in another run.
#[derive(Debug)]
pub struct KvNode<S> {
    /// Where the run begins; `None` at the root.
    pub parent: Option<Loc>,
    /// Position of its first token in the sequence.
    pub start: usize,
    /// The tokens.
    pub tokens: Vec<TokenId>,
    /// Tokens from this index on have their hidden row held, so that sampling can go on from them.
    pub hidden_from: usize,
    /// Where keys and values are.
    pub store: S,
    children: Vec<KvIx>,
    users: u32,
    leases: u32,
    used: u64,
}

impl<S> KvNode<S> {
    /// Returns true if and only if the hidden row of the token before `len` is held.
    #[must_use]
    pub fn has_hidden(&self, len: usize) -> bool {
        len > self.hidden_from && len <= self.tokens.len()
    }
}

/// A tree of token runs. Several runs may begin alike; lookup tries them all.
///
/// A node lives while it is used, leased or has children. Freeing one frees its ancestors that nothing
/// else needs.
#[derive(Debug)]
pub struct KvTree<S> {
    nodes: Vec<Option<KvNode<S>>>,
    free: Vec<usize>,
    tick: u64,
}

impl<S> KvTree<S> {
    /// A tree that holds no tokens.
    #[must_use]
    pub fn new(root: S) -> Self {
        let root = KvNode {
            parent: None,
            start: 0,
            tokens: Vec::new(),
            hidden_from: 0,
            store: root,
            children: Vec::new(),
            users: 1,
            leases: 0,
            used: 0,
        };
        Self { nodes: vec![Some(root)], free: Vec::new(), tick: 0 }
    }

    /// The empty prefix.
    #[must_use]
    pub fn root(&self) -> Loc {
        Loc { node: KvIx(0), len: 0 }
    }

    /// The node with this index.
    ///
    /// # Panics
    ///
    /// Where the node has been freed.
    #[must_use]
    pub fn node(&self, ix: KvIx) -> &KvNode<S> {
        self.nodes[ix.0].as_ref().expect("an index is not used after its node is freed")
    }

    /// The node with this index.
    ///
    /// # Panics
    ///
    /// Where the node has been freed.
    pub fn node_mut(&mut self, ix: KvIx) -> &mut KvNode<S> {
        self.nodes[ix.0].as_mut().expect("an index is not used after its node is freed")
    }

    /// Every live node but the root.
    pub fn iter(&self) -> impl Iterator<Item = (KvIx, &KvNode<S>)> {
        let live = |(at, node): (usize, &'_ Option<KvNode<S>>)| node.is_some().then_some(KvIx(at));
        let ids: Vec<KvIx> = self.nodes.iter().enumerate().skip(1).filter_map(live).collect();
        ids.into_iter().map(|ix| (ix, self.node(ix)))
    }

    /// Tokens from the root to this place.
    #[must_use]
    pub fn position(&self, loc: Loc) -> usize {
        self.node(loc.node).start + loc.len
    }

    /// The place one token before; the root's is the root.
    #[must_use]
    pub fn back(&self, loc: Loc) -> Loc {
        match loc.len {
            0 => loc,
            1 => self.node(loc.node).parent.unwrap_or(loc),
            len => Loc { node: loc.node, len: len - 1 },
        }
    }

    /// The place that holds the longest prefix of `path`; among equals one whose hidden row is held.
    ///
    /// # Complexity
    ///
    /// O(tokens compared); runs that begin alike are each followed as far as they agree.
    #[must_use]
    pub fn longest(&self, path: &[TokenId]) -> Loc {
        let mut best = (self.root(), 0, false);
        let mut pending = vec![(KvIx(0), 0_usize)];
        while let Some((ix, before)) = pending.pop() {
            let node = self.node(ix);
            let rest = &path[before..];
            let same = node.tokens.iter().zip(rest).take_while(|(one, other)| one == other).count();
            let matched = before + same;
            let better = (matched, node.has_hidden(same)) > (best.1, best.2);
            if same > 0 && better {
                best = (Loc { node: ix, len: same }, matched, node.has_hidden(same));
            }
            for &child in node.children.iter().rev() {
                let attached = self.node(child).parent.map_or(0, |parent| parent.len);
                let goes_on = path.get(before + attached) == self.node(child).tokens.first();
                if attached <= same && goes_on {
                    pending.push((child, before + attached));
                }
            }
        }
        best.0
    }

    /// The place that holds exactly `path` with its hidden row, so that sampling can go on from there.
    #[must_use]
    pub fn ready(&self, path: &[TokenId]) -> Option<Loc> {
        let loc = self.longest(path);
        let ready = self.position(loc) == path.len() && self.node(loc.node).has_hidden(loc.len);
        ready.then_some(loc)
    }

    /// The nodes from the root to `loc` with the tokens visible in each, outermost first.
    #[must_use]
    pub fn path(&self, loc: Loc) -> Vec<Loc> {
        let mut path = Vec::new();
        let mut next = Some(loc);
        while let Some(loc) = next.filter(|loc| loc.len > 0) {
            path.push(loc);
            next = self.node(loc.node).parent;
        }
        path.reverse();
        path
    }

    /// Adds a run after `parent`, used once by the caller.
    pub fn add(&mut self, parent: Loc, tokens: Vec<TokenId>, hidden_from: usize, store: S) -> KvIx {
        self.tick += 1;
        let node = KvNode {
            parent: Some(parent),
            start: self.position(parent),
            tokens,
            hidden_from,
            store,
            children: Vec::new(),
            users: 1,
            leases: 0,
            used: self.tick,
        };
        let ix = if let Some(at) = self.free.pop() {
            self.nodes[at] = Some(node);
            KvIx(at)
        } else {
            self.nodes.push(Some(node));
            KvIx(self.nodes.len() - 1)
        };
        self.node_mut(parent.node).children.push(ix);
        ix
    }

    /// Marks a node as used once more: it will not be evicted.
    pub fn hold(&mut self, ix: KvIx) {
        self.tick += 1;
        let tick = self.tick;
        let node = self.node_mut(ix);
        node.users += 1;
        node.used = tick;
    }

    /// Ends one use; returns what was freed.
    #[must_use = "stores hold memory or slots that must be given back"]
    pub fn let_go(&mut self, ix: KvIx) -> Vec<S> {
        self.node_mut(ix).users -= 1;
        self.sweep(ix)
    }

    /// Leases a node: it lives on, but may be evicted.
    pub fn lease(&mut self, ix: KvIx) {
        self.node_mut(ix).leases += 1;
    }

    /// Ends one lease; returns what was freed. Does nothing where the node was evicted since.
    #[must_use = "stores hold memory or slots that must be given back"]
    pub fn end_lease(&mut self, ix: KvIx) -> Vec<S> {
        self.node_mut(ix).leases -= 1;
        self.sweep(ix)
    }

    /// The leased leaf nobody uses that was used longest ago, and taken out, its leases ended; after it, the
    /// ancestors that nothing else needs. Empty where nothing is idle.
    pub fn evict(&mut self) -> Vec<(KvIx, KvNode<S>)> {
        let idle = |node: &KvNode<S>| node.users == 0 && node.children.is_empty();
        let leaves = self.iter().filter(|(_, node)| idle(node));
        let mut evicted = Vec::new();
        let mut next = leaves.min_by_key(|(ix, node)| (node.used, *ix)).map(|(ix, _)| ix);
        while let Some(ix) = next {
            let node = self.unlink(ix);
            let above = node.parent.map(|parent| parent.node);
            evicted.push((ix, node));
            next = above.filter(|ix| idle(self.node(*ix)) && self.node(*ix).leases == 0);
        }
        evicted
    }

    /// The nodes that are used, and those above them: what is never evicted.
    ///
    /// # Complexity
    ///
    /// O(nodes).
    #[must_use]
    pub fn pinned(&self) -> BTreeSet<KvIx> {
        let mut pinned = BTreeSet::new();
        for (at, node) in self.nodes.iter().enumerate() {
            let mut next = node.as_ref().filter(|node| node.users > 0).map(|_| KvIx(at));
            while let Some(ix) = next.filter(|ix| pinned.insert(*ix)) {
                next = self.node(ix).parent.map(|parent| parent.node);
            }
        }
        pinned
    }

    /// Frees `ix` and its ancestors as far as nothing needs them.
    fn sweep(&mut self, ix: KvIx) -> Vec<S> {
        let mut freed = Vec::new();
        let mut next = Some(ix);
        while let Some(ix) = next {
            let node = self.node(ix);
            if node.users > 0 || node.leases > 0 || !node.children.is_empty() {
                break;
            }
            let node = self.unlink(ix);
            next = node.parent.map(|parent| parent.node);
            freed.push(node.store);
        }
        freed
    }

    fn unlink(&mut self, ix: KvIx) -> KvNode<S> {
        let node = self.nodes[ix.0].take().expect("a node is unlinked once");
        self.free.push(ix.0);
        if let Some(parent) = node.parent {
            self.node_mut(parent.node).children.retain(|child| *child != ix);
        }
        node
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn lookup_follows_every_run_that_begins_alike() {
        let mut tree = KvTree::new(());
        let prompt = tree.add(tree.root(), vec![1, 2, 3], 2, ());
        let end = Loc { node: prompt, len: 3 };
        let _one = tree.add(end, vec![4, 5, 6], 0, ());
        let two = tree.add(end, vec![4, 5, 7, 8], 0, ());
        assert_eq!(tree.longest(&[1, 2, 3, 4, 5, 7, 9]), Loc { node: two, len: 3 });
        assert_eq!(tree.longest(&[1, 9]), Loc { node: prompt, len: 1 });
        assert_eq!(tree.ready(&[1, 2]), None, "the prompt's inner hidden rows are not held");
        assert_eq!(tree.ready(&[1, 2, 3]), Some(end));
        assert_eq!(tree.path(Loc { node: two, len: 2 }), [end, Loc { node: two, len: 2 }]);
        assert_eq!(tree.position(Loc { node: two, len: 2 }), 5);
    }

    #[test]
    fn a_run_attached_inside_another_is_found() {
        let mut tree = KvTree::new(());
        let prompt = tree.add(tree.root(), vec![1, 2, 3], 2, ());
        let branch = tree.add(Loc { node: prompt, len: 2 }, vec![9, 8], 0, ());
        assert_eq!(tree.longest(&[1, 2, 9, 8]), Loc { node: branch, len: 2 });
        assert_eq!(tree.back(Loc { node: branch, len: 1 }), Loc { node: prompt, len: 2 });
    }

    #[test]
    fn freeing_a_leaf_frees_what_only_it_needed() {
        let mut tree = KvTree::new("root");
        let prompt = tree.add(tree.root(), vec![1], 0, "prompt");
        let one = tree.add(Loc { node: prompt, len: 1 }, vec![2], 0, "one");
        let two = tree.add(Loc { node: prompt, len: 1 }, vec![3], 0, "two");
        assert!(tree.let_go(prompt).is_empty());
        assert_eq!(tree.let_go(one), ["one"]);
        tree.lease(two);
        assert!(tree.let_go(two).is_empty());
        assert_eq!(tree.end_lease(two), ["two", "prompt"]);
        assert_eq!(tree.iter().count(), 0);
    }

    #[test]
    fn eviction_takes_the_idle_leaf_used_longest_ago() {
        let mut tree = KvTree::new("root");
        let old = tree.add(tree.root(), vec![1], 0, "old");
        let new = tree.add(tree.root(), vec![2], 0, "new");
        for ix in [old, new] {
            tree.lease(ix);
            assert!(tree.let_go(ix).is_empty());
        }
        tree.hold(old);
        assert_eq!(tree.pinned(), [tree.root().node, old].into());
        assert!(tree.let_go(old).is_empty());
        let above = tree.add(tree.root(), vec![3, 4], 0, "above");
        let below = tree.add(Loc { node: above, len: 1 }, vec![5], 0, "below");
        tree.lease(below);
        assert!(tree.let_go(below).is_empty() && tree.let_go(above).is_empty());
        let mut evict = || -> Vec<(KvIx, &str)> {
            tree.evict().into_iter().map(|(ix, node)| (ix, node.store)).collect()
        };
        assert_eq!(evict(), [(new, "new")]);
        assert_eq!(evict(), [(old, "old")]);
        assert_eq!(evict(), [(below, "below"), (above, "above")], "only the leaf needed it");
        assert_eq!(evict(), []);
    }

    proptest! {
        #[test]
        fn lookup_equals_brute_force(
            runs in prop::collection::vec((0_usize..8, 0_usize..5, prop::collection::vec(0_u32..3, 1..5)), 0..12),
            path in prop::collection::vec(0_u32..3, 0..12),
        ) {
            let mut tree = KvTree::new(());
            let mut whole = vec![(tree.root(), Vec::new())]; // every run's end and its tokens from the root
            for (parent, cut, tokens) in runs {
                let (at, prefix) = whole[parent % whole.len()].clone();
                let len = if at.len == 0 { 0 } else { 1 + cut % at.len };
                let at = Loc { node: at.node, len };
                let prefix = prefix[..tree.position(at)].to_vec();
                let ix = tree.add(at, tokens.clone(), 0, ());
                whole.push((Loc { node: ix, len: tokens.len() }, [prefix, tokens].concat()));
            }
            let common = |run: &[u32]| run.iter().zip(&path).take_while(|(a, b)| a == b).count();
            let best = whole.iter().map(|(_, run)| common(run)).max().unwrap_or(0);
            let found = tree.longest(&path);
            prop_assert_eq!(tree.position(found), best);
            let tokens: Vec<u32> = tree
                .path(found)
                .iter()
                .flat_map(|loc| tree.node(loc.node).tokens[..loc.len].to_vec())
                .collect();
            prop_assert_eq!(&tokens, &path[..best]);
        }
    }
}
