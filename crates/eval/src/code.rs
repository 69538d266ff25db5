//! Functions to write: what is asked, how it is read from a text, and the programs that test it.
//!
//! A question is the beginning of a Python file that ends with a function's signature and docstring, as in
//! `HumanEval` (Chen et al. 2021, section 2.2, <https://arxiv.org/abs/2107.03374>). The examples in the docstring
//! are evidence that search may use. The hidden tests are the gold answer, and reach the grader alone.
//!
//! What a model wrote runs in a sandbox, and never here.

mod blocks;
mod examples;
mod line;
mod program;
mod python;
mod task;

pub use examples::Examples;
pub use python::Python;
pub use task::Task;

pub(crate) use line::parts;
pub(crate) use program::Program;

/// The longest function that is read. A longer one is no answer.
///
/// Source: chosen here, some seventy times the longest solution of `HumanEval`.
///
/// # Units
///
/// Bytes.
pub const MAX_BYTES: usize = 64 << 10;

/// The texts that end a function which continues its signature.
///
/// Source: Chen et al. 2021, <https://arxiv.org/abs/2107.03374>.
pub const STOPS: [&str; 5] = ["\nclass", "\ndef", "\n#", "\nif", "\nprint"];

#[cfg(test)]
mod tests;
