//! A weight source: the named tensors of a checkpoint, read one at a time as `f32`.

use std::fmt::Debug;
use std::path::Path;

use crate::error::LoadError;

/// What a checkpoint says about one of its tensors.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TensorInfo {
    /// Row-major shape, outermost dimension first: a linear layer's weight is `[out, in]`.
    pub shape: Vec<usize>,
    /// Name of the stored number format, e.g. `BF16` or `Q4_K`.
    pub dtype: String,
    /// Stored size in bytes.
    pub bytes: u64,
}

impl TensorInfo {
    /// Number of values; checked against overflow when the checkpoint was opened.
    #[must_use]
    pub fn values(&self) -> usize {
        self.shape.iter().product()
    }
}

/// The named tensors of a checkpoint on disk.
///
/// Reading holds one tensor in memory and may happen from several threads at once.
pub trait WeightSource: Debug + Send + Sync {
    /// The file or directory that the source was opened from.
    fn path(&self) -> &Path;

    /// Every tensor's name, in ascending order.
    fn names(&self) -> Vec<String>;

    /// What the checkpoint says about a tensor; `None` if it has no tensor of that name.
    fn info(&self, name: &str) -> Option<TensorInfo>;

    /// A tensor's values, converted to `f32`, in row-major order.
    ///
    /// # Errors
    /// [`LoadError::MissingTensor`] if there is no such tensor, [`LoadError::UnsupportedType`] if
    /// its number format is not read, [`LoadError::Io`] if the file cannot be read.
    fn read_f32(&self, name: &str) -> Result<Vec<f32>, LoadError>;

    /// A tensor's bytes as they are stored, in row-major order.
    ///
    /// # Errors
    /// [`LoadError::MissingTensor`] if there is no such tensor, [`LoadError::UnsupportedType`] if
    /// its number format is not known, [`LoadError::Io`] if the file cannot be read.
    fn read_stored(&self, name: &str) -> Result<Vec<u8>, LoadError>;
}

/// Reads a tensor which must have the given row-major shape, outermost dimension first.
///
/// # Errors
/// [`LoadError::Shape`] if the tensor has another shape, and those of [`WeightSource::read_f32`].
pub fn read_shaped(
    source: &dyn WeightSource,
    name: &str,
    expected: &[usize],
) -> Result<Vec<f32>, LoadError> {
    check_shape(source, name, expected)?;
    source.read_f32(name)
}

/// Checks that a tensor has the given row-major shape, outermost dimension first.
///
/// # Errors
/// [`LoadError::MissingTensor`] if there is no such tensor, [`LoadError::Shape`] if it has another
/// shape.
pub(crate) fn check_shape(
    source: &dyn WeightSource,
    name: &str,
    expected: &[usize],
) -> Result<TensorInfo, LoadError> {
    let info = source.info(name).ok_or_else(|| missing(source, name))?;
    if info.shape != expected {
        return Err(LoadError::Shape {
            tensor: name.to_owned(),
            expected: expected.to_vec(),
            found: info.shape,
        });
    }
    Ok(info)
}

/// The error of asking a source for a tensor that it does not have.
pub(crate) fn missing(source: &dyn WeightSource, name: &str) -> LoadError {
    LoadError::MissingTensor { path: source.path().to_owned(), tensor: name.to_owned() }
}
