//! Laws of Monte-Carlo tree search and of its statistics.

use std::{
    cell::RefCell,
    collections::{BTreeMap, BTreeSet},
    rc::Rc,
};

use espalier_core::{Account, Aggregate, NodeId, Round};
use espalier_search::Strategy as Search;
use espalier_search::{
    Puct, Tree, Uct, render,
    visits::{Child, Leaf, Pucb, Rule, Stat, Ucb1, Visits},
};
use proptest::prelude::*;

use crate::{
    laws::world,
    strategies::{MCTS, SCORER, beam, boxed},
    toys::{World, asked},
};

/// A strategy whose statistics are looked at after each round.
struct Watched<S>(S, fn(&S) -> &Visits);

impl<S: Search> Search for Watched<S> {
    fn next(&mut self, tree: &Tree, account: &Account) -> Round {
        let round = self.0.next(tree, account);
        adds_up(tree, (self.1)(&self.0));
        round
    }

    fn name(&self) -> &'static str {
        "watched"
    }
}

/// A search whose statistics are left behind.
struct Peek(Uct, Rc<RefCell<Visits>>);

impl Search for Peek {
    fn next(&mut self, tree: &Tree, account: &Account) -> Round {
        let round = self.0.next(tree, account);
        *self.1.borrow_mut() = self.0.visits().clone();
        round
    }

    fn name(&self) -> &'static str {
        "peek"
    }
}

/// Whether a step says the same as an older sibling of the same expansion.
fn again(tree: &Tree, id: NodeId) -> bool {
    let Some(parent) = tree.parent(id) else { return false };
    let text = |id: NodeId| tree.node(id).step.as_ref().map(|step| step.text.clone());
    tree.children(parent).iter().any(|&other| other < id && text(other) == text(id))
}

/// The law of visits, at every node.
fn adds_up(tree: &Tree, visits: &Visits) {
    for id in tree.ids() {
        let stat = visits.stat(id);
        let below = |f: fn(NodeId, &Visits) -> f64| -> f64 {
            tree.children(id).iter().map(|&child| f(child, visits)).sum()
        };
        let count = below(|child, visits| f64::from(visits.stat(child).visits()));
        let sum = below(|child, visits| {
            let stat = visits.stat(child);
            stat.value().map_or(0.0, |value| value * f64::from(stat.visits()))
        });
        let own = tree.node(id).score(SCORER).map_or(0.0, |score| f64::from(score.get()));
        let total = stat.value().map_or(0.0, |value| value * f64::from(stat.visits()));
        if id == NodeId::ROOT {
            assert!((f64::from(stat.visits()) - count).abs() < 0.5);
            assert!((total - sum).abs() < 1e-6);
        } else if !tree.children(id).is_empty() {
            assert!((f64::from(stat.visits()) - 1.0 - count).abs() < 0.5);
            assert!((total - own - sum).abs() < 1e-6);
        } else if again(tree, id) {
            assert_eq!(stat.visits(), 0, "a step that is there already is not visited");
        } else if tree.ended(id) {
            assert!(stat.visits() >= 1 && (total - own * f64::from(stat.visits())).abs() < 1e-6);
        } else {
            assert!(stat.visits() <= 1, "a step without children has been visited by itself");
            assert!(tree.expandable(id) || stat.visits() == 0, "a cut step is not visited");
        }
        let living = tree.children(id).iter().map(|&child| visits.stat(child));
        let priors: Vec<f64> = living.filter(|stat| stat.visits() > 0).map(Stat::prior).collect();
        assert!(priors.is_empty() || (priors.iter().sum::<f64>() - 1.0).abs() < 1e-5);
        assert!(stat.value().is_none_or(|value| (0.0..=1.0).contains(&value)));
    }
}

/// Monte-Carlo tree search once more, slowly: nothing is backed up, everything is counted anew.
struct Naive<'a> {
    tree: &'a Tree,
    known: BTreeSet<NodeId>,
    /// Visits of each node by itself.
    own: BTreeMap<NodeId, u32>,
    depth: u32,
    exploration: f64,
    prior: bool,
}

impl Naive<'_> {
    fn children(&self, id: NodeId) -> Vec<NodeId> {
        self.tree.children(id).iter().copied().filter(|id| self.known.contains(id)).collect()
    }

    fn total(&self, id: NodeId) -> (f64, f64) {
        let own = f64::from(self.own.get(&id).copied().unwrap_or(0));
        let score = self.tree.node(id).score(SCORER).map_or(0.0, |score| f64::from(score.get()));
        let below = self.children(id).into_iter().map(|child| self.total(child));
        below.fold((own, own * score), |sum, one| (sum.0 + one.0, sum.1 + one.1))
    }

    fn open(&self, id: NodeId) -> bool {
        self.children(id).is_empty()
            && !again(self.tree, id)
            && self.tree.expandable(id)
            && self.tree.node(id).depth < self.depth
    }

    /// Whether a simulation can end at or below a node.
    fn alive(&self, id: NodeId) -> bool {
        let children = self.children(id);
        let answer = self.tree.ended(id) && !again(self.tree, id);
        self.open(id) || answer || children.iter().any(|&child| self.alive(child))
    }

    /// Whether anything is left to expand.
    fn grows(&self, id: NodeId) -> bool {
        self.open(id) || self.children(id).iter().any(|&child| self.grows(child))
    }

    fn likelihood(&self, id: NodeId) -> f64 {
        let step = self.tree.node(id).step.clone().expect("not the root");
        let sum: f64 = step.stats.iter().map(|stat| f64::from(stat.logprob)).sum();
        (sum / step.stats.len() as f64).exp()
    }

    fn stands(&self, id: NodeId) -> bool {
        let below = self.tree.node(id).depth < self.depth;
        !again(self.tree, id) && (self.tree.ended(id) || (self.tree.expandable(id) && below))
    }

    fn select(&self) -> NodeId {
        let mut at = NodeId::ROOT;
        while !self.children(at).is_empty() {
            let children = self.children(at);
            let standing = children.iter().filter(|&&id| self.stands(id));
            let likelihoods: f64 = standing.map(|&id| self.likelihood(id)).sum();
            let (parent, _) = self.total(at);
            let mut best: Option<(f64, NodeId)> = None;
            for id in children.into_iter().filter(|&id| self.alive(id)) {
                let (visits, sum) = self.total(id);
                let bonus = if self.prior {
                    self.likelihood(id) / likelihoods * parent.sqrt() / (1.0 + visits)
                } else {
                    (parent.ln() / visits).sqrt()
                };
                let urgency = sum / visits + self.exploration * bonus;
                // What is tied but for rounding is tied.
                if best.is_none_or(|(most, _)| urgency > most + 1e-9) {
                    best = Some((urgency, id));
                }
            }
            at = best.expect("something below is alive").1;
        }
        at
    }
}

fn mcts(prior: bool, width: u32, simulations: u32, depth: u32, c: f64) -> Box<dyn Search> {
    if prior {
        let puct = Puct::new(width, simulations, depth, c, SCORER);
        boxed(puct.map(|one| Watched(one, Puct::visits))).expect("sound")
    } else {
        let uct = Uct::new(width, simulations, depth, c, SCORER);
        boxed(uct.map(|one| Watched(one, Uct::visits))).expect("sound")
    }
}

proptest! {
    /// An oracle: every selection recomputed without statistics. Visits add up on the way.
    #[test]
    fn selects_what_the_formula_says(
        world in world(),
        prior: bool,
        width in 1_u32..4,
        simulations in 1_u32..25,
        depth in 1_u32..6,
        c in prop::sample::select(vec![0.0, 0.3, 1.0, 3.0]),
    ) {
        let out = world.search(mcts(prior, width, simulations, depth, c));
        let tree = &out.tree;
        let (known, own) = (BTreeSet::new(), BTreeMap::new());
        let mut naive = Naive { tree, known, own, depth, exploration: c, prior };
        let mut rounds = asked(&out).into_iter();
        for _ in 0..simulations {
            if !naive.grows(NodeId::ROOT) {
                break;
            }
            let leaf = naive.select();
            if naive.open(leaf) {
                let round = rounds.next().unwrap_or_default();
                let parents: Vec<(NodeId, u32)> = round.iter().map(|one| (one.0, one.1)).collect();
                prop_assert_eq!(parents, vec![(leaf, width)]);
                naive.known.extend(tree.children(leaf));
                for &id in tree.children(leaf) {
                    let visited = naive.stands(id);
                    naive.own.extend(visited.then_some((id, 1)));
                }
            } else {
                *naive.own.get_mut(&leaf).expect("answers are visited when made") += 1;
            }
        }
        prop_assert_eq!(rounds.next(), None, "no simulation too many");
    }

    #[test]
    fn width_one_is_one_path(world in world(), prior: bool, depth in 1_u32..6) {
        let out = world.search(mcts(prior, 1, 10, depth, 1.0));
        let path = world.search(beam(1, None, depth, Aggregate::Last).unwrap());
        prop_assert_eq!(render(&out.tree), render(&path.tree));
    }

    #[test]
    fn no_leaf_is_expanded_twice(world in world(), which in 0..MCTS.len()) {
        let out = World { kind: MCTS[which], ..world }.run();
        let parents: Vec<NodeId> = asked(&out).iter().flatten().map(|ask| ask.0).collect();
        let distinct: BTreeSet<NodeId> = parents.iter().copied().collect();
        prop_assert_eq!(parents.len(), distinct.len());
        prop_assert!(out.tree.ids().all(|id| out.tree.node(id).depth <= 5));
    }

    /// A whole tree whose leaves are answers, and a scorer that knows the best below each node.
    #[test]
    fn simulations_converge_to_the_best_leaf(
        order in Just((0..27).collect::<Vec<u32>>()).prop_shuffle(),
        prior: bool,
    ) {
        // One leaf is worth 1, the others up to 0.75.
        let value = |leaf: usize| if order[leaf] == 26 { 1.0 } else { f64::from(order[leaf]) * 0.03 };
        let visits = if prior {
            enumerate(&value, &Pucb { exploration: 1.0 }, 10_000)
        } else {
            enumerate(&value, &Ucb1 { exploration: 1.0 }, 10_000)
        };
        let best = (0..27).find(|&leaf| order[leaf] == 26).unwrap();
        let most = most_visited(&visits);
        prop_assert_eq!(most, best);
        let root = visits.0.stat(NodeId::ROOT);
        prop_assert!(root.value().unwrap() > 0.8, "{:?}", root.value());
    }
}

/// The statistics of a ternary tree of three levels, and the leaf numbers below each node.
type Enumerated = (Visits, BTreeMap<NodeId, std::ops::Range<usize>>);

fn enumerate(value: &dyn Fn(usize) -> f64, rule: &impl Rule, simulations: u32) -> Enumerated {
    let mut visits = Visits::new();
    let mut leaves = BTreeMap::from([(NodeId::ROOT, 0..27)]);
    for _ in 0..simulations {
        let leaf = visits.descend(rule).expect("answers can be visited again");
        if !visits.is_open(leaf) {
            visits.revisit(leaf);
            continue;
        }
        let range = leaves[&leaf].clone();
        let third = range.len() / 3;
        let parts = (0..3).map(|part| range.start + part * third..range.start + (part + 1) * third);
        let oracle = |part: &std::ops::Range<usize>| part.clone().map(value).fold(0.0, f64::max);
        let kind = if third == 1 { Leaf::Ended } else { Leaf::Open };
        let child = |part: &_| Child { value: oracle(part), prior: 1.0 / 3.0, leaf: kind };
        visits.expand(leaf, parts.clone().map(|part| child(&part)));
        let first = leaves.len() as u32;
        leaves.extend(parts.enumerate().map(|(index, part)| (NodeId(first + index as u32), part)));
    }
    (visits, leaves)
}

fn most_visited((visits, leaves): &Enumerated) -> usize {
    let single = leaves.iter().filter(|(_, range)| range.len() == 1);
    let most = single.max_by_key(|(id, _)| visits.stat(**id).visits()).expect("there are leaves");
    most.1.start
}

/// A step's value is the mean score of the answers it was rolled out to, or its own where there are none,
/// and its rollouts are no steps of the search.
#[test]
fn rollouts_value_the_step_they_start_from() {
    let (mut by_answers, mut by_itself, mut cut) = (0, 0, 0);
    for seed in 0..40 {
        let seen = Rc::new(RefCell::new(Visits::new()));
        let uct = Uct::new(3, 1, 4, 1.0, SCORER).expect("sound").with_rollouts(2);
        let peek = Box::new(Peek(uct, Rc::clone(&seen)));
        let out = World { eos: 0.15, step: 4, path: 8, ..World::new(8, seed) }.search(peek);
        let (tree, visits) = (&out.tree, seen.borrow());
        let score = |id| f64::from(tree.node(id).score(SCORER).expect("all are scored").get());
        for &id in tree.children(NodeId::ROOT) {
            let Some(value) = visits.stat(id).value() else { continue };
            let (ends, others): (Vec<NodeId>, Vec<NodeId>) =
                tree.children(id).iter().partition(|&&end| tree.ended(end));
            cut += others.len();
            let answers: Vec<f64> = ends.into_iter().map(score).collect();
            let mean = answers.iter().sum::<f64>() / answers.len() as f64;
            let (expected, count) = if answers.is_empty() {
                (score(id), &mut by_itself)
            } else {
                (mean, &mut by_answers)
            };
            assert!((value - expected).abs() < 1e-6, "{id}: {value}, not {expected}");
            *count += 1;
        }
    }
    assert!(by_answers > 10 && by_itself > 10, "{by_answers}, {by_itself}");
    assert!(cut > 10, "{cut} rollouts are no answers");
}

/// A step's first children are what it was rolled out to; those after them, where it was expanded, are steps.
#[test]
fn rollouts_are_never_visited() {
    let (mut rolled, mut visited) = (0, 0);
    for seed in 0..20 {
        let seen = Rc::new(RefCell::new(Visits::new()));
        let uct = Uct::new(3, 8, 4, 1.0, SCORER).expect("sound").with_rollouts(2);
        let peek = Box::new(Peek(uct, Rc::clone(&seen)));
        let out = World { eos: 0.15, step: 4, path: 16, ..World::new(8, seed) }.search(peek);
        let (tree, visits) = (&out.tree, seen.borrow());
        for id in tree.ids().skip(1) {
            let children = tree.children(id);
            let (rollouts, steps) = children.split_at(children.len().min(2));
            assert!(rollouts.iter().all(|&end| visits.stat(end).visits() == 0), "{seed}: {id}");
            rolled += rollouts.len();
            visited += steps.iter().filter(|&&step| visits.stat(step).visits() > 0).count();
        }
    }
    assert!(rolled > 100 && visited > 100, "{rolled}, {visited}");
}

#[test]
fn what_leads_nowhere_is_never_visited_and_its_value_never_backed_up() {
    let mut visits = Visits::new();
    let child = |value, leaf| Child { value, prior: 0.5, leaf };
    visits.expand(NodeId::ROOT, [child(0.25, Leaf::Open), child(0.75, Leaf::Dead)]);
    let known = |id| (visits.stat(id).visits(), visits.stat(id).value());
    assert_eq!(known(NodeId(2)), (0, None));
    assert_eq!(known(NodeId::ROOT), (1, Some(0.25)));
}

/// Where nothing is left below a node, nothing is left at its parent, up to the root.
#[test]
fn dead_ends_close_all_that_leads_to_them_alone() {
    let mut visits = Visits::new();
    let child = |leaf| Child { value: 0.5, prior: 1.0, leaf };
    visits.expand(NodeId::ROOT, [child(Leaf::Open)]);
    visits.expand(NodeId(1), [child(Leaf::Open)]);
    visits.expand(NodeId(2), [child(Leaf::Dead)]);
    assert_eq!((visits.open(), visits.descend(&Ucb1 { exploration: 1.0 })), (0, None));
}
