//! Replay: the state of a path, made anew for each block from the code before it.
//!
//! Every block of a path runs in a fresh process that first runs, silently, the blocks before it. So
//! siblings share nothing, a path can be taken up anywhere and in any order, and nothing has to be kept
//! alive. What each block wrote and how it ended is remembered, so that a block is answered from memory
//! whenever it is asked for again on the same path.
//!
//! A block that did not end by itself (it was cut off, or killed) leaves no state: later blocks are run
//! as if it were not there. One that raised an exception leaves what it had done before.

use std::collections::BTreeMap;
use std::num::NonZeroUsize;
use std::time::Duration;

use espalier_core::{ModelError, Seed, Service, Ticket};

use crate::{Echo, Executor, Fault, Isolation, Outcome, Program};

/// How much more CPU time a replay may take than its blocks took the first time.
const SLACK: u32 = 2;

/// Bounds of a [`Replay`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReplayLimits {
    /// Blocks of one path; a longer one is a bad request.
    pub path_blocks: NonZeroUsize,
    /// Blocks that are remembered; when there are more, all that nobody waits for are forgotten.
    pub known_blocks: NonZeroUsize,
}

/// An executor that remembers the blocks it has run.
#[derive(Debug)]
pub struct Replay<E> {
    executor: E,
    limits: ReplayLimits,
    /// All paths, as a tree; parents come before their children.
    blocks: Vec<Block>,
    children: BTreeMap<Key, usize>,
    /// Who waits for which block.
    waiting: BTreeMap<Ticket, usize>,
    /// What the executor runs.
    running: BTreeMap<Ticket, usize>,
    answered: Vec<(Ticket, Answer)>,
    next: u64,
}

/// What paths must agree on to share blocks.
type Root = (Seed, Echo);

/// A block's parent, root (its seed as bits) and code.
type Key = (Option<usize>, (u64, Echo), String);

type Answer = Result<Result<Outcome, Fault>, ModelError>;

#[derive(Debug)]
struct Block {
    parent: Option<usize>,
    root: Root,
    code: String,
    state: State,
}

#[derive(Debug)]
enum State {
    Unknown,
    Running,
    Known(Outcome),
}

impl<E: Executor> Replay<E> {
    /// Remembers what `executor` runs.
    pub fn new(executor: E, limits: ReplayLimits) -> Self {
        Self {
            executor,
            limits,
            blocks: Vec::new(),
            children: BTreeMap::new(),
            waiting: BTreeMap::new(),
            running: BTreeMap::new(),
            answered: Vec::new(),
            next: 0,
        }
    }

    /// The executor.
    pub fn executor(&self) -> &E {
        &self.executor
    }

    /// The place of the program's last block.
    fn place(&mut self, program: Program) -> usize {
        let root = (program.seed, program.echo);
        let mut parent = None;
        let mut place = 0;
        for code in program.earlier.into_iter().chain([program.code]) {
            let key = (parent, (program.seed.bits(), program.echo), code);
            place = if let Some(known) = self.children.get(&key) {
                *known
            } else {
                let (place, state) = (self.blocks.len(), State::Unknown);
                self.blocks.push(Block { parent, root, code: key.2.clone(), state });
                self.children.insert(key, place);
                place
            };
            parent = Some(place);
        }
        place
    }

    /// The blocks from the first to `place`.
    fn path(&self, place: usize) -> Vec<usize> {
        let mut path: Vec<usize> =
            std::iter::successors(Some(place), |at| self.blocks[*at].parent).collect();
        path.reverse();
        path
    }

    /// Answers who can be answered, and runs the next block of every path that is waited for.
    fn go_on(&mut self) {
        for (ticket, place) in self.waiting.clone() {
            if let State::Known(outcome) = &self.blocks[place].state {
                self.answered.push((ticket, Ok(Ok(outcome.clone()))));
                self.waiting.remove(&ticket);
                continue;
            }
            let path = self.path(place);
            let unknown = |at: &&usize| !matches!(self.blocks[**at].state, State::Known(_));
            if let Some(&first) = path.iter().find(unknown)
                && matches!(self.blocks[first].state, State::Unknown)
            {
                let program = self.program(&path, first);
                self.running.insert(self.executor.submit(program), first);
                self.blocks[first].state = State::Running;
            }
        }
    }

    /// The program whose last block is `last`; all before it on `path` are known.
    fn program(&self, path: &[usize], last: usize) -> Program {
        let mut earlier = Vec::new();
        let mut replay = Duration::ZERO;
        for &at in path.iter().take_while(|at| **at != last) {
            if let State::Known(outcome) = &self.blocks[at].state
                && outcome.status.ended_itself()
            {
                earlier.push(self.blocks[at].code.clone());
                // It was measured with the replay of what comes before it.
                replay = Duration::from_nanos(outcome.cpu_ns) * SLACK;
            }
        }
        let (seed, echo) = self.blocks[last].root;
        Program { earlier, code: self.blocks[last].code.clone(), seed, echo, replay }
    }

    /// Forgets what nobody waits for, where too much is known.
    fn forget(&mut self) {
        if self.blocks.len() > self.limits.known_blocks.get() && self.waiting.is_empty() {
            for ticket in std::mem::take(&mut self.running).into_keys() {
                self.executor.cancel(ticket);
            }
            self.blocks.clear();
            self.children.clear();
        }
    }
}

impl<E: Executor> Service for Replay<E> {
    type Ask = Program;
    type Reply = Result<Outcome, Fault>;

    fn submit(&mut self, program: Program) -> Ticket {
        let ticket = Ticket(self.next);
        self.next += 1;
        let (n_blocks, most) = (program.earlier.len() + 1, self.limits.path_blocks);
        if n_blocks > most.get() {
            let reason = format!("a path of {n_blocks} blocks of code; at most {most} are run");
            self.answered.push((ticket, Err(ModelError::BadRequest { reason })));
            return ticket;
        }
        self.forget();
        let place = self.place(program);
        self.waiting.insert(ticket, place);
        self.go_on();
        ticket
    }

    fn poll(&mut self) -> Vec<(Ticket, Result<Self::Reply, ModelError>)> {
        if self.answered.is_empty() {
            for (ticket, answer) in self.executor.poll() {
                let Some(place) = self.running.remove(&ticket) else { continue };
                if let Ok(Ok(outcome)) = answer {
                    self.blocks[place].state = State::Known(outcome);
                    continue;
                }
                // It says nothing about the block, which may be tried again.
                self.blocks[place].state = State::Unknown;
                let mut answer = Some(answer);
                for (waits, at) in self.waiting.clone() {
                    if self.path(at).contains(&place) {
                        self.waiting.remove(&waits);
                        let again = match &answer {
                            Some(Ok(Err(fault))) => Ok(Err(fault.clone())),
                            _ => answer.take().unwrap_or_else(|| {
                                let reason = "the block before it could not be run".to_owned();
                                Err(ModelError::BadRequest { reason })
                            }),
                        };
                        self.answered.push((waits, again));
                    }
                }
            }
            self.go_on();
        }
        let mut answered = std::mem::take(&mut self.answered);
        answered.sort_by_key(|(ticket, _)| *ticket);
        answered
    }

    fn cancel(&mut self, ticket: Ticket) {
        self.answered.retain(|(answered, _)| *answered != ticket);
        if self.waiting.remove(&ticket).is_none() {
            return;
        }
        let needed: Vec<usize> = self.waiting.values().flat_map(|at| self.path(*at)).collect();
        let (kept, dropped) =
            std::mem::take(&mut self.running).into_iter().partition(|(_, at)| needed.contains(at));
        self.running = kept;
        for (inner, place) in dropped {
            self.executor.cancel(inner);
            self.blocks[place].state = State::Unknown;
        }
    }
}

impl<E: Executor> Executor for Replay<E> {
    fn isolation(&self) -> &Isolation {
        self.executor.isolation()
    }
}
