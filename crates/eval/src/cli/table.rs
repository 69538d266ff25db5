//! `espalier table`: what to do with problems of each difficulty, learned from runs.

use anyhow::Context;

use super::failure::Failure;
use crate::{LearnedTable, OptionRuns, args};

/// Carries `espalier table` out.
#[expect(clippy::print_stdout, reason = "the result of the command")]
pub(super) fn table(args: &args::Table) -> Result<(), Failure> {
    let runs = OptionRuns::read(&args.runs).map_err(Failure::bad)?;
    let table = LearnedTable::learn(runs, args.bins);
    let mut text = serde_json::to_string_pretty(&table)?;
    text.push('\n');
    std::fs::write(&args.out, text)
        .with_context(|| {
            format!("cannot write `{}`: name a file in a folder that is there", args.out.display())
        })
        .map_err(Failure::BadInput)?;
    println!("{}\ntable: {}", table.text(), args.out.display());
    if args.json {
        println!("{}", serde_json::to_string(&table)?);
    }
    Ok(())
}
