//! The gated feed-forward's middle in one pass.

use burn::backend::autodiff::checkpoint::base::Checkpointer;
use burn::backend::autodiff::checkpoint::strategy::CheckpointStrategy;
use burn::backend::autodiff::grads::Gradients;
use burn::backend::autodiff::ops::{Backward, Ops, OpsKind};
use burn::backend::tensor::FloatTensor;
use burn::backend::{Autodiff, Flex, TensorMetadata as _};
use espalier_models::exp;
use pulp::Arch;

use super::{Flat, tensor, with_values};

pub(super) fn forward(both: &Flat) -> Flat {
    let [rows, width] = both.shape().dims();
    tensor(with_values(both, |both| gated(both, width)), [rows, width / 2])
}

fn gated(both: &[f32], width: usize) -> Vec<f32> {
    Arch::new().dispatch(|| {
        let mut output = Vec::with_capacity(both.len() / 2);
        for row in both.chunks_exact(width) {
            let (gate, up) = row.split_at(width / 2);
            output.extend(gate.iter().zip(up).map(|(g, u)| g * u / (1.0 + exp(-g))));
        }
        output
    })
}

/// The gradient of gate and up, given that of the output.
///
/// With `s = sigmoid(g)`: `dg = dy u s (1 + g (1 - s))` and `du = dy g s`.
fn gradient(dy: &[f32], both: &[f32], width: usize) -> Vec<f32> {
    Arch::new().dispatch(|| {
        let half = width / 2;
        let mut output = vec![0.0; both.len()];
        let rows = both.chunks_exact(width).zip(dy.chunks_exact(half));
        for ((row, dy), output) in rows.zip(output.chunks_exact_mut(width)) {
            let (gate, up) = row.split_at(half);
            let (d_gate, d_up) = output.split_at_mut(half);
            let outputs = d_gate.iter_mut().zip(d_up);
            for (((g, u), dy), (d_gate, d_up)) in gate.iter().zip(up).zip(dy).zip(outputs) {
                let sigmoid = 1.0 / (1.0 + exp(-g));
                *d_gate = dy * u * sigmoid * (1.0 + g * (1.0 - sigmoid));
                *d_up = dy * g * sigmoid;
            }
        }
        output
    })
}

#[derive(Debug)]
struct Step;

impl Backward<Flex, 1> for Step {
    type State = Flat;

    fn backward(self, ops: Ops<Self::State, 1>, grads: &mut Gradients, _: &mut Checkpointer) {
        let both = ops.state;
        let dy = grads.consume::<Flex>(&ops.node);
        let [rows, width] = both.shape().dims();
        if let [Some(node)] = ops.parents {
            let d_both =
                with_values(&dy, |dy| with_values(&both, |both| gradient(dy, both, width)));
            grads.register::<Flex>(node.id, tensor(d_both, [rows, width]));
        }
    }
}

pub(super) fn tracked<C: CheckpointStrategy>(
    both: FloatTensor<Autodiff<Flex, C>>,
) -> FloatTensor<Autodiff<Flex, C>> {
    let (both, node) = both.into_parts();
    let output = forward(&both);
    match Step.prepare::<C>([node]).compute_bound().stateful() {
        OpsKind::Tracked(step) => step.finish(both, output),
        OpsKind::UnTracked(step) => step.finish(output),
    }
}
