//! `espalier sweep`: several strategies at growing budgets, as a table and a picture.

use std::{
    num::NonZeroU32,
    path::{Path, PathBuf},
};

use anyhow::anyhow;
use espalier_core::{Budget, Clock, Forms, Scorer};
use espalier_models::DeviceChoice;
use serde_json::Value;

use super::{
    default_dir::default_dir,
    engine::name_options,
    failure::Failure,
    interrupt::Interrupt,
    loaded::{self, IN_FLIGHT, Loaded},
    prm::Prm,
    progress::Bar,
};
use crate::{
    Dataset, RunInfo, ScorerName, StrategySpec, SweepError, WallClock, args,
    forms::Asking,
    generation,
    prompt::Manner,
    sweep::{Bench, Report, Sweep, SweepProgress, sweep_command},
};

/// Carries `espalier sweep` out.
pub(super) fn sweep(args: &args::Sweep) -> Result<(), Failure> {
    let device: DeviceChoice = args.device.parse().map_err(Failure::bad)?;
    let mut wanted = args.dataset();
    loaded::refuse_functions("sweep", wanted.kind)?;
    let message = loaded::limit(&mut wanted);
    let dataset = wanted.open().map_err(Failure::bad_box)?;
    let dir = args.out.clone().unwrap_or_else(|| default_dir("sweep"));
    let mut plan = plan(args, &dataset, &dir);
    plan.check().map_err(Failure::bad)?;
    for series in &plan.series {
        let spec = series.spec(1, NonZeroU32::MIN, plan.draw, 0);
        spec.check_verifier(dataset.kind).map_err(Failure::bad)?;
        if spec.scorer() == Some(ScorerName::Prm) {
            spec.check_prm(args.prm.as_deref()).map_err(Failure::bad)?;
        }
    }
    if let Some(message) = message {
        say(args, &message);
    }
    let mut loaded = Loaded::open(&args.model, device, &dataset, Manner::Reason, args.engine())?;
    let open = |path: &PathBuf| Prm::open(path, args.prm_family, device, args.engine(), &loaded);
    let mut prm = args.prm.as_ref().map(open).transpose()?;
    for series in plan.series.iter().filter(|_| prm.as_ref().is_some_and(|prm| prm.signed)) {
        let spec = series.spec(1, NonZeroU32::MIN, plan.draw, 0);
        if spec.scorer() == Some(ScorerName::Prm) {
            spec.check_signed(Prm::SIGNED).map_err(Failure::bad)?;
        }
    }
    plan.stops = loaded.stops.clone();
    say(args, &format!("sweep directory: {}", dir.display()));
    let Some(report) = carry_out(args, &plan, &mut loaded, prm.as_mut())? else {
        let arguments = std::env::args().collect::<Vec<_>>();
        return Err(Failure::Interrupted { resume: sweep_command(&arguments, &dir) });
    };
    let files = report.write(&dir)?;
    print(args, &report, &files)?;
    match report.points.iter().map(|point| point.failed).sum::<u64>() {
        0 => Ok(()),
        failed => Err(Failure::Failed(anyhow!(
            "{failed} searches failed, they are not counted; the same command tries them again, and \
             `records.jsonl` in the folders of `{}` says why",
            dir.join("cells").display()
        ))),
    }
}

fn plan<'a>(args: &args::Sweep, dataset: &'a Dataset, dir: &'a Path) -> Sweep<'a> {
    Sweep {
        dataset,
        series: args.series(),
        budgets: args.budgets(),
        seeds: args.seeds(),
        draw: args.draw(),
        stops: std::sync::Arc::default(),
        greedy_tokens: args.greedy_tokens(),
        max_tokens: args.max_tokens,
        max_step_tokens: args.max_step_tokens,
        in_flight: args.in_flight.unwrap_or(IN_FLIGHT),
        dir,
    }
}

fn carry_out(
    args: &args::Sweep,
    plan: &Sweep<'_>,
    loaded: &mut Loaded,
    prm: Option<&mut Prm>,
) -> Result<Option<Report>, Failure> {
    let interrupt = Interrupt::watch()?;
    let (identity, chat, device) = (loaded.identity.clone(), loaded.chat, loaded.device.clone());
    let (kernels, kv_bytes_per_token) = (loaded.kernels.clone(), loaded.kv_bytes_per_token);
    let prompt = loaded.prompt_text(plan.dataset, Manner::Reason);
    let judge = prm.as_ref().map(|prm| prm.identity.clone());
    let info = |spec: &StrategySpec, max_tokens: NonZeroU32, budget: &Budget| {
        let tokens = max_tokens.get();
        let mut info =
            RunInfo::new(generation(spec, plan.dataset, &identity, chat, tokens, budget));
        if let (Some(ScorerName::Prm), Some(judge)) = (spec.scorer(), &judge) {
            info.generation["prm"] = judge.clone();
        }
        name_options(&mut info.generation, args.engine());
        info.runtime["device"] = Value::String(device.clone());
        info.runtime["kernels"] = Value::String(kernels.clone());
        info.runtime["kv_bytes_per_token"] = kv_bytes_per_token.into();
        info.runtime["prompt"] = prompt.clone().into();
        info
    };
    let prompted = plan.series.iter().any(|series| series.is_prompted());
    let one = NonZeroU32::MIN;
    let asking = prompted.then(|| loaded.asking(plan.dataset.kind, one, one)).transpose()?;
    let forms = |max_tokens| {
        asking.clone().map_or_else(Forms::default, |asking| Asking { max_tokens, ..asking }.forms())
    };
    let clock = WallClock::start();
    let mut put = loaded.put(plan.dataset, Manner::Reason)?;
    let mut bench = Bench {
        policy: &mut loaded.policy,
        prm: prm.map(|prm| &mut prm.scorer as &mut dyn Scorer),
        prompt: &mut put,
        forms: &forms,
        info: &info,
        clock: &clock,
    };
    let bar = Bar::start(1000, !args.quiet);
    let mut first = None;
    let done = plan.carry_out(&mut bench, &mut |progress: &SweepProgress<'_>| {
        let now = clock.now_ns() as f64 / 1e9;
        let share = progress.share.unwrap_or(0.0);
        let (since, begun) = *first.get_or_insert((now, share));
        bar.show_share(share, &progress.line(now - since, begun));
        interrupt.check()
    });
    bar.end();
    done.map_err(|error: SweepError| {
        if error.is_bad_input() { Failure::bad(error) } else { Failure::Failed(error.into()) }
    })
}

#[expect(clippy::print_stdout, reason = "the result of the command")]
fn print(args: &args::Sweep, report: &Report, files: &[PathBuf]) -> Result<(), Failure> {
    println!("{}", report.table());
    for file in files {
        println!("{}", file.display());
    }
    if args.json {
        println!("{}", serde_json::to_string(report)?);
    }
    Ok(())
}

#[expect(clippy::print_stderr, reason = "this is the command line")]
fn say(args: &args::Sweep, message: &str) {
    if !args.quiet {
        eprintln!("{message}");
    }
}
