//! What training must hold to: the runtime's numbers, exact resume, and errors that lose nothing.

#![expect(clippy::unwrap_used, clippy::panic, reason = "helpers of tests")]

mod collected;
mod failures;
mod fused;
mod house;
mod learning;
mod packed;
mod resume;
mod rollouts;
mod runtime;
mod small;
