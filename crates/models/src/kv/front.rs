//! The front: the unfinished tails of all rows being decoded, side by side.

use burn::tensor::{Device, Int, Tensor, TensorData};
use half::slice::HalfFloatSliceExt;

use super::{Cut, KvPrecision, Segment, cut::copied, segment::owned};
use crate::{
    config::ModelConfig,
    nn::host::{Between, Values, change},
};

/// Columns are added this many at a time.
const COLUMNS: usize = 32;

/// Keys, values and hidden rows of the tails of `R` rows of up to `C` tokens.
///
/// Rows occupy slots `0..R` without gaps. Each tensor has exactly one owner between operations, so that
/// writing a token's column is in place.
#[derive(Debug)]
pub struct Front {
    layers: usize,
    kv_heads: usize,
    head_dim: usize,
    hidden_size: usize,
    device: Device,
    precision: KvPrecision,
    /// Who reads the keys of segments; for kernels, they lie across.
    between: Between,
    keys: Vec<Tensor<4>>,
    values: Vec<Tensor<4>>,
    hidden: Option<Tensor<3>>,
    rows: usize,
    capacity: usize,
    columns: usize,
}

impl Front {
    /// A front without rows.
    #[must_use]
    pub fn new(
        config: &ModelConfig,
        precision: KvPrecision,
        between: Between,
        device: &Device,
    ) -> Self {
        Self {
            layers: config.layers,
            kv_heads: config.kv_heads,
            head_dim: config.head_dim,
            hidden_size: config.hidden,
            device: device.clone(),
            precision,
            between,
            keys: Vec::new(),
            values: Vec::new(),
            hidden: None,
            rows: 0,
            capacity: 0,
            columns: 0,
        }
    }

    /// Rows in use, `R`.
    #[must_use]
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// Memory held, in bytes.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        let kv = 2 * self.layers * self.kv_heads * self.head_dim * self.precision.bytes();
        let hidden = self.hidden_size * size_of::<f32>();
        (self.capacity * self.columns * (kv + hidden)) as u64
    }

    /// Makes room for `extra` more rows and for tails of `columns` tokens, and adds the rows: one for
    /// each entry of `sources`, a copy of that slot's row or empty. Returns the first new slot.
    pub fn grow(&mut self, sources: &[Option<usize>], columns: usize) -> usize {
        let first = self.rows;
        self.reserve(self.rows + sources.len(), columns);
        self.rows += sources.len();
        let copies: Vec<(usize, usize)> = sources
            .iter()
            .enumerate()
            .filter_map(|(at, source)| source.map(|source| (source, first + at)))
            .collect();
        self.copy(&copies);
        first
    }

    /// Removes rows. The last rows move into the gaps; returns `(from, to)` of each that moved.
    pub fn remove(&mut self, slots: &[usize]) -> Vec<(usize, usize)> {
        let left = self.rows - slots.len();
        let gaps = (0..left).filter(|slot| slots.contains(slot));
        let movers = (left..self.rows).filter(|slot| !slots.contains(slot));
        let moves: Vec<(usize, usize)> = movers.zip(gaps).collect();
        self.copy(&moves);
        self.rows = left;
        if left == 0 {
            self.keys.clear();
            self.values.clear();
            self.hidden = None;
            (self.capacity, self.columns) = (0, 0);
        }
        moves
    }

    /// Segments of their own of what is cut.
    ///
    /// # Panics
    ///
    /// Where there is no such slot.
    #[must_use]
    pub fn segments(&self, cuts: &[Cut]) -> Vec<Segment> {
        let layers: Vec<[&Tensor<4>; 2]> =
            self.keys.iter().zip(&self.values).map(|(keys, values)| [keys, values]).collect();
        let vectors = match self.between {
            Between::Kernels => copied(&layers, cuts, &self.device),
            Between::Burn => {
                let (kv_heads, dim) = (self.kv_heads, self.head_dim);
                let one = |tensor: &Tensor<4>, Cut { slot, len }: Cut| {
                    let view = tensor.clone().slice([slot..slot + 1, 0..kv_heads, 0..len, 0..dim]);
                    owned(view).reshape([kv_heads, len, dim])
                };
                let each = |cut: &Cut| {
                    [&self.keys, &self.values]
                        .map(|all| all.iter().map(|tensor| one(tensor, *cut)).collect())
                };
                cuts.iter().map(each).collect()
            }
        };
        let made = vectors.into_iter().zip(cuts).map(|([keys, values], Cut { slot, len })| {
            let hidden = self.hidden.as_ref().expect("a front with rows has hidden rows").clone();
            let hidden = hidden.slice([*slot..slot + 1, 0..*len, 0..self.hidden_size]);
            Segment::new(keys, values, owned(hidden).reshape([*len, self.hidden_size]))
        });
        made.collect()
    }

    /// The hidden row of one token of one slot, `[1, E]`.
    ///
    /// # Panics
    ///
    /// Where there is no such slot.
    #[must_use]
    pub fn hidden(&self, slot: usize, column: usize) -> Tensor<2> {
        let hidden = self.hidden.as_ref().expect("a front with rows has hidden rows").clone();
        let at = [slot..slot + 1, column..column + 1, 0..self.hidden_size];
        hidden.slice(at).reshape([1, self.hidden_size])
    }

    /// Writes one layer's new keys and values: slot `r`'s go to column `columns[r]`.
    ///
    /// # Shapes
    ///
    /// - keys, values: `[R, K, D]`
    pub fn write(&mut self, layer: usize, columns: &[usize], keys: Tensor<3>, values: Tensor<3>) {
        let (kv_heads, dim) = (self.kv_heads, self.head_dim);
        for (cache, new) in [(&mut self.keys[layer], keys), (&mut self.values[layer], values)] {
            let new = self.precision.rounded(new.reshape([self.rows, kv_heads, 1, dim]));
            for (from, to, column) in runs(columns) {
                let rows = new.clone().slice([from..to, 0..kv_heads, 0..1, 0..dim]);
                cache.inplace(|cache| {
                    cache.slice_assign([from..to, 0..kv_heads, column..column + 1, 0..dim], rows)
                });
            }
        }
    }

    /// [`write`](Self::write) of rows in host memory, on the CPU.
    ///
    /// # Shapes
    ///
    /// - keys, values: `[R, K, D]`
    pub fn write_rows(&mut self, layer: usize, columns: &[usize], keys: &[f32], values: &[f32]) {
        let (dim, wide) = (self.head_dim, self.columns);
        // Where the vector of a head goes, of each row.
        let places = (0..self.rows * self.kv_heads)
            .map(|head| (head * wide + columns[head / self.kv_heads]) * dim);
        for (cache, new) in [(&mut self.keys[layer], keys), (&mut self.values[layer], values)] {
            let vectors = places.clone().zip(new.chunks_exact(dim));
            change(cache, |stored| match stored {
                Values::F32(stored) => {
                    vectors.for_each(|(to, from)| stored[to..to + dim].copy_from_slice(from));
                }
                Values::F16(stored) => vectors.for_each(|(to, from)| {
                    stored[to..to + dim].convert_from_f32_slice(from);
                }),
            });
        }
    }

    /// Writes the new tokens' hidden rows, `[R, E]`.
    pub fn write_hidden(&mut self, columns: &[usize], hidden: &Tensor<2>) {
        let size = self.hidden_size;
        let Some(cache) = self.hidden.as_mut() else { return };
        for (from, to, column) in runs(columns) {
            let rows = hidden.clone().slice([from..to, 0..size]).reshape([to - from, 1, size]);
            cache
                .inplace(|cache| cache.slice_assign([from..to, column..column + 1, 0..size], rows));
        }
    }

    /// One layer's keys and values in the first `columns` columns, `[R, K, columns, D]`, in `f32`.
    #[must_use]
    pub fn tails(&self, layer: usize, columns: usize) -> (Tensor<4>, Tensor<4>) {
        let cut = [0..self.rows, 0..self.kv_heads, 0..columns, 0..self.head_dim];
        let [keys, values] = [&self.keys, &self.values]
            .map(|all| self.precision.widened(all[layer].clone().slice(cut.clone())));
        (keys, values)
    }

    /// One layer's keys and values of all rows, `[rows and room, K, C, D]`, and `C`.
    #[must_use]
    pub fn layer(&self, layer: usize) -> (&Tensor<4>, &Tensor<4>, usize) {
        (&self.keys[layer], &self.values[layer], self.columns)
    }

    fn reserve(&mut self, rows: usize, columns: usize) {
        if rows <= self.capacity && columns <= self.columns {
            return;
        }
        let capacity = rows.max(self.capacity);
        let wide = columns.next_multiple_of(COLUMNS).max(self.columns);
        let (kv_heads, dim, size) = (self.kv_heads, self.head_dim, self.hidden_size);
        let (old_rows, old_columns) = (self.rows, self.columns);
        let moved = |old: Option<Tensor<4>>| {
            let options = (&self.device, self.precision.dtype());
            let empty = Tensor::<4>::zeros([capacity, kv_heads, wide, dim], options);
            let Some(old) = old.filter(|_| old_rows > 0) else { return empty };
            let kept = [0..old_rows, 0..kv_heads, 0..old_columns, 0..dim];
            empty.slice_assign(kept.clone(), old.slice(kept))
        };
        let regrow = |old: &mut Vec<Tensor<4>>| {
            let mut old: Vec<Option<Tensor<4>>> = old.drain(..).map(Some).collect();
            old.resize_with(self.layers, || None);
            old.into_iter().map(moved).collect()
        };
        let keys = regrow(&mut std::mem::take(&mut self.keys));
        let values = regrow(&mut std::mem::take(&mut self.values));
        let empty = Tensor::<3>::zeros([capacity, wide, size], &self.device);
        let hidden = match self.hidden.take().filter(|_| old_rows > 0) {
            Some(old) => {
                let kept = [0..old_rows, 0..old_columns, 0..size];
                empty.slice_assign(kept.clone(), old.slice(kept))
            }
            None => empty,
        };
        (self.keys, self.values, self.hidden) = (keys, values, Some(hidden));
        (self.capacity, self.columns) = (capacity, wide);
    }

    /// Copies whole rows `(from, to)`; no `to` is another's `from`.
    fn copy(&mut self, pairs: &[(usize, usize)]) {
        if pairs.is_empty() {
            return;
        }
        let sources: Vec<i32> = pairs.iter().map(|(from, _)| *from as i32).collect();
        let sources = TensorData::new(sources, [pairs.len()]);
        let sources = Tensor::<1, Int>::from_data(sources, &self.device);
        let (kv_heads, columns, dim, size) =
            (self.kv_heads, self.columns, self.head_dim, self.hidden_size);
        for cache in self.keys.iter_mut().chain(&mut self.values) {
            let rows = cache.clone().select(0, sources.clone());
            for (at, (_, to)) in pairs.iter().enumerate() {
                let row = rows.clone().slice([at..at + 1, 0..kv_heads, 0..columns, 0..dim]);
                cache.inplace(|cache| {
                    cache.slice_assign([*to..to + 1, 0..kv_heads, 0..columns, 0..dim], row)
                });
            }
        }
        if let Some(cache) = self.hidden.as_mut() {
            let rows = cache.clone().select(0, sources);
            for (at, (_, to)) in pairs.iter().enumerate() {
                let row = rows.clone().slice([at..at + 1, 0..columns, 0..size]);
                cache.inplace(|cache| cache.slice_assign([*to..to + 1, 0..columns, 0..size], row));
            }
        }
    }
}

/// Maximal runs `(from, to, column)` of neighbouring rows that share a column.
fn runs(columns: &[usize]) -> Vec<(usize, usize, usize)> {
    let mut runs: Vec<(usize, usize, usize)> = Vec::new();
    for (row, &column) in columns.iter().enumerate() {
        match runs.last_mut() {
            Some((_, to, same)) if *same == column => *to = row + 1,
            _ => runs.push((row, row + 1, column)),
        }
    }
    runs
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn neighbours_with_one_column_are_written_together() {
        assert_eq!(runs(&[3, 3, 5, 3]), [(0, 2, 3), (2, 3, 5), (3, 4, 3)]);
    }
}
