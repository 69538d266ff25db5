//! State along a path: replayed in a fresh process, each block run once.

use std::num::NonZeroUsize;

use espalier_core::tool::ObservationStatus;
use espalier_core::{Call, ModelError, Seed, Service, Tool, collect};
use espalier_exec::{
    Echo, Executor, Isolation, Outcome, Pool, Program, PythonTool, Replay, ReplayLimits, Status,
    Tier,
};

use crate::stand::{config, limits, on_each_tier, python};

/// An executor that counts what it is asked.
struct Counted {
    pool: Pool,
    asked: Vec<Program>,
}

impl Service for Counted {
    type Ask = Program;
    type Reply = <Pool as Service>::Reply;

    fn submit(&mut self, program: Program) -> espalier_core::Ticket {
        self.asked.push(program.clone());
        self.pool.submit(program)
    }

    fn poll(&mut self) -> Vec<(espalier_core::Ticket, Result<Self::Reply, ModelError>)> {
        self.pool.poll()
    }

    fn cancel(&mut self, ticket: espalier_core::Ticket) {
        self.pool.cancel(ticket);
    }
}

impl Executor for Counted {
    fn isolation(&self) -> &Isolation {
        self.pool.isolation()
    }
}

fn replay(known_blocks: usize) -> Option<Replay<Counted>> {
    let tier = [Tier::Full, Tier::Landlock];
    let python = python()?;
    let pool = tier
        .into_iter()
        .find_map(|tier| Pool::start(&config(python.clone(), tier, 2, limits())).ok());
    let counted = Counted { pool: pool.expect("a tier that isolates"), asked: Vec::new() };
    let limits = ReplayLimits {
        path_blocks: NonZeroUsize::new(8).unwrap(),
        known_blocks: NonZeroUsize::new(known_blocks).unwrap(),
    };
    Some(Replay::new(counted, limits))
}

fn program(blocks: &[&str]) -> Program {
    let (code, earlier) = blocks.split_last().unwrap();
    Program {
        earlier: earlier.iter().map(ToString::to_string).collect(),
        ..Program::new(*code, Seed::run(3))
    }
}

fn run(replay: &mut Replay<Counted>, blocks: &[&str]) -> Outcome {
    collect(replay, [program(blocks)]).remove(0).unwrap().unwrap()
}

#[test]
fn earlier_blocks_are_replayed_silently() {
    on_each_tier(&limits(), |stand| {
        let outcome = stand.run_program(program(&[
            "import os\nprint('not seen')\nx = [1]\nos.write(1, b'nor this')",
            "x.append(2)\nraise ValueError('nor this')\nx.append(0)",
            "import sys\nprint('nor this', file=sys.stderr)\nsys.exit(3)",
            "x = = 3",
            "x.append(4)\nprint(x)",
        ]));
        assert_eq!(outcome.status, Status::Ok, "{}", outcome.stderr.text());
        assert_eq!(
            (outcome.stdout.text(), outcome.stderr.text()),
            ("[1, 2, 4]\n".into(), String::new())
        );
        stand.assert_clean("a replay");
    });
}

#[test]
fn a_block_is_run_once() {
    let Some(mut replay) = replay(100) else { return };
    let (a, b, c) = ("x = 1\nprint('a')", "x += 1\nprint('b', x)", "print('c', x)");
    assert_eq!(run(&mut replay, &[a, b]).stdout.text(), "b 2\n");
    // To know how they end, blocks that were never asked for are run as well.
    assert_eq!(replay.executor().asked.len(), 2);
    assert_eq!(run(&mut replay, &[a, b]).stdout.text(), "b 2\n");
    assert_eq!(run(&mut replay, &[a]).stdout.text(), "a\n");
    assert_eq!(replay.executor().asked.len(), 2, "answered from memory");
    assert_eq!(run(&mut replay, &[a, b, c]).stdout.text(), "c 2\n");
    assert_eq!(run(&mut replay, &[a, c]).stdout.text(), "c 1\n");
    assert_eq!(replay.executor().asked.len(), 4);
    // Asked for at once, it is run once too.
    let same = collect(&mut replay, vec![program(&[a, "print(3)"]); 5]);
    assert!(
        same.iter().all(|answer| answer.as_ref().unwrap().as_ref().unwrap().stdout.text() == "3\n")
    );
    assert_eq!(replay.executor().asked.len(), 5);
    // Another seed is another path.
    let other = Program { seed: Seed::run(4), ..program(&[a]) };
    collect(&mut replay, [other]).remove(0).unwrap().unwrap();
    assert_eq!(replay.executor().asked.len(), 6);
}

#[test]
fn a_block_that_was_cut_off_leaves_no_state() {
    let Some(mut replay) = replay(100) else { return };
    let path = [
        "x = 1",
        "x = 2\nwhile True: pass",
        "import os\nx = 3\nos.kill(os.getpid(), 9)",
        "print(x)",
    ];
    assert_eq!(run(&mut replay, &path[..2]).status, Status::CpuTimeout);
    assert_eq!(run(&mut replay, &path[..3]).status, Status::Signal(9));
    let outcome = run(&mut replay, &path);
    assert_eq!((outcome.status, &*outcome.stdout.text()), (Status::Ok, "1\n"));
    assert_eq!(replay.executor().asked.len(), 4);
    assert_eq!(replay.executor().asked[3].earlier, ["x = 1"]);
}

#[test]
fn a_replay_has_the_time_it_needs() {
    let Some(mut replay) = replay(100) else { return };
    // Three of 0.6 s each do not fit into the one second of a run.
    let busy = "import time\nwhile time.process_time() - globals().get('start', 0) < 0.6: pass\nstart = time.process_time()";
    let outcome = run(&mut replay, &[busy, busy, busy, "print('done')"]);
    assert_eq!(outcome.stdout.text(), "done\n", "{}", outcome.status);
    assert!(outcome.cpu_ns > 1_700_000_000, "the replay is part of what it cost");
}

#[test]
fn random_numbers_are_replayed_too() {
    let Some(mut replay) = replay(100) else { return };
    let draw = "import random, numpy, sympy.core.random\n\
                drawn = globals().get('drawn', []) + [random.random(), numpy.random.rand(), sympy.core.random.random()]\n\
                print(drawn)";
    let mut text = |blocks: &[&str]| {
        let outcome = run(&mut replay, blocks);
        assert_eq!(outcome.status, Status::Ok, "{}", outcome.stderr.text());
        outcome.stdout.text()
    };
    let (first, second) = (text(&[draw]), text(&[draw, draw]));
    let first = first.trim().trim_end_matches(']');
    assert!(second.starts_with(first), "{first} {second}");
    let numbers: std::collections::BTreeSet<&str> =
        second.trim().trim_matches(&['[', ']'][..]).split(", ").collect();
    assert_eq!(numbers.len(), 6, "all different: {second}");
}

#[test]
fn what_is_known_is_bounded_and_long_paths_are_refused() {
    let Some(mut replay) = replay(2) else { return };
    for _ in 0..2 {
        for code in ["print(1)", "print(2)", "print(3)"] {
            run(&mut replay, &[code]);
        }
    }
    assert!(replay.executor().asked.len() > 3, "forgotten and run again");
    let blocks: Vec<String> = (0..10_000).map(|n| format!("x = {n}")).collect();
    let blocks: Vec<&str> = blocks.iter().map(String::as_str).collect();
    let before = replay.executor().asked.len();
    let error = collect(&mut replay, [program(&blocks)]).remove(0).unwrap_err();
    assert!(error.to_string().contains("10000 blocks"), "{error}");
    assert_eq!(replay.executor().asked.len(), before);
}

#[test]
fn cancelling_ends_what_nobody_waits_for() {
    let Some(mut replay) = replay(100) else { return };
    let ticket = replay.submit(program(&["import time\ntime.sleep(1000)"]));
    let kept = replay.submit(program(&["import time\ntime.sleep(0.2)\nprint('kept')"]));
    replay.cancel(ticket);
    let mut answers = Vec::new();
    while answers.is_empty() {
        answers = replay.poll();
    }
    assert_eq!(answers.len(), 1);
    assert_eq!(answers[0].0, kept);
    assert_eq!(run(&mut replay, &["print(1)"]).stdout.text(), "1\n");
    assert_eq!(replay.executor().pool.health(), espalier_exec::Health::default());
}

#[test]
fn a_last_expression_is_printed_where_asked() {
    on_each_tier(&limits(), |stand| {
        let mut echo = |code: &str| {
            let program =
                Program { echo: Echo::LastExpression, ..Program::new(code, Seed::run(0)) };
            stand.run_program(program).stdout.text()
        };
        assert_eq!(echo("x = 2\nx + 1"), "3\n");
        assert_eq!(echo("x = 2\nNone"), "");
        assert_eq!(echo("print(1);"), "1\n");
        assert_eq!(echo("x = 2"), "");
        assert_eq!(stand.run("1 + 1").stdout.text(), "");
    });
}

#[test]
fn the_tool_observes_failures_and_never_faults() {
    let Some(replay) = replay(100) else { return };
    let mut tool = PythonTool::new(replay, Echo::Off, |outcome| outcome.stdout.text());
    assert_eq!(tool.name(), "python");
    let call = |earlier: &[&str], input: &str| Call {
        earlier: earlier.iter().map(ToString::to_string).collect(),
        input: input.to_owned(),
        seed: Seed::run(0),
    };
    let calls = [
        call(&["x = 7"], "print(x)"),
        call(&[], "print(x)"),
        call(&[], "while True: pass"),
        call(&[], "bytearray(3 << 30)"),
    ];
    let observed: Vec<_> = collect(tool.calls(), calls)
        .into_iter()
        .map(|answer| {
            let observation = answer.unwrap().unwrap();
            (observation.status, observation.output)
        })
        .collect();
    let expected = [
        (ObservationStatus::Ok, "7\n"),
        (ObservationStatus::Failed, ""),
        (ObservationStatus::Timeout, ""),
        (ObservationStatus::OutOfMemory, ""),
    ];
    assert_eq!(observed, expected.map(|(status, output)| (status, output.to_owned())));
}
