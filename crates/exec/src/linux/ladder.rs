//! The ladder: which tiers this machine has, and why it lacks the others.

use std::fs;
use std::io::{self, Write};
use std::process::Stdio;
use std::sync::Arc;

use espalier_core::Seed;
use nix::sched::CloneFlags;
use nix::sys::prctl;

use super::launcher::{self, PROBE, WORD, namespaces, this_program};
use super::plan::Plan;
use super::view::View;
use super::worker::{Setup, Worker};
use super::{cgroup, filter, rules};
use crate::{
    Diagnosis, Error, Fault, Interpreter, Launcher, Layer, Limits, Outcome, PoolConfig, Program,
    Status, Tier, TierChoice,
};

const SELF_TEST: &str = include_str!("../../python/self_test.py");

/// What the self-test writes where every layer holds.
const REFUSED: &str = "socket refused\nread refused\nwrite refused\nfork refused\nkill refused\n\
                       exec refused\n4\n";

/// The tiers that `choice` stands for, highest first.
fn tiers(choice: TierChoice) -> Vec<Tier> {
    match choice {
        TierChoice::Highest => vec![Tier::Full, Tier::Landlock],
        TierChoice::Exactly(tier) => vec![tier],
    }
}

/// The first worker of the highest tier that `config` asks for and this machine has.
///
/// # Errors
///
/// If the interpreter cannot be used, or none of the tiers can be had; the diagnosis says why.
pub(super) fn climb(config: &PoolConfig) -> Result<(Arc<Setup>, Worker), Error> {
    let interpreter = Interpreter::find(&config.python)?;
    let mut reasons = Vec::new();
    for tier in tiers(config.tier) {
        match try_tier(tier, &interpreter, config) {
            Ok(found) => return Ok(found),
            Err(why) => reasons.push(format!("`{tier}`: {}", why.reason)),
        }
    }
    Err(Error::Unavailable {
        tiers: tiers(config.tier),
        reason: format!("{}; `cargo xtask sandbox check` probes each layer", reasons.join("; ")),
        diagnosis: Box::new(diagnose(config)),
    })
}

fn try_tier(
    tier: Tier,
    interpreter: &Interpreter,
    config: &PoolConfig,
) -> Result<(Arc<Setup>, Worker), Fault> {
    let setup = Arc::new(Setup {
        plan: Plan::new(tier, interpreter, &config.limits),
        limits: config.limits.clone(),
        launcher: config.launcher.clone(),
        cores: std::thread::available_parallelism().map_or(1, |cores| cores.get() as u64),
        cgroups: tier != Tier::None && probe_cgroups(&config.limits).is_ok(),
    });
    let worker = start(&setup)?;
    Ok((setup, worker))
}

/// Starts a worker and has it prove that its layers hold.
///
/// # Errors
///
/// What could not be set up, or what was possible that must not be.
pub(super) fn start(setup: &Arc<Setup>) -> Result<Worker, Fault> {
    let mut worker = Worker::start(setup)?;
    if setup.plan.tier != Tier::None {
        let outcome = self_test(&mut worker)?;
        if outcome.status != Status::Ok || outcome.stdout.text() != REFUSED {
            let text = outcome.stdout.text() + &outcome.stderr.text();
            return Err(Fault::new(format!(
                "the self-test of a new worker ended with {}: {}",
                outcome.status,
                text.trim().replace('\n', ", ")
            )));
        }
        worker.prepare()?;
    }
    Ok(worker)
}

fn self_test(worker: &mut Worker) -> Result<Outcome, Fault> {
    // Nobody cancels it: a pipe whose other end stays open is never readable.
    let (never, _held) = io::pipe().map_err(|why| Fault::new(why.to_string()))?;
    let program = Program::new(SELF_TEST, Seed::run(0));
    let outcome = worker.run(&program, std::os::fd::AsFd::as_fd(&never))?;
    outcome.ok_or_else(|| Fault::new("the self-test was cancelled"))
}

/// Probes each layer by itself, then a worker on each tier that isolates.
#[must_use]
pub fn diagnose(config: &PoolConfig) -> Diagnosis {
    let full = || vec![Tier::Full];
    let both = || vec![Tier::Full, Tier::Landlock];
    let namespace = "allow user namespaces: `sysctl user.max_user_namespaces`, \
                     `kernel.unprivileged_userns_clone`, `kernel.apparmor_restrict_unprivileged_userns`; \
                     in a container, its seccomp profile";
    let interpreter = Interpreter::find(&config.python);
    let mut layers = vec![Layer {
        name: "Python".to_owned(),
        state: match &interpreter {
            Ok(interpreter) => Ok(interpreter.executable.display().to_string()),
            Err(why) => Err(why.to_string()),
        },
        required_by: both(),
        remedy: "run `cargo xtask sandbox check`, which makes the environment".to_owned(),
    }];
    for (name, word, required_by, remedy) in [
        ("user namespace", "user", full(), namespace),
        ("mount namespace", "mount", full(), namespace),
        ("process namespace", "process", full(), namespace),
        ("network namespace", "network", full(), namespace),
        ("IPC namespace", "ipc", full(), namespace),
        ("host name namespace", "host", full(), namespace),
        ("control group namespace", "cgroup", full(), namespace),
        ("all namespaces at once", "all", full(), namespace),
        (
            "Landlock",
            "landlock",
            both(),
            "take a kernel of 5.13 or newer, with `landlock` in its `lsm=` boot parameter",
        ),
        ("seccomp", "seccomp", both(), "take a kernel with CONFIG_SECCOMP_FILTER"),
    ] {
        let (state, remedy) = (run_probe(&config.launcher, word), remedy.to_owned());
        layers.push(Layer { name: name.to_owned(), state, required_by, remedy });
    }
    layers.push(Layer {
        name: "control groups".to_owned(),
        state: probe_cgroups(&config.limits),
        required_by: Vec::new(),
        remedy: String::new(),
    });
    let mut tier = None;
    if let Ok(interpreter) = &interpreter {
        for candidate in tiers(TierChoice::Highest) {
            let state = try_tier(candidate, interpreter, config).map(|(_, worker)| {
                let versions: Vec<String> = worker
                    .versions
                    .iter()
                    .map(|(name, version)| format!("{name} {version}"))
                    .collect();
                format!("started, refused what it must refuse; {}", versions.join(", "))
            });
            if state.is_ok() {
                tier = tier.or(Some(candidate));
            }
            layers.push(Layer {
                name: format!("a worker on `{candidate}`"),
                state: state.map_err(|why| why.reason),
                required_by: vec![candidate],
                remedy: "see the layers above".to_owned(),
            });
        }
    }
    Diagnosis { kernel: kernel(), layers, tier }
}

fn kernel() -> String {
    let read =
        |name: &str| fs::read_to_string(format!("/proc/sys/kernel/{name}")).unwrap_or_default();
    format!("{} {}", read("ostype").trim(), read("osrelease").trim())
}

/// Runs one probe in a process of its own.
fn run_probe(launcher: &Launcher, word: &str) -> Result<String, String> {
    let mut command = match launcher {
        Launcher::ThisProgram => this_program(),
        #[expect(clippy::disallowed_methods, reason = "this crate runs processes")]
        Launcher::Program(path) => std::process::Command::new(path),
    };
    command.args([WORD, PROBE, word]).env(launcher::MARK, "1").stdin(Stdio::null());
    let output = command.output().map_err(|why| format!("the launcher cannot be run: {why}"))?;
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim().to_owned();
    match output.status.code() {
        Some(0) => Ok(text(&output.stdout)),
        Some(_) => Err(text(&output.stderr)),
        None => Err(format!("the probe was killed: {}", output.status)),
    }
}

/// The probe of one layer, in a process that ends with it.
pub(super) fn probe(word: &str) -> Result<(), String> {
    let enter = |flags: CloneFlags| {
        launcher::enter(CloneFlags::CLONE_NEWUSER | flags).map(|()| "can be entered".to_owned())
    };
    let answer = match word {
        "user" => enter(CloneFlags::empty()),
        "mount" => enter(CloneFlags::CLONE_NEWNS),
        "process" => enter(CloneFlags::CLONE_NEWPID),
        "network" => enter(CloneFlags::CLONE_NEWNET),
        "ipc" => enter(CloneFlags::CLONE_NEWIPC),
        "host" => enter(CloneFlags::CLONE_NEWUTS),
        "cgroup" => enter(CloneFlags::CLONE_NEWCGROUP),
        "all" => enter(namespaces()),
        "landlock" => probe_landlock(),
        "seccomp" => probe_seccomp(),
        unknown => Err(format!("unknown layer `{unknown}`")),
    }?;
    writeln!(io::stdout(), "{answer}").map_err(|why| why.to_string())
}

fn probe_landlock() -> Result<String, String> {
    let plan = Plan {
        tier: Tier::Landlock,
        root: false,
        python: "/".into(),
        view: View::default(),
        scratch_bytes: 0,
        descriptors: 0,
        cgroups: Vec::new(),
    };
    let status = rules::enforce(&plan).map_err(|why| why.to_string())?;
    if fs::read_dir("/").is_ok() {
        return Err("it was set up, but does not deny".to_owned());
    }
    Ok(format!("denies; {status:?}"))
}

fn probe_seccomp() -> Result<String, String> {
    prctl::set_no_new_privs().map_err(|why| why.desc().to_owned())?;
    for program in filter::worker().map_err(|why| why.reason)? {
        seccompiler::apply_filter(&program).map_err(|why| why.to_string())?;
    }
    match std::net::UdpSocket::bind("127.0.0.1:0") {
        Ok(_) => Err("it was set up, but does not deny".to_owned()),
        Err(why) => Ok(format!("denies; a socket: {why}")),
    }
}

/// Whether control groups can be made, and how.
fn probe_cgroups(limits: &Limits) -> Result<String, String> {
    let groups = cgroup::make(limits.memory_bytes, limits.threads)?;
    let folders: Vec<String> = groups
        .iter()
        .filter_map(|group| group.parent())
        .map(|at| at.display().to_string())
        .collect();
    cgroup::remove(&groups);
    Ok(format!("memory and processes can be bounded, in {}", folders.join(" and ")))
}
