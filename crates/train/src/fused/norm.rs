//! Root-mean-square normalization in one pass.

use burn::backend::autodiff::checkpoint::base::Checkpointer;
use burn::backend::autodiff::checkpoint::strategy::CheckpointStrategy;
use burn::backend::autodiff::grads::Gradients;
use burn::backend::autodiff::ops::{Backward, Ops, OpsKind};
use burn::backend::tensor::FloatTensor;
use burn::backend::{Autodiff, Flex, TensorMetadata as _};
use pulp::Arch;

use super::lanes::dot;
use super::{Flat, tensor, with_values};

pub(super) fn forward(input: &Flat, weight: &Flat, epsilon: f32) -> Flat {
    let output = with_values(input, |x| with_values(weight, |w| normalized(x, w, epsilon)));
    tensor(output, input.shape())
}

fn normalized(x: &[f32], w: &[f32], epsilon: f32) -> Vec<f32> {
    Arch::new().dispatch(|| {
        let mut output = Vec::with_capacity(x.len());
        for row in x.chunks_exact(w.len()) {
            let scale = scale(row, epsilon);
            output.extend(row.iter().zip(w).map(|(x, w)| x * scale * w));
        }
        output
    })
}

/// `1 / sqrt(mean(x²) + ε)`.
#[inline(always)]
#[expect(clippy::inline_always, reason = "it takes the instruction set of its caller")]
fn scale(row: &[f32], epsilon: f32) -> f32 {
    (dot(row, row) / row.len() as f32 + epsilon).sqrt().recip()
}

/// The gradients of input and weight, given that of the output.
///
/// With `n = x r`, where `r` is the row's scale: `dw = Σ dy n` and `dx = r (dy w - n mean(dy w n))`.
fn gradients(dy: &[f32], x: &[f32], w: &[f32], epsilon: f32) -> (Vec<f32>, Vec<f32>) {
    Arch::new().dispatch(|| {
        let (mut dx, mut dw) = (Vec::with_capacity(x.len()), vec![0.0; w.len()]);
        let mut dn = vec![0.0; w.len()];
        for (x, dy) in x.chunks_exact(w.len()).zip(dy.chunks_exact(w.len())) {
            let scale = scale(x, epsilon);
            for ((dn, dy), w) in dn.iter_mut().zip(dy).zip(w) {
                *dn = dy * w;
            }
            for ((dw, dy), x) in dw.iter_mut().zip(dy).zip(x) {
                *dw += dy * x * scale;
            }
            let mean = dot(&dn, x) * scale * scale / w.len() as f32;
            dx.extend(dn.iter().zip(x).map(|(dn, x)| scale * (dn - x * mean)));
        }
        (dx, dw)
    })
}

#[derive(Debug)]
struct Step;

impl Backward<Flex, 2> for Step {
    type State = (Flat, Flat, f32);

    fn backward(self, ops: Ops<Self::State, 2>, grads: &mut Gradients, _: &mut Checkpointer) {
        let (input, weight, epsilon) = ops.state;
        let dy = grads.consume::<Flex>(&ops.node);
        let (dx, dw) = with_values(&dy, |dy| {
            with_values(&input, |x| with_values(&weight, |w| gradients(dy, x, w, epsilon)))
        });
        let [of_input, of_weight] = ops.parents;
        if let Some(node) = of_input {
            grads.register::<Flex>(node.id, tensor(dx, input.shape()));
        }
        if let Some(node) = of_weight {
            grads.register::<Flex>(node.id, tensor(dw, weight.shape()));
        }
    }
}

pub(super) fn tracked<C: CheckpointStrategy>(
    input: FloatTensor<Autodiff<Flex, C>>,
    weight: FloatTensor<Autodiff<Flex, C>>,
    epsilon: f32,
) -> FloatTensor<Autodiff<Flex, C>> {
    let ((input, of_input), (weight, of_weight)) = (input.into_parts(), weight.into_parts());
    let output = forward(&input, &weight, epsilon);
    match Step.prepare::<C>([of_input, of_weight]).compute_bound().stateful() {
        OpsKind::Tracked(step) => step.finish((input, weight, epsilon), output),
        OpsKind::UnTracked(step) => step.finish(output),
    }
}
