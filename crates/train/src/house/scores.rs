//! Scores: what trained house models solve, and how well the reward model judges.

use std::fs;
use std::num::{NonZeroU32, NonZeroUsize};
use std::ops::ControlFlow;
use std::path::Path;
use std::sync::Arc;

use espalier_core::{Aggregate, Budget, Forms, Policy, Prompt, Scorer, Stops};
use espalier_eval::countdown::test_puzzles;
use espalier_eval::{
    Chat, Dataset, Interval, NextName, Run, RunInfo, ScorerName, Selection, Stepwise, Store,
    StrategySpec, Summary, WallClock, generation, prompt, run, wilson,
};
use espalier_models::{DeviceChoice, EngineOptions, LocalReader, load, share};
use espalier_prm::StepMarks;
use serde::Serialize;
use serde_json::json;

use super::growth::Growth;
use super::judgement::{self, Judgement};
use super::{Pipeline, Size};
use crate::error::TrainError;
use crate::sequence::Marks;

/// Puzzles scored: the tree-of-thoughts paper's hundred come first in the test split.
const PUZZLES: usize = 100;

/// The seeds of the scores.
const SEEDS: [u64; 3] = [1, 2, 3];

/// What one way of searching solved.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Solved {
    /// The way.
    pub strategy: String,
    /// Share of puzzles solved, for each seed.
    pub accuracies: Vec<f64>,
    /// Their mean.
    pub mean: f64,
    /// The 95 % interval of the first seed's.
    pub interval: Option<Interval>,
    /// Tokens computed a puzzle, the mean of all seeds.
    pub computed: f64,
}

/// What one size scored.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Scores {
    /// The size's name.
    pub size: String,
    /// Its parameters.
    pub parameters: usize,
    /// Greedy decoding.
    pub greedy: Solved,
    /// Beam search, width 4, scored by the reward model.
    pub beam: Solved,
    /// The same, scored by the policy's own mean log-probability.
    pub confidence: Solved,
    /// The reward model on the steps this policy samples.
    pub judgement: Judgement,
}

impl Pipeline<'_> {
    /// Scores a trained policy with the trained reward model on the paper's hundred test puzzles.
    ///
    /// # Errors
    ///
    /// [`TrainError`] where a model cannot be loaded or a search fails.
    pub fn score(&self, size: Size, device: DeviceChoice) -> Result<Scores, TrainError> {
        let dir = self.dir.join("scores").join(size.name());
        // Scores of models that may have changed are made anew.
        drop(fs::remove_dir_all(&dir));
        let policy_dir = self.policy(size);
        let solved = |name: &str, spec: &dyn Fn(u64) -> StrategySpec, seeds: &[u64]| {
            let mut each = Vec::new();
            for seed in seeds {
                let out = dir.join(format!("{name}-{seed}"));
                each.push(search(&policy_dir, &self.prm(), device, &spec(*seed), &out)?);
            }
            Ok::<_, TrainError>(sum_up(spec(0).to_string(), &each))
        };
        Ok(Scores {
            size: size.name().to_owned(),
            parameters: size.parameters(),
            greedy: solved("greedy", &|_| StrategySpec::Greedy, &SEEDS[..1])?,
            beam: solved("beam", &|seed| beam(ScorerName::Prm, seed), &SEEDS)?,
            confidence: solved(
                "confidence",
                &|seed| beam(ScorerName::ChosenLogprob, seed),
                &SEEDS,
            )?,
            judgement: self.judge(&policy_dir, device)?,
        })
    }

    fn judge(&self, policy: &Path, device: DeviceChoice) -> Result<Judgement, TrainError> {
        let policy = load(policy, device, EngineOptions::default())?;
        let prm = load(&self.prm(), device, EngineOptions::default())?;
        let ((mut policy, _), (_, mut reader)) = (share(policy.engine), share(prm.engine));
        let solutions = const { NonZeroU32::new(16).expect("16 is not 0") };
        let how = Growth {
            temperature: 1.0,
            seed: SEEDS[0],
            in_flight: const { NonZeroUsize::new(8).expect("8 is not 0") },
        };
        let puzzles = test_puzzles();
        let clock = WallClock::start();
        let marks = super::pipeline::marks();
        let judged =
            judgement::judge(&mut policy, &mut reader, marks, &puzzles, solutions, how, &clock)?;
        Ok(Judgement::of(&judged))
    }
}

/// Beam search as `cargo xtask eval beam --width 4` does it.
fn beam(scorer: ScorerName, seed: u64) -> StrategySpec {
    let steps = Stepwise {
        depth: 40,
        max_step_tokens: 256,
        boundary: None,
        scorer,
        aggregate: Aggregate::Last,
        select: Selection::Best,
        temperature: 1.0,
        seed,
    };
    StrategySpec::Beam {
        width: 4,
        n: None,
        redraws: 3,
        next: NextName::Continue,
        code: None,
        steps,
    }
}

fn search(
    policy: &Path,
    prm: &Path,
    device: DeviceChoice,
    spec: &StrategySpec,
    out: &Path,
) -> Result<Summary, TrainError> {
    let failed = |reason: String| TrainError::Search { problem: spec.to_string(), reason };
    let dataset = Dataset::game24().select(None, Some(PUZZLES));
    let dataset = dataset.map_err(|error| failed(error.to_string()))?;
    let model = load(policy, device, EngineOptions::default())?;
    let (mut policy, _) = share(model.engine);
    let mut scorer = marked(prm, device)?;
    let max_tokens = const { NonZeroU32::new(256).expect("256 is not 0") };
    let stops = Stops {
        boundary: vec![prompt::step_boundary(dataset.kind).to_owned()],
        ..Stops::default()
    };
    let plan = Run {
        dataset: &dataset,
        strategy: spec.clone(),
        stops: Arc::new(stops),
        max_tokens,
        budget: Budget::default(),
        in_flight: const { NonZeroUsize::new(4).expect("4 is not 0") },
        forms: Forms::default(),
    };
    let name = json!({ "name": model.info.name });
    let budget = Budget::default();
    let generated = generation(spec, &dataset, &name, Chat::Template, max_tokens.get(), &budget);
    let mut store =
        Store::create(out, RunInfo::new(generated)).map_err(|error| failed(error.to_string()))?;
    let encoder = policy.clone();
    let mut put = |problem: &espalier_eval::Problem| -> Result<Arc<Prompt>, String> {
        let text = format!("{}\n", problem.question);
        let tokens = encoder.encode(&text).map_err(|error| error.to_string())?;
        Ok(Arc::new(Prompt { problem: problem.question.clone(), tokens }))
    };
    let clock = WallClock::start();
    let mut observe = |_: &espalier_eval::Progress| ControlFlow::Continue(());
    let prm: Option<&mut dyn Scorer> = Some(&mut scorer);
    let helpers = espalier_eval::Helpers { prm, tools: None };
    run(&plan, &mut put, &mut policy, helpers, &mut store, &clock, &mut observe)
        .map_err(|error| failed(error.to_string()))?;
    Ok(Summary::of(store.records(), store.info().generation.clone(), None))
}

/// The reward model as a scorer.
fn marked(dir: &Path, device: DeviceChoice) -> Result<StepMarks<LocalReader>, TrainError> {
    let model = load(dir, device, EngineOptions::default())?;
    let (_, reader) = share(model.engine);
    let Marks { good, bad } = super::pipeline::marks();
    StepMarks::new(reader, good, bad).map_err(|error| TrainError::Search {
        problem: "reward model".to_owned(),
        reason: error.to_string(),
    })
}

fn sum_up(strategy: String, each: &[Summary]) -> Solved {
    let accuracies: Vec<f64> = each.iter().map(|one| one.accuracy.unwrap_or(0.0)).collect();
    let n = each.len().max(1) as f64;
    Solved {
        strategy,
        mean: accuracies.iter().sum::<f64>() / n,
        interval: each.first().and_then(|one| wilson(one.correct, one.n)),
        computed: each.iter().filter_map(|one| one.computed_mean).sum::<f64>() / n,
        accuracies,
    }
}
