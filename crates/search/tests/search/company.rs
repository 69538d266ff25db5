//! Laws of company: a problem's search does not know who else is searched.

use std::ops::ControlFlow;

use espalier_core::{Axis, Stop};
use espalier_search::{Models, Report, search_many};
use proptest::prelude::*;

use crate::{
    budget::bounded,
    laws::world,
    reading::{Affine, Reading},
    toys::{World, substance},
};

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn results_do_not_depend_on_company(
        world in world(),
        tasks in 1_u64..6,
        in_flight in 1_usize..7,
        at_once in 1_usize..9,
        reversed: bool,
        axis in prop::sample::select(Axis::ALL[..6].to_vec()),
        bound in prop::option::of(0_u64..400),
    ) {
        let budget = bound.map(|bound| bounded(axis, bound)).unwrap_or_default();
        let calm = World { tasks, budget, ..world };
        let busy = World { in_flight, at_once, reversed, ..calm.clone() };
        let ((calm_done, _), (busy_done, _)) = (calm.run_all(), busy.run_all());
        prop_assert_eq!(calm_done.len() as u64, tasks);
        prop_assert_eq!(busy_done.len() as u64, tasks);
        for (one, other) in calm_done.values().zip(busy_done.values()) {
            prop_assert_eq!(substance(one), substance(other));
        }
        for (index, together) in busy_done {
            let alone = calm.run_tasks([calm.task(index as u64)]).0.remove(&0).unwrap();
            prop_assert_eq!(substance(&alone), substance(&together));
        }
    }

    #[test]
    fn a_break_loses_nothing_that_is_finished(
        world in world(),
        tasks in 1_u64..6,
        in_flight in 1_usize..7,
        breaks in 1_usize..30,
    ) {
        let whole = World { tasks, in_flight, ..world };
        let cut = World { breaks: Some(breaks), ..whole.clone() };
        let ((all, none), (done, rest)) = (whole.run_all(), cut.run_all());
        prop_assert!(none.is_empty());
        for (index, outcome) in &done {
            prop_assert_eq!(substance(outcome), substance(&all[index]));
        }
        for (index, outcome) in &rest {
            prop_assert!(!done.contains_key(index));
            prop_assert_eq!(outcome.stop, Stop::Interrupted);
            let told = &outcome.trace[..outcome.trace.len() - 1];
            prop_assert!(all[index].trace.starts_with(told), "no partial round");
            prop_assert_eq!(outcome.spent, outcome.ledger.total().spend());
        }
    }
}

#[test]
fn problems_differ_by_their_hash_alone() {
    let world = World { tasks: 2, ..World::new(2, 3) };
    let (done, _) = world.run_all();
    let first = |index: usize| done[&index].tree.node(espalier_core::NodeId(1)).seed;
    assert_ne!(first(0), first(1));
}

#[test]
fn progress_tells_the_truth() {
    let world = World { tasks: 5, in_flight: 3, ..World::new(3, 4) };
    let (mut engine, mut scorer) = (world.engine(), Reading::new(Affine(1.0, 0.0)));
    let mut models = Models { policy: &mut engine, scorers: vec![&mut scorer], tools: Vec::new() };
    let (mut told, mut generated, mut over) = ((0, 0, 0), 0, 0);
    let mut observer = |report| {
        match report {
            Report::Finished { outcome, .. } => {
                over += 1;
                generated += outcome.spent.generated;
            }
            Report::Progress { active, finished, sampled } => {
                assert!(active <= 3 && finished == over && sampled >= told.2);
                told = (active, finished, sampled);
            }
        }
        ControlFlow::Continue(())
    };
    let tasks = (0..5).map(|index| world.task(index));
    let rest =
        search_many(tasks, &mut models, &world.config(), &espalier_core::Frozen, &mut observer);
    assert!(rest.is_empty());
    assert_eq!(told, (0, 5, generated));
}
