//! One sandboxed call, against a new interpreter for each.
//!
//! `latency` is a call on an idle pool; `throughput` is a hundred calls on two workers.

use std::hint::black_box;
use std::path::{Path, PathBuf};

use criterion::{Criterion, criterion_group, criterion_main};

const CODE: &str = "import sympy, numpy\nprint(sympy.sqrt(8), numpy.arange(3).sum())";
const WRITTEN: &str = "2*sqrt(2) 3\n";

/// The interpreter that `cargo xtask` made.
fn python() -> PathBuf {
    let named = std::env::var_os("ESPALIER_PYTHON").map(PathBuf::from);
    let made = Path::new(env!("CARGO_BIN_EXE_espalier-sandbox")).ancestors().nth(2);
    let python =
        named.or_else(|| Some(made?.join("python/bin/python"))).filter(|path| path.exists());
    python.expect("a Python environment; `cargo xtask sandbox check` makes one")
}

fn new_interpreter(criterion: &mut Criterion) {
    let python = python();
    let mut group = criterion.benchmark_group("sandbox/new interpreter");
    group.sample_size(10);
    group.bench_function("latency", |bencher| {
        bencher.iter(|| {
            #[expect(clippy::disallowed_methods, reason = "what is compared with")]
            let output = std::process::Command::new(&python).args(["-c", CODE]).output();
            assert_eq!(black_box(output).expect("Python runs").stdout, WRITTEN.as_bytes());
        });
    });
}

#[cfg(target_os = "linux")]
fn pool(criterion: &mut Criterion) {
    use std::num::NonZeroUsize;
    use std::time::Duration;

    use criterion::{BatchSize, Throughput};
    use espalier_core::{Seed, collect};
    use espalier_exec::{Launcher, Limits, Pool, PoolConfig, Program, Tier, TierChoice};

    for tier in [Tier::Full, Tier::Landlock] {
        let start = |workers: usize| {
            Pool::start(&PoolConfig {
                python: python(),
                workers: NonZeroUsize::new(workers).expect("not zero"),
                tier: TierChoice::Exactly(tier),
                limits: Limits::default(),
                launcher: Launcher::Program(env!("CARGO_BIN_EXE_espalier-sandbox").into()),
            })
        };
        let run = |pool: &mut Pool, n: usize| {
            for answer in collect(pool, vec![Program::new(CODE, Seed::run(0)); n]) {
                let outcome = answer.expect("a reply").expect("no fault");
                assert_eq!(black_box(outcome).stdout.text(), WRITTEN);
            }
        };
        let mut group = criterion.benchmark_group(format!("sandbox/{tier}"));
        // A tier that is not to be had here has no number.
        let (Ok(mut one), Ok(mut two)) = (start(1), start(2)) else { continue };
        group.bench_function("latency", |bencher| {
            // Not timed: a search thinks between calls, and the next child is forked meanwhile.
            let (_held, never) = std::sync::mpsc::channel::<()>();
            let pause = || assert!(never.recv_timeout(Duration::from_millis(20)).is_err());
            bencher.iter_batched(pause, |()| run(&mut one, 1), BatchSize::PerIteration);
        });
        group.sample_size(10).throughput(Throughput::Elements(100));
        group.bench_function("throughput", |bencher| bencher.iter(|| run(&mut two, 100)));
    }
}

#[cfg(not(target_os = "linux"))]
fn pool(_: &mut Criterion) {}

criterion_group!(benches, new_interpreter, pool);
criterion_main!(benches);
