//! Laws of budgets: admission before spending, and prefixes.

use espalier_core::{Ask, Axis, Budget, Event, NodeId, Round, Stop, Until};
use proptest::prelude::*;

use crate::{
    laws::world,
    strategies::Script,
    toys::{Ticking, World, task},
};

/// A budget of one axis, and the axis.
fn budget() -> impl Strategy<Value = (Axis, u64)> {
    (prop::sample::select(Axis::ALL[..6].to_vec()), 0.0_f64..1.2)
        .prop_map(|(axis, share)| (axis, (share * 1000.0) as u64))
}

/// The budget that bounds `axis` by this many thousandths of `spend`.
fn share(axis: Axis, thousandths: u64, spend: &espalier_core::Spend) -> Budget {
    let bound = spend.on(axis) * u128::from(thousandths) / 1000;
    bounded(axis, bound as u64)
}

pub(crate) fn bounded(axis: Axis, bound: u64) -> Budget {
    let mut budget = Budget::default();
    match axis {
        Axis::Generated => budget.generated = Some(bound),
        Axis::Scored => budget.scored = Some(bound),
        Axis::Computed => budget.computed = Some(bound),
        Axis::Calls => budget.calls = Some(bound),
        Axis::Flops => budget.flops = Some(bound.into()),
        Axis::NanoUsd => budget.nano_usd = Some(bound),
        Axis::Nanoseconds => budget.nanoseconds = Some(bound),
    }
    budget
}

/// A trace without what a cut or an end changes in its last round.
fn grown(trace: &[Event]) -> Vec<Event> {
    let forget = |event: &Event| match event.clone() {
        Event::Round { round, asks, score, retain, .. } => {
            Event::Round { round, asks, score, retain, admitted: 0 }
        }
        other => other,
    };
    let ended = trace.iter().filter(|event| !matches!(event, Event::End { .. }));
    ended.map(forget).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn spend_stays_within_the_budget(world in world(), (axis, thousandths) in budget()) {
        let free = world.run();
        let budget = share(axis, thousandths, &free.spent);
        let out = World { budget, ..world }.run();
        prop_assert_eq!(budget.exceeded(&out.spent), None);
        prop_assert_eq!(out.spent, out.ledger.total().spend());
        prop_assert!(matches!(out.stop, Stop::Done | Stop::Exhausted(_)));
        if let Stop::Exhausted(stopped) = out.stop {
            prop_assert_eq!(stopped, axis);
        } else {
            prop_assert_eq!(out.trace, free.trace);
        }
    }

    #[test]
    fn less_budget_is_a_prefix(
        world in world(),
        (axis, thousandths) in budget(),
        less in 0_u64..1000,
    ) {
        let free = world.run();
        let more = World { budget: share(axis, thousandths, &free.spent), ..world.clone() }.run();
        let less = thousandths * less / 1000;
        let less = World { budget: share(axis, less, &free.spent), ..world }.run();
        let (more, less) = (grown(&more.trace), grown(&less.trace));
        prop_assert!(more.starts_with(&less), "{less:#?}\nis no prefix of\n{more:#?}");
    }

    #[test]
    fn a_cut_round_is_the_last_and_as_long_as_it_can_be(world in world(), admitted in 0_u32..5) {
        // The worst case of a sample of best-of-n is the room of its path.
        let budget = bounded(Axis::Generated, u64::from(admitted * world.path + world.path - 1));
        let world = World { kind: 1, budget, ..world };
        let out = world.run();
        if admitted == 5 {
            prop_assert_eq!(out.stop, Stop::Done);
        } else {
            prop_assert_eq!(out.stop, Stop::Exhausted(Axis::Generated));
        }
        prop_assert_eq!(out.tree.len() as u32, admitted + 1);
    }
}

#[test]
fn a_cut_round_ends_the_search_even_where_money_is_left() {
    // Each sample reserves 30 tokens and spends few: a second round could be paid for.
    let grow = || Round::last(vec![Ask::sample(NodeId::ROOT, 2, Until::End)]);
    let world =
        World { eos: 0.9, boundary: 0.0, budget: bounded(Axis::Generated, 59), ..World::new(0, 1) };
    let script = Script(vec![grow(), grow(), grow()]);
    let out = world.run_tasks([task("q", 0, Box::new(script))]).0.remove(&0).unwrap();
    assert_eq!(out.stop, Stop::Exhausted(Axis::Generated));
    assert_eq!(out.tree.len(), 2);
    assert!(out.spent.generated < 29, "{:?}", out.spent);
}

#[test]
fn what_comes_back_pays_for_later_rounds() {
    let grow = || Round::last(vec![Ask::sample(NodeId::ROOT, 1, Until::End)]);
    let world =
        World { eos: 0.9, boundary: 0.0, budget: bounded(Axis::Generated, 40), ..World::new(0, 1) };
    let out = world
        .run_tasks([task("q", 0, Box::new(Script(vec![grow(), grow(), grow()])))])
        .0
        .remove(&0)
        .unwrap();
    assert_eq!((out.stop, out.tree.len()), (Stop::Done, 4));
}

#[test]
fn nothing_affordable_leaves_nothing() {
    for axis in [Axis::Generated, Axis::Computed, Axis::Calls, Axis::Flops, Axis::NanoUsd] {
        let out = World { budget: bounded(axis, 0), ..World::new(3, 1) }.run();
        assert_eq!(out.stop, Stop::Exhausted(axis));
        assert_eq!((out.tree.len(), out.trace.len()), (1, 2));
        assert_eq!(out.spent, espalier_core::Spend::default());
    }
}

#[test]
fn the_prompt_is_paid_for_before_it_is_computed() {
    let prompt = "sys:0".len() as u64;
    let world = World::new(0, 1);
    let worst = prompt + u64::from(world.path);
    let run = |bound| World { budget: bounded(Axis::Computed, bound), ..world.clone() }.run();
    assert_eq!(run(worst - 1).stop, Stop::Exhausted(Axis::Computed));
    assert_eq!(run(worst).stop, Stop::Done);
}

/// Where company has computed part of a prompt, the model does less; the problem may spend no more.
#[test]
fn company_does_not_stretch_a_budget() {
    let world = World { tasks: 2, in_flight: 2, at_once: 1, ..World::new(0, 1) };
    let tasks = |prompts: &[&str]| -> Vec<_> {
        let task =
            |(hash, prompt): (usize, &&str)| task(prompt, hash as u64, crate::strategies::of(0, 1));
        prompts.iter().enumerate().map(task).collect()
    };
    let cost = espalier_core::Policy::cost(&world.engine());
    // The first fits exactly; the second is one token longer.
    let tokens = "sys:".len() as u64 + u64::from(world.path);
    for budget in
        [bounded(Axis::Computed, tokens), bounded(Axis::Flops, cost.forward(0, tokens) as u64)]
    {
        let (done, _) = World { budget, ..world.clone() }.run_tasks(tasks(&["sys:", "sys:1"]));
        assert_eq!(done[&0].stop, Stop::Done);
        assert!(matches!(done[&1].stop, Stop::Exhausted(_)), "{:?}", done[&1].stop);
    }
}

#[test]
fn time_is_looked_at_before_each_round() {
    let world = World { budget: bounded(Axis::Nanoseconds, 3), ..World::new(3, 5) };
    let (mut engine, mut scorer) =
        (world.engine(), crate::reading::Reading::new(crate::reading::Affine(1.0, 0.0)));
    let mut models = espalier_search::Models {
        policy: &mut engine,
        scorers: vec![&mut scorer],
        tools: Vec::new(),
    };
    let out =
        espalier_search::search(world.task(0), &mut models, &world.config(), &Ticking::default());
    assert_eq!(out.stop, Stop::Exhausted(Axis::Nanoseconds));
    assert_eq!(out.ledger.sequential_depth, 1, "the round under way is not cut");
    assert!(out.spent.nanoseconds > 3);
    assert!(out.ledger.node(NodeId(1)).wall_ns > 0);
}
