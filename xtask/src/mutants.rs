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

/// Runs the mutants whose name or file contains the argument, or all.
pub(crate) fn run(args: &[OsString]) -> Result<ExitCode> {
    let wanted = match args {
        [] => String::new(),
        [wanted] => wanted.to_string_lossy().into_owned(),
        _ => return Err(Usage("`mutants` takes one part of a name or a file".to_owned()).into()),
    };
    let lists = list::read(&root(), &wanted)?;
    let whole: usize = lists.iter().map(|list| list.mutants.len()).sum();
    if whole == 0 {
        return Err(Usage(format!("no mutant's name or file contains `{wanted}`")).into());
    }
    let bench = Bench::new(&root(), &target_dir()?.join("mutants"))?;
    let start = Instant::now();
    let mut done = 0;
    let mut survivors = Vec::new();
    for list in &lists {
        sound(&bench, list)?;
        for mutant in &list.mutants {
            done += 1;
            let start = Instant::now();
            let survived = survives(&bench, list, mutant)?;
            let fate = if survived.is_empty() { "killed  " } else { "SURVIVED" };
            let seconds = start.elapsed().as_secs_f64();
            println!("[{done}/{whole}] {fate} {} ({seconds:.1} s)", mutant.name);
            survivors.extend(survived.into_iter().map(|test| (mutant, test)));
        }
    }
    for (mutant, test) in &survivors {
        println!("`{}` in `{}` does not fail `{test}`", mutant.name, mutant.file.display());
    }
    let names: BTreeSet<&str> = survivors.iter().map(|(mutant, _)| &*mutant.name).collect();
    println!("{whole} mutants, {} survived in {:.0} s", names.len(), start.elapsed().as_secs_f64());
    Ok(if names.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
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

/// The named tests that a mutant passes.
fn survives(bench: &Bench, list: &List, mutant: &Mutant) -> Result<Vec<String>> {
    let path: PathBuf = bench.tree.join(&mutant.file);
    let reading = || format!("could not write `{}`", path.display());
    let source = fs::read_to_string(&path).with_context(reading)?;
    fs::write(&path, list::mutate(mutant, &source)?).with_context(reading)?;
    let built = bench.build(&package(list));
    let fates = built
        .with_context(|| format!("mutant `{}` does not compile", mutant.name))
        .and_then(|programs| bench.test(&list.folder, &programs, &mutant.killed_by));
    fs::write(&path, source).with_context(reading)?;
    let passed = mutant.killed_by.iter().zip(fates?).filter(|(_, fate)| *fate == Fate::Passed);
    Ok(passed.map(|(test, _)| test.clone()).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_names_no_mutant_is_a_usage_error() {
        assert!(run(&["no mutant is called this".into()]).unwrap_err().is::<Usage>());
        assert!(run(&["a".into(), "b".into()]).unwrap_err().is::<Usage>());
    }
}
