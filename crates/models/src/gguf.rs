//! A GGUF file: metadata and quantized tensors of a model in one file.
//!
//! # Source
//! [The GGUF specification](https://github.com/ggml-org/ggml/blob/master/docs/gguf.md), versions 2
//! and 3, little-endian.

use std::collections::BTreeMap;
use std::fs::File;
use std::path::Path;

use crate::error::LoadError;
use crate::gguf_cursor::GgufCursor;
use crate::gguf_value::{FromGguf, GgufValue};
use crate::tensor_file::{Span, TensorFile};
use crate::tensor_type::TensorType;
use crate::weights::{TensorInfo, WeightSource, missing};

/// Bytes to which tensors are aligned unless `general.alignment` says otherwise.
const DEFAULT_ALIGNMENT: u64 = 32;
/// Dimensions that a tensor has at most.
const MAX_DIMENSIONS: u32 = 4;

/// An open GGUF file, its header read and checked against the file's length.
#[derive(Debug)]
pub struct GgufFile {
    file: TensorFile,
    metadata: BTreeMap<String, GgufValue>,
    tensors: BTreeMap<String, Entry>,
}

#[derive(Debug)]
struct Entry {
    shape: Vec<usize>,
    span: Span,
}

impl GgufFile {
    /// Opens a file and reads its header; tensors are read later, one by one.
    ///
    /// # Errors
    /// [`LoadError::Io`] if the file cannot be read, [`LoadError::Truncated`] if it ends before
    /// something its header announces, [`LoadError::UnsupportedType`] if a tensor has a type of no
    /// known size, [`LoadError::NotAModel`] if it is not a GGUF file of version 2 or 3, contradicts
    /// itself, or is one part of several.
    pub fn open(path: impl AsRef<Path>) -> Result<Self, LoadError> {
        let path = path.as_ref();
        let file = TensorFile::open(path)?;
        // A second handle: its position moves with the cursor only.
        let header = File::open(path).map_err(|e| LoadError::io(path, e))?;
        let mut cursor = GgufCursor::new(path, &header, file.len());
        let (tensor_count, metadata_count) = preamble(path, &mut cursor)?;
        let metadata = read_metadata(&mut cursor, metadata_count)?;
        let mut open = Self { file, metadata, tensors: BTreeMap::new() };
        if let Some(parts @ 2..) = open.optional::<u64>("split.count")? {
            return Err(cursor.wrong(format!(
                "it is one of {parts} parts; join them with `llama-gguf-split --merge`"
            )));
        }
        let alignment = open.optional("general.alignment")?.unwrap_or(DEFAULT_ALIGNMENT);
        if !alignment.is_power_of_two() {
            return Err(open.wrong_key("general.alignment", "must be a power of two"));
        }
        for _ in 0..tensor_count {
            let (name, entry) = read_entry(&mut cursor, alignment)?;
            if open.tensors.insert(name.clone(), entry).is_some() {
                return Err(cursor.wrong(format!("it has two tensors named `{name}`")));
            }
        }
        let start = cursor.at().checked_next_multiple_of(alignment).unwrap_or(u64::MAX);
        open.place_tensors(start)?;
        Ok(open)
    }

    /// The metadata value of a key.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&GgufValue> {
        self.metadata.get(key)
    }

    /// The metadata value of a key as one of `u32`, `u64`, `usize`, `i32`, `i64`, `f32`, `f64`,
    /// `bool`, `&str`, or a `Vec` of one of them; `None` if there is no such key.
    ///
    /// # Errors
    /// [`LoadError::Config`] if the value is of another type or out of range.
    pub fn optional<'a, T: FromGguf<'a>>(&'a self, key: &str) -> Result<Option<T>, LoadError> {
        let Some(value) = self.get(key) else { return Ok(None) };
        match T::from_gguf(value) {
            Some(value) => Ok(Some(value)),
            None => Err(self.wrong_key(key, format!("must be {}", T::KIND))),
        }
    }

    /// The metadata value of a key that must be there; see [`GgufFile::optional`].
    ///
    /// # Errors
    /// [`LoadError::Config`] if there is no such key, or its value is of another type or out of
    /// range.
    pub fn require<'a, T: FromGguf<'a>>(&'a self, key: &str) -> Result<T, LoadError> {
        self.optional(key)?.ok_or_else(|| self.wrong_key(key, "is missing from the metadata"))
    }

    /// The model's architecture, e.g. `llama` or `qwen2`: the prefix of its configuration's keys.
    ///
    /// # Errors
    /// [`LoadError::Config`] if the file does not say.
    pub fn architecture(&self) -> Result<&str, LoadError> {
        self.require("general.architecture")
    }

    /// The error of a key whose value cannot be used; `reason` reads after the key.
    pub(crate) fn wrong_key(&self, key: &str, reason: impl Into<String>) -> LoadError {
        LoadError::config(self.file.path(), key, reason)
    }

    /// Moves the tensors' offsets, which count from `start`, to the file's and checks that every
    /// tensor lies in the file and none overlaps another.
    fn place_tensors(&mut self, start: u64) -> Result<(), LoadError> {
        let mut spans = Vec::with_capacity(self.tensors.len());
        for (name, entry) in &mut self.tensors {
            let span = &mut entry.span;
            span.offset = span.offset.saturating_add(start);
            self.file.check(span.offset, span.bytes, &format!("tensor `{name}`"))?;
            if span.bytes > 0 {
                spans.push((span.offset, span.bytes, name.as_str()));
            }
        }
        spans.sort_unstable();
        for pair in spans.windows(2) {
            let [(offset, bytes, name), (next, _, other)] = pair else { continue };
            if offset + bytes > *next {
                return Err(LoadError::not_a_model(
                    self.file.path(),
                    format!("its tensors `{name}` and `{other}` overlap"),
                ));
            }
        }
        Ok(())
    }
}

impl WeightSource for GgufFile {
    fn path(&self) -> &Path {
        self.file.path()
    }

    fn names(&self) -> Vec<String> {
        self.tensors.keys().cloned().collect()
    }

    fn info(&self, name: &str) -> Option<TensorInfo> {
        let Entry { shape, span } = self.tensors.get(name)?;
        let dtype = span.kind.name.to_owned();
        Some(TensorInfo { shape: shape.clone(), dtype, bytes: span.bytes })
    }

    fn read_f32(&self, name: &str) -> Result<Vec<f32>, LoadError> {
        let entry = self.tensors.get(name).ok_or_else(|| missing(self, name))?;
        self.file.read_f32(name, &entry.span)
    }

    fn read_stored(&self, name: &str) -> Result<Vec<u8>, LoadError> {
        let entry = self.tensors.get(name).ok_or_else(|| missing(self, name))?;
        self.file.read_stored(name, &entry.span)
    }
}

/// Reads magic number, version and counts; returns the numbers of tensors and of metadata keys.
fn preamble(path: &Path, cursor: &mut GgufCursor<'_>) -> Result<(u64, u64), LoadError> {
    if cursor.take("the header")? != *b"GGUF" {
        return Err(LoadError::not_a_model(path, "it does not begin with `GGUF`"));
    }
    let version = cursor.u32("the header")?;
    if !(2..=3).contains(&version) {
        let what = match version.swap_bytes() {
            2..=3 => "it is big-endian; convert it to little-endian".to_owned(),
            _ => format!("GGUF version {version} is not read, only 2 and 3; convert it again"),
        };
        return Err(LoadError::not_a_model(path, what));
    }
    // The smallest entries: an empty name, no dimensions, a type and an offset; an empty key, a
    // type and one byte.
    let tensors = cursor.count(24, "the list of tensors")?;
    let metadata = cursor.count(13, "the metadata")?;
    Ok((tensors, metadata))
}

fn read_metadata(
    cursor: &mut GgufCursor<'_>,
    count: u64,
) -> Result<BTreeMap<String, GgufValue>, LoadError> {
    let mut metadata = BTreeMap::new();
    for _ in 0..count {
        let key = cursor.text("a metadata key")?;
        let value = cursor.value(&format!("the metadata value of `{key}`"))?;
        if metadata.insert(key.clone(), value).is_some() {
            return Err(cursor.wrong(format!("its metadata has the key `{key}` twice")));
        }
    }
    Ok(metadata)
}

/// Reads a tensor's name, dimensions (innermost first in the file), type and offset, which counts
/// from the start of the tensor data.
fn read_entry(cursor: &mut GgufCursor<'_>, alignment: u64) -> Result<(String, Entry), LoadError> {
    let name = cursor.text("a tensor's name")?;
    let what = format!("the entry of tensor `{name}`");
    let dimensions = cursor.u32(&what)?;
    if dimensions > MAX_DIMENSIONS {
        return Err(cursor.wrong(format!("tensor `{name}` has {dimensions} dimensions")));
    }
    let mut shape = Vec::new();
    for _ in 0..dimensions {
        shape.push(cursor.u64(&what)?);
    }
    let ggml = cursor.u32(&what)?;
    let offset = cursor.u64(&what)?;
    let Some(kind) = TensorType::from_ggml(ggml) else {
        return Err(LoadError::UnsupportedType {
            tensor: name,
            dtype: format!("ggml type {ggml}"),
        });
    };
    if !offset.is_multiple_of(alignment) {
        return Err(cursor.wrong(format!("tensor `{name}` is not aligned to {alignment} bytes")));
    }
    let rows_are_whole = shape.first().is_none_or(|n| kind.bytes(*n).is_some());
    let empty = shape.contains(&0);
    let values = shape.iter().try_fold(1_u64, |product, n| product.checked_mul(*n));
    let size = values.and_then(|values| Some((usize::try_from(values).ok()?, kind.bytes(values)?)));
    let (true, false, Some((values, bytes))) = (rows_are_whole, empty, size) else {
        return Err(cursor.wrong(format!(
            "tensor `{name}` of type `{}` cannot have the dimensions {shape:?}",
            kind.name
        )));
    };
    let shape = shape.iter().rev().map(|n| *n as usize).collect();
    Ok((name, Entry { shape, span: Span { offset, bytes, values, kind } }))
}
