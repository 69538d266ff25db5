//! The house model.

pub mod shape;
pub mod vocabulary;

pub use shape::Size;
