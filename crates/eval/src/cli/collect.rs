//! `espalier collect`: trajectories of finished runs, to train on.

use std::path::PathBuf;
use std::sync::Arc;

use espalier_core::ModelError;
use espalier_models::{Checkpoint, Message};
use serde_json::json;

use super::failure::Failure;
use super::hub;
use super::loaded::refuse_functions;
use super::sandbox::warn;
use crate::collect::{Tally, check_unsolved, unsolved_rows};
use crate::forms::Render;
use crate::table::align;
use crate::{Choice, CollectError, CollectedFile, FinishedRun, args, collect};

/// Carries `espalier collect` out.
#[expect(clippy::print_stdout, reason = "the result of the command")]
pub(super) fn collect_runs(args: &args::Collect) -> Result<(), Failure> {
    let bad = |error: CollectError| match error {
        CollectError::File { verb: "write", .. } => Failure::Failed(error.into()),
        error => Failure::bad(error),
    };
    let file = if args.append { CollectedFile::open } else { CollectedFile::create };
    let file = file(&args.out).map_err(bad)?;
    let render = args.model.as_deref().map(template).transpose()?;
    let open = |dir: &PathBuf| FinishedRun::open(dir, args.data.as_deref(), render.as_ref());
    let runs: Vec<FinishedRun> =
        args.runs.iter().map(open).collect::<Result<_, _>>().map_err(bad)?;
    for run in &runs {
        refuse_functions("collect", run.kind)?;
    }
    file.check(&runs).map_err(bad)?;
    if let Some(path) = &args.unsolved {
        check_unsolved(&runs, path).map_err(bad)?;
    }
    let choice = Choice { keep: args.keep.into(), most: args.most };
    let found = collect(&runs, &file.trajectories, choice).map_err(bad)?;
    let lines = file.trajectories.len() + found.new.len();
    file.extend(&found.new).map_err(bad)?;
    println!("{}", table(&found.tally));
    warn(runs.iter().map(|run| (&*run.dir, &run.info)));
    println!("{} ({lines} trajectories)", args.out.display());
    match &args.unsolved {
        Some(path) if found.unsolved.is_empty() => {
            println!("no problem is left unsolved; `{}` was not written", path.display());
        }
        Some(path) => {
            unsolved_rows(&runs, &found.unsolved, path).map_err(bad)?;
            println!("{} ({} problems)", path.display(), found.unsolved.len());
        }
        None => {}
    }
    if args.json {
        let mut object = serde_json::to_value(found.tally)?;
        object["lines"] = json!(lines);
        println!("{object}");
    }
    Ok(())
}

/// How a model's chat template renders a message.
fn template(model: &str) -> Result<Render, Failure> {
    let path = hub::resolve(model)?;
    let checkpoint = Checkpoint::open(&path).map_err(Failure::bad)?;
    let none = || Failure::BadInput(anyhow::anyhow!("`{model}` has no chat template"));
    let template = checkpoint.chat.ok_or_else(none)?;
    Ok(Arc::new(move |message: &str| {
        let turns = [Message::new("user", message)];
        template.render(&turns, true).map_err(|source| ModelError::Failed {
            operation: "the chat template".to_owned(),
            source: source.into(),
        })
    }))
}

fn table(tally: &Tally) -> String {
    let mut rows = Vec::new();
    let mut row = |name: &str, count: u64| rows.push(vec![name.to_owned(), count.to_string()]);
    row("problems", tally.problems);
    if tally.failed > 0 {
        row("  searches that failed", tally.failed);
    }
    row("finished trajectories", tally.trajectories);
    row("  right", tally.right);
    if tally.forged > 0 {
        row("  of them with an output made up", tally.forged);
    }
    row("kept, that were not there", tally.kept);
    row("problems without a right one", tally.unsolved);
    align(&rows)
}
