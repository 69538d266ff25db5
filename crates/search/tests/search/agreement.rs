//! Laws of the strategies that look at what the answers say: adaptive consistency and the gate.

use std::{collections::BTreeMap, sync::Arc};

use espalier_core::{Aggregate, Answers, Draw, NodeId};
use espalier_search::{
    AdaptiveConsistency, Beam, Outcome, SelfConsistency, Tree, agreement::lead, best, majority,
    render,
};
use proptest::prelude::*;

use crate::{
    laws::world,
    strategies::{SCORER, adaptive, boxed, gate},
    toys::{LastLetter, World, asked},
};

/// How often the two most frequent answers were given by these nodes.
fn leaders(tree: &Tree, nodes: impl Iterator<Item = NodeId>) -> (u32, u32) {
    let mut counts: BTreeMap<String, u32> = BTreeMap::new();
    for id in nodes.filter(|&id| tree.ended(id)) {
        if let Some(answer) = LastLetter.extract(&tree.path(id).text()) {
            *counts.entry(answer.0.to_lowercase()).or_default() += 1;
        }
    }
    let mut counts: Vec<u32> = counts.into_values().collect();
    counts.sort_unstable();
    (counts.pop().unwrap_or(0), counts.pop().unwrap_or(0))
}

/// A world in which most answers can be read.
fn voting() -> impl Strategy<Value = World> {
    world().prop_map(|world| World { eos: 0.3, boundary: 0.1, path: 30, ..world })
}

proptest! {
    /// An oracle: the source's integral, by Simpson's rule.
    #[test]
    fn the_lead_is_the_integral_of_the_source(second in 0_u32..12, more in 0_u32..12) {
        let first = second + more;
        let density = |p: f64| p.powi(first as i32) * (1.0 - p).powi(second as i32);
        let integral = |from: f64, to: f64| -> f64 {
            let width = (to - from) / 2000.0;
            let at = |i: i32| density(from + width * f64::from(i));
            let inner: f64 = (1..2000).map(|i| at(i) * if i % 2 == 1 { 4.0 } else { 2.0 }).sum();
            (at(0) + inner + at(2000)) * width / 3.0
        };
        let wanted = integral(0.5, 1.0) / integral(0.0, 1.0);
        prop_assert!((lead(first, second) - wanted).abs() < 1e-9, "{wanted}");
    }

    /// An oracle: when the vote was decided, from the finished tree.
    #[test]
    fn stops_as_soon_as_the_vote_is_decided(
        world in voting(),
        n in 1_u32..12,
        batch in 1_u32..4,
        confidence in prop::sample::select(vec![0.6, 0.75, 0.9, 0.95]),
    ) {
        let out = world.search(adaptive(n, batch, confidence).unwrap());
        let sampled = out.tree.len() as u32 - 1;
        let decided = |count: u32| {
            let (first, second) = leaders(&out.tree, (1..=count).map(NodeId));
            first > 0 && lead(first, second) >= confidence
        };
        let mut count = 0;
        while count < n && !decided(count) {
            prop_assert!(count < sampled, "stopped at {sampled}, undecided");
            count = n.min(count + batch);
        }
        prop_assert_eq!(sampled, count);
    }

    #[test]
    fn a_vote_that_is_never_decided_is_self_consistency(world in voting(), n in 1_u32..9, batch in 1_u32..4) {
        let one = world.search(adaptive(n, batch, 1.0).unwrap());
        let other = world.search(boxed(SelfConsistency::new(n)).unwrap());
        prop_assert_eq!(render(&one.tree), render(&other.tree));
        prop_assert_eq!(one.spent, other.spent);
        let vote = |out: &Outcome| majority(&out.tree, &LastLetter);
        prop_assert_eq!(vote(&one), vote(&other));
    }

    /// An oracle: easy or hard, from the finished tree; then the beam's first two rounds.
    #[test]
    fn the_gate_opens_where_answers_differ(
        world in voting(),
        n in 1_u32..6,
        agreement in prop::sample::select(vec![0.4, 0.5, 0.75, 1.0]),
    ) {
        let beam = Beam::new(2, Some(4), 3, SCORER, Aggregate::Last);
        let out = world.search(gate(n, agreement, beam).unwrap());
        let (tree, rounds) = (&out.tree, asked(&out));
        let one = |round: &[(NodeId, u32, Draw)]| round.iter().map(|ask| (ask.0, ask.1)).collect::<Vec<_>>();
        prop_assert_eq!(one(&rounds[0]), vec![(NodeId::ROOT, n)]);
        let (first, _) = leaders(tree, (1..=n).map(NodeId));
        if f64::from(first) / f64::from(n) >= agreement {
            prop_assert_eq!((rounds.len(), tree.len() as u32), (1, n + 1));
            return Ok(());
        }
        prop_assert_eq!(one(&rounds[1]), vec![(NodeId::ROOT, 4)]);
        let mut steps: Vec<NodeId> =
            (n + 1..n + 5).map(NodeId).filter(|&id| tree.stands(id)).collect();
        steps.sort_by_key(|&id| (std::cmp::Reverse(tree.node(id).score(SCORER)), id));
        steps.truncate(2);
        steps.retain(|&id| tree.expandable(id));
        let grown: Vec<NodeId> = rounds.get(2).into_iter().flatten().map(|ask| ask.0).collect();
        prop_assert_eq!(grown, steps);
        // What was put to the vote has no score, so that the best is of the beam.
        if let Some(chosen) = best(tree, SCORER, Aggregate::Last, &LastLetter) {
            prop_assert!(chosen.node.0 > n);
        }
    }
}

#[test]
fn a_long_lead_is_certain_and_a_tie_is_a_toss() {
    assert!((lead(5000, 0) - 1.0).abs() < 1e-12);
    for votes in [0, 1, 7, 400] {
        assert!((lead(votes, votes) - 0.5).abs() < 1e-9);
    }
}

/// The paper's threshold: four equal answers decide a vote, three do not.
#[test]
fn four_equal_answers_are_enough() {
    struct Same;
    impl Answers for Same {
        fn extract(&self, _: &str) -> Option<espalier_core::Answer> {
            Some(espalier_core::Answer("same".to_owned()))
        }

        fn same(&self, _: &espalier_core::Answer, _: &espalier_core::Answer) -> bool {
            true
        }
    }
    let world = World { eos: 0.9, boundary: 0.0, ..World::new(0, 1) };
    let strategy = AdaptiveConsistency::new(40, 1, 0.95, Arc::new(Same));
    let out = world.search(boxed(strategy).unwrap());
    assert_eq!(out.tree.len(), 5);
}
