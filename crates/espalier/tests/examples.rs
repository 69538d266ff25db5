//! The examples run, and what they claim holds.

#[path = "../examples/best_first.rs"]
mod best_first;
#[path = "../examples/compare.rs"]
mod compare;
#[path = "../examples/own_policy.rs"]
mod own_policy;
#[path = "../examples/own_scorer.rs"]
mod own_scorer;

#[test]
fn best_first_holds() {
    best_first::main().unwrap();
}

#[test]
fn own_scorer_holds() {
    own_scorer::main().unwrap();
}

#[test]
fn own_policy_holds() {
    own_policy::main().unwrap();
}

#[test]
fn compare_holds() {
    compare::main().unwrap();
}
