//! Fused operations compute what Burn's operations compute, and have the same gradients.

use std::sync::Arc;

use burn::module::{Module, ModuleVisitor, Param};
use burn::optim::GradientsParams;
use burn::tensor::{Device, Distribution, Tensor};
use espalier_models::Architecture;
use espalier_train::fused::{Span, Spans};
use espalier_train::net::{Net, Sight, ids};
use espalier_train::packing::composed;

use crate::small;

const WIDTH: usize = 9;

/// A plain sequence of five tokens and one of four, then three shared tokens with branches of two and
/// three tokens and a token of padding; and everyone's position.
fn spans() -> (Vec<Span>, Vec<u32>) {
    let span = |start, shared, own| Span { start, shared, own };
    let first = (0..9).map(|at| if at < 5 { span(0, 0, 0) } else { span(5, 0, 5) });
    let second = (0..9).map(|at| match at {
        0..=2 => span(0, 0, 0),
        3..=4 => span(0, 3, 3),
        5..=7 => span(0, 3, 5),
        _ => span(8, 0, 8),
    });
    let positions = [0, 1, 2, 3, 4, 0, 1, 2, 3, 0, 1, 2, 3, 4, 3, 4, 5, 0];
    (first.chain(second).collect(), positions.to_vec())
}

/// The logits, and the gradient of each parameter, by name of its id.
fn run(net: &Net, sight: &Sight, device: &Device) -> (Vec<f32>, Vec<Vec<f32>>) {
    struct All<'a>(&'a GradientsParams, Vec<Vec<f32>>);
    impl ModuleVisitor for All<'_> {
        fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
            let gradient = self.0.get::<D>(param.id).expect("every parameter has a gradient");
            self.1.push(gradient.into_data().try_into_vec().unwrap());
        }
    }
    let tokens = ids((0..18).map(|i| 20 + i * 5 % 17).collect(), device).reshape([2, WIDTH]);
    let places = ids((0..17).collect(), device);
    let logits = net.logits(tokens, sight, places);
    let weights: Vec<f32> =
        (0..logits.dims().iter().product()).map(|i: usize| (i as f32 * 0.37).sin()).collect();
    let weights = burn::tensor::TensorData::new(weights, logits.dims());
    let loss = (logits.clone() * Tensor::from_data(weights, device)).sum();
    let gradients = GradientsParams::from_grads(loss.backward(), net);
    let mut all = All(&gradients, Vec::new());
    net.visit(&mut all);
    (logits.into_data().try_into_vec().unwrap(), all.1)
}

fn assert_close(one: &[f32], other: &[f32], what: &str) {
    assert_eq!(one.len(), other.len());
    let largest = other.iter().fold(1e-3_f32, |largest, value| largest.max(value.abs()));
    for (index, (a, b)) in one.iter().zip(other).enumerate() {
        assert!((a - b).abs() < 2e-5 * largest, "{what} {index}: {a} {b} of {largest}");
    }
}

#[test]
fn fused_operations_have_the_values_and_gradients_of_composed_ones() {
    for architecture in [Architecture::Llama, Architecture::Qwen2] {
        let config = small::config(architecture);
        let device = Device::flex().autodiff();
        let net = small::net(&config, 5, &device);
        // Weights large enough that attention has preferences.
        let net = louder(net);
        let (spans, positions) = spans();
        let slow = composed(&config, WIDTH, &spans, &positions, &device);
        let fast = Sight::Fused(Arc::new(Spans::new(&config, WIDTH, spans, &positions)));
        let (expected, expected_gradients) = run(&net, &slow, &device);
        let (logits, gradients) = run(&net, &fast, &device);
        assert_close(&logits, &expected, "logit");
        for (index, (one, other)) in gradients.iter().zip(&expected_gradients).enumerate() {
            assert_close(one, other, &format!("gradient {index}"));
        }
        let quiet = net.valid();
        let inner = device.inner();
        let tokens = ids((0..18).map(|i| 20 + i * 5 % 17).collect(), &inner).reshape([2, WIDTH]);
        let same = quiet.logits(tokens, &fast, ids((0..17).collect(), &inner));
        assert_close(&same.into_data().try_into_vec::<f32>().unwrap(), &logits, "untracked logit");
    }
}

/// The same network with every parameter disturbed.
fn louder(net: Net) -> Net {
    struct Louder;
    impl burn::module::ModuleMapper for Louder {
        fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
            param.map(|tensor| {
                let noise = tensor.random_like(Distribution::Normal(0.0, 0.2));
                (tensor + noise).detach().require_grad()
            })
        }
    }
    net.map(&mut Louder)
}
