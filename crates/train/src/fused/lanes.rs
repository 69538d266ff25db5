//! Sums over slices in lanes, which vectorize: a plain float sum must keep its order.

const LANES: usize = 16;

/// `Σ aᵢ bᵢ`.
#[inline(always)]
#[expect(clippy::inline_always, reason = "it takes the instruction set of its caller")]
pub(super) fn dot(a: &[f32], b: &[f32]) -> f32 {
    let ((a, a_rest), (b, b_rest)) = (a.as_chunks::<LANES>(), b.as_chunks::<LANES>());
    let mut lanes = [0.0; LANES];
    for (a, b) in a.iter().zip(b) {
        for lane in 0..LANES {
            lanes[lane] += a[lane] * b[lane];
        }
    }
    let rest: f32 = a_rest.iter().zip(b_rest).map(|(a, b)| a * b).sum();
    lanes.iter().sum::<f32>() + rest
}

/// `yᵢ += a xᵢ`.
#[inline(always)]
#[expect(clippy::inline_always, reason = "it takes the instruction set of its caller")]
pub(super) fn add(y: &mut [f32], a: f32, x: &[f32]) {
    for (y, x) in y.iter_mut().zip(x) {
        *y += a * x;
    }
}
