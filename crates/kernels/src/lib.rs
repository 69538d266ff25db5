//! CPU kernels that promise one order of summation for every output element.
//!
//! An element's bits depend on neither the batch it is computed in, nor the threads, nor the instruction
//! set: whole numbers are summed exactly, and what is rounded is summed in one fixed order, by fused
//! multiply-adds everywhere.
//! Instructions come from `pulp`, which hands them out only where the machine has them. Three modules have
//! `unsafe`: one for instructions that `pulp` has not, one to hold the compiler to an order, one to ask for
//! large pages.

mod activations;
pub mod attention;
#[cfg(target_arch = "x86_64")]
mod avx2;
#[cfg(target_arch = "x86_64")]
mod beside;
mod blocks;
mod chain;
#[cfg(target_arch = "x86_64")]
mod decoded;
#[cfg(target_arch = "x86_64")]
mod dot;
mod exponential;
#[cfg(target_arch = "x86_64")]
mod f16c;
pub mod format;
mod half;
mod layout;
#[cfg(target_arch = "x86_64")]
mod many;
pub mod numbers;
mod pages;
#[cfg(target_arch = "x86_64")]
mod pinned;
mod portable;
mod prefetch;
mod product;
pub mod quantized;
#[cfg(target_arch = "x86_64")]
mod rounding;
pub mod rows;
mod shares;
pub mod threads;
#[cfg(target_arch = "x86_64")]
mod tile;
mod transpose;
#[cfg(target_arch = "x86_64")]
mod vnni;
#[cfg(target_arch = "x86_64")]
mod words;

pub use activations::Activations;
pub use attention::{Heads, Keys, Run, attend};
pub use exponential::exp;
pub use format::Format;
pub use numbers::Numbers;
pub use product::{Instructions, multiply, multiply_with};
pub use quantized::{PackError, Quantized};
pub use transpose::{Number, across, head_across};
#[cfg(target_arch = "x86_64")]
pub use vnni::{Avx512Vnni, AvxVnni};
