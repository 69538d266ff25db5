//! Grouped-query attention, with keys and values kept elsewhere.

use burn::tensor::Tensor;
use espalier_kernels::rows::{Turned, turn_all};

use super::{
    Linear,
    block::Room,
    rope::{Angles, Tables},
};

/// Where keys and values are kept, and what a row may look at.
///
/// The decoder hands over each layer's new keys and values and gets back the attended values; which
/// earlier tokens a row sees, and how they are stored, is the implementation's business.
pub trait Attend {
    /// Stores the rows' keys and values, then attends: `softmax(q kᵀ / √D) v` over what each row sees,
    /// itself included.
    ///
    /// # Shapes
    ///
    /// - queries: `[N, H, D]`, already divided by `√D`
    /// - keys, values: `[N, K, D]`
    /// - output: `[N, H · D]`
    fn attend(
        &mut self,
        layer: usize,
        queries: Tensor<3>,
        keys: Tensor<3>,
        values: Tensor<3>,
    ) -> Tensor<2>;
}

/// [`Attend`] in host memory.
pub trait AttendRows {
    /// Stores the rows' keys and values, then attends from their queries, to `attended`, `[N, H · D]`. What
    /// that held is lost; its memory is used again.
    fn attend(&mut self, layer: usize, rows: &Turned, attended: &mut Vec<f32>);
}

/// One attention layer: a fused query/key/value projection, rotation, attention, output projection.
#[derive(Debug)]
pub struct Attention {
    /// `[E, (H + 2 K) D]`.
    pub qkv: Box<dyn Linear>,
    /// `[H D, E]`.
    pub output: Box<dyn Linear>,
    /// Query heads, `H`.
    pub heads: usize,
    /// Key/value heads, `K`.
    pub kv_heads: usize,
    /// Head size, `D`.
    pub head_dim: usize,
}

impl Attention {
    /// Attends from every row.
    ///
    /// # Shapes
    ///
    /// - input, output: `[N, E]`
    pub fn forward(
        &self,
        layer: usize,
        input: Tensor<2>,
        rotation: &Tables,
        cache: &mut dyn Attend,
    ) -> Tensor<2> {
        let (heads, kv_heads, dim) = (self.heads, self.kv_heads, self.head_dim);
        let rows = input.dims()[0];
        let qkv = self.qkv.forward(input).reshape([rows, heads + 2 * kv_heads, dim]);
        let turned = rotation.apply(qkv.clone().narrow(1, 0, heads + kv_heads));
        let queries = turned.clone().narrow(1, 0, heads) * (dim as f32).sqrt().recip();
        let keys = turned.narrow(1, heads, kv_heads);
        let values = qkv.narrow(1, heads + kv_heads, kv_heads);
        self.output.forward(cache.attend(layer, queries, keys, values))
    }

    /// [`forward`](Self::forward) of the rows of `room.normed`, to `room.output`.
    pub(super) fn rows(
        &self,
        layer: usize,
        angles: &Angles,
        cache: &mut dyn AttendRows,
        room: &mut Room,
    ) {
        let Room { normed, projected, turned, attended, output, .. } = room;
        self.qkv.multiply(normed, projected);
        let sizes = (self.heads, self.kv_heads, self.head_dim);
        turn_all(projected, sizes, &angles.cos, &angles.sin, turned);
        cache.attend(layer, turned, attended);
        self.output.multiply(attended, output);
    }
}
