//! Tables learned from runs of a toy policy, used on others, and what is refused.

use std::fs;

use espalier_core::{Budget, Event};
use serde_json::json;
use tempfile::TempDir;

use super::*;
use crate::config::{Chat, generation};
use crate::learning::LearningError;
use crate::record::Record;
use crate::run::Run;
use crate::run::tests::{STEPS, carry_out, dataset, letters, plan};
use crate::run_info::RunInfo;
use crate::spec::{ScorerName, Stepwise, StrategySpec, Then};
use crate::store::{Store, read_events};

const BEAM: Then = Then::Beam { width: 2, n: None, redraws: 3 };
const MORE: Then = Then::BestOfN { n: 2 };

fn choice(first: u32, table: Vec<Bin>) -> StrategySpec {
    StrategySpec::ComputeOptimal { first, table, steps: STEPS }
}

fn always(then: Then) -> StrategySpec {
    choice(2, vec![Bin { below: None, then }])
}

fn described(plan: &Run<'_>) -> Value {
    let model = json!({ "name": "letters", "sha256": "0" });
    let tokens = plan.max_tokens.get();
    generation(&plan.strategy, plan.dataset, &model, Chat::Plain, tokens, &plan.budget)
}

/// Runs a plan in `dir`, until so many problems are done; the records by problem.
fn search(plan: &Run<'_>, dir: &Path, stop_after: usize) -> Vec<Record> {
    let mut store = Store::create(dir, RunInfo::new(described(plan))).unwrap();
    carry_out(plan, &mut store, &mut letters(), stop_after).unwrap();
    let mut records = store.records().to_vec();
    records.sort_by(|one, other| one.id.cmp(&other.id));
    records
}

/// Runs of these strategies on all problems, and where they are.
fn runs(strategies: &[StrategySpec]) -> (TempDir, Vec<PathBuf>) {
    let (dataset, dir) = (dataset(), TempDir::new().unwrap());
    let run = |(index, strategy): (usize, &StrategySpec)| {
        let dir = dir.path().join(index.to_string());
        search(&plan(&dataset, strategy.clone(), 3), &dir, usize::MAX);
        dir
    };
    let dirs = strategies.iter().enumerate().map(run).collect();
    (dir, dirs)
}

fn learned(dirs: &[PathBuf], bins: usize) -> LearnedTable {
    LearnedTable::learn(OptionRuns::read(dirs).unwrap(), NonZeroUsize::new(bins).unwrap())
}

#[test]
fn a_table_does_with_each_problem_what_the_run_of_its_option_did() {
    let options = [Then::Stop, MORE, BEAM, Then::Dvts { width: 2, n: Some(4) }];
    let (dir, dirs) = runs(&options.map(always));
    let table = learned(&dirs, 3);
    assert_eq!(table.bins.len(), 3);
    let dataset = dataset();
    let records = options.iter().zip(&dirs).map(|(then, dir)| {
        let (_, mut records) = crate::store::read_run(dir).unwrap();
        records.sort_by(|one, other| one.id.cmp(&other.id));
        let tried = table.bins.iter().flat_map(|bin| &bin.tried);
        let mine = tried.filter(|one| one.then == *then);
        let (right, computed) =
            mine.fold((0, 0), |sum, one| (sum.0 + one.right, sum.1 + one.computed));
        let correct = records.iter().filter(|one| one.correct == Some(true)).count();
        assert_eq!(right, correct as u64);
        assert_eq!(computed, records.iter().map(|one| one.spend.computed).sum::<u64>());
        records
    });
    let records: Vec<Vec<Record>> = records.collect();
    // One option a bin, each another, so that it is seen which was taken.
    let mut bins = table.bins();
    for (bin, then) in bins.iter_mut().zip([BEAM, Then::Stop, MORE]) {
        bin.then = then;
    }
    let chosen = search(&plan(&dataset, choice(2, bins), 3), &dir.path().join("table"), usize::MAX);
    let mut taken = [0; 4];
    for (index, record) in chosen.iter().enumerate() {
        let same = |one: &Vec<Record>| one[index].timeless() == record.timeless();
        taken[records.iter().position(same).expect("it is that of an option")] += 1;
    }
    assert_eq!(taken, [4, 4, 4, 0], "{table:?}");
}

#[test]
fn a_table_survives_the_disk() {
    let (dir, dirs) = runs(&[Then::Stop, BEAM].map(always));
    let table = learned(&dirs, 4);
    let path = dir.path().join("table.json");
    fs::write(&path, serde_json::to_string_pretty(&table).unwrap()).unwrap();
    assert_eq!(LearnedTable::read(&path).unwrap(), table);
    let text = table.text();
    let lines: Vec<&str> = text.lines().collect();
    let head: Vec<&str> = lines[0].split_whitespace().collect();
    assert_eq!(head, ["mean", "score", "problems", "stop", "beam:2"]);
    assert!(lines[1].starts_with("below -1."), "{text}");
    assert!(lines[table.bins.len()].starts_with("others"), "{text}");
    assert_eq!(text.matches("* ").count(), table.bins.len() + 1, "{text}");
    let message = |path: &Path| LearnedTable::read(path).unwrap_err().to_string();
    assert!(message(&dir.path().join("none")).contains("none`: "));
    fs::write(&path, "{\"bins\": []}").unwrap();
    assert!(message(&path).contains("table.json` holds no table: missing field `generation`"));
}

#[test]
fn a_table_is_not_judged_on_what_it_was_learned_on() {
    let (_dir, dirs) = runs(&[Then::Stop, BEAM].map(always));
    let table = learned(&dirs, 2);
    let check = |strategy: StrategySpec, dataset: &Dataset| {
        let plan = plan(dataset, strategy, 1);
        table.check(&described(&plan), dataset).map_err(|error| error.to_string())
    };
    let spec = choice(2, table.bins());
    let all = dataset();
    let other = Dataset::builtin().unwrap();
    assert_eq!(check(spec.clone(), &other), Ok(()));
    let shared = |n: usize| {
        format!(
            "the table was learned on {n} of these {n} problems: search others, with `--rows`, or learn it \
             on others"
        )
    };
    assert_eq!(check(spec.clone(), &all), Err(shared(12)));
    assert_eq!(check(spec, &all.select(None, Some(5)).unwrap()), Err(shared(5)));
    let start = "the table was learned otherwise (";
    let error = check(choice(3, table.bins()), &other).unwrap_err();
    assert!(error.starts_with(&format!("{start}first: was `2`, now `3`)")), "{error}");
    let steps = Stepwise { scorer: ScorerName::Entropy, ..STEPS };
    let spec = StrategySpec::ComputeOptimal { first: 2, table: table.bins(), steps };
    let error = check(spec, &other).unwrap_err();
    assert!(error.starts_with(&format!("{start}scorer: was `\"chosen-logprob\"`, now")), "{error}");
}

#[test]
fn runs_that_differ_in_more_than_their_option_are_refused() {
    let steps = Stepwise { seed: 7, ..STEPS };
    let bin = Bin { below: None, then: MORE };
    let strategies = [
        always(Then::Stop),
        always(BEAM),
        always(BEAM),
        StrategySpec::ComputeOptimal { first: 2, table: vec![bin], steps },
        choice(3, vec![bin]),
        StrategySpec::Beam {
            width: 2,
            n: None,
            redraws: 3,
            next: crate::spec::NextName::Continue,
            code: None,
            steps: STEPS,
        },
        choice(2, vec![Bin { below: Some(0.0), then: BEAM }, bin]),
    ];
    let (dir, dirs) = runs(&strategies);
    let refused = |which: &[usize]| {
        let some: Vec<PathBuf> = which.iter().map(|&index| dirs[index].clone()).collect();
        OptionRuns::read(&some).unwrap_err().to_string()
    };
    assert!(refused(&[0, 1, 2]).contains("2` goes on with `beam:2` as a run before it does"));
    assert!(refused(&[0, 3]).contains("(strategy.seed: was `42`, now `7`)"));
    assert!(refused(&[0, 4]).contains("(strategy.first: was `2`, now `3`)"));
    for index in [5, 6] {
        assert!(refused(&[0, index]).contains(&format!("{index}` is no run of `compute-optimal")));
    }
    let dataset = dataset();
    let more = plan(&dataset, always(MORE), 1);
    let part = dir.path().join("part");
    search(&more, &part, 5);
    let error = OptionRuns::read(&[dirs[0].clone(), part]).unwrap_err().to_string();
    assert!(error.contains("part` has a result for 5 of its 12 problems: go on with"), "{error}");
    let budget = Budget { generated: Some(100), ..Budget::default() };
    let cut = dir.path().join("cut");
    search(&Run { budget, ..more }, &cut, usize::MAX);
    let error = OptionRuns::read(&[dirs[0].clone(), cut.clone()]).unwrap_err().to_string();
    assert!(error.contains("(budget: was `\"tokens=300\"`, now `\"tokens=100\"`)"), "{error}");
    let error = OptionRuns::read(&[cut]).unwrap_err().to_string();
    assert!(error.contains("leaves `gsm8k-0001` 1 of 2 first answers"), "{error}");
}

#[test]
fn other_first_answers_are_refused() {
    let (_dir, dirs) = runs(&[Then::Stop, BEAM].map(always));
    let (_, records) = crate::store::read_run(&dirs[1]).unwrap();
    let mut events = read_events(&dirs[1], &records[0]).unwrap();
    let tokens = events.iter_mut().find_map(|event| match event {
        Event::Node { tokens, .. } => Some(tokens),
        _ => None,
    });
    tokens.unwrap().reverse();
    let store = Store::resume(&dirs[1], &crate::store::read_run(&dirs[1]).unwrap().0).unwrap();
    store.write_trace(&records[0].id, records[0].hash, &events).unwrap();
    let error = OptionRuns::read(&dirs).unwrap_err();
    assert!(matches!(&error, LearningError::Answers { id, .. } if *id == records[0].id), "{error}");
}
