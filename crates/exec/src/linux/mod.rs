//! The local sandbox: a pool of workers, each an interpreter behind the layers of its tier.
//!
//! Read in this order: `plan` (what a sandbox is made from), `launcher` (who makes it), `root`, `rules`
//! and `filter` (the layers), `worker` (one warm interpreter, seen from outside), `pool`, `ladder`
//! (which tier this machine has, and why).

mod cgroup;
mod control;
mod filter;
mod ladder;
mod launcher;
mod plan;
mod pool;
mod root;
mod rules;
mod view;
mod worker;

pub use ladder::diagnose;
pub use launcher::intercept;
pub use pool::Pool;
