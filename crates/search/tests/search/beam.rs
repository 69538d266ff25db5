//! Laws of beam search and of the KV it holds.

use std::collections::BTreeSet;

use espalier_core::{Aggregate, Draw, Finish, NodeId, Score, ScorerId};
use espalier_search::{Beam, Outcome, search};
use proptest::prelude::*;

use crate::{
    laws::world,
    reading::{Affine, Reading},
    strategies::beam,
    toys::{World, asked, task},
};

/// The parents asked for in each round.
pub(crate) fn parents(out: &Outcome) -> Vec<Vec<NodeId>> {
    let parents = |round: Vec<(NodeId, u32, Draw)>| round.into_iter().map(|one| one.0).collect();
    asked(out).into_iter().map(parents).collect()
}

/// A search, and the most leases of the policy and of the scorer that were alive when a request came in.
pub(crate) fn held(
    world: &World,
    strategy: Box<dyn espalier_search::Strategy>,
) -> (Outcome, [usize; 2]) {
    let (mut engine, mut scorer) = (world.engine(), Reading::new(Affine(1.0, 0.0)));
    let mut models = espalier_search::Models {
        policy: &mut engine,
        scorers: vec![&mut scorer],
        tools: Vec::new(),
    };
    let config = world.config();
    let out = search(task("q", 1, strategy), &mut models, &config, &espalier_core::Frozen);
    (out, [engine.most_leases, scorer.most_leases])
}

fn run(world: &World, width: u32, n: u32, depth: u32, how: Aggregate) -> (Outcome, [usize; 2]) {
    held(world, beam(width, Some(n), depth, how).expect("these numbers are sound"))
}

pub(crate) fn how() -> impl Strategy<Value = Aggregate> {
    prop::sample::select(vec![Aggregate::Last, Aggregate::Min, Aggregate::Prod, Aggregate::Mean])
}

/// The rounds of a beam that draws duplicates anew: parents never asked for more than is missing, and what
/// goes on differs.
/// Returns how many rounds drew anew.
fn redraws_are_sound(world: &World, width: u32, redraws: u32) -> u32 {
    let strategy = Beam::new(width, None, 6, ScorerId(0), Aggregate::Last).expect("sound");
    let out = world.search(Box::new(strategy.with_redraws(redraws)));
    let tree = &out.tree;
    let text = |id: NodeId| (tree.parent(id), tree.node(id).step.as_ref().map(|one| &one.text));
    let mut again = 0;
    let mut asked_of = std::collections::BTreeMap::<NodeId, u32>::new();
    for round in asked(&out) {
        let fresh = round.iter().all(|ask| !asked_of.contains_key(&ask.0));
        for &(parent, count, _) in &round {
            let wanted = if parent == NodeId::ROOT { width * width } else { width };
            let before = asked_of.entry(parent).or_default();
            *before += 1;
            assert!(*before <= redraws + 1, "{parent} was drawn from too often");
            assert!(if fresh { count == wanted } else { count < wanted }, "{count} of {wanted}");
        }
        let distinct: BTreeSet<_> = round.iter().map(|ask| text(ask.0)).collect();
        assert_eq!(distinct.len(), round.len(), "paths that go on differ");
        again += u32::from(!fresh);
    }
    again
}

#[test]
fn sal_duplicates_fill_the_beam() {
    // search-and-learn keeps copies of one path unless told otherwise, and a beam of copies is narrow.
    let (mut again, mut copies) = (0, 0);
    for seed in 0..30 {
        // Two letters and short steps: duplicates are frequent.
        let world = World { boundary: 0.6, eos: 0.05, step: 3, ..World::new(3, seed) };
        again += redraws_are_sound(&world, 3, 2);
        let plain = world.search(beam(3, None, 6, Aggregate::Last).expect("sound"));
        let tree = &plain.tree;
        let text = |id: NodeId| (tree.parent(id), tree.node(id).step.as_ref().map(|one| &one.text));
        for round in parents(&plain) {
            let distinct: BTreeSet<_> = round.iter().map(|&id| text(id)).collect();
            copies += round.len() - distinct.len();
        }
    }
    assert!(again > 20 && copies > 20, "{again}, {copies}");
}

proptest! {
    #[test]
    fn redraws_keep_what_differs(world in world(), width in 1_u32..4, redraws in 0_u32..4) {
        let world = World { kind: 3, ..world };
        if redraws == 0 {
            let strategy = Beam::new(width, None, 6, ScorerId(0), Aggregate::Last).unwrap();
            let out = world.search(Box::new(strategy.with_redraws(0)));
            let plain = world.search(beam(width, None, 6, Aggregate::Last).unwrap());
            prop_assert_eq!(out.trace, plain.trace);
        } else {
            redraws_are_sound(&world, width, redraws);
        }
    }

    /// An oracle: the beam's rounds recomputed from the finished tree, by another route.
    #[test]
    fn keeps_the_best(
        world in world(),
        width in 1_u32..4,
        places in 1_u32..4,
        depth in 1_u32..7,
        how in how(),
    ) {
        let (out, _) = run(&world, width, width * places, depth, how);
        let tree = &out.tree;
        let rounds = parents(&out);
        prop_assert!(rounds.len() <= depth as usize);
        prop_assert_eq!(&rounds[0], &vec![NodeId::ROOT]);
        let mut standing: BTreeSet<NodeId> = BTreeSet::new();
        for level in 1..=rounds.len() {
            // A node at depth d is made by round d: beams grow level by level.
            standing.extend(tree.ids().filter(|&id| {
                let dead = tree.node(id).finish() == Some(Finish::Length)
                    || tree.node(id).finish() == Some(Finish::Step) && tree.room(id) == 0;
                tree.node(id).depth as usize == level && !dead
            }));
            let score = |id: NodeId| tree.aggregate(id, ScorerId(0), how).map(Score::get);
            let beats = |one: NodeId, other: NodeId| {
                let (one_score, other_score) = (score(one), score(other));
                one_score > other_score || (one_score == other_score && one < other)
            };
            let all = standing.clone();
            standing.retain(|&id| {
                all.iter().filter(|&&other| beats(other, id)).count() < places as usize
            });
            let growing: BTreeSet<NodeId> =
                standing.iter().copied().filter(|&id| tree.expandable(id)).collect();
            standing.retain(|&id| !tree.expandable(id));
            match rounds.get(level) {
                Some(asked) => prop_assert_eq!(asked.iter().copied().collect::<BTreeSet<_>>(), growing),
                None => prop_assert!(growing.is_empty() || level == depth as usize),
            }
        }
        for id in tree.ids().skip(1) {
            let siblings = tree.children(tree.parent(id).unwrap()).len() as u32;
            let wanted = if tree.node(id).depth == 1 { width * places } else { width };
            prop_assert_eq!(siblings, wanted);
            let own = tree.node(id).below - tree.node(tree.parent(id).unwrap()).below;
            prop_assert!(own <= u64::from(world.step));
        }
    }

    #[test]
    fn holds_the_kv_of_kept_paths_alone(world in world(), width in 1_u32..4, places in 1_u32..4) {
        let (out, leases) = run(&world, width, width * places, 6, Aggregate::Last);
        // Each path that goes on has one lease of the policy and one of the scorer.
        let growing = parents(&out).into_iter().skip(1).map(|asked| asked.len()).max();
        prop_assert!(growing.unwrap_or(0) <= places as usize);
        prop_assert_eq!(leases, [growing.unwrap_or(0); 2]);
    }

    #[test]
    fn width_one_is_one_path(world in world()) {
        let (out, _) = run(&world, 1, 1, 6, Aggregate::Last);
        for id in out.tree.ids() {
            prop_assert!(out.tree.children(id).len() <= 1);
        }
        let (greater, _) = run(&world, 1, 2, 1, Aggregate::Last);
        prop_assert_eq!(greater.tree.tokens(NodeId(1)), out.tree.tokens(NodeId(1)));
    }
}
