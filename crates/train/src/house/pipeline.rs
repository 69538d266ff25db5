//! The house model's pipeline: from nothing to the folders that are shipped.

use std::fs;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};

use burn::tensor::Device;
use espalier_core::Seed;
use espalier_eval::WallClock;
use espalier_eval::countdown::{GenerateError, Puzzle};
use espalier_models::{
    DeviceChoice, Engine, EngineOptions, HfWeights, ModelConfig, Tokenizer, load, share,
};
use serde_json::{Value, json};

use super::attempts::attempts;
use super::data::Source;
use super::growth::Growth;
use super::on_policy::on_policy;
use super::plan::{Revising, RewardStage, Stage};
use super::{Plan, Size, vocabulary};
use crate::error::TrainError;
use crate::examples::{self, Example, Labelled, Supervised};
use crate::export::{self, Storage};
use crate::initial::{Fresh, Loaded};
use crate::net::Net;
use crate::recipe::Recipe;
use crate::sequence::{Marks, Sequence};
use crate::training::Training;

/// Runs one training to its end or to Ctrl-C; returns the network and whether it got to the end.
pub type Runner<'a> = &'a mut dyn FnMut(
    &Training<'_>,
    &mut dyn FnMut(&Device) -> Result<Net, TrainError>,
) -> Result<(Net, bool), TrainError>;

/// Examples that are never learned have indices from here on.
const HELD_OUT: u64 = 1 << 40;

/// Puzzles that are searched at a time.
const IN_FLIGHT: NonZeroUsize = NonZeroUsize::new(16).expect("16 is not 0");

/// A run of a plan in a folder.
#[derive(Debug)]
pub struct Pipeline<'a> {
    /// What is done.
    pub plan: &'a Plan,
    /// The folder.
    pub dir: &'a Path,
    /// Where it is computed.
    pub device: Device,
}

impl Pipeline<'_> {
    /// Where a trained policy is.
    #[must_use]
    pub fn policy(&self, size: Size) -> PathBuf {
        self.dir.join(size.name()).join("model")
    }

    /// Where the trained reward model is.
    #[must_use]
    pub fn prm(&self) -> PathBuf {
        self.dir.join("prm").join("model")
    }

    /// Where the trained reviser is.
    #[must_use]
    pub fn reviser(&self) -> PathBuf {
        self.dir.join("reviser").join("model")
    }

    /// Writes the policy's training files that are not there yet.
    ///
    /// # Errors
    ///
    /// [`TrainError::Write`] where the disk refuses.
    pub fn data(&self) -> Result<(), TrainError> {
        let dir = self.dir.join("data");
        fs::create_dir_all(&dir).map_err(|error| TrainError::write(&dir, error))?;
        let mut source = Source::new().map_err(|error| unmade(&error))?;
        let Plan { solved, held_out, seed, .. } = *self.plan;
        for (which, first, count) in [("", 0, solved), ("-held-out", HELD_OUT, held_out)] {
            for (stage, Stage { mixture, .. }) in self.stages().iter().enumerate() {
                let seed = Seed::run(seed).problem(1 + stage as u64);
                let path = dir.join(format!("policy-{}{which}.jsonl", stage + 1));
                write_missing(&path, &mut || {
                    let indices = first..first + count;
                    let examples = indices.map(|index| source.solved(*mixture, seed, index));
                    examples.collect::<Result<Vec<_>, _>>().map_err(|error| unmade(&error))
                })?;
            }
        }
        Ok(())
    }

    /// Writes the reward model's training files that are not there yet; the shipped policy must be.
    ///
    /// # Errors
    ///
    /// [`TrainError::Write`] where the disk refuses, and those of [`on_policy`].
    fn reward_data(&self, device: DeviceChoice) -> Result<(), TrainError> {
        let dir = self.dir.join("data");
        let mut source = Source::new().map_err(|error| unmade(&error))?;
        let Plan { held_out, seed, .. } = *self.plan;
        for (index, stage) in self.plan.prm.iter().enumerate() {
            let RewardStage { walks, judged, posed, recipe } = *stage;
            let seed = Seed::run(seed).problem(100 + index as u64);
            let sets = [("", 0, judged, posed), ("-held-out", HELD_OUT, held_out, posed / 50)];
            for (which, first, judged, posed) in sets {
                let path = dir.join(format!("prm-{}{which}.jsonl", index + 1));
                write_missing(&path, &mut || {
                    let walks = (first..first + judged).map(|at| source.judged(walks, seed, at));
                    let mut all: Vec<Labelled> =
                        walks.collect::<Result<_, _>>().map_err(|error| unmade(&error))?;
                    let puzzles = (first..first + posed).map(|at| source.posed(seed, at));
                    let puzzles: Vec<Puzzle> =
                        puzzles.collect::<Result<_, _>>().map_err(|error| unmade(&error))?;
                    if !puzzles.is_empty() {
                        let (mut policy, _) = share(self.shipped(device)?);
                        let how = Growth { temperature: 1.6, seed: first, in_flight: IN_FLIGHT };
                        let clock = WallClock::start();
                        let width = recipe.width;
                        all.extend(on_policy(&mut policy, &puzzles, how, width, &clock)?);
                    }
                    Ok(all)
                })?;
            }
        }
        Ok(())
    }

    /// Writes the reviser's training files that are not there yet; the shipped policy must be.
    fn attempts(&self, device: DeviceChoice) -> Result<(), TrainError> {
        let mut source = Source::new().map_err(|error| unmade(&error))?;
        let Revising { posed, recipe } = self.plan.reviser;
        let seed = Seed::run(self.plan.seed).problem(200);
        for (which, first, count) in [("", 0, posed), ("-held-out", HELD_OUT, posed / 50)] {
            let path = self.dir.join("data").join(format!("reviser{which}.jsonl"));
            write_missing(&path, &mut || {
                let puzzles = (first..first + count).map(|at| source.posed(seed, at));
                let puzzles: Vec<Puzzle> =
                    puzzles.collect::<Result<_, _>>().map_err(|error| unmade(&error))?;
                let (mut policy, _) = share(self.shipped(device)?);
                let how = Growth { temperature: 1.0, seed: first, in_flight: IN_FLIGHT };
                let clock = WallClock::start();
                attempts(&mut policy, &puzzles, how, recipe.width, &mut source, &clock)
            })?;
        }
        Ok(())
    }

    /// The shipped policy, loaded.
    fn shipped(&self, device: DeviceChoice) -> Result<Engine, TrainError> {
        let model = self.policy(self.plan.shipped);
        Ok(load(&model, device, EngineOptions::default())?.engine)
    }

    /// The stages, which are the same for all sizes.
    fn stages(&self) -> &[Stage] {
        self.plan.policies.first().map_or(&[], |(_, stages)| stages)
    }

    /// Trains the policy of a size, stage by stage. Returns whether it got to the end.
    ///
    /// # Errors
    ///
    /// Those of [`Training::run`].
    pub fn train_policy(&self, size: Size, runner: Runner<'_>) -> Result<bool, TrainError> {
        let found = self.plan.policies.iter().find(|(other, _)| *other == size);
        let stages = found.map_or(&[][..], |(_, stages)| stages);
        let mut before = None;
        for (index, stage) in stages.iter().enumerate() {
            let dir = self.dir.join(size.name()).join(format!("stage-{}", index + 1));
            let data = format!("policy-{}", index + 1);
            let (config, kind) = (size.config(), Kind::Policy);
            let lesson = Lesson { data, config, recipe: stage.recipe, kind, before };
            if !self.train::<Supervised>(&lesson, &dir, runner)? {
                return Ok(false);
            }
            before = Some(dir.join("model"));
        }
        before.map_or(Ok(true), |model| {
            ship(&model, &self.policy(size), &size.config(), Kind::Policy)
        })
    }

    /// Trains the reward model, from the first stage of the shipped policy, which must be there. Returns
    /// whether it got to the end.
    ///
    /// # Errors
    ///
    /// Those of [`Training::run`].
    pub fn train_prm(&self, device: DeviceChoice, runner: Runner<'_>) -> Result<bool, TrainError> {
        self.reward_data(device)?;
        let size = self.plan.shipped;
        let mut before = self.dir.join(size.name()).join("stage-1").join("model");
        for (index, RewardStage { recipe, .. }) in self.plan.prm.iter().enumerate() {
            let dir = self.dir.join("prm").join(format!("stage-{}", index + 1));
            let (data, config, kind) = (format!("prm-{}", index + 1), size.config(), Kind::Prm);
            let lesson = Lesson { data, config, recipe: *recipe, kind, before: Some(before) };
            if !self.train::<Labelled>(&lesson, &dir, runner)? {
                return Ok(false);
            }
            before = dir.join("model");
        }
        ship(&before, &self.prm(), &size.config(), Kind::Prm)
    }

    /// Trains the reviser, from the shipped policy, which must be there. Returns whether it got to the end.
    ///
    /// # Errors
    ///
    /// Those of [`Training::run`].
    pub fn train_reviser(
        &self,
        device: DeviceChoice,
        runner: Runner<'_>,
    ) -> Result<bool, TrainError> {
        self.attempts(device)?;
        let (Plan { shipped, reviser, .. }, kind) = (self.plan, Kind::Reviser);
        let recipe = reviser.recipe;
        let config = ModelConfig { context: recipe.width, ..shipped.config() };
        let dir = self.dir.join("reviser").join("stage-1");
        let (data, before) = ("reviser".to_owned(), Some(self.policy(*shipped)));
        let lesson = Lesson { data, config: config.clone(), recipe, kind, before };
        Ok(self.train::<Supervised>(&lesson, &dir, runner)?
            && ship(&dir.join("model"), &self.reviser(), &config, kind)?)
    }

    /// Trains one stage into its folder, unless its model is there.
    fn train<E: Example>(
        &self,
        lesson: &Lesson,
        dir: &Path,
        runner: Runner<'_>,
    ) -> Result<bool, TrainError> {
        let Lesson { data, config, recipe, kind, before } = lesson;
        let model = dir.join("model");
        if model.join("model.safetensors").exists() {
            return Ok(true);
        }
        let marks = (*kind == Kind::Prm).then(marks);
        fs::create_dir_all(&model).map_err(|error| TrainError::write(&model, error))?;
        let files = files(*kind);
        for (name, value) in &files {
            export::write_json(&model.join(name), value)?;
        }
        let tokenizer = Tokenizer::from_file(model.join("tokenizer.json"))?;
        let read = |name: String| -> Result<Vec<Sequence>, TrainError> {
            let path = self.dir.join("data").join(name);
            examples::read::<E>(&path, &tokenizer, marks, recipe.width)
        };
        let sequences = read(format!("{data}.jsonl"))?;
        let held_out = read(format!("{data}-held-out.jsonl"))?;
        let training = Training {
            config,
            recipe: *recipe,
            sequences: &sequences,
            held_out: &held_out,
            dir,
            device: self.device.clone(),
        };
        let mut begin = |device: &Device| {
            if let Some(model) = before {
                let weights = HfWeights::open(model)?;
                return Ok(Net::new(config, &mut Loaded::new(&weights, device.clone()))?);
            }
            let Ok(net) = Net::new(config, &mut Fresh::new(recipe.seed, device.clone()));
            Ok(net)
        };
        let (net, done) = runner(&training, &mut begin)?;
        if done {
            export::write(&model, &net, config, Storage::F32, &files)?;
        }
        Ok(done)
    }
}

/// What a network is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// It solves puzzles.
    Policy,
    /// It marks steps.
    Prm,
    /// It solves them after attempts.
    Reviser,
}

/// One stage of one network.
struct Lesson {
    /// Its training file's name.
    data: String,
    config: ModelConfig,
    recipe: Recipe,
    kind: Kind,
    /// The model it goes on from.
    before: Option<PathBuf>,
}

/// Copies a trained model, its weights rounded to half precision.
fn ship(trained: &Path, to: &Path, config: &ModelConfig, kind: Kind) -> Result<bool, TrainError> {
    let weights = HfWeights::open(trained)?;
    let net = Net::new(config, &mut Loaded::new(&weights, Device::flex()))?;
    export::write(to, &net, config, Storage::F16, &files(kind))?;
    Ok(true)
}

/// The reward model's marks.
pub(super) fn marks() -> Marks {
    let id = |token| vocabulary::id(token).expect("marks are in the vocabulary");
    Marks { good: id(vocabulary::GOOD), bad: id(vocabulary::BAD) }
}

/// The files beside the weights.
fn files(kind: Kind) -> Vec<(&'static str, Value)> {
    let template = match kind {
        Kind::Policy | Kind::Prm => vocabulary::QUESTION,
        Kind::Reviser => vocabulary::ATTEMPTS,
    };
    let mut files = vec![
        ("tokenizer.json", vocabulary::tokenizer()),
        ("tokenizer_config.json", vocabulary::tokenizer_config(template)),
        ("generation_config.json", json!({ "eos_token_id": vocabulary::id(vocabulary::END) })),
    ];
    if kind == Kind::Prm {
        files.push((export::PRM, export::prm_json(vocabulary::GOOD, vocabulary::BAD)));
    }
    files
}

fn write_missing<E: serde::Serialize>(
    path: &Path,
    make: &mut dyn FnMut() -> Result<Vec<E>, TrainError>,
) -> Result<(), TrainError> {
    if path.exists() { Ok(()) } else { examples::write(path, &make()?) }
}

fn unmade(error: &GenerateError) -> TrainError {
    TrainError::Recipe { field: "house data", reason: error.to_string() }
}
