//! `espalier regrade`: the answers of a run, read and graded anew.

use super::failure::Failure;
use super::sandbox::warn;
use crate::{Source, Status, Store, StoreError, Summary, args, read_run, table};

/// Carries `espalier regrade` out.
#[expect(clippy::print_stdout, reason = "the result of the command")]
pub(super) fn regrade(args: &args::Regrade) -> Result<(), Failure> {
    let (info, records) = read_run(&args.dir).map_err(Failure::bad)?;
    let source = Source::open(&info, args.data.as_deref()).map_err(Failure::bad)?;
    for record in &records {
        source.item(record).map_err(Failure::bad)?;
    }
    let mut changed = Vec::new();
    let store = Store::regrade(&args.dir, |record| {
        let Ok(item) = source.item(record) else { return };
        let was = Status::of(record);
        record.regrade(source.kind, item);
        let now = Status::of(record);
        if was != now {
            changed.push(format!("{}: was {was}, now {now}", record.id));
        }
    })
    .map_err(|error| match error {
        StoreError::Locked { .. } => Failure::bad(error),
        error => Failure::Failed(error.into()),
    })?;
    let elapsed = store.summary().and_then(|summary| summary.elapsed_s);
    let summary = Summary::of(store.records(), store.info().generation.clone(), elapsed);
    store.write_summary(&summary)?;
    for line in &changed {
        println!("{line}");
    }
    println!("{} of {} grades changed\n", changed.len(), store.records().len());
    let name = crate::comparison::strategy_name(&store.info().generation["strategy"]);
    println!("{}", table(&[(&name, &summary)]));
    warn([(&*args.dir, store.info())]);
    Ok(())
}
