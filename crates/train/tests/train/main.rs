//! What training must hold to: the runtime's numbers, exact resume, and errors that lose nothing.

#![expect(missing_docs, reason = "tests")]

mod failures;
mod learning;
mod resume;
mod rollouts;
mod runtime;
mod small;
