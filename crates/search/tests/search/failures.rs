//! What fails, and what it leaves.

use std::error::Error as _;

use espalier_core::{
    Ask, FormId, Frozen, Immediate, Judgement, ModelError, NodeId, PolicyId, Retain, Round,
    ScorerId, Stop, ToolId, Until, toy,
};
use espalier_search::{Models, Outcome, SearchError, search};
use proptest::prelude::*;

use crate::{
    forms::{MERGE, PROPOSE, REVISE, VALUE, VOTE},
    laws::world,
    strategies::Script,
    toys::{World, substance, task},
};

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn a_failure_leaves_no_partial_round_and_ends_one_problem(
        world in world(),
        tasks in 1_u64..5,
        in_flight in 1_usize..6,
        at_once in 1_usize..6,
        fails in 0_u64..20,
        scorer: bool,
    ) {
        let whole = World { tasks, in_flight, at_once, ..world };
        let broken = World {
            policy_fails: (!scorer).then_some(fails),
            scorer_fails: scorer.then_some(fails),
            ..whole.clone()
        };
        let ((all, _), (done, rest)) = (whole.run_all(), broken.run_all());
        prop_assert!(rest.is_empty());
        prop_assert_eq!(done.len() as u64, tasks);
        let failed = done.values().filter(|outcome| outcome.error.is_some()).count();
        prop_assert!(failed <= 1);
        for (index, outcome) in &done {
            if let Some(error) = &outcome.error {
                prop_assert_eq!(outcome.stop, Stop::Failed);
                let SearchError::Failed { round, .. } = error else { panic!("{error}") };
                prop_assert_eq!(*round, outcome.ledger.sequential_depth);
                let told = &outcome.trace[..outcome.trace.len() - 1];
                prop_assert!(all[index].trace.starts_with(told));
                prop_assert!(told.len() < all[index].trace.len() - 1, "the round is not told");
                prop_assert_eq!(outcome.spent, outcome.ledger.total().spend());
                let nodes = told.iter().filter(|event| matches!(event, espalier_core::Event::Node { .. }));
                prop_assert_eq!(nodes.count(), outcome.tree.len() - 1);
            } else {
                prop_assert_eq!(substance(outcome), substance(&all[index]));
            }
        }
    }
}

fn ask(asks: Vec<Ask>) -> Outcome {
    let grow = Round {
        score: Some(ScorerId(0)),
        ..Round::last(vec![Ask::sample(NodeId::ROOT, 2, Until::Boundary)])
    };
    let script = Script(vec![grow, Round { asks, score: None, retain: Retain::Nothing }]);
    let world = World { boundary: 0.5, eos: 0.0, ..World::new(0, 1) };
    world.run_tasks([task("q", 0, Box::new(script))]).0.remove(&0).expect("the task is reported")
}

fn refused(asks: Vec<Ask>) -> String {
    let out = ask(asks);
    assert_eq!((out.stop, out.tree.len()), (Stop::Failed, 3), "the round before stays");
    assert_eq!(out.spent, out.ledger.total().spend());
    let error = out.error.expect("the ask makes no sense");
    assert!(matches!(error, SearchError::Refused { round: 1, .. }));
    error.to_string()
}

#[test]
fn what_cannot_be_done_is_refused_before_anything_is_spent() {
    let (node, policy, form) = (NodeId(1), PolicyId(0), FormId(1));
    let one = |ask| refused(vec![Ask::sample(node, 3, Until::End), ask]);
    let root = NodeId::ROOT;
    insta::assert_snapshot!(one(Ask::Tool { node, tool: ToolId(7) }), @"ask `tool` of round 1 refused: no tool `7` among the 2 given; pass it");
    insta::assert_snapshot!(one(Ask::Propose { parent: node, policy: PolicyId(1), form: PROPOSE }), @"ask `propose` of round 1 refused: no policy `1`; this driver has policy `0` alone");
    insta::assert_snapshot!(one(Ask::Propose { parent: node, policy, form: FormId(9) }), @"ask `propose` of round 1 refused: no prompt form `9`; add it to `Config::forms`");
    insta::assert_snapshot!(one(Ask::Propose { parent: node, policy, form: FormId::CONTINUE }), @"ask `propose` of round 1 refused: no prompt form `0`; add it to `Config::forms`");
    insta::assert_snapshot!(one(Ask::Propose { parent: node, policy, form: VOTE }), @"ask `propose` of round 1 refused: prompt form `3` is for `vote`; name one for `propose`");
    insta::assert_snapshot!(one(Ask::Propose { parent: NodeId(7), policy, form: PROPOSE }), @"ask `propose` of round 1 refused: no node `7`: the tree has 3");
    insta::assert_snapshot!(one(Ask::Revise { node, policy, form: REVISE }), @"ask `revise` of round 1 refused: node `1` is no finished answer; ask where `Tree::ended`");
    let merge = |parent, merged| one(Ask::Merge { parent, merged, policy, form: MERGE });
    insta::assert_snapshot!(merge(root, vec![]), @"ask `merge` of round 1 refused: no nodes to merge; name at least one");
    insta::assert_snapshot!(merge(root, vec![node, root]), @"ask `merge` of round 1 refused: the root has no step to merge; name its children");
    insta::assert_snapshot!(merge(root, vec![node, NodeId(2), node]), @"ask `merge` of round 1 refused: node `1` is named twice; name it once");
    insta::assert_snapshot!(merge(node, vec![node, NodeId(2)]), @"ask `merge` of round 1 refused: node `1` is merged into its own child; leave it out");
    let judge = |nodes, samples, scorer| {
        let (what, scorer) = (Judgement::Value(nodes), ScorerId(scorer));
        Ask::Judge { what, samples, scorer, policy, form: VALUE }
    };
    insta::assert_snapshot!(one(judge(vec![node], 1, 0)), @"ask `judge` of round 1 refused: scorer `0` is one of the driver's; keep judgements as those of `1`");
    insta::assert_snapshot!(one(judge(vec![node], 0, 1)), @"ask `judge` of round 1 refused: `samples` is 0; ask for at least one judgement");
    insta::assert_snapshot!(one(judge(vec![], 1, 1)), @"ask `judge` of round 1 refused: no nodes to judge; name at least one");
    insta::assert_snapshot!(one(judge(vec![root], 1, 1)), @"ask `judge` of round 1 refused: the root has no step to judge; name its children");
    insta::assert_snapshot!(one(judge(vec![NodeId(8)], 1, 1)), @"ask `judge` of round 1 refused: no node `8`: the tree has 3");
    let twice = vec![judge(vec![node], 1, 1), judge(vec![NodeId(2), node], 1, 1)];
    insta::assert_snapshot!(refused(twice), @"ask `judge` of round 1 refused: scorer `1` scores node `1` twice; read its score");
    let draw = espalier_core::Draw::default();
    let sample = |policy, form| Ask::Sample {
        parent: node,
        count: 1,
        until: Until::End,
        draw,
        policy,
        form,
    };
    insta::assert_snapshot!(one(sample(PolicyId(1), FormId::CONTINUE)), @"ask `sample` of round 1 refused: no policy `1`; this driver has policy `0` alone");
    insta::assert_snapshot!(one(sample(policy, form)), @"ask `sample` of round 1 refused: prompt form `1` makes whole steps; ask for `Until::Boundary` with it");
    let step = |form| match sample(policy, form) {
        Ask::Sample { draw, .. } => {
            Ask::Sample { parent: node, count: 1, until: Until::Boundary, draw, policy, form }
        }
        other => other,
    };
    insta::assert_snapshot!(one(step(FormId(9))), @"ask `sample` of round 1 refused: no prompt form `9`; add it to `Config::forms`");
    insta::assert_snapshot!(one(step(VOTE)), @"ask `sample` of round 1 refused: prompt form `3` is for `vote`; name one for `propose`");
    insta::assert_snapshot!(one(Ask::sample(NodeId(9), 1, Until::End)), @"ask `sample` of round 1 refused: no node `9`: the tree has 3");
    insta::assert_snapshot!(one(Ask::sample(node, 1, Until::Tokens(0))), @"ask `sample` of round 1 refused: `Until::Tokens(0)` samples nothing; ask for at least one token");
    insta::assert_snapshot!(one(Ask::Score { node, scorer: ScorerId(3) }), @"ask `score` of round 1 refused: no scorer `3` among the 1 given; pass it");
    insta::assert_snapshot!(one(Ask::Score { node, scorer: ScorerId(0) }), @"ask `score` of round 1 refused: scorer `0` scores node `1` twice; read its score");
    insta::assert_snapshot!(one(Ask::Score { node: NodeId::ROOT, scorer: ScorerId(0) }), @"ask `score` of round 1 refused: the root has no step to score; score its children");
}

#[test]
fn an_ended_path_is_not_continued() {
    let grow = |parent| Round::last(vec![Ask::sample(parent, 1, Until::End)]);
    let world = World { eos: 0.9, boundary: 0.0, ..World::new(0, 1) };
    let script = Script(vec![grow(NodeId::ROOT), grow(NodeId(1))]);
    let out = world.run_tasks([task("q", 0, Box::new(script))]).0.remove(&0).unwrap();
    insta::assert_snapshot!(out.error.unwrap(), @"ask `sample` of round 1 refused: node `1` ended with `Eos`; ask only where `Tree::expandable`");
}

#[test]
fn asks_without_room_are_dropped() {
    // Node 1 fills its path; node 2 does not.
    let grow = |until| vec![Ask::sample(NodeId::ROOT, 1, until)];
    let world = World { boundary: 0.0, eos: 0.0, path: 10, ..World::new(0, 1) };
    let mut second = grow(Until::Tokens(4));
    second.insert(0, Ask::sample(NodeId(1), 2, Until::Tokens(1)));
    let script = Script(vec![
        Round { asks: grow(Until::Tokens(10)), ..Round::default() },
        Round { asks: second, ..Round::default() },
        Round { asks: vec![Ask::sample(NodeId(1), 1, Until::End)], ..Round::default() },
        Round { asks: grow(Until::End), ..Round::default() },
    ]);
    let out = world.run_tasks([task("q", 0, Box::new(script))]).0.remove(&0).unwrap();
    assert_eq!((out.stop, out.tree.len()), (Stop::Done, 3), "a round of nothing ends the search");
    assert!(out.tree.open(NodeId(1)) && !out.tree.expandable(NodeId(1)));
}

#[test]
fn a_prompt_that_does_not_fit_is_refused_before_any_compute() {
    let mut policy = toy::Letters::new();
    policy.context = 5;
    let world = World::new(3, 1);
    let mut scorer = Immediate::new(toy::Hashed);
    let mut models = Models { policy: &mut policy, scorers: vec![&mut scorer], tools: Vec::new() };
    let out = search(world.task(0), &mut models, &world.config(), &Frozen);
    assert_eq!(out.spent, espalier_core::Spend::default());
    let error = out.error.unwrap();
    assert!(matches!(error, SearchError::Prompt { .. }));
    insta::assert_snapshot!(error.source().unwrap(), @"prompt of 5 tokens does not fit the context of `policy`: 5 tokens, one of them to generate; shorten the prompt or take a model with a longer context");
    policy.context = 6;
    let mut models = Models { policy: &mut policy, scorers: vec![&mut scorer], tools: Vec::new() };
    let out = search(world.task(0), &mut models, &world.config(), &Frozen);
    assert!(out.error.is_none() && out.tree.ids().all(|id| out.tree.node(id).below <= 1));
}

#[test]
fn a_score_that_is_not_finite_is_an_error() {
    let out = World { scorer_fails: Some(0), ..World::new(1, 1) }.run();
    let error = out.error.unwrap();
    assert!(matches!(
        error,
        SearchError::Failed { round: 0, ask: "score", source: ModelError::NotFinite { .. } }
    ));
    insta::assert_snapshot!(error, @"ask `score` failed in round 0");
    assert!(out.tree.len() == 1 && out.ledger.total() == espalier_core::Entry::default());
}
