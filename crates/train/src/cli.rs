//! The training command line: bad input ends with exit code 2 before anything is computed.

use std::num::NonZeroUsize;
use std::ops::ControlFlow;
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use burn::tensor::Device;
use clap::Parser;
use espalier_eval::{RunInfo, WallClock};
use espalier_models::{Checkpoint, DeviceChoice};
use serde_json::Value;

use crate::args::{Cli, Command, HouseModel, Part, Train};
use crate::collected::Lesson;
use crate::error::TrainError;
use crate::examples::{self, Labelled};
use crate::export::{self, Storage};
use crate::house::{Circumstances, Pipeline, Plan};
use crate::initial::Loaded;
use crate::labels::labels;
use crate::net::Net;
use crate::progress::Bar;
use crate::recipe::Recipe;
use crate::sequence::{Marks, Sequence};
use crate::training::Training;

/// Parses the command line, carries it out and says how it went.
#[must_use]
#[expect(clippy::print_stderr, reason = "this is the command line")]
pub fn main() -> ExitCode {
    let stopped = Arc::new(AtomicBool::new(false));
    if let Err(error) = watch_for_ctrl_c(&stopped) {
        eprintln!("warning: Ctrl-C will not stop cleanly: {error}");
    }
    let command = Cli::parse().command;
    let stopping = match command {
        Command::Labels(_) => "stopped",
        _ => "stopped; the same command goes on from the last checkpoint",
    };
    let done = match command {
        Command::Sft(args) => train(&args, Kind::Supervised, &stopped),
        Command::Reward(args) => train(&args, Kind::Reward, &stopped),
        Command::Labels(args) => labels(&args, &stopped),
        Command::HouseModel(args) => house_model(&args, &stopped),
    };
    match done {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => {
            eprintln!("{stopping}");
            ExitCode::from(130)
        }
        Err(error) => {
            eprintln!("error: {:#}", anyhow::Error::from(error));
            ExitCode::from(2)
        }
    }
}

/// What is learned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Supervised,
    Reward,
}

/// Fine-tunes a model on a file. Returns whether it got to the end.
fn train(args: &Train, kind: Kind, stopped: &AtomicBool) -> Result<bool, TrainError> {
    let choice: DeviceChoice = args.device.parse()?;
    let (device, _) = choice.open()?;
    let recipe = args.recipe.recipe(Recipe::small());
    let checkpoint = Checkpoint::open(&args.model)?;
    let longest = recipe.width.min(checkpoint.config.context);
    let marks = match kind {
        Kind::Supervised => None,
        Kind::Reward => Some(marks(args, &checkpoint)?),
    };
    let read = |path: &Path| -> Result<Vec<Sequence>, TrainError> {
        match kind {
            Kind::Supervised => {
                examples::read::<Lesson>(path, &checkpoint.tokenizer, None, longest)
            }
            Kind::Reward => examples::read::<Labelled>(path, &checkpoint.tokenizer, marks, longest),
        }
    };
    let sequences = read(&args.data)?;
    let held_out = args.held_out.as_deref().map(read).transpose()?.unwrap_or_default();
    let training = Training {
        config: &checkpoint.config,
        recipe,
        sequences: &sequences,
        held_out: &held_out,
        dir: &args.out,
        device,
    };
    let source = checkpoint.source.as_ref();
    let mut begin = |device: &Device| {
        Ok(Net::new(&checkpoint.config, &mut Loaded::new(source, device.clone()))?)
    };
    let (net, done) = watched(&training, &mut begin, stopped)?;
    if done {
        let mut files = beside(&args.model)?;
        if kind == Kind::Reward {
            files.push((export::PRM, export::prm_json(&args.good, &args.bad)));
        }
        let files: Vec<(&str, Value)> =
            files.iter().map(|(name, value)| (*name, value.clone())).collect();
        export::write(&args.out.join("model"), &net, &checkpoint.config, Storage::F32, &files)?;
    }
    Ok(done)
}

/// Trains the house model, or a part of it. Returns whether it got to the end.
fn house_model(args: &HouseModel, stopped: &AtomicBool) -> Result<bool, TrainError> {
    let choice: DeviceChoice = args.device.parse()?;
    let (device, _) = choice.open()?;
    let plan = if args.smoke { Plan::smoke() } else { Plan::full() };
    let pipeline = Pipeline { plan: &plan, dir: &args.out, device };
    let mut runner =
        |training: &Training<'_>, begin: &mut dyn FnMut(&Device) -> Result<Net, TrainError>| {
            watched(training, begin, stopped)
        };
    let wanted = |part: Part| args.only.is_none_or(|only| only == part);
    pipeline.data()?;
    for (size, _) in &plan.policies {
        let part = Part::of(*size);
        if part.is_none_or(wanted) && !pipeline.train_policy(*size, &mut runner)? {
            return Ok(false);
        }
    }
    if wanted(Part::Prm) && !pipeline.train_prm(choice, &mut runner)? {
        return Ok(false);
    }
    if wanted(Part::Reviser) && !pipeline.train_reviser(choice, &mut runner)? {
        return Ok(false);
    }
    if wanted(Part::Card) {
        card(&pipeline, choice)?;
    }
    Ok(true)
}

/// Scores the policies that are trained, and writes the card.
fn card(pipeline: &Pipeline<'_>, device: DeviceChoice) -> Result<(), TrainError> {
    let mut scores = Vec::new();
    for (size, _) in &pipeline.plan.policies {
        if pipeline.policy(*size).join("model.safetensors").exists() {
            scores.push(pipeline.score(*size, device)?);
        }
    }
    let path = pipeline.dir.join("scores.json");
    let text =
        serde_json::to_value(&scores).map_err(|error| TrainError::write(&path, error.into()))?;
    export::write_json(&path, &text)?;
    let cores = std::thread::available_parallelism().map_or(1, NonZeroUsize::get);
    let info = RunInfo::new(Value::Null);
    let cpu = info.runtime["cpu"].as_str().unwrap_or("an unknown CPU").to_owned();
    let around = Circumstances {
        command: "cargo xtask train house-model".to_owned(),
        machine: format!("{cpu}, {cores} cores"),
    };
    pipeline.card(&scores, &around)
}

/// Runs a training with a progress bar, to its end or to Ctrl-C.
pub(crate) fn watched(
    training: &Training<'_>,
    begin: &mut dyn FnMut(&Device) -> Result<Net, TrainError>,
    stopped: &AtomicBool,
) -> Result<(Net, bool), TrainError> {
    let bar = Bar::start(training.recipe.steps);
    let mut observe = |point: &crate::training::Point| {
        bar.show(point);
        if stopped.load(Ordering::Relaxed) {
            ControlFlow::Break(())
        } else {
            ControlFlow::Continue(())
        }
    };
    let done = training.run(begin, &WallClock::start(), &mut observe);
    bar.end();
    done
}

fn marks(args: &Train, checkpoint: &Checkpoint) -> Result<Marks, TrainError> {
    let id = |field, token: &str| {
        checkpoint.tokenizer.token_id(token).ok_or_else(|| TrainError::Recipe {
            field,
            reason: format!("`{token}` is not one token of this model; name one that is"),
        })
    };
    let marks = Marks { good: id("good", &args.good)?, bad: id("bad", &args.bad)? };
    if marks.good == marks.bad {
        let reason = "and `bad` are the same token; name two".to_owned();
        return Err(TrainError::Recipe { field: "good", reason });
    }
    Ok(marks)
}

/// The tokenizer's files of a model, to go with the trained weights.
fn beside(model: &Path) -> Result<Vec<(&'static str, Value)>, TrainError> {
    let mut files = Vec::new();
    for name in ["tokenizer.json", "tokenizer_config.json", "generation_config.json"] {
        let path = model.join(name);
        if path.exists() {
            let text = std::fs::read(&path).map_err(|error| TrainError::read(&path, error))?;
            let value = serde_json::from_slice(&text)
                .map_err(|error| TrainError::read(&path, error.into()))?;
            files.push((name, value));
        }
    }
    Ok(files)
}

/// The first Ctrl-C asks for a clean stop, the second ends the process.
fn watch_for_ctrl_c(stopped: &Arc<AtomicBool>) -> Result<(), ctrlc::Error> {
    let stopped = Arc::clone(stopped);
    ctrlc::set_handler(move || {
        if stopped.swap(true, Ordering::Relaxed) {
            #[expect(clippy::exit, reason = "the user asked twice")]
            std::process::exit(130);
        }
    })
}
