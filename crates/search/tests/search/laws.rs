//! Laws of every strategy, alone.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use espalier_core::{Entry, Event, Finish, NodeId, Spend};
use espalier_search::{Outcome, Tree, read, render, replay, retell, write};
use proptest::prelude::*;

use crate::{
    strategies::{GATE, KINDS, LOOKAHEAD, PROMPTED, RANKING, RESTARTS, SCORER, SHIPPED, UNSCORED},
    toys::{World, kept},
};

pub(crate) fn world() -> impl Strategy<Value = World> {
    let text = (0.0_f64..0.5, 0.0_f64..0.4, 1_u32..10, 1_u32..40);
    (0..KINDS, any::<u64>(), text).prop_map(|(kind, seed, (boundary, eos, step, path))| World {
        boundary,
        eos,
        step,
        path,
        ..World::new(kind, seed)
    })
}

/// Tokens that were sampled at a node.
fn sampled_tokens(tree: &Tree, id: NodeId) -> u64 {
    let step = tree.node(id).step.as_ref().filter(|step| step.observed.is_none());
    step.map_or(0, |step| step.tokens.len() as u64)
}

pub(crate) fn cost(event: &Event) -> Entry {
    match event {
        Event::Node { cost, .. }
        | Event::Scored { cost, .. }
        | Event::Prompt { cost }
        | Event::Proposed { cost, .. }
        | Event::Judged { cost, .. } => *cost,
        _ => Entry::default(),
    }
}

/// What was sampled beside the steps of a tree, by the node that pays for it: what of a reply is none of
/// the steps it proposes, and what judges say. And how many calls that takes more than there are nodes.
pub(crate) fn beside(out: &Outcome) -> (BTreeMap<NodeId, u64>, i64) {
    let (mut tokens_of, mut calls) = (BTreeMap::new(), 0);
    let mut events = out.trace.iter();
    while let Some(event) = events.next() {
        match event {
            Event::Judged { nodes, tokens, .. } => {
                *tokens_of.entry(nodes[0]).or_insert(0) += tokens.len() as u64;
                calls += 1;
            }
            Event::Proposed { parent, tokens, made, .. } => {
                let mut left = tokens.len() as u64;
                for _ in 0..*made {
                    let node = |event: &Event| match event {
                        Event::Node { tokens, .. } => Some(tokens.len() as u64),
                        _ => None,
                    };
                    left -= events.by_ref().find_map(node).expect("the nodes follow");
                }
                *tokens_of.entry(*parent).or_insert(0) += left;
                calls += 1 - i64::from(*made);
            }
            _ => {}
        }
    }
    (tokens_of, calls)
}

/// Whether paths went on from two observations at the end of the same text. A path that restarts can come to a
/// text whose keys and values went with an earlier path, and computes its observation again.
fn comes_again(tree: &Tree) -> bool {
    let goes_on = |id: &NodeId| tree.observed(*id).is_some() && !tree.children(*id).is_empty();
    let mut texts = BTreeSet::new();
    tree.ids().filter(goes_on).any(|id| !texts.insert(tree.tokens(id)))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn spend_is_what_the_tree_holds(world in world()) {
        let out = world.run();
        let tree = &out.tree;
        let (beside, more_calls) = beside(&out);
        let sampled = |id: &NodeId| tree.observed(*id).is_none();
        let steps = || tree.ids().filter(sampled).filter_map(|id| tree.node(id).step.as_ref());
        let tokens: u64 = steps().map(|step| step.tokens.len() as u64).sum();
        let scores = tree.ids().filter(|&id| tree.node(id).score(SCORER).is_some()).count() as i64;
        prop_assert_eq!(out.spent.generated, tokens + beside.values().sum::<u64>());
        prop_assert_eq!(out.spent.calls as i64, steps().count() as i64 + scores + more_calls);
        prop_assert_eq!(out.spent, out.ledger.total().spend());
        let traced = out.trace.iter().map(cost).fold(Entry::default(), |mut sum, one| { sum += one; sum });
        prop_assert_eq!(out.spent, traced.spend());
        for id in tree.ids() {
            let own = sampled_tokens(tree, id);
            let beside = beside.get(&id).copied().unwrap_or(0);
            prop_assert_eq!(out.ledger.node(id).spend().generated, own + beside);
            if tree.observed(id).is_some() {
                prop_assert_eq!(out.ledger.node(id).spend(), Spend::default(), "observations cost no tokens");
            }
        }
    }

    #[test]
    fn no_token_is_computed_twice(world in world()) {
        let again = world.kind == RESTARTS && comes_again(&world.run().tree);
        let thrifty = SHIPPED.contains(&world.kind) && !again;
        // Worlds check that what is told was computed; here, that nothing was that had been let go of.
        let out = World { thrifty, ..world.clone() }.run();
        if again || PROMPTED.contains(&world.kind) {
            return Ok(());
        }
        let tree = &out.tree;
        // An observation is computed when a path goes on from it, once for all that begin alike.
        let mut begun = BTreeSet::new();
        let mut computed = |id: &NodeId| {
            let goes_on = !tree.children(*id).is_empty();
            tree.observed(*id).is_none() || (goes_on && begun.insert(tree.tokens(*id)))
        };
        let own = |id| tree.node(id).below - tree.parent(id).map_or(0, |up| tree.node(up).below);
        let distinct = tree.prompt().tokens.len() as u64
            + tree.ids().filter(&mut computed).map(own).sum::<u64>();
        let total = out.ledger.total();
        if tree.len() > 1 {
            prop_assert_eq!(total.prefill_new + total.decode_new, distinct);
            let from = tree.prompt().tokens.len() as u64;
            prop_assert_eq!(out.ledger.node(NodeId::ROOT).prefill_new, from);
        }
    }

    #[test]
    fn kept_tokens_lead_to_answers(world in world()) {
        let out = world.run();
        let (kept, beside) = (kept(&out), beside(&out).0);
        for id in out.tree.ids().skip(1) {
            let entry = out.ledger.node(id);
            let own = sampled_tokens(&out.tree, id);
            let own = own + beside.get(&id).copied().unwrap_or(0) - entry.judge;
            let wanted = if kept.contains(&id) { (own, 0) } else { (0, own) };
            prop_assert_eq!((entry.decode_kept, entry.decode_wasted), wanted);
        }
    }

    #[test]
    fn grows_a_tree(world in world()) {
        let out = world.run();
        let tree = &out.tree;
        prop_assert_eq!(tree.parent(NodeId::ROOT), None);
        for id in tree.ids().skip(1) {
            let parent = tree.parent(id).expect("only the root has no parent");
            prop_assert!(parent < id);
            prop_assert!(tree.children(parent).contains(&id));
            prop_assert!(tree.children(parent).is_sorted());
            let called = tree.observed(id).is_some();
            let may = |finish| matches!(finish, None | Some(Finish::Step)) || (called && finish == Some(Finish::Eos));
            prop_assert!(may(tree.node(parent).finish()));
            prop_assert_eq!(tree.node(id).depth, tree.node(parent).depth + 1);
            prop_assert_eq!(tree.path(id).steps.len(), tree.node(id).depth as usize);
            let tokens = tree.tokens(id);
            prop_assert_eq!(tokens.len() as u64, tree.prompt().tokens.len() as u64 + tree.node(id).below);
            prop_assert!(tokens.starts_with(&tree.tokens(parent)));
            prop_assert!(tree.node(id).below <= u64::from(world.path));
        }
        let sampled = |id: &NodeId| tree.observed(*id).is_none();
        let seeds: BTreeSet<u64> =
            tree.ids().filter(sampled).filter_map(|id| tree.node(id).seed).map(espalier_core::Seed::bits).collect();
        let observations = tree.ids().filter(|&id| tree.observed(id).is_some()).count();
        let more = |event: &Event| match event {
            Event::Proposed { made, .. } => (*made as usize).saturating_sub(1),
            _ => 0,
        };
        let shared: usize = out.trace.iter().map(more).sum();
        prop_assert_eq!(seeds.len(), tree.len() - 1 - shared - observations, "no two continuations share a seed");
    }

    #[test]
    fn same_seed_same_trace(world in world()) {
        let (one, other) = (world.run(), world.run());
        prop_assert_eq!(&one.trace, &other.trace);
        let moved = World { seed: world.seed ^ 1, ..world }.run();
        let first = |out: &Outcome| out.tree.node(NodeId(1)).seed;
        if one.tree.len().min(moved.tree.len()) > 1 {
            prop_assert_ne!(first(&one), first(&moved));
        }
    }

    #[test]
    fn traces_survive_the_disk_and_retell_the_tree(world in world()) {
        let out = world.run();
        let mut lines = Vec::new();
        write(&out.trace, &mut lines).unwrap();
        let trace = read(&lines[..]).unwrap();
        prop_assert_eq!(&trace, &out.trace);
        let tree = replay(Arc::clone(out.tree.prompt()), out.tree.room(NodeId::ROOT), &trace).unwrap();
        prop_assert_eq!(render(&tree), render(&out.tree));
        for id in tree.ids() {
            prop_assert_eq!(tree.tokens(id), out.tree.tokens(id));
            prop_assert_eq!(tree.expandable(id), out.tree.expandable(id));
            prop_assert_eq!(tree.node(id).seed, out.tree.node(id).seed);
            prop_assert_eq!(&tree.node(id).merged, &out.tree.node(id).merged);
            prop_assert_eq!(&tree.node(id).scores, &out.tree.node(id).scores);
        }
        let (mut spent, mut len) = (Vec::new(), 1);
        let mut after = |tree: &Tree, so_far: &Entry| {
            spent.push(so_far.spend());
            assert!(tree.len() >= len, "trees only grow");
            len = tree.len();
        };
        let room = out.tree.room(NodeId::ROOT);
        retell(Arc::clone(out.tree.prompt()), room, &trace, &mut after).unwrap();
        let rounds = trace.iter().filter(|event| matches!(event, Event::Round { .. })).count();
        prop_assert_eq!((spent.len(), len), (rounds, out.tree.len()));
        let all = out.ledger.total().spend();
        prop_assert_eq!(spent.last().copied().unwrap_or_default(), all);
        prop_assert!(spent.windows(2).all(|two| two[0].computed <= two[1].computed));
        let (first, last) = (trace.first(), trace.last());
        prop_assert!(matches!(first, Some(Event::Start { .. })), "{:?}", first);
        prop_assert!(matches!(last, Some(Event::End { .. })), "{:?}", last);
    }

    #[test]
    fn ranking_ignores_order_preserving_scales(world in world(), which in 0..RANKING.len()) {
        let world = World { kind: RANKING[which], ..world };
        let asks = |world: &World| -> Vec<Event> {
            let told = |event: &Event| matches!(event, Event::Round { .. } | Event::Node { .. });
            world.run().trace.into_iter().filter(told).collect()
        };
        prop_assert_eq!(asks(&world), asks(&World { rule: (4.0, -2.0), ..world.clone() }));
    }

    #[test]
    fn greedy_is_the_first_of_best_of_n(world in world()) {
        let greedy = World { kind: 0, ..world.clone() }.run();
        let best = World { kind: 1, ..world }.run();
        prop_assert_eq!(greedy.tree.tokens(NodeId(1)), best.tree.tokens(NodeId(1)));
        prop_assert_eq!(greedy.tree.len(), 2);
    }

    #[test]
    fn every_new_node_of_a_scored_round_is_scored(world in world()) {
        let out = world.run();
        let score = |id: NodeId| out.tree.node(id).score(SCORER);
        let scored = out.tree.ids().filter(|&id| score(id).is_some()).count();
        match world.kind {
            kind if UNSCORED.contains(&kind) => prop_assert_eq!(scored, 0),
            // Answers are scored wherever they come up: a selector can take them.
            LOOKAHEAD => prop_assert!(out.tree.finished().all(|id| score(id).is_some())),
            // First answers are put to the vote; what follows is scored.
            GATE => prop_assert_eq!(scored, (out.tree.len() - 1).saturating_sub(3)),
            kind if SHIPPED.contains(&kind) => {
                let seen = out.tree.ids().filter(|&id| out.tree.observed(id).is_some()).count();
                prop_assert_eq!(scored, out.tree.len() - 1 - seen);
            }
            _ => {}
        }
    }
}
