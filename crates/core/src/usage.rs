//! Usage: what one request cost its engine.

use std::ops::AddAssign;

use serde::{Deserialize, Serialize};

/// What one request of a policy or a reader cost. All fields are exact counts.
///
/// # Units
///
/// Tokens, except `flops*` (floating-point operations) and `nano_usd` (10⁻⁹ US dollars).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Usage {
    /// Prefix tokens this request made the model compute.
    pub prefill_new: u64,
    /// Prefix tokens whose KV was already there.
    pub prefill_cached: u64,
    /// Sampled tokens the model then computed in order to go on; the last sampled token is not.
    pub decode_new: u64,
    /// Sampled tokens whose KV a sibling had already computed.
    pub decode_cached: u64,
    /// Tokens sampled.
    pub sampled: u64,
    /// FLOPs done.
    pub flops: u128,
    /// FLOPs had nothing been cached.
    pub flops_uncached: u128,
    /// Price, by the engine's price table.
    pub nano_usd: u64,
}

impl Usage {
    /// Tokens run through the model.
    #[must_use]
    pub fn computed(&self) -> u64 {
        self.prefill_new + self.decode_new
    }

    /// Tokens read from KV instead of being run through the model.
    #[must_use]
    pub fn cached(&self) -> u64 {
        self.prefill_cached + self.decode_cached
    }
}

impl AddAssign for Usage {
    fn add_assign(&mut self, other: Self) {
        self.prefill_new += other.prefill_new;
        self.prefill_cached += other.prefill_cached;
        self.decode_new += other.decode_new;
        self.decode_cached += other.decode_cached;
        self.sampled += other.sampled;
        self.flops += other.flops;
        self.flops_uncached += other.flops_uncached;
        self.nano_usd += other.nano_usd;
    }
}
