//! How an engine works. No option changes a result.

/// Limits of an engine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EngineOptions {
    /// Tokens of a prompt computed at a time: bounds the memory of prefill and how long decoding waits
    /// for it. 512 is llama.cpp's default `ubatch`.
    pub prefill_chunk: usize,
    /// Branches decoded together; more wait.
    pub max_branches: usize,
    /// Bytes of keys and values beyond which leased but idle runs are evicted, those used longest ago
    /// first; they are computed again when needed.
    pub kv_limit: Option<u64>,
}

impl Default for EngineOptions {
    fn default() -> Self {
        Self { prefill_chunk: 512, max_branches: 128, kv_limit: None }
    }
}
