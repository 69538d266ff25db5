//! Attacks on memory and time.

use std::time::Duration;

use espalier_exec::{Limits, Status};

use crate::stand::{last_line, limits, on_each_tier};

#[test]
fn memory_is_bounded() {
    on_each_tier(&Limits { cpu: Duration::from_secs(10), ..limits() }, |stand| {
        for (name, code) in [
            ("a list that grows", "held = []\nwhile True: held.append(bytearray(10 << 20))"),
            ("one large request", "bytearray(3 << 30)"),
            ("a large array", "import numpy\nnumpy.ones(3 << 27)"),
            (
                "a zlib bomb",
                "import zlib\nbomb = zlib.compress(bytes(1 << 26), 1)\n\
                             held = [zlib.decompress(bomb) for _ in range(99)]",
            ),
        ] {
            stand.attack(name, code, |outcome| {
                assert_eq!(outcome.status, Status::OutOfMemory, "{}", outcome.stderr.text());
                assert!(last_line(outcome).contains("MemoryError"), "{}", last_line(outcome));
                assert!(outcome.memory_bytes < 900 << 20);
            });
        }
        // Caught, it is the program's own affair.
        let code = "try: bytearray(3 << 30)\nexcept MemoryError: print('caught')";
        stand.attack("a caught shortage", code, |outcome| {
            assert_eq!((outcome.status, &*outcome.stdout.text()), (Status::Ok, "caught\n"));
        });
    });
}

#[test]
fn cpu_time_is_bounded_and_cannot_be_refused() {
    let limits = Limits { cpu: Duration::from_millis(300), ..limits() };
    on_each_tier(&limits, |stand| {
        for (name, code) in [
            ("an endless loop", "while True: pass"),
            (
                "a loop that catches all",
                "import signal\nfor number in range(1, 65):\n    try: signal.signal(number, signal.SIG_IGN)\n    \
                 except (OSError, ValueError): pass\n\
                 while True:\n    try:\n        while True: pass\n    except BaseException: pass",
            ),
            ("a power tower", "9**9**9"),
            ("a regular expression", "import re\nre.match(r'(a+)+$', 'a' * 60 + 'b')"),
            (
                "endless exit handlers",
                "import atexit\natexit.register(lambda: [None for _ in iter(int, 1)])",
            ),
            (
                "threads that loop",
                "import threading\nfor _ in range(4): threading.Thread(target=lambda: [None for _ in iter(int, 1)]).start()",
            ),
        ] {
            stand.attack(name, code, |outcome| {
                assert_eq!(outcome.status, Status::CpuTimeout, "{}", outcome.stderr.text());
                let used = Duration::from_nanos(outcome.cpu_ns);
                assert!(
                    used >= limits.cpu && used < limits.cpu + Duration::from_secs(2),
                    "{used:?}"
                );
            });
        }
    });
}

#[test]
fn time_on_the_clock_is_bounded() {
    let limits = Limits { wall: Duration::from_millis(700), ..limits() };
    on_each_tier(&limits, |stand| {
        for (name, code) in [
            ("a sleep", "import time\ntime.sleep(1000)"),
            ("a stop of itself", "import os, signal\nos.kill(os.getpid(), signal.SIGSTOP)"),
            ("a lock that nobody opens", "import threading\nthreading.Event().wait()"),
            (
                "a thread that waits",
                "import threading\nthreading.Thread(target=threading.Event().wait).start()",
            ),
            (
                "an exit handler that sleeps",
                "import atexit, time\natexit.register(time.sleep, 1000)",
            ),
        ] {
            stand.attack(name, code, |outcome| {
                assert_eq!(
                    outcome.status,
                    Status::WallTimeout,
                    "{name}: {}",
                    outcome.stderr.text()
                );
                assert!(outcome.wall_ns >= 700_000_000);
            });
        }
    });
}

#[test]
fn deep_recursion_ends_the_program_alone() {
    on_each_tier(&limits(), |stand| {
        stand.attack("a recursion", "def f(): f()\nf()", |outcome| {
            assert_eq!(outcome.status, Status::Exit(1));
            assert!(last_line(outcome).contains("RecursionError"), "{}", last_line(outcome));
        });
        let code = "import sys\nsys.setrecursionlimit(10**9)\ndef f(): f()\nf()";
        stand.attack("a recursion without a limit", code, |outcome| {
            let bounded = [Status::OutOfMemory, Status::CpuTimeout, Status::Signal(11)];
            assert!(bounded.contains(&outcome.status), "{}", outcome.status);
        });
        stand.attack("nested parentheses", "eval('(' * 100_000 + ')' * 100_000)", |outcome| {
            assert!(
                matches!(outcome.status, Status::Exit(1) | Status::OutOfMemory),
                "{}",
                outcome.status
            );
        });
    });
}
