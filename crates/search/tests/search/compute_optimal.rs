//! Laws of the compute-optimal choice, and of the strategies that go on where others have begun.

use espalier_core::{Aggregate, Draw, Finish, NodeId};
use espalier_search::{BestOfN, Tree, difficulty::mean_score, render};
use proptest::prelude::*;

use crate::{
    beam::how,
    laws::world,
    selectors::tree,
    strategies::{Built, SCORER, beam, boxed, compute_optimal, dvts, gate},
    toys::{World, asked},
};

fn best_of_n(n: u32) -> Built {
    boxed(BestOfN::new(n, SCORER))
}

/// The one bin of all problems.
fn always(first: u32, then: Built) -> Built {
    compute_optimal(first, [(None, Some(then))])
}

/// Who was asked for how many, in a round.
fn one(round: &[(NodeId, u32, Draw)]) -> Vec<(NodeId, u32)> {
    round.iter().map(|ask| (ask.0, ask.1)).collect()
}

/// The best of these candidates that leads somewhere.
fn best(tree: &Tree, candidates: &[NodeId]) -> Option<NodeId> {
    let standing = candidates.iter().copied().filter(|&id| tree.stands(id));
    standing.min_by_key(|&id| (std::cmp::Reverse(tree.node(id).score(SCORER)), id))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    /// An oracle: the mean score of the first answers, from the finished tree, and what its bin asks for.
    #[test]
    fn the_first_answers_say_what_goes_on(world in world(), first in 1_u32..5, low in 0.1_f64..0.6, more in 0.05_f64..0.4) {
        let (middle, high) = (low + more, low + 2.0 * more);
        let bins = [
            (Some(low), Some(beam(2, Some(6), 2, Aggregate::Last))),
            (Some(middle), Some(dvts(3, Some(9), 2, Aggregate::Last))),
            (Some(high), Some(best_of_n(5))),
            (None, None),
        ];
        let out = world.search(compute_optimal(first, bins).unwrap());
        let rounds = asked(&out);
        prop_assert_eq!(one(&rounds[0]), vec![(NodeId::ROOT, first)]);
        let score = |id| f64::from(out.tree.node(id).score(SCORER).expect("all are scored").get());
        let mean = (1..=first).map(NodeId).map(score).sum::<f64>() / f64::from(first);
        let wanted = [(low, 6), (middle, 9), (high, 5)].into_iter().find(|bin| mean < bin.0);
        let wanted = wanted.map_or_else(Vec::new, |(_, n)| vec![(NodeId::ROOT, n)]);
        prop_assert_eq!(rounds.get(1).map_or_else(Vec::new, |round| one(round)), wanted);
    }

    #[test]
    fn more_answers_are_best_of_all(world in world(), first in 1_u32..5, n in 1_u32..5) {
        let whole = world.search(best_of_n(first + n).unwrap());
        let world = World { thrifty: true, ..world };
        let parts = world.search(always(first, best_of_n(n)).unwrap());
        prop_assert_eq!(render(&parts.tree), render(&whole.tree));
        prop_assert_eq!(parts.spent, whole.spent, "nothing is computed again");
        prop_assert_eq!(asked(&parts).len(), 2);
    }

    #[test]
    fn enough_answers_are_best_of_them(world in world(), first in 1_u32..5) {
        let enough = world.search(compute_optimal(first, [(None, None)]).unwrap());
        let other = world.search(best_of_n(first).unwrap());
        prop_assert_eq!(render(&enough.tree), render(&other.tree));
        prop_assert_eq!(enough.spent, other.spent);
    }

    /// A gate that no answers pass leads to the same beam; it alone does not score the first answers.
    #[test]
    fn the_beam_is_the_one_behind_a_gate(world in world(), first in 2_u32..5, depth in 1_u32..5) {
        let world = World { thrifty: true, ..world };
        let beam = || espalier_search::Beam::new(2, None, depth, SCORER, Aggregate::Last);
        let gated = world.search(gate(first, 1.0, beam()).unwrap());
        let chosen = world.search(always(first, boxed(beam())).unwrap());
        prop_assume!(asked(&gated).len() > 1);
        prop_assert_eq!(asked(&chosen), asked(&gated));
        for id in chosen.tree.ids() {
            prop_assert_eq!(chosen.tree.tokens(id), gated.tree.tokens(id));
            let same = id.0 <= first
                || chosen.tree.node(id).scores == gated.tree.node(id).scores;
            prop_assert!(same);
        }
    }

    /// The first answers are nobody's candidates, however good they are.
    #[test]
    fn subtrees_begin_beside_the_first_answers(
        world in world(),
        first in 1_u32..5,
        width in 1_u32..4,
        subtrees in 1_u32..4,
    ) {
        let world = World { thrifty: true, ..world };
        let search = dvts(width, Some(width * subtrees), 2, Aggregate::Last);
        let out = world.search(always(first, search).unwrap());
        let (tree, rounds) = (&out.tree, asked(&out));
        prop_assert_eq!(one(&rounds[1]), vec![(NodeId::ROOT, width * subtrees)]);
        let candidates: Vec<NodeId> = (first + 1..=first + width * subtrees).map(NodeId).collect();
        let tips = candidates.chunks(width as usize).filter_map(|group| best(tree, group));
        let tips: Vec<(NodeId, u32)> =
            tips.filter(|&id| tree.expandable(id)).map(|id| (id, width)).collect();
        prop_assert_eq!(rounds.get(2).map_or_else(Vec::new, |round| one(round)), tips);
    }

    #[test]
    fn one_subtree_beside_answers_is_a_beam_beside_them(world in world(), first in 1_u32..5, width in 1_u32..4, how in how()) {
        let subtree = world.search(always(first, dvts(width, Some(width), 5, how)).unwrap());
        let path = world.search(always(first, beam(width, Some(width), 5, how)).unwrap());
        prop_assert_eq!(subtree.trace, path.trace);
    }
}

#[test]
fn answers_without_a_score_do_not_count() {
    let half = tree(&[
        (0, "a!", Some(0.25), Finish::Eos),
        (0, "b!", None, Finish::Eos),
        (0, "c!", Some(0.75), Finish::Eos),
    ]);
    assert_eq!(mean_score(&half, SCORER), Some(0.5));
    assert_eq!(mean_score(&tree(&[(0, "a!", None, Finish::Eos)]), SCORER), None);
}
