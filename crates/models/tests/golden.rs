//! Golden numbers: every stage of tiny random models against Hugging Face transformers.
//!
//! `fixtures/tiny.py` and `fixtures/prm.py` made them; `fixtures/provenance.json` says with which versions.

#![expect(clippy::unwrap_used, reason = "helpers of tests")]

mod files;

use std::path::Path;

use espalier_models::{DeviceChoice, EngineOptions, Kernels, load};
use safetensors::SafeTensors;

fn floats(golden: &SafeTensors<'_>, name: &str) -> Vec<f32> {
    let bytes = golden.tensor(name).unwrap().data().to_vec();
    bytes.chunks_exact(4).map(|word| f32::from_le_bytes(word.try_into().unwrap())).collect()
}

fn ids(golden: &SafeTensors<'_>) -> Vec<u32> {
    let bytes = golden.tensor("input_ids").unwrap().data().to_vec();
    bytes.chunks_exact(8).map(|word| i64::from_le_bytes(word.try_into().unwrap()) as u32).collect()
}

fn check(model: &Path, golden: &Path) {
    for kernels in [Kernels::Fastest, Kernels::F32, Kernels::Burn] {
        check_with(model, golden, kernels);
    }
}

fn check_with(model: &Path, golden: &Path, kernels: Kernels) {
    let bytes = std::fs::read(golden.join("golden.safetensors")).unwrap();
    let golden = SafeTensors::deserialize(&bytes).unwrap();
    let mut model =
        load(model, DeviceChoice::Cpu, EngineOptions { kernels, ..EngineOptions::default() })
            .unwrap();
    let stages = model.engine.stages(&ids(&golden)).unwrap();
    let close = |name: &str, got: &[f32]| {
        let expected = floats(&golden, name);
        assert_eq!(got.len(), expected.len(), "{name}");
        let error = got.iter().zip(&expected).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
        assert!(error <= 1e-4, "stage `{name}` is off by {error:e}");
    };
    for (layer, stream) in stages.stream.iter().enumerate() {
        close(&format!("hidden.{layer}"), stream);
    }
    close("final_norm", &stages.norm);
    close("logits", &stages.logits);
}

#[test]
fn llama_f32_directory() {
    let Some(dir) = files::fixture("llama") else { panic!("the fixture is in the repository") };
    check(&dir, &dir);
}

#[test]
fn llama3_scaled_rope_f16_tied() {
    let Some(dir) = files::fixture("llama3") else { panic!("the fixture is in the repository") };
    check(&dir, &dir);
}

#[test]
fn qwen2_sharded_bf16() {
    let Some(dir) = files::fixture("qwen2") else { panic!("the fixture is in the repository") };
    check(&dir, &dir);
}

#[test]
fn mistral_directory() {
    let dir = files::fixture("prm/math-shepherd");
    let Some(dir) = dir else { panic!("the fixture is in the repository") };
    check(&dir, &dir);
}

#[test]
fn gguf_files_equal_their_directories() {
    for name in ["llama", "llama3", "qwen2"] {
        let Some(dir) = files::fixture(name) else { panic!("the fixture is in the repository") };
        check(&dir.with_file_name(format!("tiny-{name}.gguf")), &dir);
    }
}
