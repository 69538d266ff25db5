//! The stand: a pool on each tier of this machine, and what must hold after every run on it.

use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::time::Duration;

use espalier_core::{Seed, collect};
use espalier_exec::{
    Error, Executor, Launcher, Limits, Outcome, Pool, PoolConfig, Program, Status, Tier, TierChoice,
};

/// The interpreter that `cargo xtask` made.
pub(crate) fn python() -> Option<PathBuf> {
    #[expect(clippy::disallowed_methods, reason = "xtask tells tests where the interpreter is")]
    let named = std::env::var("ESPALIER_PYTHON").ok().map(PathBuf::from);
    // …/target/release/espalier-sandbox
    let made = Path::new(env!("CARGO_BIN_EXE_espalier-sandbox")).ancestors().nth(2);
    let python =
        named.or_else(|| Some(made?.join("python/bin/python"))).filter(|path| path.exists());
    if python.is_none() {
        eprintln!("SKIPPED: no Python environment; `cargo xtask sandbox check` makes one");
    }
    python
}

/// Limits that make attacks end soon; time on the clock is generous, since machines are busy.
pub(crate) fn limits() -> Limits {
    Limits {
        cpu: Duration::from_secs(1),
        wall: Duration::from_secs(20),
        memory_bytes: 768 << 20,
        ..Limits::default()
    }
}

pub(crate) fn config(python: PathBuf, tier: Tier, workers: usize, limits: Limits) -> PoolConfig {
    PoolConfig {
        python,
        workers: NonZeroUsize::new(workers).unwrap(),
        tier: TierChoice::Exactly(tier),
        limits,
        launcher: Launcher::Program(env!("CARGO_BIN_EXE_espalier-sandbox").into()),
    }
}

/// A pool of one worker, so that each run meets what the last one left.
pub(crate) struct Stand {
    pub(crate) pool: Pool,
    pub(crate) tier: Tier,
}

/// Runs `body` on each tier that isolates and that this machine has.
pub(crate) fn on_each_tier(limits: &Limits, mut body: impl FnMut(&mut Stand)) {
    let Some(python) = python() else { return };
    let mut exercised = 0;
    for tier in [Tier::Full, Tier::Landlock] {
        match Pool::start(&config(python.clone(), tier, 1, limits.clone())) {
            Ok(pool) => {
                assert_eq!(pool.isolation().tier, tier);
                body(&mut Stand { pool, tier });
                exercised += 1;
            }
            Err(Error::Unavailable { reason, .. }) => {
                eprintln!("SKIPPED: the tier `{tier}` is not to be had here: {reason}");
            }
            Err(other) => panic!("{other}"),
        }
    }
    assert!(exercised > 0, "this machine has no tier that isolates, so nothing was tested");
}

/// What a run must find, whatever ran before it.
const CANARY: &str = "
import os, random, sys, threading
import numpy, sympy
print(sympy.sqrt(8), numpy.arange(3).sum(), random.randrange(10**6), threading.active_count())
print(os.listdir('.') if TIER == 'full' else [], os.getcwd(), sorted(os.environ), sys.stdin.read())
print(os.umask(0o22), sys.getrecursionlimit(), 'leak' in vars(__builtins__), len(os.listdir('/tmp')) if TIER == 'full' else 0)
";

const CLEAN: &str = "2*sqrt(2) 3 608224 1
[] /tmp ['HOME', 'LC_ALL', 'MKL_NUM_THREADS', 'OMP_NUM_THREADS', 'OPENBLAS_NUM_THREADS', 'PATH', 'PYTHONHASHSEED', 'TZ'] \n18 1000 False 0\n";

impl Stand {
    pub(crate) fn run(&mut self, code: &str) -> Outcome {
        self.run_program(Program::new(code, Seed::run(1)))
    }

    pub(crate) fn run_program(&mut self, program: Program) -> Outcome {
        collect(&mut self.pool, [program]).remove(0).unwrap().unwrap()
    }

    /// Asserts that the one worker still lives and that a run finds nothing of earlier ones.
    pub(crate) fn assert_clean(&mut self, after: &str) {
        let code = format!("TIER = {:?}\n{CANARY}", self.tier.name());
        let outcome = self.run(&code);
        assert_eq!(
            outcome.status,
            Status::Ok,
            "after {after} on {}: {}",
            self.tier,
            outcome.stderr.text()
        );
        assert_eq!(outcome.stdout.text(), CLEAN, "after {after} on {}", self.tier);
        assert_eq!(self.pool.health().faults, 0, "after {after} on {}", self.tier);
    }

    /// Runs `code`, lets `check` look at the outcome, and asserts that the pool is clean.
    pub(crate) fn attack(&mut self, name: &str, code: &str, check: impl FnOnce(&Outcome)) {
        let outcome = self.run(code);
        eprintln!("{} | {name}: {} | {}", self.tier, outcome.status, brief(&outcome));
        check(&outcome);
        self.assert_clean(name);
    }

    /// Runs each `attempt(…)` of `code` and compares what it met, one line each.
    pub(crate) fn attempts(&mut self, name: &str, code: &str, full: &str, landlock: &str) {
        let expected = if self.tier == Tier::Full { full } else { landlock };
        self.attack(name, &format!("{ATTEMPT}\n{code}"), |outcome| {
            assert_eq!(outcome.status, Status::Ok, "{name}: {}", outcome.stderr.text());
            let met = outcome.stdout.text();
            let met: Vec<&str> = met.lines().collect();
            let expected: Vec<&str> = expected.split(", ").collect();
            assert_eq!(met, expected, "{name}");
        });
    }
}

/// Says what an attempt met: the name of the system's error, or that it was possible.
const ATTEMPT: &str = "
import ctypes, errno, os
libc = ctypes.CDLL(None, use_errno=True)
def attempt(action, *arguments):
    try:
        result = action(*arguments)
    except OSError as error:
        print(errno.errorcode.get(error.errno, error.errno))
    except BaseException as error:
        print(type(error).__name__)
    else:
        print('POSSIBLE', repr(result)[:60])
def refused(action, *arguments):
    # By the mount, Landlock, the file's mode or the filter: whichever the kernel asks first.
    try:
        action(*arguments)
    except OSError as error:
        refusals = (errno.EROFS, errno.EACCES, errno.EPERM)
        print('REFUSED' if error.errno in refusals else errno.errorcode[error.errno])
    else:
        print('POSSIBLE')
def syscall(number, *arguments):
    result = libc.syscall(ctypes.c_long(number), *[ctypes.c_long(a) for a in arguments])
    if result == -1:
        raise OSError(ctypes.get_errno(), 'syscall')
    return result
";

fn brief(outcome: &Outcome) -> String {
    let text = outcome.stdout.text() + &outcome.stderr.text();
    let last = text.trim().lines().last().unwrap_or("").to_owned();
    last.chars().take(120).collect()
}

/// The last line of a traceback.
pub(crate) fn last_line(outcome: &Outcome) -> String {
    outcome.stderr.text().trim().lines().last().unwrap_or("").to_owned()
}
