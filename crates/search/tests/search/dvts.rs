//! Laws of diverse verifier tree search.

use std::{cmp::Reverse, collections::BTreeSet};

use espalier_core::NodeId;
use proptest::prelude::*;

use crate::{
    beam::how,
    laws::world,
    strategies::{SCORER, beam, dvts},
    toys::asked,
};

proptest! {
    #[test]
    fn one_subtree_is_a_beam_that_keeps_one_path(
        world in world(),
        width in 1_u32..6,
        depth in 1_u32..7,
        how in how(),
    ) {
        let one = world.search(dvts(width, Some(width), depth, how).unwrap());
        let other = world.search(beam(width, Some(width), depth, how).unwrap());
        prop_assert_eq!(one.trace, other.trace);
    }

    /// An oracle: which nodes grew, by another route, from the finished tree.
    #[test]
    fn each_subtree_follows_its_own_best_candidate(
        world in world(),
        width in 1_u32..4,
        subtrees in 1_u32..4,
        depth in 1_u32..6,
        how in how(),
    ) {
        let out = world.search(dvts(width, Some(width * subtrees), depth, how).unwrap());
        let tree = &out.tree;
        let rank = |&&id: &&NodeId| {
            let score = tree.aggregate(id, SCORER, how).map(espalier_core::Score::get);
            (Reverse(score.map(|score| (f64::from(score) * 1e9) as i64)), id)
        };
        let mut groups: Vec<Vec<NodeId>> =
            tree.children(NodeId::ROOT).chunks(width as usize).map(<[NodeId]>::to_vec).collect();
        prop_assert_eq!(groups.len(), subtrees as usize);
        let mut grew = BTreeSet::from([NodeId::ROOT]);
        for level in 1..=depth {
            let best: Vec<NodeId> = groups
                .iter()
                .filter_map(|group| group.iter().filter(|&&id| tree.stands(id)).min_by_key(rank))
                .copied()
                .collect();
            let tips = best.into_iter().filter(|&id| tree.expandable(id) && level < depth);
            groups = tips.clone().map(|id| tree.children(id).to_vec()).collect();
            prop_assert!(groups.iter().all(|group| group.len() == width as usize));
            grew.extend(tips);
        }
        let all: BTreeSet<NodeId> =
            tree.ids().filter(|&id| !tree.children(id).is_empty()).collect();
        prop_assert_eq!(all, grew);
        for round in asked(&out).iter().skip(1) {
            prop_assert!(round.len() <= subtrees as usize);
        }
    }
}
