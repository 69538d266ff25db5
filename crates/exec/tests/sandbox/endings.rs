//! Programs that end in every way there is, and source that is none.

use espalier_exec::Status;

use crate::stand::{last_line, limits, on_each_tier};

#[test]
fn every_ending_is_told_apart() {
    on_each_tier(&limits(), |stand| {
        for (code, status, written) in [
            ("print(1)", Status::Ok, "1\n"),
            ("print('lost')\nimport os\nos._exit(0)", Status::Ok, ""),
            ("import os\nos._exit(3)", Status::Exit(3), ""),
            ("import sys\nprint(1)\nsys.exit(5)", Status::Exit(5), "1\n"),
            ("exit()", Status::Ok, ""),
            ("raise SystemExit('why')", Status::Exit(1), ""),
            ("import os\nos.kill(os.getpid(), 9)", Status::Signal(9), ""),
            ("import ctypes\nctypes.string_at(0)", Status::Signal(11), ""),
            ("import os\nos.abort()", Status::Signal(6), ""),
            ("1 / 0", Status::Exit(1), ""),
            ("raise KeyboardInterrupt", Status::Exit(1), ""),
            ("import atexit\natexit.register(print, 'bye')", Status::Ok, "bye\n"),
            (
                "import threading, time\nthreading.Thread(target=lambda: (time.sleep(.1), print(2))).start()\nprint(1)",
                Status::Ok,
                "1\n2\n",
            ),
        ] {
            stand.attack(code, code, |outcome| {
                assert_eq!(outcome.status, status, "{code}: {}", outcome.stderr.text());
                assert_eq!(outcome.stdout.text(), written, "{code}");
            });
        }
    });
}

#[test]
fn errors_read_as_pythons_own() {
    on_each_tier(&limits(), |stand| {
        let code = "def f(x):\n    return 1 / x\n\nf(0)\n";
        stand.attack("a traceback", code, |outcome| {
            let text = outcome.stderr.text();
            let lines: Vec<&str> = text.lines().filter(|line| !line.contains('^')).collect();
            assert_eq!(
                lines,
                [
                    "Traceback (most recent call last):",
                    "  File \"main.py\", line 4, in <module>",
                    "    f(0)",
                    "  File \"main.py\", line 2, in f",
                    "    return 1 / x",
                    "ZeroDivisionError: division by zero",
                ]
            );
        });
        stand.attack("a syntax error", "print(1)\nx = = 2", |outcome| {
            assert_eq!(outcome.status, Status::Exit(1));
            let text = outcome.stderr.text();
            assert!(text.starts_with("  File \"main.py\", line 2\n    x = = 2\n"), "{text}");
            assert!(text.ends_with("SyntaxError: invalid syntax\n"), "{text}");
        });
        stand.attack("the 4300 digits of CPython", "print(10**5000)", |outcome| {
            assert!(last_line(outcome).starts_with("ValueError: Exceeds the limit"));
        });
    });
}

#[test]
fn source_that_is_none_is_an_error_of_the_program() {
    on_each_tier(&limits(), |stand| {
        stand.attack("no source", "", |outcome| assert_eq!(outcome.status, Status::Ok));
        stand.attack("a NUL", "print(1)\n\0", |outcome| {
            assert!(matches!(outcome.status, Status::Ok | Status::Exit(1)));
        });
        let deep = format!("x = {}1{}", "(".repeat(100_000), ")".repeat(100_000));
        stand.attack("100,000 parentheses", &deep, |outcome| {
            assert_eq!(outcome.status, Status::Exit(1));
            assert!(
                last_line(outcome).contains("too many nested parentheses"),
                "{}",
                last_line(outcome)
            );
            assert!(outcome.stderr.omitted_bytes > 0);
        });
        let long = "x = 1\n".repeat(10 << 20 >> 1).split_at(10 << 20).0.to_owned();
        stand.attack("10 MB of source", &long, |outcome| {
            let bounded = [Status::Ok, Status::OutOfMemory, Status::CpuTimeout];
            assert!(
                bounded.contains(&outcome.status),
                "{}: {}",
                outcome.status,
                last_line(outcome)
            );
        });
    });
}
