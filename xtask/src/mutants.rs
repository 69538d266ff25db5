//! `cargo xtask mutants`: injects the faults of the lists one by one, and reports those that no test
//! notices.

mod bench;
mod list;

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::fs;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Instant;

use anyhow::{Context, Result, bail};
use bench::{Bench, Fate};
use list::{List, Mutant};

use crate::Usage;
use crate::process::{root, target_dir};

/// Runs the mutants whose name or file contains one of the arguments, or all.
pub(crate) fn run(args: &[OsString]) -> Result<ExitCode> {
    let wanted: Vec<String> = args.iter().map(|arg| arg.to_string_lossy().into_owned()).collect();
    let lists = list::read(&root(), &wanted)?;
    let whole: usize = lists.iter().map(|list| list.mutants.len()).sum();
    if whole == 0 {
        let wanted = wanted.join("` or `");
        return Err(Usage(format!("no mutant's name or file contains `{wanted}`")).into());
    }
    let bench = Bench::new(&root(), &target_dir()?.join("mutants"))?;
    let start = Instant::now();
    let mut done = 0;
    let mut survivors = 0;
    for list in &lists {
        sound(&bench, list)?;
        for mutant in &list.mutants {
            done += 1;
            let start = Instant::now();
            let fates = inject(&bench, list, mutant)?;
            let seconds = start.elapsed().as_secs_f64();
            let passed = |fates: &[Fate]| fates.contains(&Fate::Passed);
            let fate = match &fates {
                Ok(fates) if passed(fates) => "SURVIVED",
                Ok(_) => "killed",
                Err(_) => "BROKEN",
            };
            println!("[{done}/{whole}] {fate:8} {} ({seconds:.1} s)", mutant.name);
            survivors += usize::from(fate != "killed");
            match fates {
                Ok(fates) => {
                    for (test, _) in
                        mutant.killed_by.iter().zip(fates).filter(|one| one.1 == Fate::Passed)
                    {
                        println!("    `{test}` passes");
                    }
                }
                Err(error) => println!("    it does not compile: {error:#}"),
            }
        }
    }
    println!("{whole} mutants, {survivors} not killed in {:.0} s", start.elapsed().as_secs_f64());
    Ok(if survivors == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn package(list: &List) -> String {
    format!("espalier-{}", list.folder)
}

/// Checks that every test that is to notice a fault passes where there is none.
fn sound(bench: &Bench, list: &List) -> Result<()> {
    let tests: BTreeSet<&String> = list.mutants.iter().flat_map(|one| &one.killed_by).collect();
    let tests: Vec<String> = tests.into_iter().cloned().collect();
    if tests.is_empty() {
        return Ok(());
    }
    let programs = bench.build(&package(list))?;
    for (test, fate) in tests.iter().zip(bench.test(&list.folder, &programs, &tests)?) {
        match fate {
            Fate::Passed => {}
            Fate::Missing => bail!("no test `{test}`; correct `killed_by`"),
            Fate::Failed | Fate::Lost => bail!("`{test}` fails without any mutant; mend it first"),
        }
    }
    Ok(())
}

/// What the tests that are to notice a fault do where it is; an error of the inner kind where it does
/// not compile.
fn inject(bench: &Bench, list: &List, mutant: &Mutant) -> Result<Result<Vec<Fate>>> {
    let path: PathBuf = bench.tree.join(&mutant.file);
    let writing = || format!("could not write `{}`", path.display());
    let source = fs::read_to_string(&path).with_context(writing)?;
    fs::write(&path, list::mutate(mutant, &source)?).with_context(writing)?;
    let fates = match bench.build(&package(list)) {
        Ok(programs) => bench.test(&list.folder, &programs, &mutant.killed_by).map(Ok),
        Err(broken) => Ok(Err(broken)),
    };
    fs::write(&path, source).with_context(writing)?;
    fates
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_names_no_mutant_is_a_usage_error() {
        assert!(run(&["no mutant is called this".into()]).unwrap_err().is::<Usage>());
    }
}
