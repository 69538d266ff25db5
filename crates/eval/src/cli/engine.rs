//! How engines are made, as runs record it.

use espalier_models::{EngineOptions, Kernels, KvPrecision};
use serde_json::{Value, json};

/// Adds to a run's settings what of an engine's options changes results or costs; what is as it always is
/// has no name there.
pub(super) fn name_options(generation: &mut Value, options: EngineOptions) {
    if let Some(limit) = options.kv_limit {
        generation["kv_limit"] = limit.into();
    }
    if options.kernels != Kernels::default() {
        generation["kernels"] = json!(options.kernels);
    }
    if options.kv != KvPrecision::default() {
        generation["kv"] = json!(options.kv);
    }
}
