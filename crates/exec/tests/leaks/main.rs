//! Nothing is left behind: not by runs, not by pools, not by a parent that dies.
//!
//! A program of its own, whose tests take turns: they count what belongs to their process.

#![cfg(target_os = "linux")]
#![expect(clippy::unwrap_used, clippy::panic, clippy::print_stderr, reason = "helpers of tests")]

#[expect(dead_code, reason = "written for more tests than these")]
#[path = "../sandbox/stand.rs"]
mod stand;

use std::collections::BTreeSet;
use std::fs;
use std::process::{Command, Stdio};
use std::sync::{Mutex, MutexGuard, PoisonError};

use espalier_core::{Seed, Service, collect};
use espalier_exec::{Pool, Program, Status, Tier};
use nix::poll::poll;

use stand::{config, limits, on_each_tier, python};

/// One test at a time.
fn turn() -> MutexGuard<'static, ()> {
    static TURN: Mutex<()> = Mutex::new(());
    TURN.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Process ids and start times of all that descends from process `id`.
fn descendants(id: u32) -> BTreeSet<(u32, String)> {
    let all = processes();
    let mut found: BTreeSet<u32> = BTreeSet::from([id]);
    loop {
        let more: Vec<u32> = all
            .iter()
            .filter(|(pid, parent, _)| found.contains(parent) && !found.contains(pid))
            .map(|(pid, ..)| *pid)
            .collect();
        if more.is_empty() {
            break;
        }
        found.extend(more);
    }
    found.remove(&id);
    all.into_iter()
        .filter(|(pid, ..)| found.contains(pid))
        .map(|(pid, _, start)| (pid, start))
        .collect()
}

/// Those of `seen` that still live.
fn alive(seen: &BTreeSet<(u32, String)>) -> BTreeSet<(u32, String)> {
    let now: BTreeSet<(u32, String)> =
        processes().into_iter().map(|(pid, _, start)| (pid, start)).collect();
    seen.intersection(&now).cloned().collect()
}

/// Process id, parent and start time of every process that is no zombie.
fn processes() -> Vec<(u32, u32, String)> {
    fs::read_dir("/proc")
        .unwrap()
        .filter_map(|entry| {
            let pid = entry.ok()?.file_name().to_str()?.parse().ok()?;
            let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
            let fields: Vec<&str> = stat.rsplit(')').next()?.split_whitespace().collect();
            let zombie = fields[0] == "Z" || fields[0] == "X";
            (!zombie).then(|| Some((pid, fields[1].parse().ok()?, fields[19].to_owned())))?
        })
        .collect()
}

/// Processes whose parent this one is.
fn children() -> usize {
    processes().iter().filter(|(_, parent, _)| *parent == std::process::id()).count()
}

fn descriptors() -> usize {
    fs::read_dir("/proc/self/fd").unwrap().count()
}

fn cgroups(id: u32) -> usize {
    ["/sys/fs/cgroup", "/sys/fs/cgroup/memory", "/sys/fs/cgroup/pids"]
        .iter()
        .filter_map(|folder| fs::read_dir(folder).ok())
        .flatten()
        .filter(|entry| {
            let name = entry.as_ref().map(fs::DirEntry::file_name).unwrap_or_default();
            name.to_string_lossy().starts_with(&format!("espalier-{id}-"))
        })
        .count()
}

/// Resident memory of this process, in KiB.
fn resident() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

/// Resident memory of a worker, as it sees itself through its child: they share it.
fn worker_memory(stand: &mut stand::Stand) -> u64 {
    let code = "import resource\nprint(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)";
    stand.run(code).stdout.text().trim().parse().unwrap()
}

/// What `look` says once it has said the same ten times: the last answer comes a moment before the worker
/// has its next child ready.
fn settled<T: PartialEq>(look: impl Fn() -> T) -> T {
    let (mut last, mut same) = (look(), 0);
    while same < 10 {
        let _: Result<i32, nix::Error> = poll(&mut [], 20_u8);
        let now = look();
        same = if now == last { same + 1 } else { 0 };
        last = now;
    }
    last
}

#[test]
fn slow_a_thousand_runs_leak_nothing() {
    let _turn = turn();
    on_each_tier(&limits(), |stand| {
        let code = "import threading, os, sympy\nopen(os.devnull)\nheld = [bytearray(1 << 20)]\n\
                    threading.Thread(target=print, args=(sympy.Integer(2) ** 8,)).start()";
        let mut warm = |n: usize| {
            for answer in collect(&mut stand.pool, vec![Program::new(code, Seed::run(0)); n]) {
                let outcome = answer.unwrap().unwrap();
                assert_eq!((outcome.status, &*outcome.stdout.text()), (Status::Ok, "256\n"));
            }
        };
        warm(50);
        let before = settled(|| (children(), descriptors(), cgroups(std::process::id())));
        let (ours, theirs) = (resident(), worker_memory(stand));
        let mut rest = |n: usize| {
            for answer in collect(&mut stand.pool, vec![Program::new(code, Seed::run(0)); n]) {
                assert_eq!(answer.unwrap().unwrap().status, Status::Ok);
            }
        };
        rest(1000);
        let after = settled(|| (children(), descriptors(), cgroups(std::process::id())));
        assert_eq!(after, before, "processes, descriptors, groups; {}", stand.tier);
        let (ours_after, theirs_after) = (resident(), worker_memory(stand));
        eprintln!(
            "{}: ours {ours} to {ours_after} KiB, a worker's {theirs} to {theirs_after} KiB",
            stand.tier
        );
        assert!(ours_after < ours + 4096, "our memory grew from {ours} to {ours_after} KiB");
        assert!(
            theirs_after < theirs + 4096,
            "a worker's grew from {theirs} to {theirs_after} KiB"
        );
        stand.assert_clean("a thousand runs");
    });
}

#[test]
fn a_pool_that_is_dropped_mid_run_leaves_nothing() {
    let _turn = turn();
    let Some(python) = python() else { return };
    let before = (children(), descriptors());
    let mut started = 0;
    for tier in [Tier::Full, Tier::Landlock] {
        let Ok(mut pool) = Pool::start(&config(python.clone(), tier, 2, limits())) else {
            continue;
        };
        started += 1;
        for _ in 0..6 {
            pool.submit(Program::new("import time\ntime.sleep(1000)", Seed::run(0)));
        }
        pool.submit(Program::new("while True: pass", Seed::run(0)));
        assert!(children() > before.0);
        drop(pool);
        assert_eq!((children(), descriptors()), before, "{tier}");
        assert_eq!(cgroups(std::process::id()), 0, "{tier}");
    }
    assert!(started > 0, "no tier that isolates");
}

#[test]
fn a_worker_that_is_killed_is_replaced_and_its_run_repeated() {
    let _turn = turn();
    on_each_tier(&limits(), |stand| {
        // The launcher is our child; its end is the end of its worker.
        let launcher = || {
            let id = std::process::id();
            let text =
                fs::read_to_string(format!("/proc/{id}/task/{id}/children")).unwrap_or_default();
            let tasks = fs::read_dir(format!("/proc/{id}/task")).unwrap();
            let all = tasks
                .filter_map(|task| fs::read_to_string(task.ok()?.path().join("children")).ok());
            let pids: Vec<i32> = all
                .chain([text])
                .flat_map(|text| {
                    text.split_whitespace().map(|pid| pid.parse().unwrap()).collect::<Vec<i32>>()
                })
                .collect();
            pids[0]
        };
        let kill = |pid: i32| {
            nix::sys::signal::kill(
                nix::unistd::Pid::from_raw(pid),
                nix::sys::signal::Signal::SIGKILL,
            )
            .unwrap();
        };
        // Between runs.
        kill(launcher());
        assert_eq!(stand.run("print(1)").stdout.text(), "1\n");
        assert_eq!(
            (stand.pool.health().faults, stand.pool.health().lost),
            (1, 0),
            "{}",
            stand.tier
        );
        // During a run.
        let ticket =
            stand.pool.submit(Program::new("import time\ntime.sleep(0.5)\nprint(2)", Seed::run(0)));
        let _: Result<i32, nix::Error> = poll(&mut [], 200_u16);
        kill(launcher());
        let answer = loop {
            if let Some((of, answer)) = stand.pool.poll().pop() {
                assert_eq!(of, ticket);
                break answer.unwrap().unwrap();
            }
        };
        assert_eq!(answer.stdout.text(), "2\n");
        assert_eq!((stand.pool.health().faults, stand.pool.health().lost), (2, 0));
    });
    assert_eq!(
        (children(), cgroups(std::process::id())),
        (0, 0),
        "the killed ones' groups are gone"
    );
}

#[test]
fn a_parent_that_is_killed_leaves_nothing_behind() {
    let _turn = turn();
    let Some(python) = python() else { return };
    let dir = tempfile::tempdir().unwrap();
    let mut exercised = 0;
    for tier in [Tier::Full, Tier::Landlock] {
        if Pool::start(&config(python.clone(), tier, 1, limits())).is_err() {
            eprintln!("SKIPPED: the tier `{tier}` is not to be had here");
            continue;
        }
        exercised += 1;
        for program in ["import time\ntime.sleep(1000)", "while True: pass"] {
            let file = dir.path().join("main.py");
            fs::write(&file, program).unwrap();
            #[expect(clippy::disallowed_methods, reason = "the test runs the binary")]
            let mut parent = Command::new(env!("CARGO_BIN_EXE_espalier-sandbox"))
                .arg("run")
                .arg(&file)
                .args(["--cpu", "1000", "--tier", tier.name(), "--python"])
                .arg(&python)
                .stdout(Stdio::piped())
                .spawn()
                .unwrap();
            let id = parent.id();
            // Its sandbox is whatever descends from it.
            let family = || descendants(id);
            let mut seen = BTreeSet::new();
            for _ in 0..600 {
                seen = family();
                // The launcher, the worker, and the child that runs, with CPU time or asleep.
                if seen.len() >= 3 {
                    break;
                }
                let _: Result<i32, nix::Error> = poll(&mut [], 50_u8);
            }
            assert!(seen.len() >= 3, "launcher, worker and child: {seen:?}");
            parent.kill().unwrap();
            parent.wait().unwrap();
            let mut left = alive(&seen);
            for _ in 0..200 {
                if left.is_empty() && cgroups(id) == 0 {
                    break;
                }
                let _: Result<i32, nix::Error> = poll(&mut [], 50_u8);
                left = alive(&seen);
            }
            assert!(left.is_empty(), "on {tier}, `{program}` left {left:?}");
            assert_eq!(cgroups(id), 0, "on {tier}");
        }
    }
    assert!(exercised > 0, "no tier that isolates");
}
