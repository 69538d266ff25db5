//! The house model.

pub mod vocabulary;
