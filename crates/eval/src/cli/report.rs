//! `espalier report`: a run as one page.

use anyhow::anyhow;

use super::failure::Failure;
use super::sandbox::warn;
use super::trace::write;
use crate::args;
use crate::view::{Shown, page};

/// Carries `espalier report` out.
#[expect(clippy::print_stdout, reason = "the result of the command")]
#[expect(clippy::print_stderr, reason = "this is the command line")]
pub(super) fn report(args: &args::Report) -> Result<(), Failure> {
    let open = |dir: &std::path::Path| Shown::open(dir, args.data.as_deref()).map_err(Failure::bad);
    let mut runs = vec![open(&args.dir)?];
    if let Some(dir) = &args.beside {
        runs.push(open(dir)?);
    }
    let dir = args.dir.display();
    if runs[0].records.is_empty() {
        return Err(Failure::BadInput(anyhow!(
            "`{dir}` has no problem that is done: go on with the run, `--resume {dir}`"
        )));
    }
    let ids: Vec<&str> = runs[0].records.iter().map(|record| record.id.as_str()).collect();
    let name = args.dir.file_name().unwrap_or(args.dir.as_os_str()).to_string_lossy();
    let page = page(&name, &runs.iter().collect::<Vec<_>>(), &ids, args.max_size * 1_000_000)?;
    for error in &page.unread {
        eprintln!("warning: {error:#}");
    }
    if page.left_out > 0 {
        eprintln!(
            "{} of {} trees were left out, to keep the page at {} MB: `--max-size` takes more",
            page.left_out,
            page.left_out + page.trees,
            args.max_size
        );
    }
    let out = args.out.clone().unwrap_or_else(|| args.dir.join("report.html"));
    write(Some(&out), &page.html)?;
    println!("{}", out.display());
    warn(runs.iter().map(|run| (&*run.dir, &run.info)));
    Ok(())
}
