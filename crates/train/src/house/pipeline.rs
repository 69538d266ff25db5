//! The house model's pipeline: from nothing to the folders that are shipped.

use std::fs;
use std::path::{Path, PathBuf};

use burn::tensor::Device;
use espalier_core::Seed;
use espalier_models::Tokenizer;
use serde_json::{Value, json};

use super::data::Source;
use super::{Plan, Size, vocabulary};
use crate::error::TrainError;
use crate::examples::{self, Example, Labelled, Supervised};
use crate::export::{self, Storage};
use crate::initial::Fresh;
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

    /// Writes the training files that are not there yet.
    ///
    /// # Errors
    ///
    /// [`TrainError::Write`] where the disk refuses.
    pub fn data(&self) -> Result<(), TrainError> {
        let dir = self.dir.join("data");
        fs::create_dir_all(&dir).map_err(|error| TrainError::write(&dir, error))?;
        let mut source = Source::new().map_err(|error| TrainError::Recipe {
            field: "house data",
            reason: error.to_string(),
        })?;
        let Plan { solved, judged, held_out, seed, .. } = *self.plan;
        let (solve, judge) = (Seed::run(seed).problem(1), Seed::run(seed).problem(2));
        let mut solved_of = |first, count| -> Result<Vec<Supervised>, _> {
            (first..first + count).map(|index| source.solved(solve, index)).collect()
        };
        write_missing(&dir.join("policy.jsonl"), &mut || solved_of(0, solved))?;
        write_missing(&dir.join("policy-held-out.jsonl"), &mut || solved_of(HELD_OUT, held_out))?;
        let mut judged_of = |first, count| -> Result<Vec<Labelled>, _> {
            (first..first + count).map(|index| source.judged(judge, index)).collect()
        };
        write_missing(&dir.join("prm.jsonl"), &mut || judged_of(0, judged))?;
        write_missing(&dir.join("prm-held-out.jsonl"), &mut || judged_of(HELD_OUT, held_out))
    }

    /// Trains the policy of a size. Returns whether it got to the end.
    ///
    /// # Errors
    ///
    /// Those of [`Training::run`].
    pub fn train_policy(&self, size: Size, runner: Runner<'_>) -> Result<bool, TrainError> {
        let found = self.plan.policies.iter().find(|(other, _)| *other == size);
        let Some((_, recipe)) = found else { return Ok(true) };
        let dir = self.dir.join(size.name());
        self.train::<Supervised>("policy", size, *recipe, &dir, None, runner)
    }

    /// Trains the reward model. Returns whether it got to the end.
    ///
    /// # Errors
    ///
    /// Those of [`Training::run`].
    pub fn train_prm(&self, runner: Runner<'_>) -> Result<bool, TrainError> {
        let (size, recipe) = self.plan.prm;
        let dir = self.dir.join("prm");
        self.train::<Labelled>("prm", size, recipe, &dir, Some(marks()), runner)
    }

    fn train<E: Example>(
        &self,
        data: &str,
        size: Size,
        recipe: Recipe,
        dir: &Path,
        marks: Option<Marks>,
        runner: Runner<'_>,
    ) -> Result<bool, TrainError> {
        let model = dir.join("model");
        if model.join("model.safetensors").exists() {
            return Ok(true);
        }
        let config = size.config();
        fs::create_dir_all(&model).map_err(|error| TrainError::write(&model, error))?;
        let files = files(marks.is_some());
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
            config: &config,
            recipe,
            sequences: &sequences,
            held_out: &held_out,
            dir,
            device: self.device.clone(),
        };
        let mut begin = |device: &Device| {
            let Ok(net) = Net::new(&config, &mut Fresh::new(recipe.seed, device.clone()));
            Ok(net)
        };
        let (net, done) = runner(&training, &mut begin)?;
        if done {
            export::write(&model, &net, &config, Storage::F16, &files)?;
        }
        Ok(done)
    }
}

/// The reward model's marks.
fn marks() -> Marks {
    let id = |token| vocabulary::id(token).expect("marks are in the vocabulary");
    Marks { good: id(vocabulary::GOOD), bad: id(vocabulary::BAD) }
}

/// The files beside the weights.
fn files(is_prm: bool) -> Vec<(&'static str, Value)> {
    let mut files = vec![
        ("tokenizer.json", vocabulary::tokenizer()),
        ("tokenizer_config.json", vocabulary::tokenizer_config()),
        ("generation_config.json", json!({ "eos_token_id": vocabulary::id(vocabulary::END) })),
    ];
    if is_prm {
        files.push((export::PRM, export::prm_json(vocabulary::GOOD, vocabulary::BAD)));
    }
    files
}

fn write_missing<E: serde::Serialize, W: std::fmt::Display>(
    path: &Path,
    make: &mut dyn FnMut() -> Result<Vec<E>, W>,
) -> Result<(), TrainError> {
    if path.exists() {
        return Ok(());
    }
    let made = make().map_err(|error| TrainError::Recipe {
        field: "house data",
        reason: error.to_string(),
    })?;
    examples::write(path, &made)
}
