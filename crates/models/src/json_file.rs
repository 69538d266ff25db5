//! A JSON file: one of the configuration files of a model directory.

use std::path::{Path, PathBuf};

use serde_json::{Map, Value};

use crate::error::LoadError;

/// A JSON object and the file it was read from.
#[derive(Debug, Clone)]
pub struct JsonFile {
    path: PathBuf,
    object: Map<String, Value>,
}

impl JsonFile {
    /// Reads a file.
    ///
    /// # Errors
    /// [`LoadError::Io`] if it cannot be read, [`LoadError::NotAModel`] if it is not a JSON object.
    pub fn open(path: &Path) -> Result<Self, LoadError> {
        let text = std::fs::read(path).map_err(|e| LoadError::io(path, e))?;
        let object = serde_json::from_slice(&text)
            .map_err(|e| LoadError::not_a_model(path, format!("it is not a JSON object: {e}")))?;
        Ok(Self { path: path.to_owned(), object })
    }

    /// Reads a file if there is one.
    ///
    /// # Errors
    /// Those of [`JsonFile::open`], except that the file is not there.
    pub fn open_optional(path: &Path) -> Result<Option<Self>, LoadError> {
        if path.exists() { Self::open(path).map(Some) } else { Ok(None) }
    }

    /// The file.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The value of a key; `None` if the key is missing or null.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&Value> {
        self.object.get(key).filter(|value| !value.is_null())
    }

    /// The error of a key whose value cannot be used; `reason` reads after the key.
    #[must_use]
    pub fn wrong(&self, key: &str, reason: impl Into<String>) -> LoadError {
        LoadError::config(&self.path, key, reason)
    }

    /// A special token's text, which is either a string or an object with the key `content`.
    ///
    /// # Errors
    /// [`LoadError::Config`] if it is neither.
    pub fn token(&self, key: &str) -> Result<Option<&str>, LoadError> {
        let Some(value) = self.get(key) else { return Ok(None) };
        match value.as_str().or_else(|| value.get("content")?.as_str()) {
            Some(text) => Ok(Some(text)),
            None => Err(self.wrong(key, "must be a token: a string or an object with `content`")),
        }
    }

    /// Token ids, which are either one number or a list of numbers; empty if the key is missing.
    ///
    /// # Errors
    /// [`LoadError::Config`] if they are neither.
    pub fn token_ids(&self, key: &str) -> Result<Vec<u32>, LoadError> {
        let Some(value) = self.get(key) else { return Ok(Vec::new()) };
        let ids: Option<Vec<u32>> = match value.as_array() {
            Some(values) => values.iter().map(token_id).collect(),
            None => token_id(value).map(|id| vec![id]),
        };
        ids.ok_or_else(|| self.wrong(key, "must be a token id or a list of token ids"))
    }
}

fn token_id(value: &Value) -> Option<u32> {
    value.as_u64()?.try_into().ok()
}
