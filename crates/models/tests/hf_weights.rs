//! Hugging Face weights: single and sharded safetensors, and what is wrong with broken ones.

#![allow(clippy::unwrap_used, reason = "a test that cannot prepare its data fails")]

mod files;

use std::fs;
use std::path::Path;

use espalier_models::{GgufFile, HfWeights, LoadError, WeightSource, read_shaped};
use half::{bf16, f16};
use proptest::prelude::*;
use tempfile::TempDir;

#[test]
fn tiny_models_have_the_same_values_in_either_format() {
    for name in ["llama", "llama3", "qwen2"] {
        let Some(dir) = files::fixture(name) else { continue };
        let Some(gguf) = files::fixture(&format!("tiny-{name}.gguf")) else { continue };
        let hf = HfWeights::open(dir).unwrap();
        let gguf = GgufFile::open(gguf).unwrap();
        for (hf_name, gguf_name) in [
            ("model.embed_tokens.weight", "token_embd.weight"),
            ("model.norm.weight", "output_norm.weight"),
            ("model.layers.0.mlp.down_proj.weight", "blk.0.ffn_down.weight"),
        ] {
            let shape = hf.info(hf_name).unwrap().shape;
            let values = read_shaped(&gguf, gguf_name, &shape).unwrap();
            assert_eq!(hf.read_f32(hf_name).unwrap(), values, "{name}: {hf_name}");
        }
        for tensor in hf.names() {
            let info = hf.info(&tensor).unwrap();
            assert_eq!(hf.read_f32(&tensor).unwrap().len(), info.values(), "{name}: {tensor}");
        }
    }
}

/// The bytes of a safetensors file with the given header and data.
fn file(header: &str, data: &[u8]) -> Vec<u8> {
    let mut out = (header.len() as u64).to_le_bytes().to_vec();
    out.extend(header.as_bytes());
    out.extend(data);
    out
}

fn sample() -> Vec<u8> {
    let header = r#"{"__metadata__":{"format":"pt"},
        "a":{"dtype":"F32","shape":[2,2],"data_offsets":[0,16]},
        "b":{"dtype":"F16","shape":[3],"data_offsets":[16,22]},
        "c":{"dtype":"BF16","shape":[1,3],"data_offsets":[22,28]},
        "d":{"dtype":"I64","shape":[1],"data_offsets":[28,36]},
        "e":{"dtype":"F8_E4M3","shape":[4],"data_offsets":[36,40]}}"#;
    let mut data: Vec<u8> =
        [1.0_f32, -2.5, 0.0, 3e38].iter().flat_map(|v| v.to_le_bytes()).collect();
    data.extend([1.0, -2.5, 65504.0].iter().flat_map(|v| f16::from_f32(*v).to_le_bytes()));
    data.extend([1.0, -2.5, 3.0].iter().flat_map(|v| bf16::from_f32(*v).to_le_bytes()));
    data.extend([0; 12]);
    file(header, &data)
}

fn directory(files: &[(&str, &[u8])]) -> TempDir {
    let dir = TempDir::new().unwrap();
    for (name, bytes) in files {
        fs::write(dir.path().join(name), bytes).unwrap();
    }
    dir
}

fn check_sample(path: &Path) {
    let weights = HfWeights::open(path).unwrap();
    assert_eq!(weights.names(), ["a", "b", "c", "d", "e"]);
    assert_eq!(weights.info("c").unwrap().shape, [1, 3]);
    assert_eq!(weights.info("c").unwrap().dtype, "BF16");
    assert_eq!(weights.read_f32("a").unwrap(), [1.0, -2.5, 0.0, 3e38]);
    assert_eq!(weights.read_f32("b").unwrap(), [1.0, -2.5, 65504.0]);
    assert_eq!(weights.read_f32("c").unwrap(), [1.0, -2.5, 3.0]);
    for (tensor, dtype) in [("d", "I64"), ("e", "F8_E4M3")] {
        let error = weights.read_f32(tensor).unwrap_err().to_string();
        let expected = format!("tensor `{tensor}` is stored in a type that is not read: `{dtype}`");
        assert_eq!(error, expected);
    }
    assert!(matches!(weights.read_f32("f"), Err(LoadError::MissingTensor { path: _, tensor: _ })));
}

#[test]
fn a_directory_and_its_file_are_read() {
    let dir = directory(&[("model.safetensors", &sample())]);
    check_sample(dir.path());
    check_sample(&dir.path().join("model.safetensors"));
}

#[test]
fn shards_are_joined() {
    let one = file(r#"{"x":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}"#, &[0; 4]);
    let index = r#"{"metadata":{"total_size":44},"weight_map":{"x":"s2","a":"s1","b":"s1"}}"#;
    let dir = directory(&[
        ("s1", &sample()),
        ("s2", &one),
        ("model.safetensors.index.json", index.as_bytes()),
    ]);
    let weights = HfWeights::open(dir.path()).unwrap();
    assert_eq!(weights.names(), ["a", "b", "x"]);
    assert_eq!(weights.read_f32("x").unwrap(), [0.0]);
    assert_eq!(weights.read_f32("b").unwrap(), [1.0, -2.5, 65504.0]);

    fs::remove_file(dir.path().join("s2")).unwrap();
    let error = HfWeights::open(dir.path()).unwrap_err().to_string();
    assert!(error.ends_with("s2`"), "{error}");
}

#[test]
fn a_wrong_index_is_refused() {
    let open = |index: &str| {
        let files = [("s1", &sample()[..]), ("model.safetensors.index.json", index.as_bytes())];
        HfWeights::open(directory(&files).path()).unwrap_err().to_string()
    };
    assert!(open(r#"{"weight_map":{"nope":"s1"}}"#).ends_with("has no tensor `nope`"));
    assert!(open(r#"{"weight_map":{"a":"../s1"}}"#).contains("in this directory for `a`"));
    assert!(open(r#"{"weight_map":[]}"#).contains("must be an object"));
    assert!(open("{").contains("not a JSON object"));
}

#[test]
fn a_directory_without_safetensors_says_what_to_do() {
    let dir = directory(&[("pytorch_model.bin", b"")]);
    let error = HfWeights::open(dir.path()).unwrap_err().to_string();
    assert!(error.contains("must be converted"), "{error}");
}

#[test]
fn broken_headers_are_refused() {
    let open = |bytes: &[u8]| {
        HfWeights::open(directory(&[("model.safetensors", bytes)]).path()).unwrap_err().to_string()
    };
    let entry = |offsets: &str| {
        file(&format!(r#"{{"a":{{"dtype":"F32","shape":[2],"data_offsets":{offsets}}}}}"#), &[0; 8])
    };
    assert!(open(&entry("[0,4]")).contains("broken"));
    assert!(open(&entry("[4,12]")).contains("broken"));
    assert!(open(&entry("[8,0]")).contains("broken"));
    let huge = format!("[{},{}]", u64::MAX - 8, u64::MAX);
    assert!(open(&entry(&huge)).contains("broken"));
    assert!(open(&file("not json", &[])).contains("broken"));
    assert!(open(&[0xff; 64]).contains("not safetensors"));
    let mut extra = entry("[0,8]");
    extra.push(0);
    assert!(open(&extra).contains("1 bytes after its last tensor"));
}

#[test]
fn a_file_cut_anywhere_is_truncated() {
    let bytes = sample();
    for len in 0..bytes.len() {
        let dir = directory(&[("model.safetensors", &bytes[..len])]);
        let error = HfWeights::open(dir.path()).unwrap_err();
        assert!(
            matches!(error, LoadError::Truncated { path: _, what: _, needed: _, found: _ }),
            "cut to {len}: {error}"
        );
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn broken_bytes_never_panic(
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6)
    ) {
        let mut bytes = sample();
        for (at, byte) in changes {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        if let Ok(weights) = HfWeights::open(directory(&[("model.safetensors", &bytes)]).path()) {
            for name in weights.names() {
                let _ = weights.read_f32(&name);
            }
        }
    }
}
