//! Laws of selection, on trees written by hand.

use std::{collections::BTreeMap, sync::Arc};

use espalier_core::{
    Aggregate, Answer, Entry, Event, Finish, NodeId, Prompt, Score, ScorerId, Seed,
};
use espalier_search::{Tree, best, majority, replay, weighted};
use proptest::prelude::*;

use crate::toys::LastLetter;

const SCORER: ScorerId = ScorerId(0);

/// One node: its parent, text, score and finish.
pub(crate) type Leaf<'a> = (u32, &'a str, Option<f32>, Finish);

/// The tree of these nodes, numbered from 1.
pub(crate) fn tree(nodes: &[Leaf<'_>]) -> Tree {
    let mut events = Vec::new();
    for (index, (parent, text, score, finish)) in nodes.iter().enumerate() {
        let node = NodeId(index as u32 + 1);
        events.push(Event::Node {
            node,
            parent: NodeId(*parent),
            merged: Vec::new(),
            observed: None,
            seed: Seed::run(index as u64),
            tokens: text.bytes().map(u32::from).collect(),
            text: (*text).to_owned(),
            logprob: -1.0,
            finish: *finish,
            cost: Entry::default(),
        });
        if let Some(raw) = score {
            let score = Score::new(*raw).expect("tests score finitely");
            events.push(Event::Scored { node, scorer: SCORER, score, cost: Entry::default() });
        }
    }
    let prompt = Prompt { problem: "q".to_owned(), tokens: [1].into() };
    replay(Arc::new(prompt), 1000, &events).expect("nodes come after their parents")
}

/// Ended answers under the root.
fn answers(texts: &[(&str, f32)]) -> Tree {
    let leaf = |&(text, score)| (0, text, Some(score), Finish::Eos);
    let leaves: Vec<Leaf<'_>> = texts.iter().map(leaf).collect();
    tree(&leaves)
}

fn vote(tree: &Tree) -> Option<(u32, Answer)> {
    majority(tree, &LastLetter).map(|one| (one.node.0, one.answer))
}

fn letters() -> impl Strategy<Value = Vec<(&'static str, f32)>> {
    let letter = prop::sample::select(vec!["a!", "A!", "b!", "c!", "C!", "!", "."]);
    prop::collection::vec((letter, (0_u32..5).prop_map(|n| n as f32 / 4.0)), 0..12)
}

proptest! {
    #[test]
    fn majority_counts(leaves in letters()) {
        let mut counts: BTreeMap<char, (i32, i32)> = BTreeMap::new();
        for (index, (text, _)) in leaves.iter().enumerate() {
            let letter = text.chars().next().unwrap().to_ascii_lowercase();
            if letter.is_alphabetic() {
                counts.entry(letter).or_insert((0, -(index as i32 + 1))).0 += 1;
            }
        }
        let wanted = counts.values().max().map(|(_, first)| -first as u32);
        prop_assert_eq!(vote(&answers(&leaves)).map(|(node, _)| node), wanted);
    }

    #[test]
    fn weights_are_summed(leaves in letters()) {
        // Scores are quarters: sums are exact.
        let mut sums: BTreeMap<char, (u32, i32)> = BTreeMap::new();
        for (index, (text, score)) in leaves.iter().enumerate() {
            let letter = text.chars().next().unwrap().to_ascii_lowercase();
            if letter.is_alphabetic() {
                sums.entry(letter).or_insert((0, -(index as i32 + 1))).0 += (score * 4.0) as u32;
            }
        }
        let wanted = sums.values().max().map(|(_, first)| -first as u32);
        let found = weighted(&answers(&leaves), SCORER, Aggregate::Last, &LastLetter);
        prop_assert_eq!(found.map(|one| one.node.0), wanted);
    }

    #[test]
    fn constant_weights_are_a_majority(leaves in letters(), weight in 1_u32..9) {
        let leaves: Vec<_> = leaves.iter().map(|(text, _)| (*text, weight as f32)).collect();
        let tree = answers(&leaves);
        for how in [Aggregate::Last, Aggregate::Min, Aggregate::Prod, Aggregate::Mean] {
            prop_assert_eq!(weighted(&tree, SCORER, how, &LastLetter), majority(&tree, &LastLetter));
        }
    }

    #[test]
    fn the_winner_does_not_depend_on_order(leaves in letters(), turn in 0_usize..12) {
        let mut turned = leaves.clone();
        if !turned.is_empty() {
            turned.rotate_left(turn % leaves.len());
        }
        let score = |leaves: &[(&str, f32)]| {
            let best = best(&answers(leaves), SCORER, Aggregate::Last, &LastLetter)?;
            Some(leaves[best.node.index() - 1].1.to_bits())
        };
        prop_assert_eq!(score(&leaves), score(&turned));
        let size = |leaves: &[(&str, f32)]| {
            let won = vote(&answers(leaves))?.1.0;
            Some(leaves.iter().filter(|(text, _)| text[..1].eq_ignore_ascii_case(&won)).count())
        };
        prop_assert_eq!(size(&leaves), size(&turned));
    }

    #[test]
    fn one_answer_is_every_selectors_answer(text in "[a-c]", score in 0.0_f32..1.0) {
        let text = format!("{text}!");
        let tree = answers(&[(&text, score)]);
        let one = majority(&tree, &LastLetter);
        prop_assert!(one.is_some());
        prop_assert_eq!(&best(&tree, SCORER, Aggregate::Last, &LastLetter), &one);
        prop_assert_eq!(&weighted(&tree, SCORER, Aggregate::Last, &LastLetter), &one);
    }
}

#[test]
fn ties_go_to_the_lowest_node() {
    let tied = answers(&[("b!", 0.5), ("a!", 0.5), ("a!", 0.25), ("B!", 0.25)]);
    assert_eq!(vote(&tied), Some((1, Answer("b".to_owned()))));
    assert_eq!(weighted(&tied, SCORER, Aggregate::Last, &LastLetter).unwrap().node, NodeId(1));
    assert_eq!(best(&tied, SCORER, Aggregate::Last, &LastLetter).unwrap().node, NodeId(1));
}

#[test]
fn the_best_path_without_an_answer_is_passed_over() {
    let mixed = answers(&[("a!", 0.25), ("!", 1.0), ("b!", 0.5)]);
    assert_eq!(best(&mixed, SCORER, Aggregate::Last, &LastLetter).unwrap().node, NodeId(3));
    let none = answers(&[("!", 1.0), (".", 0.5)]);
    assert_eq!(best(&none, SCORER, Aggregate::Last, &LastLetter), None);
    assert_eq!(vote(&none), None);
}

#[test]
fn only_ended_answers_count() {
    let cut = tree(&[
        (0, "a", Some(1.0), Finish::Length),
        (0, "a.", Some(1.0), Finish::Step),
        (0, "b!", Some(0.25), Finish::Eos),
        (2, "a", Some(1.0), Finish::Length),
    ]);
    assert_eq!(vote(&cut), Some((3, Answer("b".to_owned()))));
    assert_eq!(best(&cut, SCORER, Aggregate::Last, &LastLetter).unwrap().node, NodeId(3));
    assert_eq!(weighted(&cut, SCORER, Aggregate::Last, &LastLetter).unwrap().node, NodeId(3));
}

#[test]
fn what_is_not_scored_is_left_out_not_zero() {
    // Node 2's score is below zero: an unscored path taken for 0 would beat it.
    let half = tree(&[(0, "a!", None, Finish::Eos), (0, "b!", Some(-1.0), Finish::Eos)]);
    assert_eq!(best(&half, SCORER, Aggregate::Last, &LastLetter).unwrap().node, NodeId(2));
    assert_eq!(weighted(&half, SCORER, Aggregate::Last, &LastLetter).unwrap().node, NodeId(2));
    assert_eq!(half.aggregate(NodeId(1), SCORER, Aggregate::Last), None);
}

#[test]
fn aggregates_want_every_step_they_count() {
    let gap = tree(&[
        (0, "a.", None, Finish::Step),
        (1, "b.", Some(0.5), Finish::Step),
        (0, "c.", Some(0.25), Finish::Step),
        (3, "d!", Some(0.5), Finish::Eos),
    ]);
    let of = |id, how| gap.aggregate(NodeId(id), SCORER, how).map(Score::get);
    assert_eq!(of(2, Aggregate::Last), Some(0.5));
    assert_eq!(of(2, Aggregate::Min), None);
    assert_eq!(of(4, Aggregate::Min), Some(0.25));
    assert_eq!(of(4, Aggregate::Prod), Some(0.125));
    assert_eq!(of(4, Aggregate::Mean), Some(0.375));
    assert_eq!(of(0, Aggregate::Last), None);
    let path: Vec<f32> =
        gap.scores_on_path(NodeId(4), SCORER).into_iter().map(Score::get).collect();
    assert!(path.iter().zip([0.25, 0.5]).all(|(one, other)| one.total_cmp(&other).is_eq()));
    assert_eq!(path.len(), 2);
}

#[test]
fn damaged_traces_are_refused_by_line_and_event() {
    let error = espalier_search::read(&b"{\"end\":{\"stop\":\"done\"}}\n{}\n"[..]).unwrap_err();
    insta::assert_snapshot!(error, @"line 2 of the trace is not an event; the file is damaged or of another version");
    let score = Score::new(0.5).unwrap();
    let scored = Event::Scored { node: NodeId(1), scorer: SCORER, score, cost: Entry::default() };
    let prompt = Prompt { problem: String::new(), tokens: [1].into() };
    let error = replay(Arc::new(prompt), 9, &[scored]).unwrap_err();
    insta::assert_snapshot!(error, @"event 0 of the trace does not fit node `1`; the trace is incomplete");
}
