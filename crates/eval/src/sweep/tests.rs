//! Sweeps with a toy policy: whole, interrupted, resumed, extended, refused.

use espalier_core::{Aggregate, Frozen, TokenId};
use serde_json::json;
use tempfile::TempDir;

use super::*;
use crate::forms::Asking;
use crate::run::tests::{dataset, letters};
use crate::spec::ScorerName;
use crate::store::read_run;

const BUDGETS: [u64; 2] = [120, 400];

fn plan<'a>(dataset: &'a Dataset, dir: &'a Path) -> Sweep<'a> {
    Sweep {
        dataset,
        series: vec![Series::Majority, Series::BestOfN, Series::Beam],
        budgets: BUDGETS.to_vec(),
        seeds: vec![1, 2],
        draw: Draw {
            temperature: 0.8,
            scorer: ScorerName::ChosenLogprob,
            aggregate: Aggregate::Last,
        },
        stops: Arc::new(Stops { boundary: vec![".".to_owned()], ..Stops::default() }),
        greedy_tokens: NonZeroU32::new(64).unwrap(),
        max_tokens: None,
        max_step_tokens: None,
        in_flight: NonZeroUsize::new(3).unwrap(),
        dir,
    }
}

/// Carries a sweep out until `stop_after` problems are done.
fn carry_out(plan: &Sweep<'_>, stop_after: usize) -> Result<Option<Report>, SweepError> {
    let mut policy = letters();
    let mut prompt = |problem: &Problem| {
        let tokens = problem.question.bytes().map(TokenId::from).collect();
        Ok(Arc::new(Prompt { problem: problem.question.clone(), tokens }))
    };
    let asking = |max_tokens| {
        let render = Arc::new(|message: &str| Ok(message.to_owned()));
        let (kind, most) = (plan.dataset.kind, NonZeroU32::MIN);
        Asking { kind, render, begin: Vec::new(), max_tokens, most }.forms()
    };
    let info = |spec: &StrategySpec, max_tokens: NonZeroU32, budget: &Budget| {
        RunInfo::new(json!({ "strategy": spec, "max_tokens": max_tokens, "budget": budget }))
    };
    let mut bench = Bench {
        policy: &mut policy,
        prm: None,
        prompt: &mut prompt,
        forms: &asking,
        info: &info,
        clock: &Frozen,
    };
    let (mut done, mut last) = (0, None);
    plan.carry_out(&mut bench, &mut |progress| {
        let now = (progress.cell.name(), progress.run.done);
        if last.as_ref() != Some(&now) {
            done += usize::from(now.1 > 0);
            last = Some(now);
        }
        assert!(progress.share.is_none_or(|share| (0.0..=1.0).contains(&share)));
        if done >= stop_after { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    })
}

#[test]
fn every_cell_keeps_its_budget_and_every_point_is_of_all_seeds() {
    let (dataset, dir) = (dataset(), TempDir::new().unwrap());
    let plan = plan(&dataset, dir.path());
    let report = carry_out(&plan, usize::MAX).unwrap().unwrap();
    assert_eq!(report.points.len(), 1 + 3 * BUDGETS.len());
    let mut cells = 0;
    for cell in std::fs::read_dir(dir.path().join("cells")).unwrap() {
        let path = cell.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        let budget = BUDGETS.into_iter().find(|b| name.contains(&format!("-b{b}-")));
        let (_, records) = read_run(&path).unwrap();
        assert_eq!(records.len(), 12, "{name}");
        for record in &records {
            assert!(record.spend.computed > 0, "{name}");
            assert!(record.spend.computed <= budget.unwrap_or(u64::MAX), "{name}");
        }
        cells += 1;
    }
    assert_eq!(cells, 1 + 3 * BUDGETS.len() * 2);
    for point in &report.points {
        let seeds = if point.series == Series::Greedy { 1 } else { 2 };
        assert_eq!((point.problems, point.searches), (12, 12 * seeds));
        assert!(point.interval.contains(point.accuracy));
        assert!(point.interval.high - point.interval.low > 0.1);
        assert!(point.flops_mean > 0.0 && point.computed_max as f64 >= point.computed_mean);
        // Whole answers are admitted together or not asked for.
        assert!(point.exhausted == 0 || point.series == Series::Beam);
    }
    for series in [Series::Majority, Series::BestOfN, Series::Beam] {
        let sizes: Vec<u32> = report.curve(series).iter().map(|point| point.size).collect();
        assert!(sizes[0] < sizes[1], "{series:?}: {sizes:?}");
    }
}

#[test]
fn series_that_show_the_model_its_answers_get_prompts_and_keep_their_budgets() {
    let (dataset, dir) = (dataset(), TempDir::new().unwrap());
    let mut plan = plan(&dataset, dir.path());
    plan.series = vec![Series::BestOfN, Series::Revision, Series::Hybrid, Series::Graph];
    plan.budgets = vec![2_000, 8_000];
    let report = carry_out(&plan, usize::MAX).unwrap().unwrap();
    for series in &plan.series {
        let curve = report.curve(*series);
        assert!(curve.len() == 2 && curve[0].size < curve[1].size, "{series:?}");
        for point in &curve {
            assert!(point.size > 1 && point.failed == 0, "{point:?}");
            assert!(point.computed_max <= point.budget.unwrap(), "{point:?}");
            // Chains are as long as their size says; the prompts of a graph are long at their worst only.
            let whole = point.exhausted == 0 || *series == Series::Graph;
            assert!(whole, "{point:?}");
        }
    }
    let sizes = |series| report.curve(series)[1].size;
    let [best, revised] = [Series::BestOfN, Series::Revision].map(sizes);
    assert!(revised < best, "a prompt costs tokens: {revised} and {best}");
}

#[test]
fn stopped_and_resumed_is_as_never_stopped() {
    let dataset = dataset();
    let whole = TempDir::new().unwrap();
    let expected = carry_out(&plan(&dataset, whole.path()), usize::MAX).unwrap().unwrap();
    expected.write(whole.path()).unwrap();
    for stop_after in [1, 5, 12, 40, 130] {
        let dir = TempDir::new().unwrap();
        let plan = plan(&dataset, dir.path());
        assert_eq!(carry_out(&plan, stop_after).unwrap(), None, "{stop_after}");
        carry_out(&plan, usize::MAX).unwrap().unwrap().write(dir.path()).unwrap();
        for file in ["sweep.json", "sweep.txt"] {
            let read = |dir: &TempDir| std::fs::read_to_string(dir.path().join(file)).unwrap();
            assert_eq!(read(&dir), read(&whole), "{file} after {stop_after}");
        }
    }
    let text = std::fs::read_to_string(whole.path().join("sweep.json")).unwrap();
    assert_eq!(serde_json::from_str::<Report>(&text).unwrap(), expected);
}

#[test]
fn a_finished_sweep_takes_more_budgets_and_seeds_but_no_other_numbers() {
    let (dataset, dir) = (dataset(), TempDir::new().unwrap());
    let mut plan = plan(&dataset, dir.path());
    let before = carry_out(&plan, usize::MAX).unwrap().unwrap();
    // What is there is not run again: a stop at the first problem would end it.
    plan.seeds = vec![2];
    carry_out(&plan, 1).unwrap().unwrap();
    plan.seeds = vec![1, 2];
    plan.budgets.push(800);
    let after = carry_out(&plan, usize::MAX).unwrap().unwrap();
    assert_eq!(after.points.len(), before.points.len() + 3);
    assert!(before.points.iter().all(|point| after.points.contains(point)));
    plan.draw.temperature = 0.5;
    let error = carry_out(&plan, usize::MAX).unwrap_err();
    assert!(error.is_bad_input());
    let cause = std::error::Error::source(&error).unwrap().to_string();
    assert!(cause.contains("another configuration: strategy.temperature: was `0.8"), "{cause}");
}

#[test]
fn without_budgets_six_admit_every_series() {
    let (dataset, dir) = (dataset(), TempDir::new().unwrap());
    let mut plan = plan(&dataset, dir.path());
    plan.budgets.clear();
    plan.seeds = vec![1];
    let report = carry_out(&plan, usize::MAX).unwrap().unwrap();
    assert_eq!(report.budgets.len(), 6);
    let mut least = [u32::MAX; 6];
    for series in [Series::Majority, Series::BestOfN, Series::Beam] {
        let sizes: Vec<u32> = report.curve(series).iter().map(|point| point.size).collect();
        assert!(sizes.is_sorted() && sizes.len() == 6, "{series:?}: {sizes:?}");
        least = std::array::from_fn(|at| least[at].min(sizes[at]));
    }
    assert_eq!(least, [1, 2, 4, 8, 16, 32]);
}

#[test]
fn what_cannot_be_is_said_before_it_is_run() {
    let (dataset, dir) = (dataset(), TempDir::new().unwrap());
    let mut weighted = plan(&dataset, dir.path());
    weighted.series = vec![Series::Weighted];
    let error = carry_out(&weighted, usize::MAX).unwrap_err();
    assert_eq!(error.to_string(), "series `weighted`");
    let mut empty = plan(&dataset, dir.path());
    empty.seeds.clear();
    let error = carry_out(&empty, usize::MAX).unwrap_err();
    assert_eq!(error.to_string(), "`--seeds` is empty: give at least one");
    assert!(!dir.path().join("cells").exists(), "nothing was run");
    let mut small = plan(&dataset, dir.path());
    small.budgets = vec![3, 4];
    let error = carry_out(&small, usize::MAX).unwrap_err();
    assert!(error.is_bad_input());
    assert!(error.to_string().starts_with("budgets `3,4` admit no answer"), "{error}");
}

#[test]
fn the_table_names_every_series_and_its_numbers() {
    let (dataset, dir) = (dataset(), TempDir::new().unwrap());
    let report = carry_out(&plan(&dataset, dir.path()), usize::MAX).unwrap().unwrap();
    let table = report.table();
    let lines: Vec<&str> = table.lines().collect();
    assert!(lines[1].starts_with("greedy"), "{table}");
    for label in ["best-of-n (majority)", "best-of-n (chosen-logprob)", "beam (chosen-logprob)"] {
        assert_eq!(lines.iter().filter(|line| line.starts_with(label)).count(), 2, "{table}");
    }
    assert!(table.contains("seeds 1, 2; intervals are clustered by problem"), "{table}");
}
