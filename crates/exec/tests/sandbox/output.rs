//! Programs that write too much, or what is no text.

use espalier_exec::{Limits, Status};

use crate::stand::{limits, on_each_tier};

#[test]
fn output_is_bounded_and_keeps_head_and_tail() {
    let limits = Limits { output_bytes: 4 << 20, kept_bytes: 1000, ..limits() };
    on_each_tier(&limits, |stand| {
        for (name, code) in [
            ("endless output", "while True: print('x' * 1000)"),
            ("endless errors", "import sys\nwhile True: sys.stderr.write('x' * 1000)"),
        ] {
            stand.attack(name, code, |outcome| {
                assert_eq!(outcome.status, Status::OutputLimit);
                assert!(outcome.stdout.text().len() < 2200 && outcome.stderr.text().len() < 2200);
            });
        }
        let code = "print('begin' + 'x' * 3_000_000 + 'end')\n1 / 0";
        stand.attack("one long line and an error", code, |outcome| {
            assert_eq!(outcome.status, Status::Exit(1));
            assert!(
                outcome.stdout.head.starts_with("begin") && outcome.stdout.tail.ends_with("end\n")
            );
            assert_eq!(outcome.stdout.omitted_bytes, 3_000_009 - 2000);
            assert!(outcome.stderr.text().ends_with("ZeroDivisionError: division by zero\n"));
        });
        // More than two pipes hold, on both at once.
        let code = "import sys\nfor _ in range(300):\n    print('o' * 999)\n    print('e' * 999, file=sys.stderr)";
        stand.attack("both outputs at once", code, |outcome| {
            assert_eq!(outcome.status, Status::Ok);
            assert_eq!(outcome.stdout.omitted_bytes, 298_000);
            assert_eq!(outcome.stderr.omitted_bytes, 298_000);
        });
    });
}

#[test]
fn bytes_that_are_no_text_are_marked() {
    on_each_tier(&limits(), |stand| {
        let code = "import sys\nsys.stdout.buffer.write(bytes([104, 255, 0, 105]))";
        stand.attack("bytes", code, |outcome| {
            assert_eq!(outcome.stdout.text(), "h\u{fffd}\0i");
        });
        stand.attack("a surrogate", r"print('\ud800')", |outcome| {
            assert_eq!(outcome.status, Status::Exit(1));
            assert!(outcome.stderr.text().contains("UnicodeEncodeError"));
        });
    });
}

#[test]
fn what_a_program_does_to_its_streams_is_its_own_affair() {
    on_each_tier(&limits(), |stand| {
        for (name, code, status, written) in [
            (
                "stdout closed",
                "import sys\nprint(1, flush=True)\nsys.stdout.close()",
                Status::Ok,
                "1\n",
            ),
            (
                "stdout is None",
                "import sys\nprint(1)\nsys.stdout = None\nprint(2)",
                Status::Ok,
                "1\n",
            ),
            (
                "print is None",
                "import builtins\nprint(1)\nbuiltins.print = None",
                Status::Ok,
                "1\n",
            ),
            (
                "descriptor 1 closed",
                "import os\nprint(1, flush=True)\nos.close(1)",
                Status::Ok,
                "1\n",
            ),
            ("all descriptors closed", "import os\nos.closerange(0, 1000)", Status::Ok, ""),
            (
                "unflushed text after descriptor 1 closed",
                "import os\nprint(1)\nos.close(1)",
                Status::Exit(120),
                "",
            ),
            (
                "writes to other descriptors",
                "import os\nn = 0\nfor fd in range(3, 300):\n    try: os.write(fd, b'{\"ended\":{}}'); n += 1\n    except OSError: pass\nprint(n)",
                Status::Ok,
                "0\n",
            ),
            ("input", "print(repr(__import__('sys').stdin.read()))", Status::Ok, "''\n"),
            (
                "asking for input",
                "try: input()\nexcept EOFError: print('end')",
                Status::Ok,
                "end\n",
            ),
            (
                "patched libraries",
                "import sympy, random, numpy\nsympy.sqrt = len\nrandom.seed = None\nnumpy.arange = None\n\
                 __builtins__.leak = 1\nimport os\nos.umask(0)\nos.environ['X'] = '1'",
                Status::Ok,
                "",
            ),
        ] {
            stand.attack(name, code, |outcome| {
                assert_eq!(outcome.status, status, "{name}: {}", outcome.stderr.text());
                assert_eq!(outcome.stdout.text(), written, "{name}");
            });
        }
    });
}
