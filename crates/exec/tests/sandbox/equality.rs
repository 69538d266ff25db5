//! Equal code gives equal results: across runs, workers and pools.

use std::collections::BTreeSet;

use espalier_core::{Seed, collect};
use espalier_exec::{Outcome, Pool, Program, Tier};

use crate::stand::{config, limits, on_each_tier, python};

/// Everything that hashing, sets, random numbers, threads and addresses could make different.
const CODE: &str = "
import random, sys, os
import numpy, sympy
from sympy.abc import x, y, z
print([hash(word) for word in ('abc', 'de', '')], {'ab', 'cd', 'ef', 'gh', 'ij'}, {x, y, z})
print(random.random(), random.sample(range(1000), 5), numpy.random.rand(3), numpy.random.permutation(9))
print(sympy.factor(x**6 - y**6), sympy.solve(x**3 - 2*x + 1), sympy.simplify(sympy.sin(x)**2 + sympy.cos(x)**2))
print(sympy.core.random.random(), numpy.linalg.eigvals(numpy.arange(16).reshape(4, 4) / 7))
print(os.getcwd(), sys.argv, __name__, __file__, sorted(os.environ.items()), sys.path[:1], os.cpu_count() > 0)
print(sys.flags.hash_randomization, sys.getdefaultencoding(), sys.stdout.encoding)
1 / 0
";

fn same(outcome: &Outcome) -> (String, String, String) {
    (format!("{:?}", outcome.status), outcome.stdout.text(), outcome.stderr.text())
}

#[test]
fn equal_code_gives_equal_results_across_workers_pools_and_tiers() {
    let Some(python) = python() else { return };
    let mut seen = BTreeSet::new();
    let mut on = 0;
    for tier in [Tier::Full, Tier::Landlock] {
        for _ in 0..2 {
            let Ok(mut pool) = Pool::start(&config(python.clone(), tier, 2, limits())) else {
                eprintln!("SKIPPED: the tier `{tier}` is not to be had here");
                continue;
            };
            on += 1;
            for answer in collect(&mut pool, vec![Program::new(CODE, Seed::run(5)); 6]) {
                seen.insert(same(&answer.unwrap().unwrap()));
            }
        }
    }
    assert!(on > 0, "no tier that isolates");
    assert_eq!(seen.len(), 1, "{seen:#?}");
    let (status, stdout, _) = seen.first().unwrap();
    assert_eq!(status, "Exit(1)");
    assert!(stdout.lines().count() >= 6, "{stdout}");
}

#[test]
fn another_seed_gives_other_numbers() {
    on_each_tier(&limits(), |stand| {
        let code = "import random\nprint(random.random())";
        let a = stand.run_program(Program::new(code, Seed::run(1))).stdout.text();
        let b = stand.run_program(Program::new(code, Seed::run(2))).stdout.text();
        assert_ne!(a, b);
        assert_eq!(a, stand.run_program(Program::new(code, Seed::run(1))).stdout.text());
    });
}

#[test]
fn the_longest_program_first_changes_nothing() {
    let Some(python) = python() else { return };
    let Some(mut pool) = [Tier::Full, Tier::Landlock]
        .into_iter()
        .find_map(|tier| Pool::start(&config(python.clone(), tier, 2, limits())).ok())
    else {
        panic!("no tier that isolates");
    };
    let program = |n: usize| {
        let code = format!("import time\ntime.sleep({})\nprint({n})", 0.02 * (10 - n) as f64);
        Program::new(code, Seed::run(0))
    };
    let answers = collect(&mut pool, (0..10).map(program));
    let texts: Vec<String> =
        answers.into_iter().map(|a| a.unwrap().unwrap().stdout.text()).collect();
    assert_eq!(texts, (0..10).map(|n| format!("{n}\n")).collect::<Vec<_>>());
}
