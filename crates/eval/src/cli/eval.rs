//! `espalier eval`: a strategy over a dataset, under a budget.

use std::{
    num::NonZeroUsize,
    ops::ControlFlow,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use anyhow::{Context, anyhow};
use espalier_core::{Policy, Prompt, Stops};
use espalier_models::{
    ChatTemplate, DeviceChoice, EngineOptions, LocalPolicy, Message, ModelInfo, load, share,
};
use serde_json::{Value, json};

use super::{failure::Failure, hub, progress::Bar, weights_hash::weights_hash};
use crate::{
    Chat, Dataset, DatasetKind, Ended, Problem, Run, RunInfo, Store, StrategySpec, Summary,
    WallClock, args, generation, prompt, resume_command, run, table,
};

/// What the built-in problems are cut to where neither `--limit` nor `--rows` says otherwise: about two
/// minutes of beam search at width 4 on two cores.
const DEFAULT_LIMIT: usize = 12;

/// Problems in flight on the CPU: with width 4, sixty-four rows a step, where its kernels are busy.
const IN_FLIGHT: NonZeroUsize = NonZeroUsize::new(4).expect("4 is not 0");

/// Carries `espalier eval` out.
pub(super) fn eval(arguments: &args::Strategy) -> Result<(), Failure> {
    let (spec, args) = (arguments.spec(), arguments.run());
    spec.check().map_err(Failure::bad)?;
    spec.check_prm(args.prm.as_deref()).map_err(Failure::bad)?;
    spec.strategy().map_err(Failure::bad)?;
    let device: DeviceChoice = args.device.parse().map_err(Failure::bad)?;
    let mut wanted = args.dataset();
    if wanted.kind == DatasetKind::Builtin && wanted.rows.is_none() && wanted.limit.is_none() {
        wanted.limit = Some(DEFAULT_LIMIT);
        let what = "built-in problems; `--limit` takes more or fewer";
        say(args, &format!("the first {DEFAULT_LIMIT} {what}"));
    }
    let dataset = wanted.open().map_err(Failure::bad_box)?;
    let path = hub::resolve(&args.model)?;
    let model = load(&path, device, EngineOptions::default()).map_err(Failure::bad)?;
    let (mut policy, _) = share(model.engine);
    let prompts = prompts(&dataset, model.chat.as_ref(), &policy)?;
    let chat = if model.info.chat { Chat::Template } else { Chat::Plain };
    let mut store = store(args, &spec, &dataset, &model.info, chat, &path)?;
    search(args, spec, &dataset, &prompts, &mut policy, chat, &mut store)?;
    Ok(())
}

fn search(
    args: &args::Run,
    spec: StrategySpec,
    dataset: &Dataset,
    prompts: &[Arc<Prompt>],
    policy: &mut LocalPolicy,
    chat: Chat,
    store: &mut Store,
) -> Result<(), Failure> {
    let stopped = Arc::new(AtomicBool::new(false));
    watch_for_ctrl_c(&stopped)?;
    let whole = store.records().is_empty();
    let end = match chat {
        Chat::Template => Vec::new(),
        Chat::Plain => prompt::PLAIN_STOPS.map(str::to_owned).to_vec(),
    };
    let plan = Run {
        dataset,
        strategy: spec,
        stops: Arc::new(Stops { boundary: vec![prompt::STEP_BOUNDARY.to_owned()], end }),
        max_tokens: args.max_tokens(),
        budget: args.budget.unwrap_or_default(),
        in_flight: args.in_flight.unwrap_or(IN_FLIGHT),
    };
    let mut put = |problem: &Problem| -> Result<Arc<Prompt>, String> {
        let at = dataset.items.iter().position(|item| item.problem.id == problem.id);
        at.map(|at| Arc::clone(&prompts[at])).ok_or_else(|| "it is not in the dataset".to_owned())
    };
    let bar = Bar::start(dataset.items.len(), !args.quiet);
    let mut observe = |progress: &crate::Progress| {
        bar.show(progress);
        if stopped.load(Ordering::Relaxed) {
            ControlFlow::Break(())
        } else {
            ControlFlow::Continue(())
        }
    };
    let ended = run(&plan, &mut put, policy, None, store, &WallClock::start(), &mut observe);
    let elapsed = bar.end();
    let ended = ended?;
    let stats = policy.stats();
    let [weights, held] = [stats.weight_bytes, stats.kv_peak_bytes].map(|bytes| bytes / 1_000_000);
    say(args, &format!("memory: weights {weights} MB, keys and values at most {held} MB"));

    let config = store.info().generation.clone();
    let summary = Summary::of(store.records(), config, whole.then_some(elapsed));
    store.write_summary(&summary)?;
    report(args, &spec, &summary, store)?;
    if ended == Ended::Interrupted {
        return Err(Failure::Interrupted {
            resume: resume_command(&std::env::args().collect::<Vec<_>>(), store.dir()),
        });
    }
    if summary.failed > 0 {
        let error = store.records().iter().find_map(|record| record.error.clone());
        return Err(Failure::Failed(anyhow!(
            "{} of {} searches failed, they are not counted; the first: {}",
            summary.failed,
            store.records().len(),
            error.unwrap_or_default()
        )));
    }
    Ok(())
}

/// The prompts, all of them checked against the context before anything is computed.
fn prompts(
    dataset: &Dataset,
    chat: Option<&ChatTemplate>,
    policy: &LocalPolicy,
) -> Result<Vec<Arc<Prompt>>, Failure> {
    let one = |item: &crate::Item| -> Result<Arc<Prompt>, Failure> {
        let question = &item.problem.question;
        let text = match chat {
            Some(chat) => {
                let turns: Vec<Message> = prompt::chat(dataset.kind, question)
                    .into_iter()
                    .map(|turn| Message::new(turn.role.name(), turn.content))
                    .collect();
                chat.render(&turns, true).map_err(Failure::bad)?
            }
            None => prompt::plain(dataset.kind, question),
        };
        let tokens = policy.prompt(&text).map_err(Failure::bad)?;
        if tokens.len() as u32 >= policy.context() {
            return Err(Failure::BadInput(anyhow!(
                "problem `{}` makes a prompt of {} tokens, but the model's context holds {}; leave \
                 the problem out with `--rows` or take a model with a longer context",
                item.problem.id,
                tokens.len(),
                policy.context()
            )));
        }
        Ok(Arc::new(Prompt { problem: question.clone(), tokens }))
    };
    dataset.items.iter().map(one).collect()
}

fn store(
    run: &args::Run,
    spec: &StrategySpec,
    dataset: &Dataset,
    info: &ModelInfo,
    chat: Chat,
    path: &Path,
) -> Result<Store, Failure> {
    let hash = weights_hash(path)
        .with_context(|| format!("cannot read `{}`", path.display()))
        .map_err(Failure::BadInput)?;
    let model = json!({ "name": info.name, "sha256": hash });
    let budget = run.budget.unwrap_or_default();
    let generation = generation(spec, dataset, &model, chat, run.max_tokens().get(), &budget);
    let device = &info.device;
    let mut info = RunInfo::new(generation);
    info.runtime["device"] = Value::String(device.clone());
    let store = match &run.resume {
        Some(dir) => Store::resume(dir, &info),
        None => Store::create(&run.out.clone().unwrap_or_else(|| default_dir(spec)), info),
    };
    store.map_err(Failure::bad)
}

/// `runs/STRATEGY-SECONDS`, and a number where that is taken.
fn default_dir(spec: &StrategySpec) -> PathBuf {
    #[expect(clippy::disallowed_methods, reason = "a run's default name is its time")]
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    let seconds = now.map_or(0, |now| now.as_secs());
    let name = spec.to_string().split(',').next().unwrap_or("run").to_owned();
    let taken = |dir: &PathBuf| dir.exists();
    let first = PathBuf::from(format!("runs/{name}-{seconds}"));
    let others = (2..).map(|n| PathBuf::from(format!("runs/{name}-{seconds}-{n}")));
    std::iter::once(first).chain(others).find(|dir| !taken(dir)).unwrap_or_default()
}

#[expect(clippy::print_stdout, reason = "the result of the command")]
fn report(
    run: &args::Run,
    spec: &StrategySpec,
    summary: &Summary,
    store: &Store,
) -> Result<(), Failure> {
    println!("{}", table(&[(&spec.to_string(), summary)]));
    println!("run directory: {}", store.dir().display());
    if run.json {
        println!("{}", serde_json::to_string(summary)?);
    }
    Ok(())
}

#[expect(clippy::print_stderr, reason = "this is the command line")]
fn say(run: &args::Run, message: &str) {
    if !run.quiet {
        eprintln!("{message}");
    }
}

/// The first Ctrl-C asks for a clean stop, the second ends the process.
fn watch_for_ctrl_c(stopped: &Arc<AtomicBool>) -> Result<(), Failure> {
    let stopped = Arc::clone(stopped);
    ctrlc::set_handler(move || {
        if stopped.swap(true, Ordering::Relaxed) {
            #[expect(clippy::exit, reason = "the user asked twice")]
            std::process::exit(130);
        }
    })?;
    Ok(())
}
