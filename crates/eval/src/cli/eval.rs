//! `espalier eval`: a strategy over a dataset, under a budget.

use anyhow::anyhow;
use espalier_models::DeviceChoice;
use serde_json::Value;

use super::{
    default_dir::default_dir,
    failure::Failure,
    interrupt::Interrupt,
    loaded::{self, IN_FLIGHT, Loaded},
    progress::Bar,
};
use crate::{
    Dataset, Ended, Run, RunInfo, Store, StrategySpec, Summary, WallClock, args, generation,
    resume_command, run, table,
};

/// Carries `espalier eval` out.
pub(super) fn eval(arguments: &args::Strategy) -> Result<(), Failure> {
    let (spec, args) = (arguments.spec(), arguments.run());
    spec.check().map_err(Failure::bad)?;
    spec.check_prm(args.prm.as_deref()).map_err(Failure::bad)?;
    spec.strategy().map_err(Failure::bad)?;
    let device: DeviceChoice = args.device.parse().map_err(Failure::bad)?;
    let mut wanted = args.dataset();
    if let Some(message) = loaded::limit(&mut wanted) {
        say(args, &message);
    }
    let dataset = wanted.open().map_err(Failure::bad_box)?;
    let mut loaded = Loaded::open(&args.model, device, &dataset)?;
    let mut store = store(args, &spec, &dataset, &loaded)?;
    search(args, spec, &dataset, &mut loaded, &mut store)?;
    Ok(())
}

fn search(
    args: &args::Run,
    spec: StrategySpec,
    dataset: &Dataset,
    loaded: &mut Loaded,
    store: &mut Store,
) -> Result<(), Failure> {
    let interrupt = Interrupt::watch()?;
    let whole = store.records().is_empty();
    let plan = Run {
        dataset,
        strategy: spec,
        stops: loaded.stops.clone(),
        max_tokens: args.max_tokens(),
        budget: args.budget.unwrap_or_default(),
        in_flight: args.in_flight.unwrap_or(IN_FLIGHT),
    };
    let mut put = loaded.put(dataset);
    let policy = &mut loaded.policy;
    let bar = Bar::start(dataset.items.len(), !args.quiet);
    let mut observe = |progress: &crate::Progress| {
        bar.show(progress);
        interrupt.check()
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

fn store(
    run: &args::Run,
    spec: &StrategySpec,
    dataset: &Dataset,
    loaded: &Loaded,
) -> Result<Store, Failure> {
    let budget = run.budget.unwrap_or_default();
    let (model, tokens) = (&loaded.identity, run.max_tokens().get());
    let mut info = RunInfo::new(generation(spec, dataset, model, loaded.chat, tokens, &budget));
    info.runtime["device"] = Value::String(loaded.device.clone());
    let name = spec.to_string();
    let name = name.split(',').next().unwrap_or("run");
    let store = match &run.resume {
        Some(dir) => Store::resume(dir, &info),
        None => Store::create(&run.out.clone().unwrap_or_else(|| default_dir(name)), info),
    };
    store.map_err(Failure::bad)
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
