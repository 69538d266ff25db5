//! Laws of search on toy models: no device, no weights.

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
