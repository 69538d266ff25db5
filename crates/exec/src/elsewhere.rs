//! Systems other than Linux: programs are not executed here.

use std::convert::Infallible;

use espalier_core::{ModelError, Service, Ticket};

use crate::{Diagnosis, Error, Executor, Fault, Health, Isolation, Outcome, PoolConfig, Program};

/// A pool that cannot be made.
#[derive(Debug)]
pub struct Pool(Infallible);

impl Pool {
    /// Refuses.
    ///
    /// # Errors
    ///
    /// [`Error::Unsupported`], always.
    pub fn start(_: &PoolConfig) -> Result<Self, Error> {
        Err(Error::Unsupported(std::env::consts::OS))
    }

    /// How the workers have fared so far.
    pub fn health(&self) -> Health {
        match self.0 {}
    }
}

impl Service for Pool {
    type Ask = Program;
    type Reply = Result<Outcome, Fault>;

    fn submit(&mut self, _: Program) -> Ticket {
        match self.0 {}
    }

    fn poll(&mut self) -> Vec<(Ticket, Result<Self::Reply, ModelError>)> {
        match self.0 {}
    }

    fn cancel(&mut self, _: Ticket) {
        match self.0 {}
    }
}

impl Executor for Pool {
    fn isolation(&self) -> &Isolation {
        match self.0 {}
    }
}

/// Does nothing: there are no workers to start.
pub fn intercept() {}

/// A diagnosis without layers.
#[must_use]
pub fn diagnose(_: &PoolConfig) -> Diagnosis {
    Diagnosis { kernel: std::env::consts::OS.to_owned(), ..Diagnosis::default() }
}
