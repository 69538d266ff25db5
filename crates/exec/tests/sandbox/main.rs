//! The sandbox against programs that mean harm, or do it: the corpus of attacks and of bad input.
//!
//! Every attack runs on both tiers that isolate, and after each the pool must be alive and clean. A tier
//! that the machine does not have is skipped loudly; one must be there.

#![cfg(target_os = "linux")]
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stderr,
    reason = "what the tests share is test code too; a skipped tier is said out loud"
)]

mod bad_input;
mod endings;
mod equality;
mod files;
mod memory;
mod network;
mod output;
mod paths;
mod processes;
mod stand;
