//! Members of an ensemble: models that are looked at before their weights are read.

use anyhow::anyhow;
use espalier_core::Budget;
use espalier_models::Checkpoint;
use serde_json::{Value, json};

use super::{
    engine::name_options,
    failure::Failure,
    hub,
    loaded::{check_kv, encoded, hash},
};
use crate::ensemble::Chunks;
use crate::{Chat, Dataset, RunInfo, StrategySpec, args, generation, human};

/// A model, as far as its files tell without its weights being read into memory.
#[derive(Debug)]
pub(super) struct Member {
    /// As the user names it.
    pub(super) model: String,
    /// What it is called in reports.
    pub(super) name: String,
    /// The part of its own run that decides what is generated.
    pub(super) generation: Value,
    weight_bytes: u64,
    kv_bytes_per_token: u64,
}

impl Member {
    /// Opens a checkpoint and makes all prompts, to see that they fit.
    ///
    /// # Errors
    ///
    /// Bad input where the model is missing or broken, a prompt does not fit its context, or a limit is too small
    /// for one token.
    pub(super) fn look(
        model: &str,
        terms: &args::Terms,
        strategy: &StrategySpec,
        dataset: &Dataset,
        budget: &Budget,
        device_name: &str,
    ) -> Result<Self, Failure> {
        let path = hub::resolve(model)?;
        let checkpoint = Checkpoint::open(&path).map_err(Failure::bad)?;
        check_kv(&checkpoint.config, terms.engine())?;
        let encode =
            |text: &str| checkpoint.tokenizer.prompt(text).map(Into::into).map_err(Failure::bad);
        let (chat, context) = (checkpoint.chat.as_ref(), checkpoint.config.context as u32);
        encoded(dataset, strategy.manner(), chat, context, &encode)?;
        let chat = if chat.is_some() { Chat::Template } else { Chat::Plain };
        let name = path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned();
        let identity = json!({ "name": name, "sha256": hash(&path)? });
        let tokens = terms.max_tokens().get();
        let mut generation = generation(strategy, dataset, &identity, chat, tokens, budget);
        name_options(&mut generation, terms.engine());
        Ok(Self {
            model: model.to_owned(),
            name,
            generation,
            weight_bytes: checkpoint.weight_bytes(terms.kernels, device_name),
            kv_bytes_per_token: checkpoint.config.kv_bytes_per_token(terms.kv),
        })
    }

    /// What is written down of its run.
    pub(super) fn info(&self, terms: &args::Terms, device: &str) -> RunInfo {
        let mut info = info(self.generation.clone(), terms, device);
        info.runtime["kv_bytes_per_token"] = self.kv_bytes_per_token.into();
        info
    }
}

/// What is written down of a run with these terms.
pub(super) fn info(generation: Value, terms: &args::Terms, device: &str) -> RunInfo {
    let mut info = RunInfo::new(generation);
    info.runtime["device"] = Value::String(device.to_owned());
    if let Some(path) = &terms.data {
        let path = std::path::absolute(path).unwrap_or_else(|_| path.clone());
        info.runtime["data"] = Value::String(path.display().to_string());
    }
    info
}

/// Refuses weights that are given twice, under whatever name.
pub(super) fn check_distinct(members: &[Member]) -> Result<(), Failure> {
    for (index, member) in members.iter().enumerate() {
        let weights = |of: &Member| of.generation["model"]["sha256"].clone();
        let same = |other: &&Member| weights(other) == weights(member);
        if let Some(other) = members[..index].iter().find(same) {
            return Err(Failure::BadInput(anyhow!(
                "`--member {}` is the same model as `--member {}`: both would answer alike, by the same seeds; leave \
                 one out, or raise `--n`",
                member.model,
                other.model
            )));
        }
    }
    Ok(())
}

/// Whether all members are resident, or one after the other.
///
/// # Errors
///
/// Bad input where one does not fit alone.
pub(super) fn fit(
    members: &[Member],
    memory: Option<u64>,
    kv_limit: Option<u64>,
) -> Result<Chunks, Failure> {
    let Some(memory) = memory else { return Ok(Chunks::Few) };
    let needs: Vec<u64> =
        members.iter().map(|member| member.weight_bytes + kv_limit.unwrap_or(0)).collect();
    let size = |bytes: u64| format!("{}B", human(bytes as f64));
    for (member, &need) in members.iter().zip(&needs) {
        if need > memory {
            return Err(Failure::BadInput(anyhow!(
                "member `{}` needs {} and `--memory` is {}: raise it, or take a smaller model",
                member.model,
                size(need),
                size(memory)
            )));
        }
    }
    Ok(if needs.iter().sum::<u64>() <= memory { Chunks::Few } else { Chunks::All })
}
