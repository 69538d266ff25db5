//! Checkpoints: everything a run needs to go on as if it had never stopped.

use std::fs;
use std::path::{Path, PathBuf};

use burn::tensor::{Bytes, Device};
use espalier_models::{HfWeights, ModelConfig};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::error::TrainError;
use crate::export::{self, Storage};
use crate::initial::Loaded;
use crate::learner::Learner;
use crate::net::Net;
use crate::recipe::Recipe;

const WEIGHTS: &str = "weights.safetensors";
const OPTIMIZER: &str = "optimizer.bpk";
const STATE: &str = "state.json";

/// What a checkpoint says about its run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct State {
    /// Steps done.
    pub step: u64,
    /// Tokens seen, padding left out.
    pub tokens: u64,
    /// Seconds trained.
    pub seconds: f64,
    /// The recipe.
    pub recipe: Recipe,
    /// The network's shape.
    pub config: Value,
    /// The hash of the training data.
    pub data: String,
}

/// Writes a checkpoint into `dir` and removes the older ones. It takes its name when it is complete, so
/// that a full disk or a kill leaves the last good one.
///
/// # Errors
///
/// [`TrainError::Write`]; older checkpoints are then as they were.
pub fn save(dir: &Path, learner: &Learner, state: &State) -> Result<PathBuf, TrainError> {
    let name = format!("step-{:08}", state.step);
    let (path, beside) = (dir.join(&name), dir.join(format!(".{name}")));
    let written = write(&beside, learner, state).and_then(|()| {
        // A run that was stopped between the two lines before a resume wrote the same step.
        drop(fs::remove_dir_all(&path));
        fs::rename(&beside, &path).map_err(|error| TrainError::write(&path, error))
    });
    if let Err(error) = written {
        drop(fs::remove_dir_all(&beside));
        return Err(error);
    }
    for older in all(dir).into_iter().filter(|other| *other != path) {
        drop(fs::remove_dir_all(older));
    }
    Ok(path)
}

fn write(dir: &Path, learner: &Learner, state: &State) -> Result<(), TrainError> {
    drop(fs::remove_dir_all(dir));
    fs::create_dir_all(dir).map_err(|error| TrainError::write(dir, error))?;
    let named = export::tensors(&learner.net, learner.config());
    export::write_tensors(&dir.join(WEIGHTS), &named, Storage::F32)?;
    let path = dir.join(OPTIMIZER);
    let moments = learner.optimizer.into_bytes();
    let moments = moments
        .map_err(|error| TrainError::write(&path, std::io::Error::other(error.to_string())))?;
    export::write_whole(&path, &moments)?;
    let state =
        serde_json::to_value(state).map_err(|error| TrainError::write(dir, error.into()))?;
    export::write_json(&dir.join(STATE), &state)
}

/// The newest checkpoint in `dir`, if there is one.
#[must_use]
pub fn newest(dir: &Path) -> Option<PathBuf> {
    all(dir).pop()
}

/// The checkpoints in `dir`, oldest first.
fn all(dir: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(dir).into_iter().flatten().flatten();
    let named = entries.filter(|entry| entry.file_name().to_string_lossy().starts_with("step-"));
    let mut paths: Vec<PathBuf> = named.map(|entry| entry.path()).collect();
    paths.sort();
    paths
}

/// Reads a checkpoint back.
///
/// # Errors
///
/// [`TrainError::Checkpoint`] where it is of another shape, recipe or data, naming which;
/// [`TrainError::Load`] and [`TrainError::Read`] where a file is broken.
pub fn load(
    path: &Path,
    expected: &State,
    config: &ModelConfig,
    device: &Device,
) -> Result<(Learner, State), TrainError> {
    let state = path.join(STATE);
    let text = fs::read(&state).map_err(|error| TrainError::read(&state, error))?;
    let state: State = serde_json::from_slice(&text)
        .map_err(|error| TrainError::checkpoint(path, format!("its state is broken: {error}")))?;
    let differs = |what: &str, theirs: &dyn std::fmt::Debug, ours: &dyn std::fmt::Debug| {
        let advice = "start afresh in another folder, or give what it was made with";
        TrainError::checkpoint(path, format!("its {what} is {theirs:?}, not {ours:?}; {advice}"))
    };
    if state.config != expected.config {
        return Err(differs("shape", &state.config, &expected.config));
    }
    if state.recipe != expected.recipe {
        return Err(differs("recipe", &state.recipe, &expected.recipe));
    }
    if state.data != expected.data {
        return Err(differs("data", &state.data, &expected.data));
    }
    let weights = HfWeights::open(path.join(WEIGHTS))?;
    let net = Net::new(config, &mut Loaded::new(&weights, device.clone()))?;
    let mut learner = Learner::new(net, config.clone(), &state.recipe, device.clone());
    let moments = path.join(OPTIMIZER);
    let bytes = fs::read(&moments).map_err(|error| TrainError::read(&moments, error))?;
    learner.optimizer = learner
        .optimizer
        .from_bytes(Bytes::from_bytes_vec(bytes))
        .map_err(|error| TrainError::checkpoint(path, format!("its optimizer: {error}")))?;
    Ok((learner, state))
}
