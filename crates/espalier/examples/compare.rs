//! A comparison: three strategies at equal budgets over the same problems, paired by problem.

#![expect(clippy::print_stdout, reason = "an example shows what it finds")]

use std::{num::NonZeroU32, sync::Arc};

use espalier::core::{
    Aggregate, Budget, Frozen, Immediate, ModelError, Path, PathScorer, Policy, Prompt, Sampling,
    Score, ScorerId, toy,
};
use espalier::search::{Beam, BestOfN, Config, Models, Rebase, Strategy, Task, search};

/// Sampled tokens that each problem may spend.
const BUDGET: u64 = 600;

/// Problems.
const PROBLEMS: u64 = 60;

/// The share of the letter `a`: what is searched for, and what guides the search.
struct ShareOfA;

impl PathScorer for ShareOfA {
    fn score(&self, path: &Path) -> Result<Score, ModelError> {
        let text = path.text();
        Ok(Score::new(text.matches('a').count() as f32 / text.len().max(1) as f32)?)
    }
}

/// The best finished answer's score on one problem; 0 where there is none.
fn solve(problem: u64, strategy: Box<dyn Strategy>) -> Result<f32, Box<dyn std::error::Error>> {
    let (mut policy, mut scorer) = (toy::Letters::new(), Immediate::new(ShareOfA));
    let name = format!("problem {problem}");
    let prompt = Prompt { tokens: policy.encode(&name)?, problem: name };
    let task = Task { prompt: Arc::new(prompt), hash: problem, strategy };
    let tokens = |n| NonZeroU32::new(n).expect("it is not 0");
    let budget = Budget { generated: Some(BUDGET), ..Budget::default() };
    let config = Config { budget, ..Config::new(Sampling::at(1.0), tokens(16), tokens(64)) };
    let mut models = Models { policy: &mut policy, scorers: vec![&mut scorer], tools: Vec::new() };
    let outcome = search(task, &mut models, &config, &Frozen);
    assert!(outcome.spent.generated <= BUDGET, "no strategy spends more than another");
    let tree = &outcome.tree;
    let score = |id| tree.node(id).score(ScorerId(0)).map_or(0.0, Score::get);
    Ok(tree.finished().map(score).fold(0.0, f32::max))
}

/// Mean of paired differences and their standard error.
fn paired(one: &[f32], other: &[f32]) -> (f32, f32) {
    let n = one.len() as f32;
    let differences: Vec<f32> = one.iter().zip(other).map(|(one, other)| one - other).collect();
    let mean = differences.iter().sum::<f32>() / n;
    let variance = differences.iter().map(|d| (d - mean).powi(2)).sum::<f32>() / (n - 1.0);
    (mean, (variance / n).sqrt())
}

/// Runs all three and checks which one wins.
pub(crate) fn main() -> Result<(), Box<dyn std::error::Error>> {
    let scorer = ScorerId(0);
    let all = |make: &dyn Fn() -> Box<dyn Strategy>| {
        (0..PROBLEMS).map(|problem| solve(problem, make())).collect::<Result<Vec<_>, _>>()
    };
    let best_of_n = all(&|| Box::new(BestOfN::new(36, scorer).expect("36 is not 0")))?;
    let beam = all(&|| {
        Box::new(Beam::new(4, None, 12, scorer, Aggregate::Last).expect("no number is 0"))
    })?;
    let rebase = all(&|| {
        Box::new(Rebase::new(16, 0.2, 12, scorer, Aggregate::Last).expect("no number is 0"))
    })?;
    for (name, scores) in [("best-of-n", &best_of_n), ("beam", &beam), ("rebase", &rebase)] {
        let (mean, error) = paired(scores, &best_of_n);
        let own = scores.iter().sum::<f32>() / scores.len() as f32;
        println!("{name:9}  {own:.3}  against best-of-n {mean:+.3} ± {:.3}", 1.96 * error);
    }
    let (mean, error) = paired(&beam, &best_of_n);
    assert!(mean > 1.96 * error, "at equal budgets the beam beats best-of-N");
    Ok(())
}
