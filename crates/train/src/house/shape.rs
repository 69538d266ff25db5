//! The house model's sizes.

use espalier_models::{Architecture, ModelConfig, nn::RopeScaling};

use super::vocabulary;

/// Tokens a sequence can hold: a question, four steps and an answer take about seventy.
const CONTEXT: usize = 192;

/// A size of the house model.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Size {
    /// 40 thousand parameters: for tests of the pipeline, which must learn in minutes.
    Smoke,
    /// 1.3 million parameters.
    Small,
    /// 2.3 million parameters.
    Medium,
    /// 3.3 million parameters.
    Large,
}

impl Size {
    /// The sizes that are trained and compared.
    pub const ALL: [Self; 3] = [Self::Small, Self::Medium, Self::Large];

    /// Its name on the command line and in folders.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Smoke => "smoke",
            Self::Small => "small",
            Self::Medium => "medium",
            Self::Large => "large",
        }
    }

    /// The network's shape: wide and shallow, because steps need recall more than composition, and
    /// because wide products are what a CPU is good at.
    #[must_use]
    pub fn config(self) -> ModelConfig {
        let (hidden, layers, intermediate) = match self {
            Self::Smoke => (32, 1, 64),
            Self::Small => (160, 4, 432),
            Self::Medium => (192, 5, 512),
            Self::Large => (256, 4, 688),
        };
        ModelConfig {
            architecture: Architecture::Llama,
            hidden,
            intermediate,
            layers,
            heads: hidden / 32,
            kv_heads: hidden / 32,
            head_dim: 32,
            vocab: vocabulary::tokens().len(),
            context: CONTEXT,
            norm_epsilon: 1e-5,
            rope_theta: 1e4,
            rope_scaling: RopeScaling::None,
            tied: true,
        }
    }

    /// Parameters, each counted once.
    #[must_use]
    pub fn parameters(self) -> usize {
        let ModelConfig { hidden, intermediate, layers, vocab, .. } = self.config();
        let layer = 4 * hidden * hidden + 3 * hidden * intermediate + 2 * hidden;
        vocab * hidden + layers * layer + hidden
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_what_they_say() {
        let of = |size: Size| (size.parameters() as f64 / 1e5).round() / 10.0;
        assert_eq!(Size::ALL.map(of).map(|n| n.to_string()), ["1.3", "2.3", "3.3"]);
        assert!(Size::ALL.iter().all(|size| (1_000_000..10_000_000).contains(&size.parameters())));
        assert!(Size::Smoke.parameters() < 60_000);
    }
}
