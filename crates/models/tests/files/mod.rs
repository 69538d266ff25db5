//! What the tests share: where data lies that is not in the repository, and a writer of GGUF files.

#![allow(
    dead_code,
    unreachable_pub,
    reason = "every test file compiles its own copy and uses a part"
)]

use std::path::{Path, PathBuf};

/// A file of the shared data, by its path there; `None`, said aloud, if it is not on this machine.
pub fn shared(path: &str) -> Option<PathBuf> {
    find("ESPALIER_SHARED", "../../../shared", path)
}

/// A model file, by its name; `None`, said aloud, if it is not on this machine.
pub fn model(name: &str) -> Option<PathBuf> {
    find("ESPALIER_MODELS", "../../target/models", name)
}

/// A fixture of this crate, by its path there.
pub fn fixture(path: &str) -> Option<PathBuf> {
    find("ESPALIER_FIXTURES", "tests/fixtures", path)
}

fn find(variable: &str, default: &str, path: &str) -> Option<PathBuf> {
    let root = std::env::var_os(variable)
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join(default), PathBuf::from);
    let path = root.join(path);
    if !path.exists() {
        #[expect(clippy::print_stderr, reason = "a skipped test must be seen")]
        let () = eprintln!("SKIPPED: {} is not there; set {variable}", path.display());
        return None;
    }
    Some(path)
}

/// Builds the bytes of a GGUF file of version 3.
#[derive(Debug, Default, Clone)]
pub struct GgufBytes {
    metadata: Vec<u8>,
    keys: u64,
    entries: Vec<u8>,
    tensors: u64,
    data: Vec<u8>,
}

impl GgufBytes {
    /// Adds a metadata value, given by its type and bytes.
    pub fn key(mut self, key: &str, kind: u32, value: &[u8]) -> Self {
        self.metadata.extend(text(key));
        self.metadata.extend(kind.to_le_bytes());
        self.metadata.extend(value);
        self.keys += 1;
        self
    }

    pub fn u32(self, key: &str, value: u32) -> Self {
        self.key(key, 4, &value.to_le_bytes())
    }

    pub fn f32(self, key: &str, value: f32) -> Self {
        self.key(key, 6, &value.to_le_bytes())
    }

    pub fn text(self, key: &str, value: &str) -> Self {
        self.key(key, 8, &text(value))
    }

    pub fn texts(self, key: &str, values: &[&str]) -> Self {
        let items: Vec<u8> = values.iter().flat_map(|value| text(value)).collect();
        self.key(key, 9, &array(8, values.len(), &items))
    }

    pub fn i32s(self, key: &str, values: &[i32]) -> Self {
        let items: Vec<u8> = values.iter().flat_map(|value| value.to_le_bytes()).collect();
        self.key(key, 9, &array(5, values.len(), &items))
    }

    /// Adds a tensor after those already there; dimensions innermost first, as the file has them.
    pub fn tensor(self, name: &str, dimensions: &[u64], kind: u32, data: &[u8]) -> Self {
        let offset = self.data.len() as u64;
        let mut with = self.entry(name, dimensions, kind, offset);
        with.data.extend(data);
        with.data.resize(with.data.len().next_multiple_of(32), 0);
        with
    }

    /// Adds a tensor's entry without data.
    pub fn entry(mut self, name: &str, dimensions: &[u64], kind: u32, offset: u64) -> Self {
        self.entries.extend(text(name));
        self.entries.extend((dimensions.len() as u32).to_le_bytes());
        self.entries.extend(dimensions.iter().flat_map(|n| n.to_le_bytes()));
        self.entries.extend(kind.to_le_bytes());
        self.entries.extend(offset.to_le_bytes());
        self.tensors += 1;
        self
    }

    pub fn bytes(&self) -> Vec<u8> {
        let mut out = b"GGUF\x03\0\0\0".to_vec();
        out.extend(self.tensors.to_le_bytes());
        out.extend(self.keys.to_le_bytes());
        out.extend(&self.metadata);
        out.extend(&self.entries);
        out.resize(out.len().next_multiple_of(32), 0);
        out.extend(&self.data);
        out
    }
}

/// The bytes of a text: its length, then the text.
pub fn text(value: &str) -> Vec<u8> {
    let mut out = (value.len() as u64).to_le_bytes().to_vec();
    out.extend(value.as_bytes());
    out
}

/// The bytes of an array: its elements' type, its length, its elements.
pub fn array(kind: u32, len: usize, items: &[u8]) -> Vec<u8> {
    let mut out = kind.to_le_bytes().to_vec();
    out.extend((len as u64).to_le_bytes());
    out.extend(items);
    out
}
