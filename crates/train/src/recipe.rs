//! Recipes: what decides a training run beside its data and its network.

use serde::{Deserialize, Serialize};

/// The numbers of a training run.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Recipe {
    /// Optimizer steps.
    pub steps: u64,
    /// Rows of a step.
    pub rows: usize,
    /// Tokens of a row.
    pub width: usize,
    /// Parts into which a step's rows are cut; their gradients are added. Parts are computed at the same
    /// time where there are cores for it, and the result does not depend on how many there are.
    pub accumulation: usize,
    /// Learning rate at the end of the warm-up.
    pub peak_rate: f64,
    /// Learning rate at the end.
    pub final_rate: f64,
    /// Steps of the warm-up.
    pub warm_up: u64,
    /// `AdamW`'s β₁ and β₂.
    pub betas: (f32, f32),
    /// `AdamW`'s ε, added to the root of the second moment.
    pub epsilon: f32,
    /// `AdamW`'s weight decay; norms do not decay.
    pub weight_decay: f32,
    /// Gradients whose norm over all parameters is larger are scaled down to it.
    pub clip: f32,
    /// The seed of the order of the data and of fresh weights.
    pub seed: u64,
    /// Steps between checkpoints.
    pub checkpoint_every: u64,
}

impl Recipe {
    /// The learning rate of a step, counted from 0: linear warm-up, then a half cosine.
    ///
    /// Source: Loshchilov and Hutter 2017, <https://arxiv.org/abs/1608.03983>, equation 5, without
    /// restarts.
    ///
    /// ```
    /// use espalier_train::Recipe;
    /// let recipe = Recipe { steps: 110, warm_up: 10, peak_rate: 1.0, final_rate: 0.1, ..Recipe::small() };
    /// assert_eq!(recipe.rate(0), 0.1);
    /// assert_eq!(recipe.rate(9), 1.0);
    /// assert!((recipe.rate(60) - 0.55).abs() < 1e-9);
    /// assert!((recipe.rate(110) - 0.1).abs() < 1e-9);
    /// ```
    #[must_use]
    pub fn rate(&self, step: u64) -> f64 {
        if step < self.warm_up {
            return self.peak_rate * (step + 1) as f64 / self.warm_up as f64;
        }
        let after = (self.steps - self.warm_up.min(self.steps)).max(1) as f64;
        let part = ((step - self.warm_up) as f64 / after).min(1.0);
        let cosine = f64::midpoint(1.0, (std::f64::consts::PI * part).cos());
        self.final_rate + (self.peak_rate - self.final_rate) * cosine
    }

    /// A recipe for networks of a few million parameters, which the house model starts from.
    ///
    /// `AdamW`'s β₂ and the clipping are those of Touvron et al. 2023,
    /// <https://arxiv.org/abs/2302.13971>, section 2.3; ε is Loshchilov and Hutter's.
    #[must_use]
    pub fn small() -> Self {
        Self {
            steps: 1000,
            rows: 64,
            width: 96,
            accumulation: 2,
            peak_rate: 3e-3,
            final_rate: 1e-4,
            warm_up: 100,
            betas: (0.9, 0.95),
            epsilon: 1e-8,
            weight_decay: 0.05,
            clip: 1.0,
            seed: 1,
            checkpoint_every: 250,
        }
    }
}
