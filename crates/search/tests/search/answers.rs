//! Laws of the strategies that make answers of answers: revision and graphs of thoughts.

use espalier_core::{Aggregate, Ask, Event, NodeId, Score};
use espalier_search::{BestOfN, Outcome, Tree, best, render};
use proptest::prelude::*;

use crate::{
    laws::world,
    strategies::{SCORER, boxed, graph, revision},
    toys::{LastLetter, World},
};

fn asks(out: &Outcome) -> Vec<Vec<Ask>> {
    let round = |event: &Event| match event {
        Event::Round { asks, .. } => Some(asks.clone()),
        _ => None,
    };
    out.trace.iter().filter_map(round).collect()
}

fn score(tree: &Tree, id: NodeId) -> Option<f32> {
    tree.node(id).score(SCORER).map(Score::get)
}

proptest! {
    /// An oracle: each chain followed through the finished tree.
    #[test]
    fn each_chain_revises_its_newest_answer(world in world(), chains in 1_u32..4, revisions in 0_u32..4) {
        let world = World { eos: 0.2, path: 20, ..world };
        let out = world.search(revision(chains, revisions).unwrap());
        let (tree, rounds) = (&out.tree, asks(&out));
        let first: Vec<NodeId> = (1..=chains).map(NodeId).collect();
        let mut tips: Vec<NodeId> = first.into_iter().filter(|&id| tree.ended(id)).collect();
        let wanted = if tips.is_empty() { 1 } else { revisions as usize + 1 };
        prop_assert_eq!(rounds.len(), wanted);
        let mut next = chains + 1;
        for round in &rounds[1..] {
            let revised: Vec<NodeId> = round.iter().map(|ask| match ask {
                Ask::Revise { node, .. } => *node,
                _ => panic!("no other asks"),
            }).collect();
            prop_assert_eq!(&revised, &tips);
            for tip in &mut tips {
                let node = NodeId(next);
                prop_assert_eq!(&tree.node(node).merged, &vec![*tip]);
                if tree.ended(node) {
                    *tip = node;
                }
                next += 1;
            }
        }
        prop_assert_eq!(tree.len() as u32, next);
        prop_assert!(tree.ids().skip(1).all(|id| score(tree, id).is_some()));
    }

    #[test]
    fn no_revisions_are_best_of_n(world in world(), n in 1_u32..6) {
        let one = world.search(revision(n, 0).unwrap());
        let other = world.search(boxed(BestOfN::new(n, SCORER)).unwrap());
        prop_assert_eq!(render(&one.tree), render(&other.tree));
        prop_assert_eq!(one.spent, other.spent);
    }

    #[test]
    fn the_best_of_a_chain_is_wherever_it_stands(seed: u64) {
        let world = World { eos: 0.4, boundary: 0.1, ..World::new(0, seed) };
        let out = world.search(revision(1, 5).unwrap());
        let tree = &out.tree;
        let read = |id: &NodeId| {
            let text = tree.path(*id).text();
            tree.ended(*id) && espalier_core::Answers::extract(&LastLetter, &text).is_some()
        };
        let most = tree.ids().skip(1).filter(read).filter_map(|id| score(tree, id)).reduce(f32::max);
        let chosen = best(tree, SCORER, Aggregate::Last, &LastLetter);
        prop_assert_eq!(chosen.and_then(|chosen| score(tree, chosen.node)), most);
    }

    /// An oracle: the merges, one after the other, from the finished tree.
    #[test]
    fn the_best_attempt_at_each_group_goes_on(
        world in world(),
        n in 1_u32..8,
        group in 2_u32..4,
        attempts in 1_u32..4,
    ) {
        let world = World { eos: 0.2, path: 8, ..world };
        let out = world.search(graph(n, group, attempts).unwrap());
        let tree = &out.tree;
        let mut rounds = asks(&out).into_iter().skip(1);
        let mut thoughts: Vec<NodeId> = (1..=n).map(NodeId).filter(|&id| tree.stands(id)).collect();
        let mut next = n + 1;
        while thoughts.len() > 1 {
            let round = rounds.next().expect("more than one is left");
            let merges = round.iter().map(|ask| match ask {
                Ask::Merge { parent, merged, .. } => {
                    assert_eq!(*parent, NodeId::ROOT);
                    merged.clone()
                }
                _ => panic!("no other asks"),
            });
            let mut merges = merges.collect::<Vec<_>>().into_iter();
            let mut winners = Vec::new();
            for members in thoughts.chunks(group as usize) {
                let mut pool: Vec<NodeId> = Vec::new();
                if members.len() > 1 {
                    for _ in 0..attempts {
                        prop_assert_eq!(merges.next(), Some(members.to_vec()));
                        pool.push(NodeId(next));
                        prop_assert_eq!(&tree.node(NodeId(next)).merged, &members.to_vec());
                        next += 1;
                    }
                }
                pool.retain(|&id| tree.stands(id));
                if pool.is_empty() {
                    pool = members.to_vec();
                }
                let most = pool.iter().filter_map(|&id| score(tree, id)).fold(f32::MIN, f32::max);
                let winner = pool.into_iter().find(|&id| score(tree, id) >= Some(most));
                winners.push(winner.expect("one has the most"));
            }
            prop_assert_eq!(merges.next(), None);
            thoughts = winners;
        }
        prop_assert_eq!(rounds.next(), None);
        prop_assert_eq!(tree.len() as u32, next);
    }

    /// With a perfect merge and a perfect scorer of the merged, the answer is found wherever its parts
    /// are: each thought reaches the last merge.
    #[test]
    fn everything_can_reach_the_last_merge(seed: u64, n in 2_u32..9, group in 2_u32..4) {
        /// Merges to the answer, which says whose texts it was made of by its letters' number.
        fn merge(prompt: &str) -> Option<String> {
            let texts = prompt.strip_suffix('=')?.rsplit_once('+')?.1;
            let parts = texts.matches('!').count() + texts.matches('d').count();
            Some(format!("{}!", "d".repeat(parts - texts.matches("d!").count())))
        }
        let world = World { eos: 0.9, boundary: 0.0, knows: Some(merge), path: 200, ..World::new(0, seed) };
        let out = world.search(graph(n, group, 1).unwrap());
        let tree = &out.tree;
        let ended = (1..=n).map(NodeId).filter(|&id| tree.ended(id)).count();
        let last = tree.path(NodeId(tree.len() as u32 - 1)).text();
        prop_assert!(ended < 2 || last.matches('d').count() == ended, "{last} of {ended}");
    }
}
