//! Stacks: matrices of a checkpoint, one after the other, as one linear layer.

use std::sync::Arc;

use espalier_kernels::{Format, PackError, Quantized};

use super::assembly::{Assembly, Multiply, unpair};
use crate::{
    LoadError,
    nn::{Dense, Linear, PackedLinear, QuantizedLinear, linear::Matrix},
    packed::Packed,
    panels::Precision,
    read_shaped,
    weights::check_shape,
};

/// One matrix of a stack.
#[derive(Debug)]
pub(super) struct Part {
    /// The tensor's name.
    pub(super) name: String,
    /// Its rows.
    pub(super) outputs: usize,
    pub(super) rows: Rows,
}

/// In which order a matrix has its rows.
#[derive(Debug, Clone, Copy)]
pub(super) enum Rows {
    /// In that of the blocks.
    AsWanted,
    /// Pairs of the rotation side by side, in heads of this size.
    Paired(usize),
}

impl Assembly<'_> {
    /// A layer whose outputs are those of the parts, one after the other.
    pub(super) fn linear(
        &self,
        inputs: usize,
        parts: &[Part],
        bias: Option<Vec<f32>>,
    ) -> Result<Box<dyn Linear>, LoadError> {
        if let Some(weights) = self.quantized(inputs, parts)? {
            return Ok(Box::new(QuantizedLinear::new(weights, bias)));
        }
        let matrices: Result<Vec<Matrix>, LoadError> =
            parts.iter().map(|part| self.matrix(inputs, part)).collect();
        let matrices = matrices?;
        Ok(match self.multiply {
            Multiply::Burn => Box::new(Dense::stack(inputs, &matrices, bias, self.device)),
            Multiply::Packed | Multiply::Quantized => {
                let matrices: Vec<(&[f32], usize)> = matrices
                    .iter()
                    .map(|matrix| (matrix.values.as_slice(), matrix.outputs))
                    .collect();
                let weight = Arc::new(Packed::stack(inputs, &matrices, self.precision(parts)));
                Box::new(PackedLinear::new(weight, bias))
            }
        })
    }

    /// The parts as they are stored, neighbours of one format together; `None` where that is not wanted or
    /// one of them is not quantized. One tensor's bytes are in memory beside the packed ones for each part.
    pub(super) fn quantized(
        &self,
        inputs: usize,
        parts: &[Part],
    ) -> Result<Option<Vec<Arc<Quantized>>>, LoadError> {
        if self.multiply != Multiply::Quantized {
            return Ok(None);
        }
        let mut formats = Vec::with_capacity(parts.len());
        for part in parts {
            let info = check_shape(self.source, &part.name, &[part.outputs, inputs])?;
            let Some(format) = Format::from_name(&info.dtype) else { return Ok(None) };
            formats.push((format, part));
        }
        let runs = formats.chunk_by(|one, other| one.0 == other.0);
        let weights: Result<Vec<Arc<Quantized>>, LoadError> =
            runs.map(|run| self.pack(inputs, run[0].0, run).map(Arc::new)).collect();
        weights.map(Some)
    }

    /// The precision that parts are kept in: that of the checkpoint, where all have the same and weights are
    /// multiplied as they are.
    pub(super) fn precision(&self, parts: &[Part]) -> Precision {
        if self.multiply != Multiply::Quantized {
            return Precision::F32;
        }
        let mut precisions = parts.iter().map(|part| {
            let info = self.source.info(&part.name);
            info.map_or(Precision::F32, |info| Precision::of_type(&info.dtype))
        });
        let first = precisions.next().unwrap_or(Precision::F32);
        if precisions.all(|other| other == first) { first } else { Precision::F32 }
    }

    /// Packs parts of one format together.
    fn pack(
        &self,
        inputs: usize,
        format: Format,
        parts: &[(Format, &Part)],
    ) -> Result<Quantized, LoadError> {
        let row_bytes = inputs / format.values() * format.bytes();
        let stored: Result<Vec<Vec<u8>>, LoadError> =
            parts.iter().map(|(_, part)| self.source.read_stored(&part.name)).collect();
        let stored = stored?;
        let mut rows: Vec<&[u8]> = Vec::new();
        for ((_, part), bytes) in parts.iter().zip(&stored) {
            let lines: Vec<&[u8]> = bytes.chunks_exact(row_bytes).collect();
            match part.rows {
                Rows::AsWanted => rows.extend(lines),
                Rows::Paired(head_dim) => rows.extend(unpair(&lines, head_dim, 1)),
            }
        }
        Quantized::pack(format, inputs, &rows).map_err(|error| {
            let PackError::NotFinite { row, .. } = error else {
                return damaged(parts[0].1, error);
            };
            let mut first = 0;
            let holds = |(_, part): &&(Format, &Part)| {
                first += part.outputs;
                row < first
            };
            let part = parts.iter().find(holds).unwrap_or(&parts[0]).1;
            damaged(part, error)
        })
    }

    fn matrix(&self, inputs: usize, part: &Part) -> Result<Matrix, LoadError> {
        let values = read_shaped(self.source, &part.name, &[part.outputs, inputs])?;
        let values = match part.rows {
            Rows::AsWanted => values,
            Rows::Paired(head_dim) => unpair(&values, head_dim, inputs),
        };
        Ok(Matrix { values, outputs: part.outputs })
    }
}

fn damaged(part: &Part, error: PackError) -> LoadError {
    LoadError::Quantized { tensor: part.name.clone(), reason: error.to_string() }
}
