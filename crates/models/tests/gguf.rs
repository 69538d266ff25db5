//! GGUF files: what is read, and that no broken file does more harm than an error.

#![allow(clippy::unwrap_used, reason = "a test that cannot prepare its data fails")]

mod files;

use std::fs;
use std::path::PathBuf;

use espalier_models::{GgufFile, LoadError, WeightSource, read_shaped};
use files::{GgufBytes, array, text};
use proptest::prelude::*;
use tempfile::TempDir;

fn sample() -> GgufBytes {
    let ramp: Vec<u8> = (0..6_u8).flat_map(|i| f32::from(i).to_le_bytes()).collect();
    let mut q8: Vec<u8> = vec![0x00, 0x38];
    q8.extend((0..32_u8).map(|i| i.wrapping_sub(16)));
    GgufBytes::default()
        .text("general.architecture", "llama")
        .u32("llama.block_count", 2)
        .f32("llama.rope.freq_base", 10000.0)
        .texts("tokenizer.ggml.tokens", &["a", "bé", ""])
        .i32s("tokenizer.ggml.token_type", &[1, 1, 3])
        .key("nested", 9, &array(9, 1, &array(7, 2, &[1, 0])))
        .tensor("ramp", &[3, 2], 0, &ramp)
        .tensor("q8", &[32], 8, &q8)
}

fn write(bytes: &[u8]) -> (TempDir, PathBuf) {
    let dir = TempDir::new().unwrap();
    let path = dir.path().join("model.gguf");
    fs::write(&path, bytes).unwrap();
    (dir, path)
}

fn open(bytes: &[u8]) -> Result<GgufFile, LoadError> {
    let (_dir, path) = write(bytes);
    GgufFile::open(path)
}

fn message(bytes: &GgufBytes) -> String {
    open(&bytes.bytes()).unwrap_err().to_string()
}

#[test]
fn metadata_and_tensors_are_read() {
    let file = open(&sample().bytes()).unwrap();
    assert_eq!(file.architecture().unwrap(), "llama");
    assert_eq!(file.require::<u32>("llama.block_count").unwrap(), 2);
    assert_eq!(file.require::<usize>("llama.block_count").unwrap(), 2);
    assert_eq!(file.require::<f32>("llama.rope.freq_base").unwrap().to_bits(), 1e4_f32.to_bits());
    assert_eq!(file.require::<Vec<&str>>("tokenizer.ggml.tokens").unwrap(), ["a", "bé", ""]);
    assert_eq!(file.require::<Vec<Vec<bool>>>("nested").unwrap(), [[true, false]]);
    assert_eq!(file.optional::<u32>("absent").unwrap(), None);
    assert_eq!(file.names(), ["q8", "ramp"]);
    let info = file.info("ramp").unwrap();
    assert_eq!((info.shape.as_slice(), info.dtype.as_str(), info.bytes), (&[2, 3][..], "F32", 24));
    assert_eq!(read_shaped(&file, "ramp", &[2, 3]).unwrap(), [0.0, 1.0, 2.0, 3.0, 4.0, 5.0]);
    let q8: Vec<f32> = (0..32_u8).map(|i| (f32::from(i) - 16.0) / 2.0).collect();
    assert_eq!(file.read_f32("q8").unwrap(), q8);
}

#[test]
fn errors_name_the_key_or_the_tensor() {
    let file = open(&sample().bytes()).unwrap();
    let error = file.require::<u32>("llama.context_length").unwrap_err().to_string();
    assert!(error.ends_with("`llama.context_length` is missing from the metadata"), "{error}");
    let error = file.require::<u32>("general.architecture").unwrap_err().to_string();
    assert!(error.ends_with("must be an integer that fits u32"), "{error}");
    let error = read_shaped(&file, "ramp", &[3, 2]).unwrap_err().to_string();
    assert_eq!(error, "tensor `ramp` must have the shape [3, 2], but has: [2, 3]");
    let error = file.read_f32("absent").unwrap_err().to_string();
    assert!(error.ends_with("has no tensor `absent`"), "{error}");
}

#[test]
fn types_that_are_not_read_are_named() {
    let error = message(&sample().tensor("x", &[32], 77, &[0; 32]));
    assert_eq!(error, "tensor `x` is stored in a type that is not read: `ggml type 77`");
    let file = open(&sample().tensor("x", &[256], 10, &[0; 84]).bytes()).unwrap();
    let error = file.read_f32("x").unwrap_err().to_string();
    assert_eq!(error, "tensor `x` is stored in a type that is not read: `Q2_K`");
}

#[test]
fn contradictions_are_refused() {
    let base = sample();
    assert!(message(&base.clone().tensor("ramp", &[1], 0, &[0; 4])).contains("two tensors"));
    assert!(message(&base.clone().u32("llama.block_count", 3)).contains("twice"));
    assert!(message(&base.clone().entry("x", &[8], 0, 0)).contains("overlap"));
    assert!(message(&base.clone().entry("x", &[1], 0, 3)).contains("not aligned"));
    assert!(message(&base.clone().entry("x", &[33], 8, 0)).contains("dimensions [33]"));
    assert!(message(&base.clone().entry("x", &[0, 4], 0, 0)).contains("dimensions [0, 4]"));
    assert!(message(&base.clone().entry("x", &[1 << 40, 1 << 40], 0, 0)).contains("dimensions"));
    assert!(message(&base.clone().entry("x", &[1; 5], 0, 0)).contains("5 dimensions"));
    assert!(message(&base.clone().entry("x", &[1], 0, u64::MAX - 31)).contains("truncated"));
    assert!(message(&base.clone().entry("x", &[1 << 60], 0, 0)).contains("truncated"));
    assert!(message(&base.clone().u32("general.alignment", 0)).contains("power of two"));
    assert!(message(&base.clone().u32("split.count", 3)).contains("one of 3 parts"));
    assert!(message(&base.clone().key("bad", 99, &[0; 4])).contains("unknown type 99"));
    let mut latin = text("caf?");
    latin[11] = 0xe9;
    assert!(message(&base.clone().key("bad", 8, &latin)).contains("not valid UTF-8"));
    let deep = (0..9).fold(array(0, 1, &[0]), |inner, _| array(9, 1, &inner));
    assert!(message(&base.key("deep", 9, &deep)).contains("nests arrays"));
}

#[test]
fn other_files_are_refused() {
    let refused = |bytes: &[u8]| open(bytes).unwrap_err().to_string();
    assert!(refused(b"").contains("truncated"));
    assert!(refused(&[b'x'; 64]).contains("does not begin with `GGUF`"));
    let mut bytes = sample().bytes();
    bytes[4] = 1;
    assert!(refused(&bytes).contains("version 1 is not read"));
    bytes[4..8].copy_from_slice(&[0, 0, 0, 3]);
    assert!(refused(&bytes).contains("big-endian"));
    let dir = TempDir::new().unwrap();
    let error = GgufFile::open(dir.path()).unwrap_err().to_string();
    assert!(error.contains("not a regular file"), "{error}");
    assert!(matches!(
        GgufFile::open(dir.path().join("no")),
        Err(LoadError::Io { path: _, source: _ })
    ));
}

#[test]
fn a_file_cut_anywhere_is_an_error() {
    let bytes = sample().bytes();
    // The last tensor has 34 bytes, padded to 64.
    for len in 0..bytes.len() - 30 {
        let error = open(&bytes[..len]).unwrap_err();
        assert!(
            matches!(error, LoadError::Truncated { path: _, what: _, needed: _, found: _ }),
            "cut to {len}: {error}"
        );
    }
    assert!(open(&bytes[..bytes.len() - 30]).is_ok());
}

#[test]
fn every_length_may_lie() {
    let bytes = sample().bytes();
    for at in 8..bytes.len() - 8 {
        for value in [u64::MAX, u64::MAX / 2, 1 << 40, 0] {
            let mut broken = bytes.clone();
            broken[at..at + 8].copy_from_slice(&value.to_le_bytes());
            read_all(&broken);
        }
    }
}

/// Opens a file and reads all its tensors, if it can be opened.
fn read_all(bytes: &[u8]) {
    if let Ok(file) = open(bytes) {
        for name in file.names() {
            if let Ok(values) = file.read_f32(&name) {
                assert_eq!(values.len(), file.info(&name).unwrap().values());
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]

    #[test]
    fn broken_bytes_never_panic(
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6)
    ) {
        let mut bytes = sample().bytes();
        for (at, byte) in changes {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        read_all(&bytes);
    }
}
