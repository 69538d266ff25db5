//! The command line: bad input ends with exit code 2 before anything is computed.

mod anytime;
mod collect;
mod compare;
mod default_dir;
mod dry_run;
mod engine;
mod ensemble;
mod eval;
mod failure;
mod gpu_check;
mod grade;
mod hub;
mod interrupt;
mod loaded;
mod marks;
mod member;
mod memory;
mod model;
mod prm;
mod progress;
mod regrade;
mod report;
mod rounding;
mod sandbox;
mod sweep;
mod table;
mod throughput;
mod trace;
mod weights_hash;

use std::process::ExitCode;

use clap::Parser;

use crate::args::{Cli, Command, Evaluation};
use failure::Failure;

/// Parses the command line, carries it out and says how it went.
#[must_use]
#[expect(clippy::print_stderr, reason = "this is the command line")]
pub fn main() -> ExitCode {
    let done = match Cli::parse().command {
        Command::Eval(evaluation) => match &*evaluation {
            Evaluation::Strategy(strategy) => eval::eval(strategy),
            Evaluation::Ensemble(args) => ensemble::ensemble(args),
        },
        Command::Sweep(args) => sweep::sweep(&args),
        Command::Anytime(args) => anytime::anytime(&args),
        Command::Table(args) => table::table(&args),
        Command::Collect(args) => collect::collect_runs(&args),
        Command::Trace(args) => trace::trace(&args),
        Command::Report(args) => report::report(&args),
        Command::Compare(args) => compare::compare(&args),
        Command::Regrade(args) => regrade::regrade(&args),
        Command::Grade(args) => grade::grade(&args),
        Command::Model(command) => model::model(&command),
        Command::GpuCheck(args) => gpu_check::gpu_check(&args),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(Failure::Interrupted { resume }) => {
            eprintln!("interrupted; everything finished is on disk. To go on:\n  {resume}");
            ExitCode::from(130)
        }
        Err(Failure::BadInput(error)) => {
            eprintln!("error: {error:#}");
            ExitCode::from(2)
        }
        Err(Failure::Failed(error)) => {
            eprintln!("error: {error:#}");
            ExitCode::from(1)
        }
    }
}
