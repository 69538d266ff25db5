//! Number formats: equal, bit for bit, to the reference implementation's values.

#![allow(clippy::unwrap_used, reason = "a test that cannot prepare its data fails")]

mod files;

use std::fs;

use espalier_models::{GgufFile, HfWeights, WeightSource};
use files::GgufBytes;
use safetensors::SafeTensors;
use tempfile::TempDir;

/// Reference blocks and values, written by `quants.py` beside it.
const FIXTURE: &str = "quants.safetensors";

/// The types, by their names in the fixture and their numbers in GGUF.
const TYPES: &[(&str, u32)] = &[
    ("f16", 1),
    ("bf16", 30),
    ("q8_0", 8),
    ("q4_0", 2),
    ("q4_1", 3),
    ("q5_0", 6),
    ("q5_1", 7),
    ("q4_k", 12),
    ("q5_k", 13),
    ("q6_k", 14),
];

fn bits(values: &[f32]) -> Vec<u32> {
    values.iter().map(|value| value.to_bits()).collect()
}

#[test]
fn every_type_equals_the_reference() {
    let Some(path) = files::fixture(FIXTURE) else { return };
    let bytes = fs::read(&path).unwrap();
    let reference = SafeTensors::deserialize(&bytes).unwrap();
    let values = HfWeights::open(&path).unwrap();
    let dir = TempDir::new().unwrap();
    for (name, kind) in TYPES {
        let expected = values.read_f32(&format!("{name}.values")).unwrap();
        let blocks = reference.tensor(&format!("{name}.bytes")).unwrap().data().to_vec();
        // Repeated beyond what is read at once.
        let copies = (3 << 20) / blocks.len();
        let count = (expected.len() * copies) as u64;
        let file = GgufBytes::default().tensor("t", &[count], *kind, &blocks.repeat(copies));
        let path = dir.path().join("t.gguf");
        fs::write(&path, file.bytes()).unwrap();
        let file = GgufFile::open(path).unwrap();
        assert_eq!(file.info("t").unwrap().dtype, name.to_uppercase());
        let found = file.read_f32("t").unwrap();
        assert_eq!(found.len(), expected.len() * copies);
        for copy in found.chunks(expected.len()) {
            assert_eq!(bits(copy), bits(&expected), "{name}");
        }
    }
}
