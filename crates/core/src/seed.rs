//! Seeds: derived from where a sample stands in its tree, never from when it was dispatched.

use serde::{Deserialize, Serialize};

use crate::NodeId;

/// The source of all randomness of one continuation.
///
/// ```
/// use espalier_core::{NodeId, Seed};
/// let of = |child| Seed::run(7).problem(99).child(NodeId::ROOT, child);
/// assert_eq!(of(0), of(0));
/// assert_ne!(of(0), of(1));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Seed(u64);

impl Seed {
    /// The seed of a run.
    #[must_use]
    pub fn run(seed: u64) -> Self {
        Self(mix(seed ^ 0x6573_7061_6c69_6572))
    }

    /// The seed of one problem of the run, by the hash of its content.
    #[must_use]
    pub fn problem(self, hash: u64) -> Self {
        self.fold(hash)
    }

    /// The seed of the `child`-th continuation ever asked of `parent`.
    #[must_use]
    pub fn child(self, parent: NodeId, child: u32) -> Self {
        self.fold(u64::from(parent.0)).fold(u64::from(child))
    }

    /// A uniform number in [0, 1) for the `position`-th draw; 53 random bits.
    #[must_use]
    pub fn uniform(self, position: u64) -> f64 {
        (self.fold(position).0 >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// A seed that depends on this one and on `data`.
    #[must_use]
    pub fn fold(self, data: u64) -> Self {
        Self(mix(self.0.wrapping_add(mix(data.wrapping_add(0x9e37_79b9_7f4a_7c15)))))
    }

    /// The raw bits.
    #[must_use]
    pub fn bits(self) -> u64 {
        self.0
    }
}

/// The finalizer of `SplitMix64`: a bijection whose every output bit depends on every input bit.
///
/// Source: Steele, Lea, Flood 2014, <https://doi.org/10.1145/2714064.2660195>, `mix64variant13`.
fn mix(mut z: u64) -> u64 {
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn uniform_numbers_are_uniform() {
        let seed = Seed::run(1);
        let mean = (0..10_000).map(|i| seed.uniform(i)).sum::<f64>() / 10_000.0;
        assert!((mean - 0.5).abs() < 0.01, "{mean}");
    }

    #[test]
    fn order_of_parts_matters() {
        let seed = Seed::run(0);
        assert_ne!(seed.child(NodeId(1), 2), seed.child(NodeId(2), 1));
        assert_ne!(Seed::run(1).problem(2), Seed::run(2).problem(1));
    }
}
