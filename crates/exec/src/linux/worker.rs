//! A worker: one warm interpreter in its sandbox, seen from outside.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, PipeReader, PipeWriter, Read, Seek, SeekFrom, Write};
use std::os::fd::{AsFd, BorrowedFd};
use std::path::PathBuf;
use std::process::{Child, Stdio};
use std::sync::Arc;
use std::time::Duration;

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::memfd::{MFdFlags, memfd_create};
use nix::sys::time::TimeSpec;
use nix::sys::timer::TimerSetTimeFlags;
use nix::sys::timerfd::{ClockId, TimerFd, TimerFlags};
use nix::unistd::{getegid, geteuid};
use serde_json::json;

use super::control::{Control, Cut, Ended, Order, Said};
use super::launcher::{MARK, WATCH, WORD, this_program};
use super::plan::{INNER_ID, Plan, WorkerPlan};
use super::{cgroup, filter};
use crate::output::Collector;
use crate::program::Echo;
use crate::{Fault, Launcher, Limits, Outcome, Program, Status, Tier};

/// Starting is importing, which takes seconds on a busy machine.
const START: Duration = Duration::from_mins(2);

/// How much later than its own deadline a worker may answer.
const GRACE: Duration = Duration::from_secs(30);

/// What every worker is started from.
#[derive(Debug)]
pub(super) struct Setup {
    pub(super) plan: Plan,
    pub(super) limits: Limits,
    pub(super) launcher: Launcher,
    pub(super) cores: u64,
    pub(super) cgroups: bool,
}

/// A running worker with a child that waits for a program.
#[derive(Debug)]
pub(super) struct Worker {
    setup: Arc<Setup>,
    control: Control,
    /// The launcher ends the sandbox when this is dropped.
    leash: Option<PipeWriter>,
    launcher: Child,
    log: File,
    cgroups: Vec<PathBuf>,
    waiting: Option<Waiting>,
    /// Versions of what it imported.
    pub(super) versions: BTreeMap<String, String>,
    /// Programs it has run.
    pub(super) runs: u32,
}

/// Our ends of what the waiting child holds.
#[derive(Debug)]
struct Waiting {
    stdout: PipeReader,
    stderr: PipeReader,
    program: File,
}

impl Worker {
    /// Starts one and waits until it is ready.
    ///
    /// # Errors
    ///
    /// Which layer or import failed, and why.
    pub(super) fn start(setup: &Arc<Setup>) -> Result<Self, Fault> {
        let mut plan = setup.plan.clone();
        if setup.cgroups {
            let memory = 2 * setup.limits.memory_bytes + setup.limits.scratch_bytes;
            plan.cgroups = cgroup::make(memory, setup.limits.threads + 16).map_err(Fault::new)?;
        }
        let text = serde_json::to_string(&plan).map_err(|why| Fault::new(why.to_string()))?;
        let failed = |why: io::Error| Fault::new(format!("could not start a worker: {why}"));
        let (control, theirs) = Control::pair().map_err(failed)?;
        let (held, leash) = io::pipe().map_err(failed)?;
        let log = memory_file("log").map_err(failed)?;
        let mut command = match &setup.launcher {
            Launcher::ThisProgram => this_program(),
            #[expect(clippy::disallowed_methods, reason = "this crate runs processes")]
            Launcher::Program(path) => std::process::Command::new(path),
        };
        command.args([WORD, WATCH, &text]).env_clear().env(MARK, "1");
        command.stdin(theirs).stdout(held).stderr(Stdio::from(log.try_clone().map_err(failed)?));
        let launcher = command.spawn();
        drop(command);
        let launcher = launcher.inspect_err(|_| cgroup::remove(&plan.cgroups)).map_err(failed)?;
        let mut worker = Self {
            setup: Arc::clone(setup),
            control,
            leash: Some(leash),
            launcher,
            log,
            cgroups: plan.cgroups,
            waiting: None,
            versions: BTreeMap::new(),
            runs: 0,
        };
        worker.greet()?;
        worker.prepare()?;
        Ok(worker)
    }

    /// Sees the sandbox through its start.
    fn greet(&mut self) -> Result<(), Fault> {
        let tier = self.setup.plan.tier;
        let child_filter = match tier {
            Tier::None => Vec::new(),
            tier => filter::bytes(&filter::child(tier)?),
        };
        let deadline = timer(START)?;
        if tier != Tier::Full {
            self.order(&WorkerPlan::new(tier, &self.setup.limits, &child_filter))?;
        }
        loop {
            if !wait(&[self.control.fd()], &deadline)?[0] {
                let reason = format!("the worker was not ready after {} s", START.as_secs());
                return Err(Fault::new(reason));
            }
            match self.hear()? {
                Said::Mapping => {
                    self.map_users()?;
                    self.order(&"mapped")?;
                    self.order(&WorkerPlan::new(tier, &self.setup.limits, &child_filter))?;
                }
                Said::Ready(versions) => {
                    self.versions = versions;
                    return Ok(());
                }
                Said::Ended(_) => return Err(Fault::new("the worker spoke out of turn")),
                Said::Failed(why) => return Err(Fault::new(why)),
            }
        }
    }

    /// Gives the launcher's user namespace its users.
    fn map_users(&self) -> Result<(), Fault> {
        let process = format!("/proc/{}", self.launcher.id());
        let write = |file: &str, text: String| {
            let path = format!("{process}/{file}");
            fs::write(&path, text)
                .map_err(|why| Fault::new(format!("could not write `{path}`: {why}")))
        };
        if self.setup.plan.root {
            // Root sets the sandbox up, nobody lives in it.
            write("uid_map", format!("0 0 1\n{INNER_ID} 65534 1\n"))?;
            write("gid_map", format!("0 0 1\n{INNER_ID} 65534 1\n"))
        } else {
            write("setgroups", "deny".to_owned())?;
            write("uid_map", format!("{INNER_ID} {} 1\n", geteuid()))?;
            write("gid_map", format!("{INNER_ID} {} 1\n", getegid()))
        }
    }

    /// Has the worker fork its next child.
    pub(super) fn prepare(&mut self) -> Result<(), Fault> {
        let failed = |why: io::Error| Fault::new(format!("could not prepare a run: {why}"));
        let (stdout, out) = io::pipe().map_err(failed)?;
        let (stderr, err) = io::pipe().map_err(failed)?;
        let program = memory_file("program").map_err(failed)?;
        let fds = [out.as_fd(), err.as_fd(), program.as_fd()];
        self.control.hand(&Order::Prepare, &fds).map_err(|why| self.lost(&why))?;
        self.waiting = Some(Waiting { stdout, stderr, program });
        Ok(())
    }

    /// Runs `program`; `None` where `cancel` became readable before it ended.
    pub(super) fn run(
        &mut self,
        program: &Program,
        cancel: BorrowedFd<'_>,
    ) -> Result<Option<Outcome>, Fault> {
        let mut waiting = self.waiting.take().ok_or_else(|| Fault::new("no child waits"))?;
        let failed = |why: io::Error| Fault::new(format!("could not hand over a program: {why}"));
        write_program(&mut waiting.program, program).map_err(failed)?;
        let limits = self.setup.limits.clone();
        let (cpu, wall) = (limits.cpu + program.replay, limits.wall + program.replay * 4);
        let order = Order::Run {
            cpu_ns: cpu.as_nanos() as u64,
            wall_ns: wall.as_nanos() as u64,
            cores: self.setup.cores,
        };
        self.order(&order)?;
        self.runs += 1;
        let kept = limits.kept_bytes;
        let mut stdout = Stream::new(waiting.stdout, kept);
        let mut stderr = Stream::new(waiting.stderr, kept);
        let mut deadline = timer(wall + GRACE)?;
        let (mut ended, mut too_much, mut cancelled) = (None, false, false);
        while ended.is_none() || stdout.open || stderr.open {
            let ready = {
                let mut fds = vec![self.control.fd(), cancel];
                fds.extend([&stdout, &stderr].iter().filter(|s| s.open).map(|s| s.pipe.as_fd()));
                wait(&fds, &deadline)?
            };
            if !ready.contains(&true) {
                if ended.is_some() {
                    // Something else holds the pipe: only without isolation.
                    break;
                }
                return Err(Fault::new("the worker does not answer"));
            }
            let mut pipes = ready[2..].iter();
            for stream in [&mut stdout, &mut stderr] {
                if stream.open && pipes.next() == Some(&true) {
                    stream.read();
                }
            }
            if ready[0] && ended.is_none() {
                ended = Some(match self.hear()? {
                    Said::Ended(how) => how,
                    Said::Failed(why) => {
                        // The worker ends, and its child with it.
                        while stderr.open {
                            stderr.read();
                        }
                        let text = stderr.kept.finish().text();
                        let last = text.trim().lines().last().unwrap_or("nothing");
                        return Err(Fault::new(format!("{why}; the child's last words: {last}")));
                    }
                    Said::Mapping | Said::Ready(_) => {
                        return Err(Fault::new("the worker spoke out of turn"));
                    }
                });
                deadline = timer(Duration::from_secs(1))?;
            }
            let more = stdout.kept.total() + stderr.kept.total() > limits.output_bytes;
            if (more || ready[1]) && !too_much && !cancelled && ended.is_none() {
                (too_much, cancelled) = (more, !more);
                self.order(&Order::Kill)?;
            }
        }
        let Some(ended) = ended.filter(|_| !cancelled) else { return Ok(None) };
        Ok(Some(Outcome {
            status: if too_much { Status::OutputLimit } else { status(&ended) },
            stdout: stdout.kept.finish(),
            stderr: stderr.kept.finish(),
            cpu_ns: ended.cpu_ns,
            wall_ns: ended.wall_ns,
            memory_bytes: ended.memory_bytes,
        }))
    }

    fn order(&self, order: &impl serde::Serialize) -> Result<(), Fault> {
        self.control.say(order).map_err(|why| self.lost(&why))
    }

    fn hear(&self) -> Result<Said, Fault> {
        match self.control.hear() {
            Ok(Some(said)) => Ok(said),
            Ok(None) => Err(self.lost(&io::Error::from(io::ErrorKind::UnexpectedEof))),
            Err(why) => Err(self.lost(&why)),
        }
    }

    /// The last line of the log.
    fn last_words(&self) -> String {
        let (mut log, mut text) = (&self.log, String::new());
        drop(log.seek(SeekFrom::Start(0)).and_then(|_| log.read_to_string(&mut text)));
        text.lines().last().unwrap_or("it left no message").to_owned()
    }

    /// A worker that is gone: why, with the last words of its log.
    fn lost(&self, why: &io::Error) -> Fault {
        // What it said before it went says more than that it went.
        let said = self.control.hear_now();
        let last = if let Some(Said::Failed(said)) = said { said } else { self.last_words() };
        Fault::new(format!("the worker is gone ({why}): {last}"))
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        drop(self.leash.take());
        drop(self.launcher.wait());
        // The launcher does this too, for when nobody drops us.
        cgroup::remove(&self.cgroups);
    }
}

/// One of a child's outputs.
#[derive(Debug)]
struct Stream {
    pipe: PipeReader,
    kept: Collector,
    open: bool,
}

impl Stream {
    fn new(pipe: PipeReader, kept_bytes: usize) -> Self {
        Self { pipe, kept: Collector::new(kept_bytes, kept_bytes), open: true }
    }

    /// Takes what is there; blocks where nothing is.
    fn read(&mut self) {
        let mut buffer = [0; 16 << 10];
        match self.pipe.read(&mut buffer) {
            Ok(0) | Err(_) => self.open = false,
            Ok(length) => self.kept.push(&buffer[..length]),
        }
    }
}

/// What Python's half reads: a line that says what follows, then the blocks.
fn write_program(file: &mut File, program: &Program) -> io::Result<()> {
    let blocks = || program.earlier.iter().chain([&program.code]);
    let lengths: Vec<usize> = blocks().map(String::len).collect();
    let seeds: Vec<u64> =
        (0..lengths.len() as u64).map(|index| program.seed.fold(index).bits()).collect();
    let echo = program.echo == Echo::LastExpression;
    let mut bytes = serde_json::to_vec(&json!({"lengths": lengths, "seeds": seeds, "echo": echo}))?;
    bytes.push(b'\n');
    blocks().for_each(|block| bytes.extend_from_slice(block.as_bytes()));
    file.write_all(&bytes)
}

/// What `python/child.py` exits with where memory ran out.
const EXIT_MEMORY: u8 = 86;

fn status(ended: &Ended) -> Status {
    match (ended.cut, ended.exit, ended.signal) {
        (Some(Cut::Cpu), ..) => Status::CpuTimeout,
        (Some(Cut::Wall), ..) => Status::WallTimeout,
        (_, Some(0), _) => Status::Ok,
        (_, Some(EXIT_MEMORY), _) => Status::OutOfMemory,
        (_, Some(code), _) => Status::Exit(code),
        (_, None, number) => Status::Signal(number.unwrap_or(0)),
    }
}

fn memory_file(name: &str) -> io::Result<File> {
    Ok(File::from(memfd_create(name, MFdFlags::MFD_CLOEXEC)?))
}

/// A timer that becomes readable once, after `after`.
fn timer(after: Duration) -> Result<TimerFd, Fault> {
    let failed = |why: nix::Error| Fault::new(format!("could not set a timer: {why}"));
    let timer = TimerFd::new(ClockId::CLOCK_MONOTONIC, TimerFlags::TFD_CLOEXEC).map_err(failed)?;
    let expiration = nix::sys::timerfd::Expiration::OneShot(TimeSpec::from_duration(after));
    timer.set(expiration, TimerSetTimeFlags::empty()).map_err(failed)?;
    Ok(timer)
}

/// Waits until one of `fds` is readable or closed, or until `deadline`; says which, none at the deadline.
fn wait(fds: &[BorrowedFd<'_>], deadline: &TimerFd) -> Result<Vec<bool>, Fault> {
    let mut polled: Vec<PollFd<'_>> =
        fds.iter().map(|fd| PollFd::new(*fd, PollFlags::POLLIN)).collect();
    polled.push(PollFd::new(deadline.as_fd(), PollFlags::POLLIN));
    loop {
        match poll(&mut polled, PollTimeout::NONE) {
            Ok(_) => break,
            Err(nix::Error::EINTR) => {}
            Err(why) => return Err(Fault::new(format!("could not wait for a worker: {why}"))),
        }
    }
    Ok(polled[..fds.len()].iter().map(|fd| fd.any().unwrap_or(false)).collect())
}
