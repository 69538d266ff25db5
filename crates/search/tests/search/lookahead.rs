//! Laws of lookahead search.

use std::collections::{BTreeMap, BTreeSet};

use espalier_core::{Aggregate, Ask, Draw, Event, NodeId, Retain, Score};
use espalier_search::{Models, Outcome, search};
use proptest::prelude::*;

use crate::{
    laws::world,
    reading::{Affine, Reading},
    strategies::{SCORER, beam, lookahead},
    toys::{asked, task},
};

/// How each node was drawn.
fn drawn(out: &Outcome) -> BTreeMap<NodeId, Draw> {
    let mut rounds = asked(out).into_iter();
    let (mut drawn, mut now) = (BTreeMap::new(), Draw::Sampled);
    for event in &out.trace {
        match event {
            Event::Round { .. } => {
                let round = rounds.next().expect("one for each event");
                now = round.first().map_or(now, |ask| ask.2);
                assert!(
                    round.iter().all(|ask| ask.2 == now && (now == Draw::Sampled || ask.1 == 1))
                );
            }
            Event::Node { node, .. } => {
                drawn.insert(*node, now);
            }
            _ => {}
        }
    }
    drawn
}

proptest! {
    #[test]
    fn none_is_a_beam(world in world(), width in 1_u32..4, places in 1_u32..4, depth in 1_u32..7) {
        let n = Some(width * places);
        let one = world.search(lookahead(width, n, depth, 0).unwrap());
        let other = world.search(beam(width, n, depth, Aggregate::Last).unwrap());
        prop_assert_eq!(one.trace, other.trace);
    }

    /// An oracle: who is kept, recomputed from the finished tree by another route.
    #[test]
    fn keeps_what_leads_furthest(
        world in world(),
        width in 1_u32..4,
        places in 1_u32..4,
        depth in 1_u32..5,
        steps in 1_u32..4,
    ) {
        let out = world.search(lookahead(width, Some(width * places), depth, steps).unwrap());
        let (tree, drawn) = (&out.tree, drawn(&out));
        let rolled = |id: NodeId| {
            tree.children(id).iter().copied().find(|child| drawn[child] == Draw::Likeliest)
        };
        // The end of a candidate's rollout, and how many steps it took.
        let end = |id: NodeId| std::iter::successors(Some(id), |&id| rolled(id)).enumerate().last();
        let value = |id: NodeId| {
            let (_, end) = end(id).unwrap();
            tree.node(end).score(SCORER).map(Score::get)
        };
        let (mut grown, mut standing) = (vec![NodeId::ROOT], BTreeSet::new());
        for level in 1..=depth {
            for parent in std::mem::take(&mut grown) {
                let sampled = |id: &&NodeId| drawn[id] == Draw::Sampled;
                let fresh: Vec<NodeId> = tree.children(parent).iter().filter(sampled).copied().collect();
                let wanted = if level == 1 { width * places } else { width };
                prop_assert_eq!(fresh.len(), wanted as usize);
                for id in fresh.into_iter().filter(|&id| tree.stands(id)) {
                    let (length, end) = end(id).unwrap();
                    prop_assert!(length <= steps as usize);
                    prop_assert!(length == steps as usize || !tree.expandable(end));
                    prop_assert!(value(id).is_some(), "the end of a rollout is scored");
                    prop_assert!(end == id || tree.node(id).score(SCORER).is_none());
                    standing.insert(id);
                }
            }
            let all = standing.clone();
            let beats = |one: NodeId, other: NodeId| {
                value(one) > value(other) || (value(one) == value(other) && one < other)
            };
            standing
                .retain(|&id| all.iter().filter(|&&other| beats(other, id)).count() < places as usize);
            grown = standing.iter().copied().filter(|&id| tree.expandable(id)).collect();
            standing.retain(|&id| !tree.expandable(id));
            if level == depth {
                grown.clear();
            }
            for &id in all.iter().filter(|&&id| tree.expandable(id)) {
                let grew = tree.children(id).iter().any(|child| drawn[child] == Draw::Sampled);
                prop_assert_eq!(grew, grown.contains(&id));
            }
        }
    }

    /// Until candidates are scored, the scorer needs what it has read: up to the end of the rollout that
    /// decided for their parent.
    #[test]
    fn what_the_scorer_has_read_is_kept(world in world(), steps in 1_u32..4) {
        let out = world.search(lookahead(2, Some(4), 5, steps).unwrap());
        let (tree, drawn) = (&out.tree, drawn(&out));
        let rolled = |id: NodeId| {
            tree.children(id).iter().copied().find(|child| drawn[child] == Draw::Likeliest)
        };
        let mut wanted = BTreeSet::new();
        for event in &out.trace {
            let Event::Round { asks, retain: Retain::New(kept), .. } = event else { continue };
            let kept: BTreeSet<NodeId> = kept.iter().copied().collect();
            if asks.iter().any(|ask| matches!(ask, Ask::Sample { draw: Draw::Sampled, .. })) {
                let parents = asks.iter().filter_map(|ask| match ask {
                    Ask::Sample { parent, .. } if *parent != NodeId::ROOT => Some(*parent),
                    _ => None,
                });
                wanted = parents
                    .map(|id| std::iter::successors(Some(id), |&id| rolled(id)).last().unwrap())
                    .filter(|&end| drawn[&end] == Draw::Likeliest)
                    .collect();
            }
            prop_assert!(kept.is_superset(&wanted), "{kept:?} without {wanted:?}");
        }
    }

    #[test]
    fn rollouts_take_the_likeliest_tokens(world in world(), steps in 0_u32..3) {
        let (mut engine, mut scorer) = (world.engine(), Reading::new(Affine(1.0, 0.0)));
        let mut models = Models { policy: &mut engine, scorers: vec![&mut scorer], tools: Vec::new() };
        let strategy = lookahead(2, None, 4, steps).unwrap();
        let config = world.config();
        let out = search(task("q", 1, strategy), &mut models, &config, &espalier_core::Frozen);
        let likeliest = drawn(&out).values().filter(|&&draw| draw == Draw::Likeliest).count();
        prop_assert_eq!(engine.likeliest, likeliest as u64);
        prop_assert!(steps > 0 || likeliest == 0);
    }
}
