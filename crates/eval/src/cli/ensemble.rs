//! `espalier eval ensemble`: several models over a dataset, and what they answer together.

use std::num::NonZeroU64;

use anyhow::anyhow;
use espalier_core::{Budget, Forms};
use espalier_models::DeviceChoice;
use serde_json::json;

use super::{
    default_dir::default_dir,
    eval::{interrupted, say},
    failure::Failure,
    interrupt::Interrupt,
    loaded::{self, IN_FLIGHT, Loaded},
    member::{Member, check_distinct, fit, info},
    progress::Bar,
};
use crate::ensemble::{Chunks, EnsembleSpec, Stores, member_dir, search};
use crate::table::percent;
use crate::{
    ConfigError, Dataset, Ended, Helpers, Record, Run, Store, Summary, WallClock, args, run, table,
};

/// Carries `espalier eval ensemble` out.
pub(super) fn ensemble(arguments: &args::Ensemble) -> Result<(), Failure> {
    let terms = &arguments.terms;
    let spec = arguments.spec().map_err(Failure::bad)?;
    let Some(count) = NonZeroU64::new(arguments.members.len() as u64).filter(|n| n.get() > 1)
    else {
        return Err(Failure::BadInput(anyhow!(
            "an ensemble of one member: give `--member` twice or more, or run `self-consistency`"
        )));
    };
    if spec.n > 1 && spec.temperature <= 0.0 {
        return Err(Failure::bad(ConfigError::SameAgain { n: spec.n }));
    }
    let device: DeviceChoice = terms.device.parse().map_err(Failure::bad)?;
    let (_, device_name) = device.open().map_err(Failure::bad)?;
    let mut wanted = terms.dataset();
    loaded::refuse_functions("eval ensemble", wanted.kind)?;
    if let Some(message) = loaded::limit(&mut wanted) {
        say(terms, &message);
    }
    let dataset = wanted.open().map_err(Failure::bad_box)?;
    let budget = terms.budget.unwrap_or_default();
    let strategy = spec.member();
    let shares: Vec<Budget> = (0..count.get()).map(|index| budget.share(index, count)).collect();
    let look = |(model, share): (&String, &Budget)| {
        Member::look(model, terms, &strategy, &dataset, share, &device_name)
    };
    let members = arguments.members.iter().zip(&shares).map(look).collect::<Result<Vec<_>, _>>()?;
    check_distinct(&members)?;
    let chunks = fit(&members, arguments.memory, terms.kv_limit)?;
    let mut company =
        Company { terms, device, dataset: &dataset, spec, shares, members, loaded: Vec::new() };
    company.loaded = company.members.iter().map(|_| None).collect();
    match chunks {
        Chunks::Few => (0..company.members.len()).try_for_each(|index| company.load(index))?,
        Chunks::All => {
            say(terms, "the members do not fit into `--memory` together: one after the other");
        }
    }
    let mut stores = company.stores(&device_name)?;
    let interrupt = Interrupt::watch()?;
    let (bar, clock) =
        (Bar::start(dataset.items.len() * company.members.len(), !terms.quiet), WallClock::start());
    let whole = stores.members.iter().all(|store| store.records().is_empty());
    let mut seconds = vec![0.0; company.members.len()];
    let mut finished = 0;
    let ended = search(&dataset, spec.weights, &mut stores, chunks, &mut |index, part, store| {
        if part.items.iter().all(|item| store.is_finished(&item.problem.id)) {
            finished += part.items.len();
            return Ok(Ended::Complete);
        }
        if chunks == Chunks::All {
            company.release();
            company.load(index)?;
        }
        let total = company.members.len() * dataset.items.len();
        let mut observe = |progress: &crate::Progress| {
            let line = format!("member {}: {}", index + 1, progress.line(0.0));
            bar.show_share((finished + progress.done) as f64 / total as f64, &line);
            interrupt.check()
        };
        let began = seconds_of(&clock);
        let ended = company.search(index, part, store, &clock, &mut observe)?;
        seconds[index] += seconds_of(&clock) - began;
        finished += part.items.len();
        Ok::<_, Failure>(ended)
    });
    bar.end();
    let ended = ended?;
    let mut rows = Vec::new();
    let all: f64 = seconds.iter().sum();
    let stored = stores.members.iter().zip(&seconds).chain([(&stores.own, &all)]);
    for (store, &seconds) in stored {
        let config = store.info().generation.clone();
        let summary = Summary::of(store.records(), config, whole.then_some(seconds));
        store.write_summary(&summary)?;
        rows.push(summary);
    }
    report(&company, &rows, &stores)?;
    if ended == Ended::Interrupted {
        return Err(interrupted(&stores.own));
    }
    failures(&stores)
}

fn seconds_of(clock: &WallClock) -> f64 {
    espalier_core::Clock::now_ns(clock) as f64 / 1e9
}

/// The members of a run, and those of them that are loaded.
struct Company<'a> {
    terms: &'a args::Terms,
    device: DeviceChoice,
    dataset: &'a Dataset,
    spec: EnsembleSpec,
    shares: Vec<Budget>,
    members: Vec<Member>,
    loaded: Vec<Option<Loaded>>,
}

impl Company<'_> {
    fn load(&mut self, index: usize) -> Result<(), Failure> {
        let (model, manner) = (&self.members[index].model, self.spec.member().manner());
        let options = self.terms.engine();
        self.loaded[index] = Some(Loaded::open(model, self.device, self.dataset, manner, options)?);
        Ok(())
    }

    /// Frees the weights that are held.
    fn release(&mut self) {
        self.loaded.fill_with(|| None);
    }

    /// The run directories, new or to be gone on with.
    fn stores(&self, device: &str) -> Result<Stores, Failure> {
        let terms = self.terms;
        let generations: Vec<_> =
            self.members.iter().map(|member| member.generation.clone()).collect();
        let (tokens, budget) = (terms.max_tokens().get(), terms.budget.unwrap_or_default());
        let generation = self.spec.generation(self.dataset, &generations, tokens, &budget);
        let own = info(generation, terms, device);
        let new = || terms.out.clone().unwrap_or_else(|| default_dir(EnsembleSpec::NAME));
        let own = match &terms.resume {
            Some(dir) => Store::resume(dir, &own),
            None => Store::create(&new(), own),
        };
        let own = own.map_err(Failure::bad)?;
        let member = |(index, member): (usize, &Member)| {
            let dir = member_dir(own.dir(), index + 1);
            let info = member.info(terms, device);
            let is_there = dir.join("run.json").exists();
            if is_there { Store::resume(&dir, &info) } else { Store::create(&dir, info) }
        };
        let members = self.members.iter().enumerate().map(member).collect::<Result<_, _>>();
        Ok(Stores { members: members.map_err(Failure::bad)?, own })
    }

    /// One member over some of the problems.
    fn search(
        &mut self,
        index: usize,
        part: &Dataset,
        store: &mut Store,
        clock: &WallClock,
        observe: &mut dyn FnMut(&crate::Progress) -> std::ops::ControlFlow<()>,
    ) -> Result<Ended, Failure> {
        let strategy = self.spec.member();
        let loaded = self.loaded[index]
            .as_mut()
            .ok_or_else(|| anyhow!("member {} is not loaded", index + 1))?;
        let mut put = loaded.put(part, strategy.manner())?;
        let plan = Run {
            dataset: part,
            stops: strategy.stops(&loaded.stops),
            strategy,
            max_tokens: self.terms.max_tokens(),
            budget: self.shares[index],
            in_flight: self.terms.in_flight.unwrap_or(IN_FLIGHT),
            forms: Forms::default(),
        };
        Ok(run(&plan, &mut put, &mut loaded.policy, Helpers::default(), store, clock, observe)?)
    }
}

/// Prints a row for each member alone and one for the ensemble, which comes last.
#[expect(clippy::print_stdout, reason = "the result of the command")]
fn report(company: &Company<'_>, rows: &[Summary], stores: &Stores) -> Result<(), Failure> {
    let member =
        |(index, member): (usize, &Member)| format!("member {}, {}", index + 1, member.name);
    let mut names: Vec<String> = company.members.iter().enumerate().map(member).collect();
    names.push(crate::comparison::strategy_name(&stores.own.info().generation["strategy"]));
    let shown: Vec<(&str, &Summary)> = names.iter().map(String::as_str).zip(rows).collect();
    println!("{}", table(&shown));
    let agreement = agreement(stores.own.records());
    if let Some(share) = agreement {
        println!("members that answer alone as the ensemble does: {} on average\n", percent(share));
    }
    println!("run directory: {}", stores.own.dir().display());
    if let (true, Some((own, members))) = (company.terms.json, rows.split_last()) {
        let mut object = serde_json::to_value(own)?;
        object["members"] = json!(members);
        object["agreement"] = json!(agreement);
        println!("{object}");
    }
    Ok(())
}

/// The share of members whose own majority is the ensemble's answer, a mean over the problems that have one.
fn agreement(records: &[Record]) -> Option<f64> {
    let pooled = records.iter().filter_map(|record| record.pooled.as_ref());
    let shares = pooled.filter(|pooled| pooled.weight.is_some());
    let shares: Vec<f64> =
        shares.map(|pooled| pooled.agreeing as f64 / pooled.members as f64).collect();
    (!shares.is_empty()).then(|| shares.iter().sum::<f64>() / shares.len() as f64)
}

fn failures(stores: &Stores) -> Result<(), Failure> {
    let failed = stores.members.iter().enumerate().flat_map(|(index, store)| {
        let errors = store.records().iter().filter_map(|record| record.error.as_ref());
        errors.map(move |error| (index + 1, error))
    });
    let failed: Vec<(usize, &String)> = failed.collect();
    let Some((member, error)) = failed.first() else { return Ok(()) };
    Err(Failure::Failed(anyhow!(
        "{} searches of members failed, and the others answered without them; `--resume` tries them again; the \
         first, of member {member}: {error}",
        failed.len()
    )))
}
