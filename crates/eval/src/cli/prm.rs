//! Process reward models: a directory becomes a scorer.

use std::{num::NonZeroU32, path::Path};

use anyhow::anyhow;
use espalier_core::{ChatFormat, Reader};
use espalier_models::{ChatTemplate, DeviceChoice, EngineOptions, LocalReader, load, share};
use espalier_prm::{
    Bounds, Family, RewardModel, StepMarks,
    families::{
        math_shepherd::math_shepherd,
        qwen::qwen,
        rlhflow::rlhflow,
        skywork::skywork,
        value::{value_as_sampled, value_of_chat},
    },
};
use serde_json::{Value, json};

use super::{failure::Failure, loaded::Loaded, marks::Marks, weights_hash::weights_hash};
use crate::args::PrmFamilyArg;

/// A process reward model that is ready to score.
#[derive(Debug)]
pub(super) struct Prm {
    /// The scorer.
    pub(super) scorer: RewardModel<LocalReader>,
    /// Its name, its weights' hash and, where it is not the house's, its family.
    pub(super) identity: Value,
    /// Whether its scores can be negative.
    pub(super) signed: bool,
}

/// A loaded reward model, not yet read as one of a family.
struct Opened<'a> {
    path: &'a Path,
    reader: LocalReader,
    chat: Option<ChatTemplate>,
    policy: &'a Loaded,
}

impl Prm {
    /// Why scores that can be negative cannot be used in every way.
    pub(super) const SIGNED: &str = "those of this process reward model are values of any sign";

    /// Loads a process reward model for a policy. Where it is the policy's own directory, both share one
    /// engine; else its engine is made as the policy's is, without a limit of keys and values.
    ///
    /// # Errors
    ///
    /// Bad input where the directory is no model of the family, or has another vocabulary than the policy
    /// and the family does not allow that.
    pub(super) fn open(
        path: &Path,
        family: Option<PrmFamilyArg>,
        device: DeviceChoice,
        options: EngineOptions,
        policy: &Loaded,
    ) -> Result<Self, Failure> {
        let asked = family.unwrap_or(PrmFamilyArg::Auto);
        // What says how to read marks is small, and broken more easily than weights.
        let marks = match asked {
            PrmFamilyArg::Marks => Some(Marks::open(path)?),
            PrmFamilyArg::Auto if Marks::are_there(path) => Some(Marks::open(path)?),
            _ => None,
        };
        let (reader, chat) = if policy.is_of(path) {
            (policy.reader.clone(), policy.template.clone())
        } else {
            // Scores are paid for as if what they go on from were held, which a limit would not keep.
            let options = EngineOptions { kv_limit: None, ..options };
            let model = load(path, device, options).map_err(Failure::bad)?;
            (share(model.engine).1, model.chat)
        };
        let name = path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned();
        let opened = Opened { path, reader, chat, policy };
        let (scorer, family) = if let Some(marks) = marks {
            (opened.marks(&marks)?, PrmFamilyArg::Marks)
        } else {
            let family = opened.choose(asked)?;
            (RewardModel::new(opened.reader.clone(), opened.family(family)?), family)
        };
        let hash = weights_hash(path).map_err(|error| {
            Failure::BadInput(anyhow!("cannot read `{}`: {error}", path.display()))
        })?;
        let mut identity = json!({ "name": name, "sha256": hash });
        if family != PrmFamilyArg::Marks {
            identity["family"] = Value::String(family.name());
        }
        Ok(Self { scorer, identity, signed: family == PrmFamilyArg::Value })
    }
}

impl Opened<'_> {
    fn marks(&self, marks: &Marks) -> Result<RewardModel<LocalReader>, Failure> {
        self.same_vocabulary()?;
        let (good, bad) = marks.ids(self.path, &self.reader)?;
        Ok(StepMarks::new(self.reader.clone(), good, bad).map_err(Failure::bad)?.into())
    }

    /// The family that a checkpoint is of, where it says that by its heads.
    fn choose(&self, asked: PrmFamilyArg) -> Result<PrmFamilyArg, Failure> {
        if asked != PrmFamilyArg::Auto {
            return Ok(asked);
        }
        let heads = self.reader.heads();
        let has = |name: &str, outputs| {
            heads.iter().any(|head| head.name == name && head.outputs == outputs)
        };
        match (has("score", 2), has("v_head", 1), has("score", 1)) {
            (true, false, false) => Ok(PrmFamilyArg::Qwen),
            (false, true, false) => Ok(PrmFamilyArg::Skywork),
            (false, false, true) => Ok(PrmFamilyArg::Value),
            _ => Err(Failure::BadInput(anyhow!(
                "`{}` does not say how it is read as a process reward model: it has no `{}`, and its heads \
                 are not those of one family; name the family with `--prm-family`: {}",
                self.path.display(),
                Marks::FILE,
                PrmFamilyArg::names(),
            ))),
        }
    }

    fn family(&self, family: PrmFamilyArg) -> Result<Family, Failure> {
        let reader = &self.reader;
        let bounds = Bounds {
            longest: self.policy.policy.longest_token(),
            context: NonZeroU32::new(reader.context()).unwrap_or(NonZeroU32::MIN),
        };
        let made = match family {
            PrmFamilyArg::MathShepherd => math_shepherd(reader, reader.added_bos(), bounds),
            PrmFamilyArg::Rlhflow => rlhflow(reader, self.chat()?, bounds),
            PrmFamilyArg::Qwen => qwen(reader, self.chat()?, bounds),
            PrmFamilyArg::Skywork => skywork(reader, reader.bos(), bounds),
            PrmFamilyArg::Value if self.chat.is_none() => {
                self.same_vocabulary()?;
                value_as_sampled(reader)
            }
            PrmFamilyArg::Value | PrmFamilyArg::Auto | PrmFamilyArg::Marks => {
                value_of_chat(reader, self.chat()?, bounds)
            }
        };
        made.map_err(|error| {
            let error = anyhow::Error::new(error);
            Failure::BadInput(error.context(format!(
                "`{}` cannot be read with `--prm-family {}`; the families are {}",
                self.path.display(),
                family.name(),
                PrmFamilyArg::names(),
            )))
        })
    }

    fn chat(&self) -> Result<Box<dyn ChatFormat>, Failure> {
        match &self.chat {
            Some(chat) => Ok(Box::new(chat.clone())),
            None => Err(Failure::BadInput(anyhow!(
                "`{}` has no chat template, in which this family's texts are written; take one with \
                 `chat_template` in its `tokenizer_config.json`, or name another family with `--prm-family`",
                self.path.display()
            ))),
        }
    }

    fn same_vocabulary(&self) -> Result<(), Failure> {
        if self.reader.has_vocabulary_of(&self.policy.policy) {
            return Ok(());
        }
        Err(Failure::BadInput(anyhow!(
            "the process reward model `{}` has another vocabulary than the policy: it reads the policy's \
             tokens as they stand; give one that was trained from that policy",
            self.path.display()
        )))
    }
}
