//! Finished runs: run directories whose paths can be told as trajectories.

use std::io::ErrorKind;
use std::num::NonZeroU32;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use espalier_core::{Event, NodeId, Prompt, Stop};
use espalier_search::{Tree, trace};

use super::trajectory::{counts, segments};
use super::{CollectError, Trajectory};
use crate::dataset::DatasetKind;
use crate::forms::Render;
use crate::plan::SCORER;
use crate::problem::Item;
use crate::prompt::{QUESTION, fill};
use crate::record::{Graded, Record};
use crate::run_info::RunInfo;
use crate::source::Source;
use crate::spec::StrategySpec;
use crate::status::Status;
use crate::store::{StoreError, damaged, read_events, read_run};
use crate::tools;

/// How questions were put to the policy.
enum Prompts {
    /// A text, with a place for the question.
    Text(String),
    /// By a chat template that renders messages.
    Chat(Render),
}

/// A run that is over, with its gold answers.
pub struct FinishedRun {
    /// Its directory.
    pub dir: PathBuf,
    /// The layout of its dataset.
    pub kind: DatasetKind,
    /// The file of its dataset; `None` where that is built in.
    pub data: Option<PathBuf>,
    /// What was run.
    pub info: RunInfo,
    /// What came of its problems, in the order of their records.
    pub(super) records: Vec<Record>,
    strategy: StrategySpec,
    max_tokens: NonZeroU32,
    seed: Option<u64>,
    source: Source,
    prompts: Prompts,
}

impl std::fmt::Debug for FinishedRun {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("FinishedRun").field("dir", &self.dir).finish_non_exhaustive()
    }
}

impl FinishedRun {
    /// Reads a run. `data` is its dataset's file, where the run does not say or it has moved; `render` renders a
    /// message by its model's chat template, where the run does not hold the text of its prompts.
    ///
    /// # Errors
    ///
    /// [`CollectError`] where it is not finished, asks with prompts of its own, lacks its gold answers or prompts,
    /// or is damaged.
    pub fn open(
        dir: &Path,
        data: Option<&Path>,
        render: Option<&Render>,
    ) -> Result<Self, CollectError> {
        let (info, records) = read_run(dir)?;
        let damaged = |field| CollectError::Damaged { dir: dir.to_owned(), field };
        let generation = &info.generation;
        let problems =
            generation["dataset"]["problems"].as_u64().ok_or_else(|| damaged("problems"))?;
        let over = |record: &&Record| record.stop != Some(Stop::Interrupted);
        let done = records.iter().filter(over).count();
        if (done as u64) < problems {
            return Err(CollectError::Unfinished { dir: dir.to_owned(), done, problems });
        }
        let strategy: StrategySpec = serde_json::from_value(generation["strategy"].clone())
            .map_err(|_| damaged("strategy"))?;
        if strategy.is_prompted() {
            let (dir, strategy) = (dir.to_owned(), strategy.to_string());
            return Err(CollectError::Prompted { dir, strategy });
        }
        let max_tokens = generation["max_tokens"].as_u64().and_then(|n| u32::try_from(n).ok());
        let max_tokens =
            max_tokens.and_then(NonZeroU32::new).ok_or_else(|| damaged("max_tokens"))?;
        let prompts =
            prompts(&info, render).ok_or_else(|| CollectError::NoPrompt { dir: dir.to_owned() })?;
        let source = Source::open(&info, data)?;
        for record in &records {
            source.question(record)?;
        }
        Ok(Self {
            dir: dir.to_owned(),
            kind: source.kind,
            data: data.map(Path::to_owned).or(info.runtime["data"].as_str().map(PathBuf::from)),
            seed: generation["strategy"]["seed"].as_u64(),
            info,
            records,
            strategy,
            max_tokens,
            source,
            prompts,
        })
    }

    /// The finished paths of a problem, in the order in which they were made.
    pub(super) fn trajectories(&self, record: &Record) -> Result<Vec<Trajectory>, CollectError> {
        let item = self.source.question(record)?;
        let events = read_events(&self.dir, record).map_err(|error| self.missing(error, record))?;
        let bad = |source| CollectError::Store(damaged(&self.dir, record, source));
        let Some(&Event::Start { prompt_tokens, .. }) = events.first() else {
            return Err(bad(trace::BadTrace::NoStart));
        };
        if !matches!(events.last(), Some(Event::End { .. })) {
            return Err(bad(trace::BadTrace::NoEnd));
        }
        let prompt = self.prompt(item)?;
        let empty = Prompt { problem: item.problem.question.clone(), tokens: [].into() };
        let room = self.max_tokens.get().into();
        let tree = trace::replay(Arc::new(empty), room, &events).map_err(bad)?;
        let ends = tree.finished();
        Ok(ends
            .map(|id| self.trajectory(record, item, &prompt, prompt_tokens, &tree, id))
            .collect())
    }

    fn missing(&self, error: StoreError, record: &Record) -> CollectError {
        match error {
            StoreError::Read { source, .. } if source.kind() == ErrorKind::NotFound => {
                CollectError::NoTrace { dir: self.dir.clone(), id: record.id.clone() }
            }
            error => error.into(),
        }
    }

    fn prompt(&self, item: &Item) -> Result<String, CollectError> {
        let question = &item.problem.question;
        match &self.prompts {
            Prompts::Text(text) => Ok(fill(text, question)),
            Prompts::Chat(render) => {
                let turns = self.strategy.manner().chat(self.kind, question).into_iter();
                let message: String = turns.map(|turn| turn.content).collect();
                render(&message).map_err(|error| CollectError::Render {
                    id: item.problem.id.clone(),
                    reason: error.to_string(),
                })
            }
        }
    }

    fn trajectory(
        &self,
        record: &Record,
        item: &Item,
        prompt: &str,
        prompt_tokens: u64,
        tree: &Tree,
        id: NodeId,
    ) -> Trajectory {
        let profile = self.strategy.output().map(|_| {
            // What is read from texts is the same whatever form the answers have.
            tools::profile(&self.strategy, self.kind.form(), None)
        });
        let (segments, forged) = segments(tree, id, profile.as_deref());
        let text: String = segments.iter().map(|segment| &*segment.text).collect();
        let read = Graded::of(&text, record.modulo, self.kind, item);
        let (_, how) = self.strategy.selection();
        let score = self.strategy.scorer().and_then(|_| tree.aggregate(id, SCORER, how));
        Trajectory {
            run: self.dir.display().to_string(),
            strategy: self.strategy.to_string(),
            dataset: self.kind,
            problem: record.id.clone(),
            hash: record.hash,
            question: item.problem.question.clone(),
            prompt: prompt.to_owned(),
            tokens: counts(prompt_tokens, &segments),
            segments,
            verdict: Status::of_verdict(read.verdict),
            answer: read.answer.map(|answer| answer.0),
            forged,
            score: score.map(espalier_core::Score::get),
            node: id,
            seed: self.seed,
        }
    }
}

/// How a run's questions were put: the text it holds, or what its words say without a template, or its template.
fn prompts(info: &RunInfo, render: Option<&Render>) -> Option<Prompts> {
    let held = info.runtime["prompt"].as_str().filter(|text| text.contains(QUESTION));
    let prompt = &info.generation["prompt"];
    let plain = (prompt["chat_template"] == false).then(|| prompt["text"].as_str()).flatten();
    match held.or(plain) {
        Some(text) => Some(Prompts::Text(text.to_owned())),
        None => render.map(|render| Prompts::Chat(Arc::clone(render))),
    }
}
