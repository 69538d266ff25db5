//! `espalier compare`: two runs, problem by problem.

use super::failure::Failure;
use super::sandbox::warn;
use crate::args;
use crate::{Comparison, read_run};

/// Carries `espalier compare` out.
#[expect(clippy::print_stdout, reason = "the result of the command")]
pub(super) fn compare(args: &args::Compare) -> Result<(), Failure> {
    let (first, firsts) = read_run(&args.first).map_err(Failure::bad)?;
    let (second, seconds) = read_run(&args.second).map_err(Failure::bad)?;
    let comparison =
        Comparison::new((&first, &second), (&firsts, &seconds)).map_err(Failure::bad)?;
    print!("{}", comparison.text());
    warn([(&*args.first, &first), (&*args.second, &second)]);
    if args.json {
        println!("{}", serde_json::to_string(&comparison)?);
    }
    Ok(())
}
