//! Process reward models: a trained directory becomes a scorer.

use std::path::Path;

use anyhow::anyhow;
use espalier_models::{DeviceChoice, EngineOptions, LocalReader, load, share};
use espalier_prm::StepMarks;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{failure::Failure, loaded::Loaded, weights_hash::weights_hash};

/// The file that says how a model marks steps; `cargo xtask train` writes it.
const FILE: &str = "prm.json";

/// The contents of [`FILE`].
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Marks {
    /// How scores are read.
    family: Family,
    /// The token that marks a good step.
    good: String,
    /// The token that marks a bad one.
    bad: String,
}

/// How scores are read.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Family {
    /// A mark is predicted after the last token of each step.
    StepMarks,
}

/// A process reward model that is ready to score.
#[derive(Debug)]
pub(super) struct Prm {
    /// The scorer.
    pub(super) scorer: StepMarks<LocalReader>,
    /// Its name and its weights' hash.
    pub(super) identity: Value,
}

impl Prm {
    /// Loads a process reward model for a policy.
    ///
    /// # Errors
    ///
    /// Bad input where the directory is no such model, or has another vocabulary than the policy.
    pub(super) fn open(
        path: &Path,
        device: DeviceChoice,
        policy: &Loaded,
    ) -> Result<Self, Failure> {
        let shown = path.display();
        let text = std::fs::read(path.join(FILE)).map_err(|error| {
            Failure::BadInput(anyhow!(
                "`{shown}` is not a process reward model, `{FILE}` cannot be read: {error}; give a \
                 directory that `cargo xtask train reward` made"
            ))
        })?;
        let Marks { family: Family::StepMarks, good, bad } = serde_json::from_slice(&text)
            .map_err(|error| {
                Failure::BadInput(anyhow!(
                    "`{shown}/{FILE}` does not say how to read scores: {error}; it must have \
                     `family`: `step-marks`, `good` and `bad`"
                ))
            })?;
        let model = load(path, device, EngineOptions::default()).map_err(Failure::bad)?;
        let name = model.info.name;
        let (_, reader) = share(model.engine);
        if !reader.has_vocabulary_of(&policy.policy) {
            return Err(Failure::BadInput(anyhow!(
                "the process reward model `{shown}` has another vocabulary than the policy: it reads \
                 the policy's tokens as they stand; give one that was trained from that policy"
            )));
        }
        let id = |mark: &str| {
            reader.token_id(mark).ok_or_else(|| {
                Failure::BadInput(anyhow!(
                    "`{shown}/{FILE}`: the mark `{mark}` is not one token of the model"
                ))
            })
        };
        let (good, bad) = (id(&good)?, id(&bad)?);
        let scorer = StepMarks::new(reader, good, bad).map_err(Failure::bad)?;
        let hash = weights_hash(path)
            .map_err(|error| Failure::BadInput(anyhow!("cannot read `{shown}`: {error}")))?;
        Ok(Self { scorer, identity: json!({ "name": name, "sha256": hash }) })
    }
}
