//! `espalier trace`: the problems of a run, or the tree of one.

use std::fs;
use std::io::{self, Write as _};
use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, anyhow};
use espalier_core::Prompt;
use espalier_search::{dot, render, replay};

use super::failure::Failure;
use crate::args::{self, Format};
use crate::store::{read_chronicle, read_events};
use crate::table::align;
use crate::view::{Shown, page};
use crate::{Record, Status, human};

/// Carries `espalier trace` out.
pub(super) fn trace(args: &args::Trace) -> Result<(), Failure> {
    let shown = Shown::open(&args.dir, args.data.as_deref()).map_err(Failure::bad)?;
    if args.beside.is_some() && args.format != Format::Html {
        return Err(Failure::BadInput(anyhow!(
            "`--beside` has no effect here: two trees stand side by side with `--format html` alone"
        )));
    }
    let Some(id) = &args.problem else {
        if args.format != Format::Text {
            return Err(Failure::BadInput(anyhow!(
                "`--format` is of one problem: name one after the directory; without `--format`, `trace {}` lists them",
                args.dir.display()
            )));
        }
        return write(args.out.as_deref(), &list(&shown.records));
    };
    let record = find(&shown, id)?;
    let text = match args.format {
        Format::Text => {
            let events = read_events(&shown.dir, record).map_err(Failure::bad)?;
            let problem = record.question.clone().unwrap_or_else(|| record.id.clone());
            let prompt = Arc::new(Prompt { problem, tokens: Arc::new([]) });
            let tree = replay(prompt, u64::MAX, &events).map_err(Failure::bad)?;
            render(&tree)
        }
        Format::Dot => dot(&chronicle(&shown, record)?),
        Format::Json => serde_json::to_string_pretty(&chronicle(&shown, record)?)? + "\n",
        Format::Html => html(args, &shown, record)?,
    };
    write(args.out.as_deref(), &text)
}

fn chronicle(shown: &Shown, record: &Record) -> Result<espalier_search::Chronicle, Failure> {
    read_chronicle(&shown.dir, record, shown.kv_bytes_per_token()).map_err(Failure::bad)
}

/// The page of one problem, in one run or two.
fn html(args: &args::Trace, shown: &Shown, record: &Record) -> Result<String, Failure> {
    let id = record.id.as_str();
    let beside = args.beside.as_ref().map(|dir| Shown::open(dir, args.data.as_deref()));
    let beside = beside.transpose().map_err(Failure::bad)?;
    let mut runs = vec![shown];
    if let Some(beside) = &beside {
        if find(beside, id)?.hash != record.hash {
            return Err(Failure::BadInput(anyhow!(
                "problem `{id}` asks something else in `{}` than in `{}`: take two runs of one dataset",
                beside.dir.display(),
                shown.dir.display()
            )));
        }
        runs.push(beside);
    }
    let mut page = page(id, &runs, &[id], usize::MAX)?;
    match page.unread.pop() {
        Some(error) => Err(Failure::bad(error)),
        None => Ok(page.html),
    }
}

fn find<'a>(shown: &'a Shown, id: &str) -> Result<&'a Record, Failure> {
    shown.record(id).ok_or_else(|| {
        let dir = shown.dir.display();
        let some: Vec<String> =
            shown.records.iter().take(3).map(|record| format!("`{}`", record.id)).collect();
        let such =
            if some.is_empty() { String::new() } else { format!(", such as {}", some.join(", ")) };
        Failure::BadInput(anyhow!(
            "`{dir}` has no problem `{id}`: it has {}{such}; `trace {dir}` lists them",
            shown.records.len()
        ))
    })
}

/// A line a problem.
fn list(records: &[Record]) -> String {
    let head = ["problem", "status", "nodes", "rounds", "sampled", "computed", "answer"];
    let mut rows = vec![head.map(str::to_owned).to_vec()];
    rows.extend(records.iter().map(|record| {
        vec![
            record.id.clone(),
            Status::of(record).to_string(),
            record.nodes.to_string(),
            record.rounds.to_string(),
            human(record.spend.generated as f64),
            human(record.spend.computed as f64),
            record.answer.clone().or_else(|| record.error.clone()).unwrap_or_default(),
        ]
    }));
    align(&rows)
}

/// Writes to a file, or to standard output.
pub(super) fn write(out: Option<&Path>, text: &str) -> Result<(), Failure> {
    let Some(path) = out else {
        // Whoever reads us may have read enough.
        return match io::stdout().write_all(text.as_bytes()) {
            Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(error.into()),
            _ => Ok(()),
        };
    };
    fs::write(path, text)
        .with_context(|| {
            format!("cannot write `{}`: name a file in a folder that is there", path.display())
        })
        .map_err(Failure::BadInput)
}
