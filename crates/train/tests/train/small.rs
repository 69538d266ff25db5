//! A small network and small data, for all tests.

use burn::tensor::Device;
use espalier_models::{Architecture, ModelConfig, nn::RopeScaling};
use espalier_train::{Fresh, Net, Recipe, Sequence, house::vocabulary};

pub(crate) fn config(architecture: Architecture) -> ModelConfig {
    ModelConfig {
        architecture,
        hidden: 32,
        intermediate: 48,
        layers: 2,
        heads: 4,
        kv_heads: 2,
        head_dim: 8,
        vocab: vocabulary::tokens().len(),
        context: 64,
        norm_epsilon: 1e-5,
        rope_theta: 1e4,
        rope_scaling: RopeScaling::None,
        tied: architecture == Architecture::Llama,
    }
}

pub(crate) fn net(config: &ModelConfig, seed: u64, device: &Device) -> Net {
    Net::new(config, &mut Fresh::new(seed, device.clone())).expect("nothing can fail")
}

/// Counting upwards by one, from different starts: easy to learn.
pub(crate) fn counting(n: usize) -> Vec<Sequence> {
    let of = |start: usize| {
        let tokens: Vec<u32> = (0..12).map(|i| 20 + ((start + i) % 60) as u32).collect();
        Sequence::completion(&tokens[..2], &tokens[2..])
    };
    (0..n).map(|i| of(i * 7)).collect()
}

pub(crate) fn recipe() -> Recipe {
    Recipe {
        steps: 6,
        rows: 4,
        width: 32,
        accumulation: 2,
        warm_up: 2,
        checkpoint_every: 2,
        ..Recipe::small()
    }
}
