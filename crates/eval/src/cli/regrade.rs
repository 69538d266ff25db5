//! `espalier regrade`: the answers of a run, read and graded anew.

use super::failure::Failure;
use super::sandbox::{PRINTED, Sandbox};
use crate::code::Python;
use crate::run_info::grading;
use crate::{Grader, Source, Status, Store, StoreError, Summary, args, read_run, table};

/// Carries `espalier regrade` out.
#[expect(clippy::print_stdout, reason = "the result of the command")]
pub(super) fn regrade(args: &args::Regrade) -> Result<(), Failure> {
    let (info, records) = read_run(&args.dir).map_err(Failure::bad)?;
    let source = Source::open(&info, args.data.as_deref()).map_err(Failure::bad)?;
    for record in &records {
        source.item(record).map_err(Failure::bad)?;
    }
    let is_run = source.kind.is_run();
    if is_run {
        args.sandbox.needed("--dataset humaneval").map_err(Failure::bad)?;
    } else {
        args.sandbox.unused().map_err(Failure::bad)?;
    }
    let mut sandbox = is_run.then(|| Sandbox::open(&args.sandbox, PRINTED)).transpose()?;
    let mut graders = grading();
    let warning = sandbox.as_ref().and_then(|sandbox| sandbox.warning.clone());
    let grader = match &mut sandbox {
        Some(sandbox) => {
            graders["sandbox"] = sandbox.isolation.clone();
            Grader::with_tests(source.kind, Python::new(&mut sandbox.python))
        }
        None => Grader::new(source.kind),
    };
    let mut changed = Vec::new();
    let store = Store::regrade(&args.dir, graders, |record| -> Result<(), anyhow::Error> {
        let Ok(item) = source.item(record) else { return Ok(()) };
        let was = Status::of(record);
        record.regrade(&grader, item)?;
        let now = Status::of(record);
        if was != now {
            changed.push(format!("{}: was {was}, now {now}", record.id));
        }
        Ok(())
    })
    .map_err(|error| match error.downcast_ref() {
        Some(StoreError::Locked { .. }) => Failure::BadInput(error),
        _ => Failure::Failed(error),
    })?;
    let elapsed = store.summary().and_then(|summary| summary.elapsed_s);
    let summary = Summary::of(store.records(), store.info().generation.clone(), elapsed);
    store.write_summary(&summary)?;
    for line in &changed {
        println!("{line}");
    }
    if let Some(warning) = warning {
        println!("{warning}\n");
    }
    println!("{} of {} grades changed\n", changed.len(), store.records().len());
    let name = crate::comparison::strategy_name(&store.info().generation["strategy"]);
    println!("{}", table(&[(&name, &summary)]));
    Ok(())
}
