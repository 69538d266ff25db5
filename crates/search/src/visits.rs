//! Visits: the statistics of Monte-Carlo tree search, dense by node.

use espalier_core::NodeId;

/// What can become of a node without children.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Leaf {
    /// It can be expanded.
    Open,
    /// It is an answer: it is visited again and again, and never expanded.
    Ended,
    /// It leads nowhere: it is never visited.
    Dead,
}

/// A node that an expansion has made.
#[derive(Debug, Clone, Copy)]
pub struct Child {
    /// Its value by itself; that of a dead leaf is not looked at.
    pub value: f64,
    /// Its share of what its siblings are likely to be, before any visit.
    pub prior: f64,
    /// What can become of it.
    pub leaf: Leaf,
}

/// What is known of one node.
#[derive(Debug, Clone, Copy)]
pub struct Stat {
    sum: f64,
    parent: u32,
    first: u32,
    children: u32,
    visits: u32,
    prior: f32,
    state: State,
}

const _: () = assert!(size_of::<Stat>() == 32, "half a cache line");

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Open,
    Ended,
    Expanded,
    /// Dead, or without a child that is not closed.
    Closed,
}

impl Stat {
    /// Values backed up to it, its own included.
    #[must_use]
    pub fn visits(&self) -> u32 {
        self.visits
    }

    /// The mean of the values backed up to it; `None` before the first.
    #[must_use]
    pub fn value(&self) -> Option<f64> {
        (self.visits > 0).then(|| self.sum / f64::from(self.visits))
    }

    /// Its prior.
    #[must_use]
    pub fn prior(&self) -> f64 {
        f64::from(self.prior)
    }
}

/// How simulations choose among siblings.
pub trait Rule {
    /// What of the urgencies of a node's children depends on the node alone.
    fn scale(&self, parent: &Stat) -> f64;

    /// How urgent a visit of a child is, given its parent's scale. Its value is known.
    fn urgency(&self, scale: f64, child: &Stat) -> f64;
}

/// UCB1: mean value + exploration × √(ln N / n) for a child visited n times of a parent visited N times.
///
/// ```
/// use espalier_core::NodeId;
/// use espalier_search::visits::{Child, Leaf, Rule, Ucb1, Visits};
/// let mut visits = Visits::new();
/// let child = |value| Child { value, prior: 0.5, leaf: Leaf::Open };
/// visits.expand(NodeId(0), [child(0.25), child(0.75)]);
/// let rule = Ucb1 { exploration: 2.0 };
/// let scale = rule.scale(visits.stat(NodeId(0)));
/// let urgency = rule.urgency(scale, visits.stat(NodeId(2)));
/// assert!((urgency - (0.75 + 2.0 * (2_f64.ln() / 1.0).sqrt())).abs() < 1e-12);
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Ucb1 {
    /// The bonus's factor, in units of value.
    pub exploration: f64,
}

impl Rule for Ucb1 {
    fn scale(&self, parent: &Stat) -> f64 {
        self.exploration * f64::from(parent.visits).ln().sqrt()
    }

    fn urgency(&self, scale: f64, child: &Stat) -> f64 {
        let visits = f64::from(child.visits);
        child.sum / visits + scale / visits.sqrt()
    }
}

/// PUCB: mean value + exploration × prior × √N / (1 + n) for a child visited n times of a parent visited
/// N times.
///
/// ```
/// use espalier_core::NodeId;
/// use espalier_search::visits::{Child, Leaf, Pucb, Rule, Visits};
/// let mut visits = Visits::new();
/// let child = |value| Child { value, prior: 0.5, leaf: Leaf::Open };
/// visits.expand(NodeId(0), [child(0.25), child(0.75)]);
/// let rule = Pucb { exploration: 2.0 };
/// let scale = rule.scale(visits.stat(NodeId(0)));
/// let urgency = rule.urgency(scale, visits.stat(NodeId(2)));
/// assert!((urgency - (0.75 + 2.0 * 0.5 * 2_f64.sqrt() / 2.0)).abs() < 1e-12);
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Pucb {
    /// The bonus's factor, in units of value.
    pub exploration: f64,
}

impl Rule for Pucb {
    fn scale(&self, parent: &Stat) -> f64 {
        self.exploration * f64::from(parent.visits).sqrt()
    }

    fn urgency(&self, scale: f64, child: &Stat) -> f64 {
        let visits = f64::from(child.visits);
        child.sum / visits + scale * child.prior() / (1.0 + visits)
    }
}

/// How often each node was visited, and what was found there.
///
/// A node is visited once when it is made, by its own value, and each visit counts for all its ancestors.
/// So an expanded node has one visit more than its children together, the root as many as they, which
/// has no value of its own; and an answer one for each time that a simulation ended at it.
///
/// # Complexity
///
/// A simulation looks at the siblings along one path, down and up; 32 bytes a node.
#[derive(Debug, Clone)]
pub struct Visits {
    stats: Vec<Stat>,
    /// Leaves that can be expanded.
    open: usize,
}

impl Visits {
    /// An open root, not visited.
    #[must_use]
    #[expect(clippy::new_without_default, reason = "a default would not say that there is a root")]
    pub fn new() -> Self {
        let state = State::Open;
        let root =
            Stat { sum: 0.0, parent: 0, first: 0, children: 0, visits: 0, prior: 1.0, state };
        Self { stats: vec![root], open: 1 }
    }

    /// What is known of one node.
    ///
    /// # Panics
    ///
    /// Where there is no such node.
    #[must_use]
    pub fn stat(&self, id: NodeId) -> &Stat {
        &self.stats[id.index()]
    }

    /// Returns true if and only if this node can be expanded and has not been.
    ///
    /// # Panics
    ///
    /// Where there is no such node.
    #[must_use]
    pub fn is_open(&self, id: NodeId) -> bool {
        self.stat(id).state == State::Open
    }

    /// How many leaves can be expanded.
    #[must_use]
    pub fn open(&self) -> usize {
        self.open
    }

    /// Follows the most urgent child, ties to the lowest id, from the root to a leaf that is open or has
    /// ended. `None` where there is no such leaf.
    ///
    /// # Panics
    ///
    /// Where a rule's urgencies are not finite.
    #[must_use]
    pub fn descend(&self, rule: &impl Rule) -> Option<NodeId> {
        if self.stats[0].state == State::Closed {
            return None;
        }
        let mut at = 0;
        while self.stats[at].state == State::Expanded {
            let (first, children) =
                (self.stats[at].first as usize, self.stats[at].children as usize);
            let scale = rule.scale(&self.stats[at]);
            let (mut best, mut most) = (at, f64::NEG_INFINITY);
            for (index, child) in self.stats[first..first + children].iter().enumerate() {
                if child.state != State::Closed {
                    let urgency = rule.urgency(scale, child);
                    if urgency > most {
                        (best, most) = (first + index, urgency);
                    }
                }
            }
            assert!(
                best > at,
                "urgencies are finite, and a node with none but closed children is closed"
            );
            at = best;
        }
        Some(NodeId(at as u32))
    }

    /// Adds all children of an open leaf and backs up their values. They are the newest nodes, in order, but for
    /// those that are then [passed over](Self::pass_over).
    ///
    /// # Panics
    ///
    /// Where `parent` is not open.
    pub fn expand(&mut self, parent: NodeId, children: impl IntoIterator<Item = Child>) {
        assert!(self.is_open(parent), "only open leaves are expanded, and once");
        let first = self.stats.len();
        let (mut living, mut sum) = (0, 0.0);
        for Child { value, prior, leaf } in children {
            let (visits, value, state) = match leaf {
                Leaf::Open => (1, value, State::Open),
                Leaf::Ended => (1, value, State::Ended),
                Leaf::Dead => (0, 0.0, State::Closed),
            };
            self.open += usize::from(state == State::Open);
            (living, sum) = (living + visits, sum + value);
            let (parent, prior) = (parent.0, prior as f32);
            self.stats.push(Stat {
                sum: value,
                parent,
                first: 0,
                children: 0,
                visits,
                prior,
                state,
            });
        }
        let count = (self.stats.len() - first) as u32;
        let stat = &mut self.stats[parent.index()];
        (stat.first, stat.children, stat.state) = (first as u32, count, State::Expanded);
        self.open -= 1;
        if living > 0 {
            self.back_up(parent.index(), living, sum);
        } else {
            self.close(parent.index());
        }
    }

    /// Takes note of nodes that were added and are never visited, so that all nodes below `len` are known.
    pub fn pass_over(&mut self, len: usize) {
        let state = State::Closed;
        let never =
            Stat { sum: 0.0, parent: 0, first: 0, children: 0, visits: 0, prior: 0.0, state };
        self.stats.resize(len.max(self.stats.len()), never);
    }

    /// Visits a leaf once more: backs its value up again.
    ///
    /// # Panics
    ///
    /// Where it has not been visited.
    pub fn revisit(&mut self, leaf: NodeId) {
        let value = self.stat(leaf).value().expect("leaves have a value from the start");
        self.back_up(leaf.index(), 1, value);
    }

    fn back_up(&mut self, mut at: usize, visits: u32, sum: f64) {
        loop {
            let stat = &mut self.stats[at];
            stat.visits += visits;
            stat.sum += sum;
            if at == 0 {
                return;
            }
            at = stat.parent as usize;
        }
    }

    /// Closes a node, and each ancestor none of whose children is left.
    fn close(&mut self, mut at: usize) {
        loop {
            self.stats[at].state = State::Closed;
            if at == 0 {
                return;
            }
            at = self.stats[at].parent as usize;
            let (first, children) =
                (self.stats[at].first as usize, self.stats[at].children as usize);
            let mut siblings = self.stats[first..first + children].iter();
            if siblings.any(|sibling| sibling.state != State::Closed) {
                return;
            }
        }
    }
}
