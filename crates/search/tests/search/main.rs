//! Laws of search on toy models: no device, no weights.
//!
//! `tests/mutants.json` lists faults to inject, each by an exact replacement in one file, and tests that
//! then fail: laws that no fault breaks prove nothing.

mod agreement;
mod allocation;
mod answers;
mod beam;
mod budget;
mod caller;
mod calls;
mod chronicle;
mod company;
mod compute_optimal;
mod consensus;
mod dvts;
mod failures;
mod forms;
mod laws;
mod lookahead;
mod mcts;
mod prompter;
mod prompts;
mod reading;
mod regressions;
mod selectors;
mod sharing;
mod snapshots;
mod snapshots_with_tools;
mod strategies;
mod thompson;
mod thoughts;
mod tir;
mod tools;
mod toys;
