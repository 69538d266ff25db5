//! `espalier eval`: a strategy over a dataset, under a budget.

use std::path::{Path, PathBuf};

use anyhow::anyhow;
use espalier_core::{Forms, Scorer};
use espalier_models::DeviceChoice;
use serde_json::{Value, json};

use super::{
    default_dir::default_dir,
    dry_run::{self, dry_run},
    engine::name_options,
    failure::Failure,
    interrupt::Interrupt,
    loaded::{self, IN_FLIGHT, Loaded},
    memory::Memory,
    prm::Prm,
    progress::Bar,
    sandbox::{Sandbox, seen},
};
use crate::{
    Dataset, DatasetKind, Ended, Helpers, Run, RunInfo, Store, StrategySpec, Summary, WallClock,
    args, generation, human, resume_command, run, table, tools::Toolkit,
};

/// Carries `espalier eval` out.
pub(super) fn eval(arguments: &args::Strategy) -> Result<(), Failure> {
    arguments.check().map_err(Failure::bad)?;
    let (spec, args) = (arguments.spec(), arguments.run());
    spec.check().map_err(Failure::bad)?;
    spec.check_prm(args.prm.as_deref()).map_err(Failure::bad)?;
    spec.check_calling().map_err(Failure::bad)?;
    let kind = args.dataset().kind;
    spec.check_verifier(kind).map_err(Failure::bad)?;
    spec.check_functions(kind).map_err(Failure::bad)?;
    spec.strategy(kind.form()).map_err(Failure::bad)?;
    if args.beside.is_some() && spec == StrategySpec::Greedy {
        return Err(Failure::BadInput(anyhow!(
            "`--beside greedy` has no effect on `greedy`: leave it out"
        )));
    }
    let device: DeviceChoice = args.terms.device.parse().map_err(Failure::bad)?;
    let mut wanted = args.dataset();
    if let Some(message) = loaded::limit(&mut wanted) {
        say(&args.terms, &message);
    }
    let dataset = wanted.open().map_err(Failure::bad_box)?;
    let sandbox = arguments.sandbox().map_err(Failure::bad)?;
    if args.dry_run && spec.output().is_some() {
        return Err(dry_run::refuse(&spec));
    }
    let open = |sandbox| Sandbox::open(sandbox, seen(kind, &spec));
    // What a run on a stand-in costs does not depend on how its answers are graded.
    let sandbox = sandbox.filter(|_| !args.dry_run).map(open).transpose()?;
    if let Some(warning) = sandbox.as_ref().and_then(|sandbox| sandbox.warning.as_deref()) {
        say(&args.terms, warning);
    }
    let loaded = Loaded::open(&args.model, device, &dataset, spec.manner(), args.terms.engine())?;
    if args.terms.kv_limit.is_some() && args.prm.as_deref().is_some_and(|path| loaded.is_of(path)) {
        return Err(Failure::BadInput(anyhow!(
            "`--kv-limit` cannot be kept where `--prm` is the policy itself: its scores are paid for as if what \
             they go on from were held; leave `--kv-limit` out"
        )));
    }
    let open =
        |path: &PathBuf| Prm::open(path, args.prm_family, device, args.terms.engine(), &loaded);
    let prm = args.prm.as_ref().map(open).transpose()?;
    if prm.as_ref().is_some_and(|prm| prm.signed) {
        spec.check_signed(Prm::SIGNED).map_err(Failure::bad)?;
    }
    let mut info = info(args, &spec, &dataset, &loaded, prm.as_ref());
    if let Some(sandbox) = &sandbox {
        name_sandbox(&mut info, sandbox, kind);
    }
    if let Some(table) = arguments.table() {
        table.check(&info.generation, &dataset).map_err(Failure::bad)?;
    }
    if args.dry_run {
        return dry_run(args, &spec, &dataset, &loaded, prm.as_ref());
    }
    let mut store = store(args, info, &spec, None)?;
    let forms = if spec.is_prompted() {
        let (max_tokens, most) = arguments.replies();
        loaded.asking(dataset.kind, max_tokens, most)?.forms()
    } else {
        Forms::default()
    };
    let interrupt = Interrupt::watch()?;
    let mut eval = Eval { args, dataset: &dataset, loaded, prm, sandbox, interrupt, forms };
    let mut rows = Vec::new();
    if args.beside.is_some() {
        let dir = store.dir().join(StrategySpec::Greedy.to_string());
        let mut info = self::info(args, &StrategySpec::Greedy, &dataset, &eval.loaded, None);
        if let Some(sandbox) = eval.sandbox.as_ref().filter(|_| kind.is_run()) {
            name_sandbox(&mut info, sandbox, kind);
        }
        let mut beside = self::store(args, info, &StrategySpec::Greedy, Some(&dir))?;
        rows.push(eval.search(StrategySpec::Greedy, &mut beside)?);
        if rows[0].ended == Ended::Interrupted {
            return Err(interrupted(&store));
        }
    }
    rows.push(eval.search(spec, &mut store)?);
    let stats = eval.loaded.policy.stats();
    let memory = Memory::now(&stats);
    say(&args.terms, &memory.line());
    if args.terms.kv_limit.is_some() {
        let evicted = human(stats.evicted_tokens as f64);
        say(&args.terms, &format!("under `--kv-limit`, {evicted} tokens were let go of"));
    }
    report(args, &rows, &store, memory)?;
    if rows.iter().any(|row| row.ended == Ended::Interrupted) {
        return Err(interrupted(&store));
    }
    failures(&rows, store.dir())
}

/// What all rows of a table share.
struct Eval<'a> {
    args: &'a args::Run,
    dataset: &'a Dataset,
    loaded: Loaded,
    prm: Option<Prm>,
    sandbox: Option<Sandbox>,
    interrupt: Interrupt,
    /// The prompts of strategies that ask with prompts.
    forms: Forms,
}

/// A strategy that was run.
struct Row {
    spec: StrategySpec,
    summary: Summary,
    ended: Ended,
    /// Why the first of its failed searches failed.
    error: Option<String>,
}

impl Eval<'_> {
    /// Runs a strategy over what its store lacks.
    fn search(&mut self, spec: StrategySpec, store: &mut Store) -> Result<Row, Failure> {
        let (args, dataset) = (self.args, self.dataset);
        let whole = store.records().is_empty();
        let plan = Run {
            dataset,
            stops: spec.stops(&self.loaded.stops),
            strategy: spec.clone(),
            max_tokens: args.max_tokens(),
            budget: args.terms.budget.unwrap_or_default(),
            in_flight: args.terms.in_flight.unwrap_or(IN_FLIGHT),
            forms: self.forms.clone(),
        };
        let mut put = self.loaded.put(dataset, spec.manner())?;
        let turn = self.loaded.turn()?;
        let policy = &mut self.loaded.policy;
        let prm = self.prm.as_mut().map(|prm| &mut prm.scorer as &mut dyn Scorer);
        let sandbox = self.sandbox.as_mut();
        let tools = sandbox.map(|sandbox| Toolkit { python: &mut sandbox.python, turn });
        let helpers = Helpers { prm, tools };
        let bar = Bar::start(dataset.items.len(), !args.terms.quiet);
        let mut observe = |progress: &crate::Progress| {
            bar.show(progress);
            self.interrupt.check()
        };
        let clock = WallClock::start();
        let ended = run(&plan, &mut put, policy, helpers, store, &clock, &mut observe);
        let elapsed = bar.end();
        let ended = ended?;
        let config = store.info().generation.clone();
        let summary = Summary::of(store.records(), config, whole.then_some(elapsed));
        store.write_summary(&summary)?;
        let error = store.records().iter().find_map(|record| record.error.clone());
        Ok(Row { spec, summary, ended, error })
    }
}

pub(super) fn interrupted(store: &Store) -> Failure {
    let arguments = std::env::args().collect::<Vec<_>>();
    Failure::Interrupted { resume: resume_command(&arguments, store.dir()) }
}

fn failures(rows: &[Row], dir: &Path) -> Result<(), Failure> {
    match rows.iter().find(|row| row.summary.failed > 0) {
        None => Ok(()),
        Some(Row { summary, error, .. }) => Err(Failure::Failed(anyhow!(
            "{} of {} searches failed, they are not counted, and `--resume {}` tries them again; the first: {}",
            summary.failed,
            summary.n + summary.failed,
            dir.display(),
            error.clone().unwrap_or_default()
        ))),
    }
}

/// What is to be run.
fn info(
    run: &args::Run,
    spec: &StrategySpec,
    dataset: &Dataset,
    loaded: &Loaded,
    prm: Option<&Prm>,
) -> RunInfo {
    let budget = run.terms.budget.unwrap_or_default();
    let (model, tokens) = (&loaded.identity, run.max_tokens().get());
    let mut info = RunInfo::new(generation(spec, dataset, model, loaded.chat, tokens, &budget));
    name_options(&mut info.generation, run.terms.engine());
    if let Some(prm) = prm {
        info.generation["prm"] = prm.identity.clone();
    }
    info.runtime["device"] = Value::String(loaded.device.clone());
    info.runtime["kernels"] = Value::String(loaded.kernels.clone());
    info.runtime["prompt"] = loaded.prompt_text(dataset, spec.manner()).into();
    info.runtime["kv_bytes_per_token"] = loaded.kv_bytes_per_token.into();
    if let Some(path) = &run.terms.data {
        let path = std::path::absolute(path).unwrap_or_else(|_| path.clone());
        info.runtime["data"] = Value::String(path.display().to_string());
    }
    info
}

/// Says how code is isolated; where answers are run, that decides their grades, too.
fn name_sandbox(info: &mut RunInfo, sandbox: &Sandbox, kind: DatasetKind) {
    info.generation["sandbox"] = sandbox.isolation.clone();
    if kind.is_run() {
        info.grading["sandbox"] = sandbox.isolation.clone();
    }
}

/// The run's directory, or `dir` within it.
fn store(
    run: &args::Run,
    info: RunInfo,
    spec: &StrategySpec,
    dir: Option<&Path>,
) -> Result<Store, Failure> {
    let name = spec.to_string();
    let name = name.split(',').next().unwrap_or("run");
    let store = match (dir, &run.terms.resume) {
        (Some(dir), _) if dir.exists() => Store::resume(dir, &info),
        (Some(dir), _) => Store::create(dir, info),
        (None, Some(dir)) => Store::resume(dir, &info),
        (None, None) => {
            Store::create(&run.terms.out.clone().unwrap_or_else(|| default_dir(name)), info)
        }
    };
    store.map_err(Failure::bad)
}

/// Prints the rows; the last is the strategy that was asked for.
#[expect(clippy::print_stdout, reason = "the result of the command")]
fn report(run: &args::Run, rows: &[Row], store: &Store, memory: Memory) -> Result<(), Failure> {
    let names: Vec<String> = rows.iter().map(|row| row.spec.to_string()).collect();
    let table_rows: Vec<(&str, &Summary)> =
        names.iter().map(String::as_str).zip(rows.iter().map(|row| &row.summary)).collect();
    println!("{}", table(&table_rows));
    if let [beside, main] = rows
        && let Some(line) = gain(&beside.summary, &main.summary, &beside.spec, &main.spec)
    {
        println!("{line}\n");
    }
    if let Some(warning) = store.info().warning() {
        println!("{warning}\n");
    }
    println!("run directory: {}", store.dir().display());
    if run.terms.json
        && let Some(main) = rows.last()
    {
        let mut object = serde_json::to_value(&main.summary)?;
        object["memory"] = json!(memory);
        if let [beside, _] = rows {
            object["beside"] = json!({ beside.spec.to_string(): &beside.summary });
        }
        println!("{object}");
    }
    Ok(())
}

/// What search bought: the share of one run's errors that another has not.
fn gain(
    from: &Summary,
    to: &Summary,
    from_spec: &StrategySpec,
    to_spec: &StrategySpec,
) -> Option<String> {
    let (before, after) = (from.n - from.correct, to.n - to.correct);
    let same = from.n == to.n && before > 0;
    same.then(|| {
        let closed = (before as f64 - after as f64) / before as f64 * 100.0;
        format!(
            "{to_spec} leaves {after} of {} problems unsolved, {from_spec} {before}: {closed:.0} % of \
             its errors closed",
            to.n
        )
    })
}

#[expect(clippy::print_stderr, reason = "this is the command line")]
pub(super) fn say(terms: &args::Terms, message: &str) {
    if !terms.quiet {
        eprintln!("{message}");
    }
}
