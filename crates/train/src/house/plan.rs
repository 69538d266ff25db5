//! The house model's plan: how much of what is trained, and how.

use super::Size;
use super::data::Mixture;
use super::walks::Walks;
use crate::recipe::Recipe;

/// Tokens of a question, four attempts and an answer, with room for long ones.
const REVISED: usize = 256;

/// One stage of a policy's training; each goes on from the weights of the one before.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Stage {
    /// What it learns from.
    pub mixture: Mixture,
    /// How.
    pub recipe: Recipe,
}

/// One stage of the reward model's training.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct RewardStage {
    /// What walks drawn by rule are.
    pub walks: Walks,
    /// How many there are.
    pub judged: u64,
    /// Puzzles on which the shipped policy shows what it writes itself.
    pub posed: u64,
    /// How it learns.
    pub recipe: Recipe,
}

/// The training of the reviser, which goes on from the shipped policy.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Revising {
    /// Puzzles that the shipped policy answers.
    pub posed: u64,
    /// How it learns; its rows are as wide as its context.
    pub recipe: Recipe,
}

/// What `house-model` does.
#[derive(Debug, Clone, PartialEq)]
pub struct Plan {
    /// Examples for each stage of the policies.
    pub solved: u64,
    /// Examples of each kind on which the loss is measured and which are never learned.
    pub held_out: u64,
    /// The policies, each with its stages.
    pub policies: Vec<(Size, Vec<Stage>)>,
    /// The policy that is shipped.
    pub shipped: Size,
    /// The reward model's stages. It goes on from the shipped policy's first stage, which can do sums:
    /// marks alone are too few to learn them from.
    pub prm: Vec<RewardStage>,
    /// The reviser's training.
    pub reviser: Revising,
    /// Where all data comes from.
    pub seed: u64,
}

impl Plan {
    /// The plan of the models in `assets/`.
    #[must_use]
    pub fn full() -> Self {
        let recipe = |steps, peak_rate| Recipe {
            steps,
            rows: 56,
            width: 112,
            peak_rate,
            final_rate: peak_rate / 50.0,
            warm_up: 100,
            accumulation: 16,
            checkpoint_every: 250,
            ..Recipe::small()
        };
        // Wide enough for whole solutions; first steps side by side take 112.
        let policy = Recipe { rows: 48, width: 96, ..recipe(3_000, 3e-3) };
        let then = Recipe { rows: 48, width: 96, ..recipe(1_500, 1.5e-3) };
        let stages = [
            Stage { mixture: Mixture::FIRST_STEPS, recipe: policy },
            Stage { mixture: Mixture::BOTH_STEPS, recipe: then },
        ];
        Self {
            solved: 400_000,
            held_out: 2_000,
            policies: Size::ALL.map(|size| (size, stages.to_vec())).to_vec(),
            prm: vec![
                RewardStage {
                    walks: Walks::FIRST_STEPS,
                    judged: 300_000,
                    posed: 0,
                    recipe: Recipe { rows: 32, accumulation: 8, ..recipe(5_000, 1.2e-3) },
                },
                RewardStage {
                    walks: Walks::TO_THE_END,
                    judged: 80_000,
                    posed: 6_000,
                    recipe: Recipe { rows: 32, accumulation: 8, ..recipe(2_500, 8e-4) },
                },
                RewardStage {
                    walks: Walks::ENDS,
                    judged: 160_000,
                    posed: 3_000,
                    recipe: Recipe { rows: 32, accumulation: 8, ..recipe(3_000, 8e-4) },
                },
                RewardStage {
                    walks: Walks::ENDS,
                    judged: 160_000,
                    posed: 3_000,
                    recipe: Recipe { rows: 32, accumulation: 8, ..recipe(3_000, 6e-4) },
                },
            ],
            reviser: Revising {
                posed: 12_000,
                recipe: Recipe { rows: 24, width: REVISED, accumulation: 12, ..recipe(800, 1e-3) },
            },
            shipped: Size::Medium,
            seed: 24,
        }
    }

    /// The same, small: minutes, and far from the full plan's scores, but learning.
    #[must_use]
    pub fn smoke() -> Self {
        let recipe = Recipe {
            steps: 150,
            rows: 16,
            width: 112,
            warm_up: 20,
            peak_rate: 5e-3,
            final_rate: 5e-4,
            accumulation: 4,
            checkpoint_every: 50,
            ..Recipe::small()
        };
        Self {
            solved: 4_000,
            held_out: 200,
            policies: vec![(
                Size::Smoke,
                [Mixture::WHOLE, Mixture::FIRST_STEPS]
                    .map(|mixture| Stage { mixture, recipe })
                    .to_vec(),
            )],
            prm: vec![RewardStage {
                walks: Walks { side_by_side: 3, answers: 1, ..Walks::TO_THE_END },
                judged: 4_000,
                posed: 40,
                recipe: Recipe { steps: 300, ..recipe },
            }],
            reviser: Revising { posed: 200, recipe: Recipe { width: REVISED, ..recipe } },
            shipped: Size::Smoke,
            seed: 24,
        }
    }
}
