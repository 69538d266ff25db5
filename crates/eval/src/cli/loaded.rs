//! Loaded models: a policy with the questions of a dataset put to it.

use std::{
    num::{NonZeroU32, NonZeroUsize},
    path::{Path, PathBuf},
    sync::Arc,
};

use anyhow::{Context, anyhow};
use espalier_core::{ModelError, Policy, Prompt, Stops, Tokens};
use espalier_models::{
    ChatTemplate, DeviceChoice, EngineOptions, LocalPolicy, LocalReader, Message, ModelConfig,
    least_kv, load, share,
};
use espalier_search::profiles::Turn;
use serde_json::{Value, json};

use super::{failure::Failure, hub, weights_hash::weights_hash};
use crate::forms::{Asking, Render};
use crate::{
    Chat, ConfigError, Dataset, DatasetKind, DatasetSpec, Problem, prompt, prompt::Manner,
};

/// What the word problems are cut to where neither `--limit` nor `--rows` says otherwise: about two
/// minutes of beam search at width 4 on two cores, with a model of 135 million parameters.
const WORD_PROBLEMS: usize = 12;

/// What the test split of the Game of 24 is cut to: the tree-of-thoughts paper's hundred, which come
/// first.
const PUZZLES: usize = 100;

/// Problems in flight on the CPU: with width 4, sixty-four rows a step, where its kernels are busy.
pub(super) const IN_FLIGHT: NonZeroUsize = NonZeroUsize::new(4).expect("4 is not 0");

/// A policy, and how a dataset is put to it.
#[derive(Debug)]
pub(super) struct Loaded {
    /// Who samples.
    pub(super) policy: LocalPolicy,
    /// The same model, to be read.
    pub(super) reader: LocalReader,
    /// How it wants conversations written.
    pub(super) template: Option<ChatTemplate>,
    /// Where it is.
    path: PathBuf,
    /// How questions are put.
    pub(super) chat: Chat,
    /// Its name and its weights' hash.
    pub(super) identity: Value,
    /// Where it computes.
    pub(super) device: String,
    /// What multiplies in it.
    pub(super) kernels: String,
    /// Bytes of keys and values one token holds.
    pub(super) kv_bytes_per_token: u64,
    /// Where steps and answers end.
    pub(super) stops: Arc<Stops>,
    /// The prompts, in the order of the dataset.
    pub(super) prompts: Vec<Arc<Prompt>>,
}

impl Loaded {
    /// Loads a model and makes all prompts, before anything is computed.
    ///
    /// # Errors
    ///
    /// Bad input where the model is missing or broken, a prompt does not fit its context, or a limit is too small
    /// for one token.
    pub(super) fn open(
        model: &str,
        device: DeviceChoice,
        dataset: &Dataset,
        manner: Manner,
        options: EngineOptions,
    ) -> Result<Self, Failure> {
        let path = hub::resolve(model)?;
        let model = load(&path, device, options).map_err(Failure::bad)?;
        check_kv(&model.info.config, options)?;
        let (policy, reader) = share(model.engine);
        let prompts = prompts(dataset, manner, model.chat.as_ref(), &policy)?;
        let chat = if model.info.chat { Chat::Template } else { Chat::Plain };
        let end = match chat {
            Chat::Template => Vec::new(),
            Chat::Plain => {
                prompt::plain_stops(dataset.kind).iter().map(|&stop| stop.to_owned()).collect()
            }
        };
        let boundary = vec![prompt::step_boundary(dataset.kind).to_owned()];
        Ok(Self {
            policy,
            reader,
            template: model.chat,
            chat,
            identity: json!({ "name": model.info.name, "sha256": hash(&path)? }),
            device: model.info.device,
            kernels: model.info.kernels,
            kv_bytes_per_token: model.info.config.kv_bytes_per_token(options.kv),
            stops: Arc::new(Stops { boundary, end, ..Stops::default() }),
            prompts,
            path,
        })
    }

    /// Returns true if and only if a path leads to the policy's own model.
    pub(super) fn is_of(&self, path: &Path) -> bool {
        match (self.path.canonicalize(), path.canonicalize()) {
            (Ok(ours), Ok(theirs)) => ours == theirs,
            _ => false,
        }
    }

    /// How the model is asked with prompts of its own.
    ///
    /// # Errors
    ///
    /// Bad input where its tokenizer fails.
    pub(super) fn asking(
        &self,
        kind: DatasetKind,
        max_tokens: NonZeroU32,
        most: NonZeroU32,
    ) -> Result<Asking, Failure> {
        let begin = self.policy.prompt("").map_err(Failure::bad)?.to_vec();
        let template = self.template.clone();
        let render: Render = Arc::new(move |message: &str| match &template {
            Some(template) => {
                let turns = [Message::new("user", message)];
                template.render(&turns, true).map_err(|source| ModelError::Failed {
                    operation: "the chat template".to_owned(),
                    source: source.into(),
                })
            }
            None => Ok(format!("{message}\n\n")),
        });
        Ok(Asking { kind, render, begin, max_tokens, most })
    }

    /// How an observation is put to the model where it has ended its turn: as a turn of the user's. `None` for a
    /// model without turns.
    ///
    /// # Errors
    ///
    /// Bad input where the template refuses such a conversation.
    pub(super) fn turn(&self) -> Result<Option<Turn>, Failure> {
        const CALL: &str = "-the-call-";
        const OUTPUT: &str = "-the-output-";
        let Some(template) = &self.template else { return Ok(None) };
        let turns = [("user", "?"), ("assistant", CALL), ("user", OUTPUT)];
        let turns = turns.map(|(role, content)| Message::new(role, content));
        let text = template.render(&turns, true).map_err(Failure::bad)?;
        let turn = text.split_once(CALL).and_then(|(_, rest)| rest.split_once(OUTPUT));
        let turn = turn.map(|(begin, end)| Turn {
            // The model has written what ends its turn.
            begin: begin.strip_prefix(template.eos()).unwrap_or(begin).to_owned(),
            end: end.to_owned(),
        });
        Ok(turn)
    }

    /// What every prompt of the dataset is but for the question, for which `{question}` stands. `None` where the
    /// template makes more of a question than to put it there.
    pub(super) fn prompt_text(&self, dataset: &Dataset, manner: Manner) -> Option<String> {
        let text =
            |question: &str| text(dataset.kind, manner, self.template.as_ref(), question).ok();
        let whole = text(prompt::QUESTION)?;
        let same = |item: &crate::Item| {
            let question = &item.problem.question;
            text(question).is_some_and(|text| text == prompt::fill(&whole, question))
        };
        dataset.items.iter().all(same).then_some(whole)
    }

    /// How each problem of the dataset is put to the model.
    ///
    /// # Errors
    ///
    /// Bad input where a prompt does not fit the model's context.
    pub(super) fn put(
        &self,
        dataset: &Dataset,
        manner: Manner,
    ) -> Result<impl FnMut(&Problem) -> Result<Arc<Prompt>, String> + use<>, Failure> {
        let ids = dataset.items.iter().map(|item| item.problem.id.clone());
        let prompts = prompts(dataset, manner, self.template.as_ref(), &self.policy)?;
        let known: std::collections::BTreeMap<String, Arc<Prompt>> = ids.zip(prompts).collect();
        Ok(move |problem: &Problem| {
            known.get(&problem.id).cloned().ok_or_else(|| "it is not in the dataset".to_owned())
        })
    }
}

/// Cuts the built-in problems where nothing else is said; returns what to tell the user then.
pub(super) fn limit(wanted: &mut DatasetSpec) -> Option<String> {
    let whole = wanted.path.is_none() && wanted.rows.is_none() && wanted.limit.is_none();
    let (limit, what) = match wanted.kind {
        DatasetKind::Builtin => (WORD_PROBLEMS, "built-in word problems"),
        DatasetKind::Game24 => (PUZZLES, "test puzzles of the Game of 24"),
        _ => return None,
    };
    whole.then(|| {
        wanted.limit = Some(limit);
        format!("the first {limit} {what}; `--limit` takes more or fewer")
    })
}

/// Refuses datasets whose answers are run where nothing can run them.
///
/// # Errors
///
/// Bad input.
pub(super) fn refuse_functions(command: &str, kind: DatasetKind) -> Result<(), Failure> {
    let refusal = || ConfigError::NotForFunctions { what: command.to_owned(), kind };
    if kind.is_run() { Err(Failure::bad(refusal())) } else { Ok(()) }
}

pub(super) fn hash(path: &Path) -> Result<String, Failure> {
    weights_hash(path)
        .with_context(|| format!("cannot read `{}`", path.display()))
        .map_err(Failure::BadInput)
}

/// Refuses a limit of keys and values under which the model cannot sample a token.
///
/// # Errors
///
/// Bad input.
pub(super) fn check_kv(config: &ModelConfig, options: EngineOptions) -> Result<(), Failure> {
    let least = least_kv(config, options.kv);
    match options.kv_limit.filter(|&limit| limit < least) {
        None => Ok(()),
        Some(limit) => Err(Failure::BadInput(anyhow!(
            "`--kv-limit` is {limit} bytes, and a single token of this model takes {least} with what decoding \
             reserves: raise it to that at least, and by {} for each further token of prompt and answer",
            config.kv_bytes_per_token(options.kv)
        ))),
    }
}

/// A question as the model reads it, tokens that begin a text aside.
fn text(
    kind: DatasetKind,
    manner: Manner,
    chat: Option<&ChatTemplate>,
    question: &str,
) -> Result<String, Failure> {
    let Some(chat) = chat else { return Ok(manner.plain(kind, question)) };
    let turns = manner.chat(kind, question).into_iter();
    let turns: Vec<Message> =
        turns.map(|turn| Message::new(turn.role.name(), turn.content)).collect();
    chat.render(&turns, true).map_err(Failure::bad)
}

/// The prompts, all of them checked against the context before anything is computed.
fn prompts(
    dataset: &Dataset,
    manner: Manner,
    chat: Option<&ChatTemplate>,
    policy: &LocalPolicy,
) -> Result<Vec<Arc<Prompt>>, Failure> {
    let encode = |text: &str| policy.prompt(text).map_err(Failure::bad);
    encoded(dataset, manner, chat, policy.context(), &encode)
}

/// The prompts as `encode` writes them, for a model whose context holds so many tokens.
pub(super) fn encoded(
    dataset: &Dataset,
    manner: Manner,
    chat: Option<&ChatTemplate>,
    context: u32,
    encode: &dyn Fn(&str) -> Result<Tokens, Failure>,
) -> Result<Vec<Arc<Prompt>>, Failure> {
    let one = |item: &crate::Item| -> Result<Arc<Prompt>, Failure> {
        let question = &item.problem.question;
        let text = text(dataset.kind, manner, chat, question)?;
        let tokens = encode(&text)?;
        if tokens.len() as u32 >= context {
            return Err(Failure::BadInput(anyhow!(
                "problem `{}` makes a prompt of {} tokens, but the model's context holds {}; leave \
                 the problem out with `--rows` or take a model with a longer context",
                item.problem.id,
                tokens.len(),
                context
            )));
        }
        Ok(Arc::new(Prompt { problem: question.clone(), tokens }))
    };
    dataset.items.iter().map(one).collect()
}
