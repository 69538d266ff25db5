//! Laws of calls: what a tool leaves is a node, costs no tokens and is run once.

use std::sync::Arc;

use espalier_core::{
    Ask, Call, Entry, Event, Finish, NodeId, Observation, ObservationStatus, Observed, Profile,
    Retain, Round, ScorerId, Shown, Step, Stop, Until,
};
use espalier_search::{Outcome, SearchError, chronicle, dot, render};
use proptest::prelude::*;

use crate::{
    laws::world,
    strategies::{ABACUS, CALLING, CODING_BEAM, CODING_PUCT, CODING_UCT, Script, marks},
    tools::Marks,
    toys::{SPECIAL, World, substance},
};

fn sample(parent: u32, count: u32) -> Ask {
    Ask::sample(NodeId(parent), count, Until::Boundary)
}

fn call(node: u32) -> Ask {
    Ask::Tool { node: NodeId(node), tool: ABACUS }
}

/// Rounds of these asks on replies that come in this order.
fn told(replies: &[&str], rounds: Vec<Vec<Ask>>) -> Outcome {
    let script = replies.iter().map(|&reply| reply.to_owned()).collect();
    let rounds = rounds.into_iter().map(|asks| Round { asks, ..Round::default() }).collect();
    World { script, ..World::new(0, 1) }.search(Box::new(Script(rounds)))
}

fn refusal(out: &Outcome) -> String {
    assert_eq!(out.stop, Stop::Failed);
    out.error.as_ref().expect("it failed").to_string()
}

#[test]
fn an_observation_is_a_child_that_no_model_paid_for() {
    let rounds = vec![vec![sample(0, 1)], vec![call(1)], vec![sample(2, 2)]];
    let out = told(&["acc.", "a!", "b!"], rounds);
    insta::assert_snapshot!(render(&out.tree), @r#"
    0 "q" root
    1   "acc." -
    2     "<3>" observed
    3       "a" - eos
    4       "b" - eos
    "#);
    let tree = &out.tree;
    let step = tree.node(NodeId(2)).step.clone().expect("a tool left it");
    let observed = Observed { tool: ABACUS, status: ObservationStatus::Ok };
    assert_eq!((step.observed, step.stats.len()), (Some(observed), 0));
    assert_eq!(tree.path(NodeId(3)).text(), "acc.<3>a");
    let entry = out.ledger.node(NodeId(2));
    assert_eq!(entry, Entry { tool_calls: 1, tool_cpu_ns: 300, ..Entry::default() });
    // Who goes on first pays for its three tokens.
    let prefill = |id| out.ledger.node(NodeId(id)).prefill_new;
    assert_eq!((prefill(3), prefill(4)), (3, 0));
    assert_eq!(out.spent.generated, 4 + 2 + 2);
    let logprob = |event: &Event| match event {
        Event::Node { node: NodeId(2), logprob, .. } => Some(*logprob),
        _ => None,
    };
    assert_eq!(out.trace.iter().find_map(logprob), Some(0.0));
}

#[test]
fn calls_build_on_those_before_them_on_their_path_alone() {
    let rounds = vec![
        vec![sample(0, 2)],
        vec![call(1), call(2)],
        vec![sample(3, 1), sample(4, 1)],
        vec![call(5), call(6)],
    ];
    let out = told(&["c.", "cc.", "ccc.", "cccc."], rounds);
    // Counted with those before: 1, 2, 1 + 3, 2 + 4.
    let text = |id| out.tree.node(NodeId(id)).step.as_ref().map(|step| step.text.clone());
    assert_eq!([3, 4, 7, 8].map(|id| text(id).unwrap()), ["<1>", "<2>", "<4>", "<6>"]);
    let seeds = [3, 4, 7, 8].map(|id| out.tree.node(NodeId(id)).seed);
    assert!(seeds.windows(2).all(|two| two[0] == two[1]), "a path shares its seed");
}

#[test]
fn equal_calls_run_once_and_the_first_asked_pays() {
    // Worlds check that a tool is not called twice.
    let rounds = vec![vec![sample(0, 3)], vec![call(2), call(1)], vec![call(3)]];
    let out = told(&["ac.", "ac.", "ac."], rounds);
    let runs = [4, 5, 6].map(|id| out.ledger.node(NodeId(id)).tool_calls);
    assert_eq!(runs, [1, 0, 0]);
    assert_eq!(out.tree.observation(NodeId(2)), Some(NodeId(4)));
    let text = |id| out.tree.node(NodeId(id)).step.as_ref().map(|step| step.text.clone());
    assert!([4, 5, 6].into_iter().all(|id| text(id).as_deref() == Some("<2>")));
}

#[test]
fn an_observation_keeps_what_was_computed_of_its_path() {
    let script = ["acc.", "a!"].map(str::to_owned).to_vec();
    let world = World { script, thrifty: true, ..World::new(0, 1) };
    let retain = Retain::New(Vec::new());
    let rounds = [vec![sample(0, 1)], vec![call(1)], vec![sample(2, 1)]];
    let rounds = rounds.map(|asks| Round { asks, score: None, retain: retain.clone() });
    // Worlds check that nothing is computed again.
    let out = world.search(Box::new(Script(rounds.into())));
    assert_eq!(out.ledger.node(NodeId(3)).prefill_new, 3, "the observation alone");
}

#[test]
fn an_answer_that_calls_is_none() {
    /// Calls with whatever ends.
    struct Any;
    impl Profile for Any {
        fn call(&self, step: &Step) -> Option<String> {
            Some(step.text.clone())
        }
        fn show(&self, step: &Step, observation: &Observation) -> Shown {
            Marks(Finish::Eos).show(step, observation)
        }
        fn forges(&self, _: &Step) -> bool {
            false
        }
    }
    let script = vec!["ab!".to_owned()];
    let world = World { script, ..World::new(0, 1) };
    let world = World { profiles: [Arc::new(Any), Arc::new(Any)], ..world };
    let rounds = [vec![sample(0, 1)], vec![call(1)]];
    let rounds = rounds.map(|asks| Round { asks, ..Round::default() });
    let out = world.search(Box::new(Script(rounds.into())));
    assert!(!out.tree.ended(NodeId(1)) && out.tree.ended(NodeId(2)));
    assert_eq!(out.tree.finished().collect::<Vec<_>>(), [NodeId(2)]);
    assert_eq!(out.tree.node(NodeId(2)).observed().unwrap().status, ObservationStatus::Failed);
    assert_eq!(out.ledger.node(NodeId(1)).decode_kept, 3, "the program leads to the answer");
}

#[test]
fn an_observation_that_fills_the_path_leads_nowhere() {
    let script = vec!["cc.".to_owned()];
    let world = World { script, path: 5, ..World::new(0, 1) };
    let rounds = [vec![sample(0, 1)], vec![call(1)]];
    let rounds = rounds.map(|asks| Round { asks, ..Round::default() });
    let out = world.search(Box::new(Script(rounds.into())));
    let node = out.tree.node(NodeId(2));
    assert_eq!(
        (node.step.as_ref().unwrap().text.as_str(), node.finish()),
        ("<2", Some(Finish::Length))
    );
    assert!(!out.tree.stands(NodeId(2)));
}

#[test]
fn an_output_that_spells_a_special_token_is_letters() {
    let leaves = |_: &Call| Observation {
        status: ObservationStatus::Ok,
        output: format!("a{SPECIAL}b"),
        cpu_ns: 1,
    };
    let world = World { script: vec!["ac.".to_owned()], leaves, ..World::new(0, 1) };
    let rounds = [vec![sample(0, 1)], vec![call(1)]];
    let rounds = rounds.map(|asks| Round { asks, ..Round::default() });
    let out = world.search(Box::new(Script(rounds.into())));
    let step = out.tree.node(NodeId(2)).step.clone().expect("a tool left it");
    assert_eq!((step.text.as_str(), step.tokens.contains(&3)), ("<a< end>b>", false));
}

#[test]
fn what_cannot_be_called_is_refused() {
    let replies = ["ac.", "ab.", "c~", "a!"];
    let refused =
        |asks: Vec<Ask>| refusal(&told(&replies, vec![vec![sample(0, 4)], vec![call(1)], asks]));
    insta::assert_snapshot!(refused(vec![call(9)]), @"ask `tool` of round 2 refused: no node `9`: the tree has 6");
    insta::assert_snapshot!(refused(vec![call(0)]), @"ask `tool` of round 2 refused: node `0` has no step that a policy wrote; name one that calls");
    insta::assert_snapshot!(refused(vec![call(1)]), @"ask `tool` of round 2 refused: node `1` called a tool before; read its child `5`");
    insta::assert_snapshot!(refused(vec![call(2)]), @"ask `tool` of round 2 refused: node `2` has no call of `abacus`; ask where there is one");
    insta::assert_snapshot!(refused(vec![call(3)]), @"ask `tool` of round 2 refused: node `3` was cut by length, and its call may be, too; leave it out");
    insta::assert_snapshot!(refused(vec![call(4)]), @"ask `tool` of round 2 refused: node `4` has no call of `abacus`; ask where there is one");
    insta::assert_snapshot!(refused(vec![call(5)]), @"ask `tool` of round 2 refused: node `5` has no step that a policy wrote; name one that calls");
    insta::assert_snapshot!(refused(vec![Ask::Score { node: NodeId(5), scorer: ScorerId(0) }]), @"ask `score` of round 2 refused: node `5` is an observation, which nobody chose; score the step that calls");
    let twice = told(&replies, vec![vec![sample(0, 1)], vec![call(1), call(1)]]);
    insta::assert_snapshot!(refusal(&twice), @"ask `tool` of round 1 refused: node `1` calls a tool twice; ask once");
}

#[test]
fn a_tool_that_fails_ends_its_problem_and_is_no_observation() {
    let script = vec!["ac.".to_owned(); 2];
    let world = World { script, tool_fails: Some(1), ..World::new(0, 1) };
    let rounds = [vec![sample(0, 1)], vec![call(1)], vec![sample(2, 1)], vec![call(3)]];
    let rounds = rounds.map(|asks| Round { asks, ..Round::default() });
    let out = world.search(Box::new(Script(rounds.into())));
    assert_eq!((out.stop, out.tree.len()), (Stop::Failed, 4), "the rounds before stay");
    let error = out.error.as_ref().expect("it failed");
    assert!(matches!(error, SearchError::Tool { round: 3, .. }));
    insta::assert_snapshot!(std::error::Error::source(error).unwrap(), @"tool `abacus` failed: told to fail");
    assert_eq!(out.spent, out.ledger.total().spend());
}

#[test]
fn scores_of_a_path_are_those_of_its_sampled_steps() {
    use espalier_core::Aggregate;
    let script = ["acc.", "a!"].map(str::to_owned).to_vec();
    let score = Some(ScorerId(0));
    let round = |asks| Round { asks, score, retain: Retain::All };
    let rounds = vec![round(vec![sample(0, 1)]), round(vec![call(1)]), round(vec![sample(2, 1)])];
    let out = World { script, ..World::new(0, 1) }.search(Box::new(Script(rounds)));
    let tree = &out.tree;
    let of = |id, how| tree.aggregate(NodeId(id), ScorerId(0), how).map(espalier_core::Score::get);
    assert_eq!(tree.node(NodeId(2)).score(ScorerId(0)), None, "nobody scores an observation");
    for how in [Aggregate::Last, Aggregate::Min, Aggregate::Prod, Aggregate::Mean] {
        assert_eq!(of(2, how), of(1, how), "{how:?}");
    }
    let (one, other) = (of(1, Aggregate::Last).unwrap(), of(3, Aggregate::Last).unwrap());
    assert_eq!(of(3, Aggregate::Mean), Some(f32::midpoint(one, other)));
    assert_eq!(of(3, Aggregate::Min), Some(one.min(other)));
}

#[test]
fn traces_and_pictures_tell_observations_apart() {
    let rounds = vec![vec![sample(0, 1)], vec![call(1)], vec![sample(2, 1)]];
    let out = told(&["ac.", "a!"], rounds);
    let told = chronicle(&out.trace, Some(2)).expect("a whole trace");
    let node = &told.nodes[2];
    assert_eq!(node.observed.map(|observed| observed.tool), Some(ABACUS));
    assert_eq!((node.logprob, node.cost.tool_calls), (None, 1));
    assert_eq!(told.nodes[1].logprob.map(f64::is_sign_negative), Some(true));
    // Its tokens are held once the path goes on from it.
    assert_eq!((node.held.clone(), told.nodes[1].held.clone()), (vec![(2, 2)], vec![(0, 2)]));
    let drawn = dot(&told);
    assert_eq!(drawn.matches("shape=\"note\"").count(), 1);
    assert!(drawn.contains("observation"), "{drawn}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    /// Worlds check besides that no call runs twice and that what is told was computed.
    #[test]
    fn the_order_of_answers_changes_nothing(
        world in world(),
        which in 0..CALLING.len(),
        at_once in 1_usize..5,
    ) {
        let world = World { kind: CALLING[which], boundary: 0.4, ..world };
        let calm = World { at_once: 9, ..world.clone() }.run();
        let busy = World { at_once, reversed: true, ..world }.run();
        prop_assert_eq!(substance(&calm), substance(&busy));
    }

    #[test]
    fn a_failing_tool_leaves_whole_rounds(
        world in world(),
        which in 0..CALLING.len(),
        fails in 0_u64..6,
    ) {
        let whole = World { kind: CALLING[which], boundary: 0.4, ..world };
        let (all, cut) = (whole.run(), World { tool_fails: Some(fails), ..whole.clone() }.run());
        prop_assert!(all.trace.starts_with(&cut.trace[..cut.trace.len() - 1]));
        let failed = matches!(cut.error, Some(SearchError::Tool { .. }));
        prop_assert_eq!(failed, cut.trace != all.trace);
    }
}

/// Steps whose code is due are not continued before it has run.
#[test]
fn searches_by_steps_go_on_from_observations() {
    for kind in [CODING_BEAM, CODING_UCT, CODING_PUCT] {
        let mut below = 0;
        for seed in 0..40 {
            let out = World { boundary: 0.4, ..World::new(kind, seed) }.run();
            let tree = &out.tree;
            for id in tree.ids().skip(1) {
                let parent = tree.parent(id).expect("not the root");
                let calls = tree.observed(id).is_none() && parent != NodeId::ROOT && {
                    let step = tree.node(parent).step.as_ref().expect("not the root");
                    step.observed.is_none() && marks().call(step).is_some()
                };
                // Rollouts of the one with rollouts go on from other steps, too, but not from these.
                assert!(!calls, "kind {kind}, seed {seed}: {id} continues a call");
                below += u32::from(tree.observed(parent).is_some());
            }
        }
        assert!(below > 20, "kind {kind}: {below}");
    }
}

/// The laws would prove nothing of tools if toys never called them.
#[test]
fn toys_call() {
    for kind in CALLING {
        let calls = |seed| {
            let out = World { boundary: 0.4, ..World::new(kind, seed) }.run();
            out.ledger.total().tool_calls
        };
        assert!((0..60).map(calls).sum::<u64>() > 20, "kind {kind}");
    }
}
