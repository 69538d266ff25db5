//! The sandbox against programs that mean harm, or do it: the corpus of attacks and of bad input.
//!
//! Every attack runs on both tiers that isolate, and after each the pool must be alive and clean. A tier
//! that the machine does not have is skipped loudly; one must be there.

#![cfg(target_os = "linux")]

mod bad_input;
mod endings;
mod equality;
mod files;
mod leaks;
mod memory;
mod network;
mod output;
mod paths;
mod processes;
mod stand;
