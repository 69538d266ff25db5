//! Feeding: every branch moves on by the tokens it knows, and the front computes those that are new.

use std::collections::BTreeSet;

use super::{
    core_loop::{Engine, Store},
    runs::{FrontAttention, Runs},
    tree_attention::{DecodeAttention, Plan},
};
use crate::{
    kv::{Cut, KvIx, Loc},
    nn::{Between, host::from_host},
};

impl Engine {
    /// Moves every active branch on through what is held already, and gives each new token a row.
    /// Then computes all rows at once.
    pub(super) fn feed(&mut self) {
        let mut claimed = BTreeSet::new();
        self.tighten();
        for at in 0..self.active.len() {
            self.advance(at, &mut claimed);
        }
        if !claimed.is_empty() {
            self.make_rows();
            self.retire(&claimed);
            self.compute_front();
        }
    }

    fn advance(&mut self, at: usize, claimed: &mut BTreeSet<KvIx>) {
        while let Some(&token) = self.active[at].todo.front() {
            let branch = &self.active[at];
            let reached = branch.reached();
            let from = branch.loc;
            let known = self.tree.ready(&branch.tokens[..=reached]).filter(|loc| self.enter(*loc));
            let (to, computed) = match known {
                Some(loc) => (loc, false),
                None if claimed.contains(&from.node) && self.is_end(from) => return,
                None => (self.claim(from, token, claimed), true),
            };
            self.tree.hold(to.node);
            self.deferred.push(from.node);
            let branch = &mut self.active[at];
            branch.loc = to;
            branch.todo.pop_front();
            branch.count(reached, computed);
            if computed {
                branch.usage.flops += self.cost.forward(reached as u64, reached as u64 + 1);
            }
            if claimed.contains(&to.node) && self.is_end(to) {
                return;
            }
        }
    }

    fn is_end(&self, loc: Loc) -> bool {
        loc.len == self.tree.node(loc.node).tokens.len()
    }

    /// Gives the new `token` after `from` a row: the row it is at the end of, or a new one.
    fn claim(&mut self, from: Loc, token: u32, claimed: &mut BTreeSet<KvIx>) -> Loc {
        let end = self.is_end(from);
        let node = self.tree.node_mut(from.node);
        if let (true, Store::Front(_)) = (end, &node.store) {
            node.tokens.push(token);
            claimed.insert(from.node);
            return Loc { node: from.node, len: from.len + 1 };
        }
        let slot = self.slots.len();
        let ix = if let Store::Front(source) = node.store {
            let (parent, hidden_from) =
                (node.parent.expect("a row has a parent"), node.hidden_from);
            let mut tokens = node.tokens[..from.len].to_vec();
            tokens.push(token);
            // A row made in this very step is itself still to be copied: take what it is a copy of.
            let made = source.checked_sub(self.front.rows());
            self.new_rows.push(made.map_or(Some(source), |at| self.new_rows[at]));
            self.tree.add(parent, tokens, hidden_from, Store::Front(slot))
        } else {
            self.new_rows.push(None);
            self.tree.add(from, vec![token], 0, Store::Front(slot))
        };
        self.slots.push(ix);
        self.deferred.push(ix); // the branch takes a hold of its own
        claimed.insert(ix);
        Loc { node: ix, len: self.tree.node(ix).tokens.len() }
    }

    /// Makes the rows that were claimed since the last step, all at once.
    fn make_rows(&mut self) {
        let longest = self.slots.iter().map(|ix| self.tree.node(*ix).tokens.len()).max();
        self.make_room(self.front_growth(self.new_rows.len()));
        let new = std::mem::take(&mut self.new_rows);
        self.front.grow(&new, longest.unwrap_or(0));
    }

    /// Computes the last token of every row of the front.
    fn compute_front(&mut self) {
        let rows: Vec<(Vec<Loc>, usize, u32, usize)> = self
            .slots
            .iter()
            .map(|ix| {
                let node = self.tree.node(*ix);
                let len = node.tokens.len();
                let path = node.parent.map(|parent| self.tree.path(parent)).unwrap_or_default();
                (path, len, node.tokens[len - 1], node.start + len - 1)
            })
            .collect();
        let paths: Vec<Vec<Loc>> = rows.iter().map(|row| row.0.clone()).collect();
        let tails: Vec<usize> = rows.iter().map(|row| row.1).collect();
        let ids: Vec<u32> = rows.iter().map(|row| row.2).collect();
        let positions: Vec<usize> = rows.iter().map(|row| row.3).collect();
        let columns: Vec<usize> = tails.iter().map(|len| len - 1).collect();
        let config = &self.decoder.config;
        let (tree, front) = (&self.tree, &mut self.front);
        let hidden = match self.decoder.between {
            Between::Burn => {
                let shared = config.heads / config.kv_heads;
                let plan = Plan::new(&paths, &tails, shared, &self.decoder.device);
                let kv = self.options.kv;
                let columns = &columns;
                let mut attention = DecodeAttention { plan: &plan, tree, front, columns, kv };
                self.decoder.trunk(&ids, &positions, &mut attention, None)
            }
            Between::Kernels => {
                let runs = Runs::of_front(tree, &paths, &tails);
                let (columns, device) = (&columns[..], &self.decoder.device);
                let mut attention = FrontAttention { runs: &runs, tree, front, columns, config };
                let rows = self.decoder.trunk_rows(&ids, &positions, &mut attention, None);
                from_host(rows, [ids.len(), config.hidden], device)
            }
        };
        self.front.write_hidden(&columns, &hidden);
        self.step_hidden = Some(hidden);
        self.stats.computed_tokens += ids.len() as u64;
        self.stats.steps += 1;
        self.note_peak();
    }

    /// Turns every row that is not `claimed` into a segment: nobody goes on from its end.
    pub(super) fn retire(&mut self, claimed: &BTreeSet<KvIx>) {
        let tokens = self.ended(claimed).map(|slot| self.tree.node(self.slots[slot]).tokens.len());
        self.make_room(self.bytes_of(tokens.sum::<usize>() as u64));
        // Eviction may have taken some of them.
        let ended: Vec<usize> = self.ended(claimed).collect();
        if ended.is_empty() {
            return;
        }
        let cut =
            |slot: &usize| Cut { slot: *slot, len: self.tree.node(self.slots[*slot]).tokens.len() };
        let cuts: Vec<Cut> = ended.iter().map(cut).collect();
        for (slot, segment) in ended.iter().zip(self.front.segments(&cuts)) {
            self.segment_bytes += segment.bytes();
            self.tree.node_mut(self.slots[*slot]).store = Store::Segment(Box::new(segment));
        }
        self.note_peak();
        self.remove_slots(&ended);
    }

    /// The slots of rows that are not `claimed`.
    fn ended(&self, claimed: &BTreeSet<KvIx>) -> impl Iterator<Item = usize> {
        (0..self.slots.len()).filter(|slot| !claimed.contains(&self.slots[*slot]))
    }

    /// Closes the gaps that removed slots leave.
    pub(super) fn remove_slots(&mut self, removed: &[usize]) {
        for (from, to) in self.front.remove(removed) {
            let ix = self.slots[from];
            self.slots[to] = ix;
            self.tree.node_mut(ix).store = Store::Front(to);
        }
        self.slots.truncate(self.front.rows());
    }

    /// A place with the same tokens in a segment: a row of the front is copied as far as needed.
    pub(super) fn in_segment(&mut self, loc: Loc) -> Loc {
        let node = self.tree.node(loc.node);
        let Store::Front(slot) = node.store else { return loc };
        let (parent, hidden_from) = (node.parent.expect("a row has a parent"), node.hidden_from);
        let tokens = node.tokens[..loc.len].to_vec();
        let segment = self.front.segments(&[Cut { slot, len: loc.len }]).remove(0);
        self.segment_bytes += segment.bytes();
        let ix = self.tree.add(parent, tokens, hidden_from, Store::Segment(Box::new(segment)));
        self.deferred.push(ix);
        Loc { node: ix, len: loc.len }
    }
}
