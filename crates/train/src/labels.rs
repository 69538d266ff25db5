//! `labels`: step labels from rollouts, written while they are made.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Write as _;
use std::num::NonZeroUsize;
use std::ops::ControlFlow;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use espalier_core::{Budget, Prompt, Stops};
use espalier_eval::{Dataset, Item, Verdict, WallClock, extract, grade_item, prompt};
use espalier_models::{
    ChatTemplate, DeviceChoice, EngineOptions, LocalPolicy, Message, load, share,
};

use crate::args::Labels;
use crate::error::TrainError;
use crate::examples::Labelled;
use crate::rollouts::{Labelling, Rollouts, label};

/// Labels steps by rollouts; returns false if it was stopped. What was finished is in the file.
#[expect(clippy::print_stderr, reason = "this is the command line")]
pub(crate) fn labels(args: &Labels, stopped: &AtomicBool) -> Result<bool, TrainError> {
    if args.out.exists() {
        let source = std::io::Error::new(std::io::ErrorKind::AlreadyExists, "it is there already");
        return Err(TrainError::write(&args.out, source));
    }
    let wrong = |error: &dyn std::error::Error| TrainError::Recipe {
        field: "data",
        reason: error.to_string(),
    };
    let dataset = Dataset::read(args.dataset.into(), &args.data).map_err(|error| wrong(&error))?;
    let dataset = dataset.select(args.rows, None).map_err(|error| wrong(&error))?;
    let device: DeviceChoice = args.device.parse()?;
    let model = load(&args.model, device, EngineOptions::default())?;
    let (mut policy, _) = share(model.engine);
    let problems = labelling(&dataset, model.chat.as_ref(), &policy)?;
    // A base model that begins another question has ended its answer.
    let end = if model.chat.is_some() { &[] } else { prompt::plain_stops(dataset.kind) };
    let stops = Stops {
        boundary: vec![prompt::step_boundary(dataset.kind).to_owned()],
        end: end.iter().map(|&text| text.to_owned()).collect(),
        ..Stops::default()
    };
    let how = Rollouts {
        solutions: args.solutions,
        rollouts: args.rollouts,
        estimate: args.estimate.into(),
        temperature: args.temperature,
        max_tokens: args.max_tokens,
        stops: Arc::new(args.boundary.map_or_else(|| stops.clone(), |kind| kind.stops(&stops))),
        budget: Budget::default(),
        seed: args.seed,
        in_flight: const { NonZeroUsize::new(4).expect("4 is not 0") },
    };
    let mut book = Book::open(&args.out)?;
    let (mut failed, mut unwritten) = (None, None);
    label(&mut policy, &problems, &how, &WallClock::start(), &mut |index, labelled| {
        // A problem that fails has no labels; the others go on.
        let labelled = labelled.unwrap_or_else(|error| {
            failed.get_or_insert(error);
            Vec::new()
        });
        unwritten = book.keep(index, labelled).err();
        if unwritten.is_some() || stopped.load(Ordering::Relaxed) {
            ControlFlow::Break(())
        } else {
            ControlFlow::Continue(())
        }
    });
    eprintln!(
        "`{}`: {} solutions of {} of {} problems, {} steps with a mean label of {:.3}; {} solutions \
         without a whole step left out",
        args.out.display(),
        book.solutions,
        book.problems,
        problems.len(),
        book.steps,
        book.sum / book.steps.max(1) as f64,
        book.problems * args.solutions.get() as usize - book.solutions,
    );
    if book.problems < problems.len() {
        eprintln!("`--rows` and another `--out` do the problems after the first {}", book.problems);
    }
    let whole = book.problems == problems.len();
    unwritten.or(failed).map_or(Ok(whole), Err)
}

/// The file of labels: each problem's solutions go in once those of all before it are in.
#[derive(Debug)]
struct Book<'a> {
    path: &'a Path,
    file: File,
    early: BTreeMap<usize, Vec<Labelled>>,
    problems: usize,
    solutions: usize,
    steps: usize,
    sum: f64,
}

impl<'a> Book<'a> {
    fn open(path: &'a Path) -> Result<Self, TrainError> {
        let file = File::create_new(path).map_err(|error| TrainError::write(path, error))?;
        let early = BTreeMap::new();
        Ok(Self { path, file, early, problems: 0, solutions: 0, steps: 0, sum: 0.0 })
    }

    fn keep(&mut self, index: usize, labelled: Vec<Labelled>) -> Result<(), TrainError> {
        self.early.insert(index, labelled);
        while let Some(next) = self.early.remove(&self.problems) {
            let mut text = Vec::new();
            for example in &next {
                serde_json::to_writer(&mut text, example)
                    .map_err(|error| TrainError::write(self.path, error.into()))?;
                text.push(b'\n');
            }
            self.file.write_all(&text).map_err(|error| TrainError::write(self.path, error))?;
            self.problems += 1;
            self.solutions += next.len();
            let labels = next.iter().flat_map(|example| &example.labels);
            self.steps += labels.clone().count();
            self.sum += labels.map(|label| f64::from(*label)).sum::<f64>();
        }
        Ok(())
    }
}

/// The problems of a dataset; their gold answers stay in the closures.
fn labelling<'a>(
    dataset: &'a Dataset,
    chat: Option<&ChatTemplate>,
    policy: &LocalPolicy,
) -> Result<Vec<Labelling<'a>>, TrainError> {
    let one = |item: &'a Item| {
        let question = &item.problem.question;
        let text = match chat {
            Some(chat) => {
                let turns = prompt::chat(dataset.kind, question).into_iter();
                let turns: Vec<Message> =
                    turns.map(|turn| Message::new(turn.role.name(), turn.content)).collect();
                chat.render(&turns, true)?
            }
            None => prompt::plain(dataset.kind, question),
        };
        let tokens = policy.prompt(&text).map_err(|error| TrainError::Search {
            problem: item.problem.id.clone(),
            reason: error.to_string(),
        })?;
        Ok(Labelling {
            id: item.problem.id.clone(),
            prompt: Arc::new(Prompt { problem: question.clone(), tokens }),
            text,
            hash: item.problem.hash,
            is_right: Box::new(move |text| {
                let found = extract(text, dataset.kind.form());
                found.is_some_and(|found| {
                    grade_item(dataset.kind, item, &found.answer) == Verdict::Equal
                })
            }),
        })
    };
    dataset.items.iter().map(one).collect()
}

#[cfg(test)]
mod tests {
    use tempfile::TempDir;

    use super::*;
    use crate::examples::Arrangement;

    fn solution(step: &str) -> Labelled {
        Labelled {
            prompt: "p".to_owned(),
            steps: vec![step.to_owned()],
            labels: vec![0.5],
            ended: true,
            arrangement: Arrangement::Path,
        }
    }

    #[test]
    fn problems_are_written_in_their_order_as_soon_as_all_before_them_are() {
        let dir = TempDir::new().unwrap();
        let path = dir.path().join("labels.jsonl");
        let mut book = Book::open(&path).unwrap();
        let lines = || std::fs::read_to_string(&path).unwrap().lines().count();
        book.keep(1, vec![solution("b"), solution("c")]).unwrap();
        assert_eq!((lines(), book.problems), (0, 0));
        book.keep(0, vec![solution("a")]).unwrap();
        assert_eq!((lines(), book.problems, book.solutions), (3, 2, 3));
        book.keep(2, Vec::new()).unwrap();
        assert_eq!((lines(), book.problems), (3, 3));
        let text = std::fs::read_to_string(&path).unwrap();
        let read = text.lines().map(|line| serde_json::from_str::<Labelled>(line).unwrap());
        assert_eq!(read.map(|one| one.steps.concat()).collect::<String>(), "abc");
        Book::open(&path).unwrap_err();
    }
}
