//! The launcher: this program, run again, that builds a sandbox and becomes the interpreter in it.
//!
//! Two processes: the first stays outside, enters the namespaces its child is to have, watches the leash
//! that its pool holds, and ends the sandbox when the leash is dropped, however the pool ended; the
//! second confines itself, layer by layer, and executes the interpreter. Everything is done by safe
//! calls in processes of one thread.
//!
//! The descriptors are those a process always has: 0 is the control socket; 1 is the leash in the first,
//! in the second a pipe that closes when the sandbox ends; 2 is a log that is read when all else fails.

use std::ffi::OsString;
use std::io::{self, PipeReader};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::process::CommandExt;
use std::process::{Command, Stdio};

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sched::{CloneFlags, unshare};
use nix::sys::prctl;
use nix::sys::resource::{Resource, setrlimit};
use nix::sys::signal::Signal;
use nix::unistd::{Gid, Uid, chdir, getppid, setgroups, sethostname, setresgid, setresuid};

use super::control::{Said, hear, say};
use super::plan::{INNER_ID, Plan, SCRATCH, SCRIPT};
use super::{cgroup, filter, ladder, root, rules};
use crate::Tier;

/// The first argument of a launcher.
pub(super) const WORD: &str = "espalier-sandbox-launcher";

/// Set in a launcher's environment: a program that starts a pool there has not called [`intercept`].
pub(super) const MARK: &str = "ESPALIER_SANDBOX_LAUNCHER";

/// What a launcher is asked to do.
pub(super) const WATCH: &str = "watch";
const CONFINE: &str = "confine";
pub(super) const PROBE: &str = "probe";

/// Takes the process over if it was started to be a worker; otherwise returns at once. Call it first
/// thing in `main`, before there are other threads.
pub fn intercept() {
    let mut args = std::env::args_os().skip(1);
    if args.next().is_none_or(|word| word != WORD) {
        return;
    }
    let (task, argument) = (args.next().unwrap_or_default(), args.next().unwrap_or_default());
    #[expect(clippy::exit, reason = "the process is not the program it was built as")]
    std::process::exit(match serve(&task, &argument) {
        Ok(()) => 0,
        Err(why) => {
            // The log of a worker, or the answer of a probe.
            drop(io::Write::write_all(&mut io::stderr(), why.as_bytes()));
            drop(say(io::stdin().as_fd(), &Said::Failed(why)));
            1
        }
    })
}

fn serve(task: &OsString, argument: &OsString) -> Result<(), String> {
    let plan = || {
        let text = argument.to_str().ok_or("the plan is no text")?;
        serde_json::from_str(text).map_err(|why| format!("the plan cannot be read: {why}"))
    };
    if task == WATCH {
        watch(&plan()?, argument)
    } else if task == CONFINE {
        Err(confine(&plan()?))
    } else if task == PROBE {
        ladder::probe(&argument.to_string_lossy())
    } else {
        Err(format!("unknown task `{}`", task.display()))
    }
}

/// The program itself, by a name that stays right when its file is replaced.
pub(super) fn this_program() -> Command {
    #[expect(clippy::disallowed_methods, reason = "this crate runs processes")]
    Command::new("/proc/self/exe")
}

/// The namespaces of the full tier.
pub(super) fn namespaces() -> CloneFlags {
    CloneFlags::CLONE_NEWUSER
        | CloneFlags::CLONE_NEWNS
        | CloneFlags::CLONE_NEWPID
        | CloneFlags::CLONE_NEWNET
        | CloneFlags::CLONE_NEWIPC
        | CloneFlags::CLONE_NEWUTS
        | CloneFlags::CLONE_NEWCGROUP
}

/// The first process: whatever becomes of the sandbox, its control groups go with it.
fn watch(plan: &Plan, text: &OsString) -> Result<(), String> {
    let result = launch(plan, text);
    cgroup::remove(&plan.cgroups);
    result
}

/// Enters the namespaces, starts the second process in them, and waits until it is to end or has.
fn launch(plan: &Plan, text: &OsString) -> Result<(), String> {
    let (stdin, stdout) = (io::stdin(), io::stdout());
    if plan.tier == Tier::Full {
        // The child enters a mount namespace by itself: this process keeps its view.
        enter(namespaces() - CloneFlags::CLONE_NEWNS)?;
        let mapped = say(stdin.as_fd(), &Said::Mapping).and_then(|()| hear(stdin.as_fd()));
        if !mapped.is_ok_and(|answer| !answer.is_empty()) {
            return Err("the users of the namespace were not mapped".to_owned());
        }
        keep_capabilities()?;
    }
    let (ended, alive) = io::pipe().map_err(|why| format!("could not make a pipe: {why}"))?;
    let mut command = this_program();
    command.args([WORD.as_ref(), CONFINE.as_ref(), text.as_os_str()]);
    command.stdin(Stdio::inherit()).stdout(alive).stderr(Stdio::inherit());
    let child = command.spawn();
    // With it goes our end of `alive`: the sandbox has the only one.
    drop(command);
    let mut child = child.map_err(|why| format!("could not start the sandbox: {why}"))?;
    let joined = cgroup::join(&plan.cgroups, child.id());
    if joined.is_ok() {
        wait_for_end(stdout.as_fd(), &ended);
    }
    drop(child.kill());
    drop(child.wait());
    joined
}

/// Enters new namespaces.
///
/// # Errors
///
/// Why it is refused.
pub(super) fn enter(flags: CloneFlags) -> Result<(), String> {
    unshare(flags).map_err(|why| match why {
        // What the system says, "No space left on device", leads nowhere.
        nix::Error::ENOSPC => "the limit `user.max_user_namespaces` is reached".to_owned(),
        other => format!("new namespaces: {}", other.desc()),
    })
}

/// Returns when the pool has dropped the leash, or the sandbox has ended by itself.
fn wait_for_end(leash: BorrowedFd<'_>, ended: &PipeReader) {
    let mut fds =
        [PollFd::new(leash, PollFlags::POLLIN), PollFd::new(ended.as_fd(), PollFlags::POLLIN)];
    while poll(&mut fds, PollTimeout::NONE) == Err(nix::Error::EINTR) {}
}

/// The second process; returns only what went wrong.
fn confine(plan: &Plan) -> String {
    if let Err(why) = layers(plan) {
        return why;
    }
    #[expect(clippy::disallowed_methods, reason = "this crate runs processes")]
    let mut python = Command::new(&plan.python);
    python.args(["-s", "-B", "-X", "utf8", "-c", SCRIPT]).env_clear();
    // The same strings hash alike in every worker, and no library starts threads of its own.
    for (name, value) in [
        ("PYTHONHASHSEED", "0"),
        ("LC_ALL", "C.UTF-8"),
        ("TZ", "UTC"),
        ("HOME", SCRATCH),
        ("PATH", "/usr/bin:/bin"),
        ("OMP_NUM_THREADS", "1"),
        ("OPENBLAS_NUM_THREADS", "1"),
        ("MKL_NUM_THREADS", "1"),
    ] {
        python.env(name, value);
    }
    format!("could not execute `{}`: {}", plan.python.display(), python.exec())
}

/// Puts this process behind the layers of its tier, in an order in which each can still be set up.
fn layers(plan: &Plan) -> Result<(), String> {
    let failed = |what: &str| {
        let what = what.to_owned();
        move |why: nix::Error| format!("could not {what}: {}", why.desc())
    };
    if plan.tier == Tier::Full {
        unshare(CloneFlags::CLONE_NEWNS).map_err(failed("enter a mount namespace"))?;
        sethostname("sandbox").map_err(failed("name the host"))?;
        root::enter(plan)?;
        if plan.root {
            let (user, group) = (Uid::from_raw(INNER_ID), Gid::from_raw(INNER_ID));
            drop_bounding()?;
            setgroups(&[]).map_err(failed("leave all groups"))?;
            setresgid(group, group, group).map_err(failed("change group"))?;
            setresuid(user, user, user).map_err(failed("change user"))?;
        } else {
            drop_bounding()?;
        }
    } else if plan.tier == Tier::Landlock && plan.root {
        drop_bounding()?;
    }
    if plan.tier != Tier::None {
        drop_capabilities()?;
    }
    if plan.tier != Tier::Full && chdir(SCRATCH).is_err() {
        // The same working folder on every tier, and never the caller's.
        chdir("/").map_err(failed("enter the root"))?;
    }
    let limits = [
        (Resource::RLIMIT_CORE, 0, 0),
        (Resource::RLIMIT_NOFILE, plan.descriptors, plan.descriptors),
        // Threads get the soft one; a child raises it for its main thread.
        (Resource::RLIMIT_STACK, 8 << 20, 64 << 20),
    ];
    for (resource, soft, hard) in limits {
        setrlimit(resource, soft, hard).map_err(failed("set a limit"))?;
    }
    prctl::set_pdeathsig(Signal::SIGKILL).map_err(failed("tie the sandbox to its launcher"))?;
    // Had the launcher ended before, there would be another parent: process 1, which in a namespace of
    // processes is this one, without a parent.
    if getppid().as_raw() == 1 {
        return Err("the launcher has ended".to_owned());
    }
    if plan.tier == Tier::None {
        return Ok(());
    }
    prctl::set_no_new_privs().map_err(failed("give up new privileges"))?;
    rules::enforce(plan).map_err(|why| format!("could not set up Landlock: {why}"))?;
    for program in filter::worker().map_err(|why| why.to_string())? {
        seccompiler::apply_filter(&program)
            .map_err(|why| format!("could not install a seccomp filter: {why}"))?;
    }
    Ok(())
}

/// Hands the capabilities that this process has in its user namespace on to what it executes; they are
/// dropped once the sandbox is built. Executing would drop them where the user is not root.
fn keep_capabilities() -> Result<(), String> {
    use caps::CapSet;
    let failed = |why: caps::errors::CapsError| format!("could not keep capabilities: {why}");
    let own = caps::read(None, CapSet::Permitted).map_err(failed)?;
    for set in [CapSet::Inheritable, CapSet::Ambient] {
        caps::set(None, set, &own).map_err(failed)?;
    }
    Ok(())
}

fn drop_bounding() -> Result<(), String> {
    let known = caps::runtime::thread_all_supported();
    let failed = |why: caps::errors::CapsError| format!("could not drop capabilities: {why}");
    known.into_iter().try_for_each(|capability| {
        if caps::has_cap(None, caps::CapSet::Bounding, capability).unwrap_or(false) {
            caps::drop(None, caps::CapSet::Bounding, capability).map_err(failed)?;
        }
        Ok(())
    })
}

fn drop_capabilities() -> Result<(), String> {
    use caps::CapSet;
    drop(caps::clear(None, CapSet::Ambient));
    for set in [CapSet::Inheritable, CapSet::Effective, CapSet::Permitted] {
        caps::clear(None, set).map_err(|why| format!("could not drop capabilities: {why}"))?;
    }
    Ok(())
}
