//! A pool: workers on threads of their own, one program at a time each.

use std::collections::{BTreeMap, VecDeque};
use std::os::fd::AsFd;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use espalier_core::{ModelError, Service, Ticket};
use nix::sys::eventfd::{EfdFlags, EventFd};

use super::ladder;
use super::launcher::MARK;
use super::worker::{Setup, Worker};
use crate::{Error, Executor, Fault, Health, Isolation, Launcher, Outcome, PoolConfig, Program};

/// Runs after which a worker is replaced, so that nothing it might gather grows for ever.
const RUNS: u32 = 2000;

/// How long a poll waits for the next outcome.
const POLL: Duration = Duration::from_millis(20);

type Answer = (Ticket, Result<Outcome, Fault>);

/// The local executor.
///
/// Programs run in the order in which they were submitted, as many at once as there are workers. A
/// program whose worker fails is run once more on a new one; if that fails too, it is answered with the
/// [`Fault`]. Dropping a pool ends whatever runs and leaves no process behind, and so does the end of
/// the process that holds it, however it comes.
#[derive(Debug)]
pub struct Pool {
    shared: Arc<Shared>,
    answers: Receiver<Answer>,
    threads: Vec<JoinHandle<()>>,
    isolation: Isolation,
    next: u64,
}

#[derive(Debug)]
struct Shared {
    jobs: Mutex<Jobs>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct Jobs {
    waiting: VecDeque<(Ticket, Program)>,
    /// What ends each program that runs.
    running: BTreeMap<Ticket, Arc<EventFd>>,
    health: Health,
    closed: bool,
}

impl Shared {
    fn jobs(&self) -> MutexGuard<'_, Jobs> {
        // A thread that panicked held nothing half-changed.
        self.jobs.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Pool {
    /// Starts the workers and waits until each has proved that its layers hold.
    ///
    /// # Errors
    ///
    /// [`Error::Python`] if the interpreter cannot be used, [`Error::Launcher`] if workers cannot be
    /// started at all, [`Error::Unavailable`] if a layer is missing.
    pub fn start(config: &PoolConfig) -> Result<Self, Error> {
        check_launcher(config)?;
        let (setup, first) = ladder::climb(config)?;
        let isolation = Isolation {
            tier: setup.plan.tier,
            cgroups: setup.cgroups,
            versions: first.versions.clone(),
            limits: config.limits.clone(),
            warning: setup.plan.tier.warning().map(str::to_owned),
        };
        let shared = Arc::new(Shared { jobs: Mutex::default(), changed: Condvar::new() });
        let (sender, answers) = channel();
        let (started, starts) = channel();
        let mut first = Some(first);
        let threads = (0..config.workers.get())
            .map(|_| {
                let slot = Slot {
                    setup: Arc::clone(&setup),
                    shared: Arc::clone(&shared),
                    answers: sender.clone(),
                    worker: first.take(),
                };
                let started = started.clone();
                thread::spawn(move || slot.serve(&started))
            })
            .collect();
        let pool = Self { shared, answers, threads, isolation, next: 0 };
        let n_starts = config.workers.get();
        if let Some(why) = starts.iter().take(n_starts).find_map(Result::err) {
            return Err(Error::Unavailable {
                tiers: vec![setup.plan.tier],
                reason: format!("a worker could not be started: {why}"),
                diagnosis: Box::new(ladder::diagnose(config)),
            });
        }
        Ok(pool)
    }

    /// How the workers have fared so far.
    pub fn health(&self) -> Health {
        self.shared.jobs().health
    }
}

/// A launcher that does not call `intercept` would start this program again and again.
fn check_launcher(config: &PoolConfig) -> Result<(), Error> {
    #[expect(clippy::disallowed_methods, reason = "the launcher's mark is no configuration")]
    let inside = std::env::var(MARK).is_ok();
    let error = |launcher: String, reason: &str| {
        Err(Error::Launcher { launcher, reason: reason.to_owned() })
    };
    match &config.launcher {
        _ if inside => error(
            "this program".to_owned(),
            "it was started to be a worker; call `espalier_exec::intercept()` first thing in `main`",
        ),
        Launcher::Program(path) if !path.is_file() => {
            error(path.display().to_string(), "there is no such file; build `espalier-sandbox`")
        }
        _ => Ok(()),
    }
}

impl Service for Pool {
    type Ask = Program;
    type Reply = Result<Outcome, Fault>;

    fn submit(&mut self, program: Program) -> Ticket {
        let ticket = Ticket(self.next);
        self.next += 1;
        self.shared.jobs().waiting.push_back((ticket, program));
        self.shared.changed.notify_one();
        ticket
    }

    fn poll(&mut self) -> Vec<(Ticket, Result<Self::Reply, ModelError>)> {
        let mut answers: Vec<Answer> = self.answers.recv_timeout(POLL).into_iter().collect();
        answers.extend(self.answers.try_iter());
        answers.sort_by_key(|(ticket, _)| *ticket);
        answers.into_iter().map(|(ticket, answer)| (ticket, Ok(answer))).collect()
    }

    fn cancel(&mut self, ticket: Ticket) {
        let mut jobs = self.shared.jobs();
        jobs.waiting.retain(|(waiting, _)| *waiting != ticket);
        if let Some(end) = jobs.running.get(&ticket) {
            cancel(end);
        }
    }
}

impl Executor for Pool {
    fn isolation(&self) -> &Isolation {
        &self.isolation
    }
}

impl Drop for Pool {
    fn drop(&mut self) {
        {
            let mut jobs = self.shared.jobs();
            jobs.closed = true;
            jobs.waiting.clear();
            for end in jobs.running.values() {
                cancel(end);
            }
        }
        self.shared.changed.notify_all();
        for thread in self.threads.drain(..) {
            drop(thread.join());
        }
    }
}

/// Ends the program that watches `end`; the event's count is far below what could make it wait.
fn cancel(end: &EventFd) {
    let _: Result<usize, nix::Error> = end.write(1);
}

/// One worker's place.
struct Slot {
    setup: Arc<Setup>,
    shared: Arc<Shared>,
    answers: Sender<Answer>,
    worker: Option<Worker>,
}

impl Slot {
    /// Serves until the pool closes.
    fn serve(mut self, started: &Sender<Result<(), Fault>>) {
        let start = self.renew();
        let failed = start.is_err();
        drop(started.send(start));
        if failed {
            return;
        }
        while let Some((ticket, program, end)) = self.next() {
            let mut answer = self.run(&program, &end);
            let faults = u64::from(answer.is_err());
            if faults > 0 {
                // Once more, on a new worker.
                answer = self.run(&program, &end);
            }
            {
                let mut jobs = self.shared.jobs();
                jobs.running.remove(&ticket);
                jobs.health.faults += faults + u64::from(answer.is_err());
                jobs.health.lost += u64::from(answer.is_err());
            }
            if let Some(answer) = answer.transpose() {
                drop(self.answers.send((ticket, answer)));
            }
            self.make_ready();
        }
    }

    /// Waits for the next program; `None` where the pool closes.
    fn next(&self) -> Option<(Ticket, Program, Arc<EventFd>)> {
        let mut jobs = self.shared.jobs();
        loop {
            if jobs.closed {
                return None;
            }
            if let Some((ticket, program)) = jobs.waiting.pop_front() {
                match EventFd::from_flags(EfdFlags::EFD_CLOEXEC) {
                    Ok(end) => {
                        let end = Arc::new(end);
                        jobs.running.insert(ticket, Arc::clone(&end));
                        return Some((ticket, program, end));
                    }
                    Err(why) => {
                        let fault = Fault::new(format!("could not make an event: {}", why.desc()));
                        drop(self.answers.send((ticket, Err(fault))));
                        continue;
                    }
                }
            }
            jobs = self.shared.changed.wait(jobs).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Runs `program`; `None` where it was cancelled. A worker that fails is gone afterwards.
    fn run(&mut self, program: &Program, end: &EventFd) -> Result<Option<Outcome>, Fault> {
        self.renew()?;
        let Some(worker) = &mut self.worker else { return Err(Fault::new("there is no worker")) };
        let outcome = worker.run(program, end.as_fd());
        if outcome.is_err() {
            self.worker = None;
        }
        outcome
    }

    /// Makes sure that there is a worker.
    fn renew(&mut self) -> Result<(), Fault> {
        if self.worker.is_none() {
            self.worker = Some(ladder::start(&self.setup)?);
        }
        Ok(())
    }

    /// Has a child wait for the next program; a worker that cannot is replaced when it is needed.
    fn make_ready(&mut self) {
        let fine = match &mut self.worker {
            Some(worker) if worker.runs < RUNS => worker.prepare().is_ok(),
            _ => false,
        };
        if !fine {
            self.worker = None;
        }
    }
}
