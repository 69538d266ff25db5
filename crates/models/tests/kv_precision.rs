//! Keys and values in halves: near what `f32` gives, in half the memory, whatever multiplies.

#![expect(clippy::unwrap_used, reason = "helpers of tests")]

mod files;

use std::{fs, path::Path, sync::Arc};

use espalier_core::{
    Completion, ModelError, Read, Request, Sampling, Seed, Stops, Until, Want, collect,
};
use espalier_models::{
    DeviceChoice, EngineOptions, EngineStats, Kernels, KvPrecision, load, share,
};

/// Four branches after a prompt, greedy and not, and what the engine held while it had them.
fn decoded(model: &str, kernels: Kernels, kv: KvPrecision) -> (Vec<Completion>, EngineStats) {
    let path = files::fixture(model).expect("the fixture is in the repository");
    let options = EngineOptions { prefill_chunk: 7, kernels, kv, ..EngineOptions::default() };
    let (mut policy, _) = share(load(&path, DeviceChoice::Cpu, options).unwrap().engine);
    let request = |branch: u64| Request {
        prefix: (3..43).collect(),
        until: Until::Tokens(1),
        max_tokens: 1,
        stops: Arc::new(Stops::default()),
        sampling: Sampling { top_logprobs: 90, ..Sampling::at(branch as f32) },
        seed: Seed::run(branch),
        retain: true,
    };
    let done = collect(&mut policy, (0..4).map(request)).into_iter().map(Result::unwrap).collect();
    let stats = policy.stats();
    (done, stats)
}

/// Log-probabilities by token.
fn logprobs(completion: &Completion) -> Vec<(u32, f32)> {
    let mut all = completion.step.alternatives[0].clone();
    all.sort_by_key(|(id, _)| *id);
    all
}

#[test]
fn halves_change_little_and_take_half_the_memory() {
    for model in ["llama", "llama3", "qwen2"] {
        for kernels in [Kernels::Fastest, Kernels::Burn] {
            let (wide, held) = decoded(model, kernels, KvPrecision::F32);
            let (narrow, less) = decoded(model, kernels, KvPrecision::F16);
            assert!(less.kv_bytes > 0 && less.kv_bytes * 10 < held.kv_bytes * 9);
            assert_eq!(less.computed_tokens, held.computed_tokens);
            let mut differ = false;
            for (wide, narrow) in wide.iter().zip(&narrow) {
                for (one, other) in logprobs(wide).iter().zip(logprobs(narrow)) {
                    assert_eq!(one.0, other.0);
                    assert!(
                        (one.1 - other.1).abs() < 1e-2,
                        "{model} {kernels:?}: {one:?} {other:?}"
                    );
                    differ |= one.1.to_bits() != other.1.to_bits();
                }
            }
            assert!(differ, "{model} {kernels:?}: nothing was rounded");
        }
    }
}

/// A copy of `qwen2` whose first layer adds `bias` to the first of its values.
fn with_value(bias: f32, at: &Path) {
    let from = files::fixture("qwen2").expect("the fixture is in the repository");
    for file in fs::read_dir(from).unwrap().map(Result::unwrap) {
        fs::copy(file.path(), at.join(file.file_name())).unwrap();
    }
    let file = at.join("model-00001-of-00003.safetensors");
    let mut bytes = fs::read(&file).unwrap();
    let name = "model.layers.0.self_attn.v_proj.bias";
    let place = {
        let weights = safetensors::SafeTensors::deserialize(&bytes).unwrap();
        let data = weights.tensor(name).unwrap().data();
        data.as_ptr().addr() - bytes.as_ptr().addr()
    };
    bytes[place..place + 2].copy_from_slice(&half::bf16::from_f32(bias).to_le_bytes());
    fs::write(file, bytes).unwrap();
}

#[test]
fn a_value_beyond_halves_is_an_error_that_says_so() {
    let directory = tempfile::tempdir().unwrap();
    with_value(1e5, directory.path());
    for kernels in [Kernels::Fastest, Kernels::Burn] {
        for kv in [KvPrecision::F32, KvPrecision::F16] {
            let options = EngineOptions { kernels, kv, ..EngineOptions::default() };
            let engine = load(directory.path(), DeviceChoice::Cpu, options).unwrap().engine;
            let (mut policy, mut reader) = share(engine);
            let request = Request {
                prefix: (3..13).collect(),
                until: Until::Tokens(2),
                max_tokens: 2,
                stops: Arc::new(Stops::default()),
                sampling: Sampling::at(1.0),
                seed: Seed::run(1),
                retain: false,
            };
            let drawn = collect(&mut policy, [request]).remove(0).map(|_| ());
            let read = Read {
                tokens: (3..13).collect(),
                want: Want::Next { positions: vec![9] },
                retain: false,
            };
            let read = collect(&mut reader, [read]).remove(0).map(|_| ());
            for outcome in [drawn, read] {
                match kv {
                    KvPrecision::F32 => outcome.unwrap(),
                    KvPrecision::F16 => {
                        let error = outcome.unwrap_err();
                        assert!(matches!(error, ModelError::BeyondHalves { .. }), "{error:?}");
                        assert!(error.to_string().contains("`--kv f32`"), "{error}");
                    }
                }
            }
        }
    }
}

#[test]
fn a_name_that_is_no_precision_is_refused() {
    let error = "bf16".parse::<KvPrecision>().unwrap_err().to_string();
    assert_eq!(error, "unknown precision of keys and values `bf16`: use `f32` or `f16`");
}
