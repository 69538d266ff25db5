//! A GGUF cursor: reads a GGUF file's header field by field, never past the end of the file.

use std::fs::File;
use std::io::{BufReader, Read};
use std::path::Path;

use crate::error::LoadError;
use crate::gguf_value::GgufValue;

/// Arrays of arrays deeper than this are refused.
const MAX_DEPTH: usize = 4;
/// Elements for which room is made before they have been read.
const MAX_RESERVE: u64 = 1 << 16;

/// A position in the header.
#[derive(Debug)]
pub(crate) struct GgufCursor<'a> {
    path: &'a Path,
    reader: BufReader<&'a File>,
    at: u64,
    len: u64,
}

impl<'a> GgufCursor<'a> {
    /// Starts at the beginning of a file of `len` bytes.
    pub(crate) fn new(path: &'a Path, file: &'a File, len: u64) -> Self {
        Self { path, reader: BufReader::with_capacity(1 << 16, file), at: 0, len }
    }

    /// Bytes read so far.
    pub(crate) fn at(&self) -> u64 {
        self.at
    }

    /// Reads the next `N` bytes; `what` names them in the error.
    pub(crate) fn take<const N: usize>(&mut self, what: &str) -> Result<[u8; N], LoadError> {
        let mut bytes = [0; N];
        self.fill(&mut bytes, what)?;
        Ok(bytes)
    }

    pub(crate) fn u32(&mut self, what: &str) -> Result<u32, LoadError> {
        self.take(what).map(u32::from_le_bytes)
    }

    pub(crate) fn u64(&mut self, what: &str) -> Result<u64, LoadError> {
        self.take(what).map(u64::from_le_bytes)
    }

    /// Reads a count of items which take at least `item` bytes each, all of them in this header.
    pub(crate) fn count(&mut self, item: u64, what: &str) -> Result<u64, LoadError> {
        let count = self.u64(what)?;
        self.check(count.saturating_mul(item), what)?;
        Ok(count)
    }

    /// Reads a text: its length in bytes, then UTF-8.
    pub(crate) fn text(&mut self, what: &str) -> Result<String, LoadError> {
        let len = self.count(1, what)?;
        let mut bytes = vec![0; len as usize];
        self.fill(&mut bytes, what)?;
        String::from_utf8(bytes).map_err(|_| self.wrong(format!("{what} is not valid UTF-8")))
    }

    /// Reads a metadata value: its type, then the value.
    pub(crate) fn value(&mut self, what: &str) -> Result<GgufValue, LoadError> {
        let kind = self.u32(what)?;
        self.value_of(kind, 0, what)
    }

    fn value_of(&mut self, kind: u32, depth: usize, what: &str) -> Result<GgufValue, LoadError> {
        Ok(match kind {
            0 => GgufValue::Unsigned(self.take::<1>(what)?[0].into()),
            1 => GgufValue::Signed(self.take::<1>(what)?[0].cast_signed().into()),
            2 => GgufValue::Unsigned(u16::from_le_bytes(self.take(what)?).into()),
            3 => GgufValue::Signed(i16::from_le_bytes(self.take(what)?).into()),
            4 => GgufValue::Unsigned(self.u32(what)?.into()),
            5 => GgufValue::Signed(i32::from_le_bytes(self.take(what)?).into()),
            6 => GgufValue::Float(f32::from_le_bytes(self.take(what)?).into()),
            7 => GgufValue::Bool(self.take::<1>(what)?[0] != 0),
            8 => GgufValue::Text(self.text(what)?),
            9 => self.array(depth, what)?,
            10 => GgufValue::Unsigned(self.u64(what)?),
            11 => GgufValue::Signed(i64::from_le_bytes(self.take(what)?)),
            12 => GgufValue::Float(f64::from_le_bytes(self.take(what)?)),
            _ => return Err(self.wrong(format!("{what} has the unknown type {kind}"))),
        })
    }

    fn array(&mut self, depth: usize, what: &str) -> Result<GgufValue, LoadError> {
        if depth == MAX_DEPTH {
            return Err(self.wrong(format!("{what} nests arrays more than {MAX_DEPTH} deep")));
        }
        let kind = self.u32(what)?;
        let count = self.count(smallest(kind), what)?;
        let mut values = Vec::with_capacity(count.min(MAX_RESERVE) as usize);
        for _ in 0..count {
            values.push(self.value_of(kind, depth + 1, what)?);
        }
        Ok(GgufValue::Array(values))
    }

    fn fill(&mut self, bytes: &mut [u8], what: &str) -> Result<(), LoadError> {
        self.check(bytes.len() as u64, what)?;
        self.reader.read_exact(bytes).map_err(|e| LoadError::io(self.path, e))?;
        self.at += bytes.len() as u64;
        Ok(())
    }

    /// Fails unless `bytes` more bytes are left.
    fn check(&self, bytes: u64, what: &str) -> Result<(), LoadError> {
        let needed = self.at.saturating_add(bytes);
        if needed > self.len {
            return Err(LoadError::Truncated {
                path: self.path.to_owned(),
                what: what.to_owned(),
                needed,
                found: self.len,
            });
        }
        Ok(())
    }

    pub(crate) fn wrong(&self, reason: String) -> LoadError {
        LoadError::not_a_model(self.path, reason)
    }
}

/// The fewest bytes that a value of a type takes.
fn smallest(kind: u32) -> u64 {
    match kind {
        2 | 3 => 2,
        4..=6 => 4,
        8 | 10..=12 => 8,
        9 => 12,
        _ => 1,
    }
}
