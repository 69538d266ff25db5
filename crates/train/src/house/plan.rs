//! The house model's plan: how much of what is trained, and how.

use super::Size;
use crate::recipe::Recipe;

/// What `house-model` does.
#[derive(Debug, Clone, PartialEq)]
pub struct Plan {
    /// Examples for the policies.
    pub solved: u64,
    /// Examples for the reward model.
    pub judged: u64,
    /// Examples of each kind on which the loss is measured and which are never learned.
    pub held_out: u64,
    /// The policies, each with its recipe.
    pub policies: Vec<(Size, Recipe)>,
    /// The reward model.
    pub prm: (Size, Recipe),
    /// The policy that is shipped.
    pub shipped: Size,
    /// Where all data comes from.
    pub seed: u64,
}

impl Plan {
    /// The plan of the models in `assets/`.
    #[must_use]
    pub fn full() -> Self {
        let recipe = |steps, peak_rate| Recipe {
            steps,
            peak_rate,
            final_rate: peak_rate / 50.0,
            warm_up: 100,
            accumulation: 16,
            checkpoint_every: 250,
            ..Recipe::small()
        };
        Self {
            solved: 250_000,
            judged: 500_000,
            held_out: 2_000,
            policies: vec![
                (Size::Small, recipe(2_000, 3e-3)),
                (Size::Medium, recipe(2_000, 3e-3)),
                (Size::Large, recipe(2_000, 2e-3)),
            ],
            prm: (Size::Small, recipe(2_500, 3e-3)),
            shipped: Size::Medium,
            seed: 24,
        }
    }

    /// The same, small: minutes, and far from the full plan's scores, but learning.
    #[must_use]
    pub fn smoke() -> Self {
        let recipe = Recipe {
            steps: 200,
            rows: 16,
            warm_up: 20,
            peak_rate: 5e-3,
            final_rate: 5e-4,
            accumulation: 4,
            checkpoint_every: 100,
            ..Recipe::small()
        };
        Self {
            solved: 4_000,
            judged: 4_000,
            held_out: 200,
            policies: vec![(Size::Smoke, recipe)],
            prm: (Size::Smoke, recipe),
            shipped: Size::Smoke,
            seed: 24,
        }
    }
}
