//! Laws of search on toy models: no device, no weights.
//!
//! `tests/mutants.json` lists faults to inject, each by an exact replacement in one file, and tests that
//! then fail: laws that no fault breaks prove nothing.

mod allocation;
mod beam;
mod budget;
mod company;
mod failures;
mod laws;
mod regressions;
mod selectors;
mod snapshots;
mod strategies;
mod toys;
