//! Hugging Face weights: the safetensors files of a model directory.
//!
//! # Source
//! [The safetensors format](https://github.com/huggingface/safetensors#format): the header's length
//! in 8 bytes, the header in JSON, the tensors one after the other.

use std::collections::BTreeMap;
use std::path::{Component, Path, PathBuf};

use safetensors::tensor::Metadata;

use crate::error::LoadError;
use crate::json_file::JsonFile;
use crate::tensor_file::{Span, TensorFile};
use crate::tensor_type::TensorType;
use crate::weights::{TensorInfo, WeightSource, missing};

/// The weights in one file.
const SINGLE: &str = "model.safetensors";
/// The list of the files of sharded weights.
const INDEX: &str = "model.safetensors.index.json";
/// Bytes of header that are accepted at most.
const MAX_HEADER: u64 = 100_000_000;

/// The safetensors files of a model, their headers read and checked against the files' lengths.
#[derive(Debug)]
pub struct HfWeights {
    path: PathBuf,
    files: Vec<TensorFile>,
    tensors: BTreeMap<String, Entry>,
}

#[derive(Debug)]
struct Entry {
    /// Index in `files`.
    file: usize,
    info: TensorInfo,
    /// `None` for a number format of unknown name.
    span: Option<Span>,
}

impl HfWeights {
    /// Opens a model directory with `model.safetensors`, or with `model.safetensors.index.json` and
    /// the files it lists; or a single safetensors file.
    ///
    /// # Errors
    /// [`LoadError::NotAModel`] if there are no safetensors or a header contradicts itself,
    /// [`LoadError::Io`] if a listed file is missing, [`LoadError::Truncated`] if a file ends before
    /// something its header announces, [`LoadError::MissingTensor`] if the index lists a tensor that
    /// its file lacks.
    pub fn open(path: impl AsRef<Path>) -> Result<Self, LoadError> {
        let path = path.as_ref();
        let mut open = Self { path: path.to_owned(), files: Vec::new(), tensors: BTreeMap::new() };
        if !path.is_dir() {
            open.add(path, None)?;
        } else if path.join(SINGLE).is_file() {
            open.add(&path.join(SINGLE), None)?;
        } else if let Some(index) = JsonFile::open_optional(&path.join(INDEX))? {
            for (file, names) in read_index(&index)? {
                open.add(&path.join(file), Some(&names))?;
            }
        } else {
            let reason = format!(
                "it has neither `{SINGLE}` nor `{INDEX}`; other formats must be converted to \
                 safetensors or GGUF"
            );
            return Err(LoadError::not_a_model(path, reason));
        }
        Ok(open)
    }

    /// Adds the given tensors of a file, or all of them.
    fn add(&mut self, path: &Path, names: Option<&[String]>) -> Result<(), LoadError> {
        let file = TensorFile::open(path)?;
        let (data, metadata) = read_header(&file)?;
        let every = metadata.offset_keys();
        for name in names.unwrap_or(&every) {
            let Some(info) = metadata.info(name) else {
                return Err(LoadError::MissingTensor {
                    path: path.to_owned(),
                    tensor: name.clone(),
                });
            };
            let dtype = info.dtype.to_string();
            let bytes = (info.data_offsets.1 - info.data_offsets.0) as u64;
            let span = TensorType::from_name(&dtype).map(|kind| Span {
                offset: data + info.data_offsets.0 as u64,
                bytes,
                values: info.shape.iter().product(),
                kind,
            });
            let info = TensorInfo { shape: info.shape.clone(), dtype, bytes };
            self.tensors.insert(name.clone(), Entry { file: self.files.len(), info, span });
        }
        self.files.push(file);
        Ok(())
    }
}

impl WeightSource for HfWeights {
    fn path(&self) -> &Path {
        &self.path
    }

    fn names(&self) -> Vec<String> {
        self.tensors.keys().cloned().collect()
    }

    fn info(&self, name: &str) -> Option<TensorInfo> {
        self.tensors.get(name).map(|entry| entry.info.clone())
    }

    fn read_f32(&self, name: &str) -> Result<Vec<f32>, LoadError> {
        let entry = self.tensors.get(name).ok_or_else(|| missing(self, name))?;
        match &entry.span {
            Some(span) => self.files[entry.file].read_f32(name, span),
            None => Err(LoadError::UnsupportedType {
                tensor: name.to_owned(),
                dtype: entry.info.dtype.clone(),
            }),
        }
    }

    fn read_stored(&self, name: &str) -> Result<Vec<u8>, LoadError> {
        let entry = self.tensors.get(name).ok_or_else(|| missing(self, name))?;
        match &entry.span {
            Some(span) => self.files[entry.file].read_stored(name, span),
            None => Err(LoadError::UnsupportedType {
                tensor: name.to_owned(),
                dtype: entry.info.dtype.clone(),
            }),
        }
    }
}

/// Reads a file's header; returns where its data begins and what lies there.
///
/// The header's own checks leave no gaps and no overlaps between tensors.
fn read_header(file: &TensorFile) -> Result<(u64, Metadata), LoadError> {
    let mut len = [0; 8];
    file.read_at(0, &mut len, "the header's length")?;
    let len = u64::from_le_bytes(len);
    if len > MAX_HEADER {
        let reason = format!("it announces a header of {len} bytes, so it is not safetensors");
        return Err(LoadError::not_a_model(file.path(), reason));
    }
    file.check(8, len, "the header")?;
    let mut header = vec![0; len as usize];
    file.read_at(8, &mut header, "the header")?;
    let metadata: Metadata = serde_json::from_slice(&header).map_err(|e| {
        LoadError::not_a_model(file.path(), format!("its safetensors header is broken: {e}"))
    })?;
    let (data, bytes) = (8 + len, metadata.data_len() as u64);
    file.check(data, bytes, "the tensors")?;
    let extra = file.len() - data - bytes;
    if extra > 0 {
        let reason = format!("it has {extra} bytes after its last tensor; fetch it again");
        return Err(LoadError::not_a_model(file.path(), reason));
    }
    Ok((data, metadata))
}

/// The files that an index lists, each with its tensors.
fn read_index(index: &JsonFile) -> Result<BTreeMap<String, Vec<String>>, LoadError> {
    let key = "weight_map";
    let Some(map) = index.get(key).and_then(|map| map.as_object()) else {
        return Err(index.wrong(key, "must be an object of tensors and their files"));
    };
    let mut files = BTreeMap::<_, Vec<_>>::new();
    for (tensor, file) in map {
        let name = file.as_str().filter(|file| is_file_name(file));
        let Some(file) = name else {
            let reason = format!("must give the name of a file in this directory for `{tensor}`");
            return Err(index.wrong(key, reason));
        };
        files.entry(file.to_owned()).or_default().push(tensor.clone());
    }
    Ok(files)
}

/// Returns true if and only if the text is a file's name without any directory.
fn is_file_name(text: &str) -> bool {
    let mut parts = Path::new(text).components();
    matches!((parts.next(), parts.next()), (Some(Component::Normal(_)), None))
}

#[cfg(test)]
mod tests {
    use super::is_file_name;

    #[test]
    fn only_plain_names_are_files_of_the_directory() {
        assert!(is_file_name("model-00001-of-00002.safetensors"));
        for name in ["", "..", "/etc/passwd", "../model.safetensors", "a/b"] {
            assert!(!is_file_name(name), "{name}");
        }
    }
}
