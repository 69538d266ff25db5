//! The KV tree: which tokens' keys and values are held, and where.
//!
//! [`tree`] knows tokens and lifetimes and no tensors; [`segment`] holds the tensors of a finished run
//! of tokens; [`front`] holds those of the rows being decoded, where one token of every row is written
//! at once. Nothing is ever reordered: a row that forks copies its unfinished tail, a row that ends
//! becomes a segment.

pub mod cut;
pub mod front;
pub mod precision;
pub mod segment;
pub mod tree;

pub use cut::Cut;
pub use front::Front;
pub use precision::{KvPrecision, UnknownKvPrecision};
pub use segment::Segment;
pub use tree::{KvIx, KvTree, Loc};
