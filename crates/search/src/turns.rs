//! Turns: paths that are sampled and call tools in turn, side by side.

use espalier_core::{Ask, NodeId, Retain, Round, ToolId, Until};

use crate::Tree;

/// What becomes of a path after a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Then {
    /// The step calls this tool; the path goes on from the observation.
    Call(ToolId),
    /// A new path begins in its place.
    Restart,
    /// Nothing.
    End,
}

/// A path that goes on.
#[derive(Debug, Clone, Copy)]
struct Going {
    /// Where its next step is sampled, or the step that calls.
    from: NodeId,
    /// Whose KV is kept until then.
    keep: NodeId,
}

/// Paths side by side: each is sampled to a boundary, calls a tool there, and so on.
#[derive(Debug, Clone)]
pub(crate) struct Turns {
    /// Steps a path may still sample.
    left: u32,
    /// Nodes seen; the others are the newest steps.
    seen: usize,
    /// What goes on, in the order of the paths.
    going: Vec<Going>,
    /// Whether steps of `going` have called, and are being answered.
    calling: bool,
}

impl Turns {
    /// `width` paths of `steps` sampled steps each, at most.
    pub(crate) fn new(width: u32, steps: u32) -> Self {
        let root = Going { from: NodeId::ROOT, keep: NodeId::ROOT };
        Self { left: steps, seen: 1, going: vec![root; width as usize], calling: false }
    }

    /// Returns true if and only if the newest steps are the last.
    pub(crate) fn is_last(&self) -> bool {
        self.left == 0
    }

    /// The next round, given what becomes of each path by its newest step.
    pub(crate) fn next(&mut self, tree: &Tree, then: impl Fn(NodeId) -> Then) -> Round {
        if self.calling {
            self.calling = false;
            for Going { from, .. } in &mut self.going {
                *from = tree.observation(*from).unwrap_or(*from);
            }
        } else if tree.len() > self.seen {
            self.going.clear();
            let mut asks = Vec::new();
            for id in tree.ids().skip(self.seen) {
                let (from, keep) = match then(id) {
                    Then::Call(tool) => {
                        asks.push(Ask::Tool { node: id, tool });
                        (id, id)
                    }
                    // The step's KV is kept for the prompt's.
                    Then::Restart => (NodeId::ROOT, id),
                    Then::End => continue,
                };
                self.going.push(Going { from, keep });
            }
            if !asks.is_empty() {
                self.calling = true;
                return self.round(asks);
            }
        }
        self.sample(tree)
    }

    /// Samples a step of every path that goes on.
    fn sample(&mut self, tree: &Tree) -> Round {
        self.going.retain(|going| tree.expandable(going.from));
        if self.going.is_empty() || self.left == 0 {
            return Round::end();
        }
        self.left -= 1;
        self.seen = tree.len();
        let sample = |same: &[Going]| Ask::sample(same[0].from, same.len() as u32, Until::Boundary);
        let asks = self.going.chunk_by(|one, other| one.from == other.from).map(sample).collect();
        self.round(asks)
    }

    fn round(&self, asks: Vec<Ask>) -> Round {
        let keep = self.going.iter().map(|going| going.keep).collect();
        Round { asks, score: None, retain: Retain::New(keep) }
    }
}
