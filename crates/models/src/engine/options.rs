//! How an engine works. No option changes a result.

/// What multiplies in linear layers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Kernels {
    /// The fastest the device has: packed weights and their own kernel on the CPU, Burn elsewhere.
    #[default]
    Fastest,
    /// Plain Burn operations everywhere: the reference.
    Burn,
}

/// How an engine is made and what its limits are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EngineOptions {
    /// Tokens of a prompt computed at a time: bounds the memory of prefill and how long decoding waits
    /// for it. 512 is llama.cpp's default `ubatch`.
    pub prefill_chunk: usize,
    /// Branches decoded together; more wait.
    pub max_branches: usize,
    /// Bytes of keys and values beyond which leased but idle runs are evicted, those used longest ago
    /// first; they are computed again when needed. What active branches go on from is never evicted, so that
    /// they alone may hold more.
    pub kv_limit: Option<u64>,
    /// What multiplies in linear layers.
    pub kernels: Kernels,
}

impl Default for EngineOptions {
    fn default() -> Self {
        Self { prefill_chunk: 512, max_branches: 128, kv_limit: None, kernels: Kernels::default() }
    }
}
