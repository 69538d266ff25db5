//! The blocks decoders are assembled from.
//!
//! Shapes use one set of letters throughout the crate: `N` rows (tokens computed together), `E` hidden
//! size, `H` query heads, `K` key/value heads, `G = H / K`, `D` head size, `F` feed-forward size, `V`
//! vocabulary, `T` tokens of a sequence.

pub mod attention;
pub mod block;
pub mod embedding;
pub mod head;
pub mod host;
pub mod linear;
pub mod mlp;
mod packed_linear;
mod quantized_linear;
pub mod rms_norm;
pub mod rope;

pub use attention::{Attend, AttendRows, Attention};
pub use block::{Block, Room};
pub use embedding::Embedding;
pub use head::Head;
pub use host::Between;
pub use linear::{Dense, Linear};
pub use mlp::Mlp;
pub use packed_linear::PackedLinear;
pub use quantized_linear::QuantizedLinear;
pub use rms_norm::RmsNorm;
pub use rope::{Rope, RopeScaling};
