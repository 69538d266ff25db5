//! `espalier anytime`: the accuracy of a finished run at every smaller budget.

use std::num::NonZeroU32;

use anyhow::{Context, anyhow};
use espalier_core::Spend;
use serde_json::json;

use super::failure::Failure;
use super::loaded::refuse_functions;
use super::sandbox::warn;
use crate::anytime::{curve, ladder, moments};
use crate::ensemble::member_dir;
use crate::store::read_events;
use crate::table::{align, interval, percent};
use crate::{EnsembleSpec, Source, StrategySpec, args, human, read_run};

/// Carries `espalier anytime` out.
#[expect(clippy::print_stdout, reason = "the result of the command")]
pub(super) fn anytime(args: &args::Anytime) -> Result<(), Failure> {
    let (info, records) = read_run(&args.dir).map_err(Failure::bad)?;
    let generation = &info.generation;
    let damaged = |what: &str| {
        let shown = args.dir.display();
        anyhow!("`{shown}/run.json` does not say `{what}`; it is of another version")
    };
    if generation["strategy"]["name"] == EnsembleSpec::NAME {
        return Err(Failure::BadInput(anyhow!(
            "`{}` is of an ensemble, whose answer is of several searches: give one of its members, such as `{}`",
            args.dir.display(),
            member_dir(&args.dir, 1).display()
        )));
    }
    let strategy: StrategySpec = serde_json::from_value(generation["strategy"].clone())
        .with_context(|| damaged("strategy"))
        .map_err(Failure::BadInput)?;
    let max_tokens = generation["max_tokens"].as_u64().and_then(|n| u32::try_from(n).ok());
    let max_tokens = max_tokens
        .and_then(NonZeroU32::new)
        .ok_or_else(|| Failure::BadInput(damaged("max_tokens")))?;
    let source = Source::open(&info, args.data.as_deref()).map_err(Failure::bad)?;
    refuse_functions("anytime", source.kind)?;
    let mut searches = Vec::new();
    for record in records.iter().filter(|record| record.error.is_none()) {
        let item = source.item(record).map_err(Failure::bad)?;
        let events = read_events(&args.dir, record).map_err(Failure::bad)?;
        let moments = moments(&strategy, source.kind, item, &events, max_tokens)
            .with_context(|| format!("the trace of `{}`", record.id))
            .map_err(Failure::BadInput)?;
        searches.push(moments);
    }
    if searches.is_empty() {
        return Err(Failure::BadInput(anyhow!("`{}` has no finished search", args.dir.display())));
    }
    let axis = args.axis;
    let spent = |spend: &Spend| axis.of(spend);
    let budgets = if args.budgets.is_empty() {
        ladder(&searches, spent)
    } else {
        args.budgets.iter().map(|&budget| budget.into()).collect()
    };
    let points = curve(&searches, spent, &budgets);
    let head = [axis.name(), "accuracy", "95 % interval", "searches complete"];
    let mut rows = vec![head.map(str::to_owned).to_vec()];
    rows.extend(points.iter().map(|point| {
        let complete = percent(point.complete);
        vec![
            human(point.budget as f64),
            percent(point.accuracy),
            interval(&point.interval),
            complete,
        ]
    }));
    println!("{strategy}, {} problems, had it been stopped earlier:\n", searches.len());
    println!("{}", align(&rows));
    warn([(&*args.dir, &info)]);
    if args.json {
        println!(
            "{}",
            json!({ "axis": axis.name(), "problems": searches.len(), "points": points })
        );
    }
    Ok(())
}
