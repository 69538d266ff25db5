//! A tensor file: a checkpoint's file, read at given positions and converted piece by piece.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use crate::error::LoadError;
use crate::tensor_type::TensorType;

/// Bytes read at once: small beside a tensor, large beside the cost of a read.
const PIECE: usize = 1 << 20;

/// Where a tensor lies in its file and how its numbers are stored.
#[derive(Debug, Clone)]
pub(crate) struct Span {
    /// Distance of the first byte from the start of the file, in bytes.
    pub(crate) offset: u64,
    /// Stored size in bytes.
    pub(crate) bytes: u64,
    /// Number of values.
    pub(crate) values: usize,
    /// The number format.
    pub(crate) kind: &'static TensorType,
}

/// An open file whose length was taken when it was opened.
#[derive(Debug)]
pub(crate) struct TensorFile {
    path: PathBuf,
    file: Mutex<File>,
    len: u64,
}

impl TensorFile {
    /// Opens a regular file.
    pub(crate) fn open(path: &Path) -> Result<Self, LoadError> {
        let file = File::open(path).map_err(|e| LoadError::io(path, e))?;
        let metadata = file.metadata().map_err(|e| LoadError::io(path, e))?;
        if !metadata.is_file() {
            return Err(LoadError::not_a_model(path, "it is not a regular file"));
        }
        Ok(Self { path: path.to_owned(), file: Mutex::new(file), len: metadata.len() })
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Length in bytes.
    pub(crate) fn len(&self) -> u64 {
        self.len
    }

    /// Fills `buffer` from the bytes at `offset`; `what` names them in the error.
    pub(crate) fn read_at(
        &self,
        offset: u64,
        buffer: &mut [u8],
        what: &str,
    ) -> Result<(), LoadError> {
        self.check(offset, buffer.len() as u64, what)?;
        let mut file = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        file.seek(SeekFrom::Start(offset))
            .and_then(|_| file.read_exact(buffer))
            .map_err(|e| LoadError::io(&self.path, e))
    }

    /// Fails unless the file has `bytes` bytes at `offset`; `what` names them in the error.
    pub(crate) fn check(&self, offset: u64, bytes: u64, what: &str) -> Result<(), LoadError> {
        let needed = offset.saturating_add(bytes);
        if needed > self.len {
            return Err(LoadError::Truncated {
                path: self.path.clone(),
                what: what.to_owned(),
                needed,
                found: self.len,
            });
        }
        Ok(())
    }

    /// Reads a tensor's bytes.
    pub(crate) fn read_stored(&self, name: &str, span: &Span) -> Result<Vec<u8>, LoadError> {
        let what = format!("tensor `{name}`");
        self.check(span.offset, span.bytes, &what)?;
        let mut bytes = vec![0; span.bytes as usize];
        self.read_at(span.offset, &mut bytes, &what)?;
        Ok(bytes)
    }

    /// Reads a tensor as `f32`; beside the result, only one piece of the file is in memory.
    pub(crate) fn read_f32(&self, name: &str, span: &Span) -> Result<Vec<f32>, LoadError> {
        let Some(convert) = span.kind.convert else {
            return Err(LoadError::UnsupportedType {
                tensor: name.to_owned(),
                dtype: span.kind.name.to_owned(),
            });
        };
        let what = format!("tensor `{name}`");
        self.check(span.offset, span.bytes, &what)?;
        let blocks = (PIECE / span.kind.block_bytes).max(1);
        let mut piece = vec![0; blocks * span.kind.block_bytes];
        let mut values = vec![0.0; span.values];
        let mut offset = span.offset;
        for out in values.chunks_mut(blocks * span.kind.block_values) {
            let bytes = &mut piece[..out.len() / span.kind.block_values * span.kind.block_bytes];
            self.read_at(offset, bytes, &what)?;
            convert(bytes, out);
            offset += bytes.len() as u64;
        }
        Ok(values)
    }
}
