//! Sizes: the largest one of a series that a budget admits.
//!
//! The driver admits samples by their worst case ([`Account::affordable`](espalier_core::Account::affordable)), and what a size needs is
//! found by the same rule, with the models' own worst cases and the dataset's longest prompt:
//!
//! - Series that sample whole answers have one round. Its size is the number of answers that are
//!   admitted together, each with its scoring, so no cell is ever cut.
//! - A beam has a round for each step and gets back what a round did not use. Size s fits where the
//!   typical cost of all rounds but one, s mean steps each, and the worst case of one round fit
//!   together. A problem with longer steps than usual can still be cut; the table counts these. Branches
//!   that agree are computed once, which no admission can rely on: a beam spends less than that. So it
//!   is with all series that go step by step and have size candidates a round.
//! - Monte-Carlo tree search of size s fits where the worst case of one simulation and the typical cost of
//!   all others fit together, each of four mean steps; in AB-MCTS of one.
//! - Lookahead rolls each candidate out by a step, so that its rounds cost two; a gate has the worst case
//!   of its answers before a beam.
//! - Series that show the model its own answers fit where the worst case of their largest round and the
//!   typical cost of the others fit together (`rewriting.rs`).

mod rewriting;

use std::collections::BTreeMap;
use std::sync::Arc;

use espalier_core::{
    Forms, Path, Policy, Prompt, Request, Sampling, ScoreBound, Scorer, Seed, Spend, Stops, Until,
};

use super::calibration::{Calibration, Caps};
use super::series::{GATE_ANSWERS, Series};

/// The largest size.
///
/// Source: search-and-learn, <https://github.com/huggingface/search-and-learn>, goes to n = 256.
const LARGEST: u32 = 256;

/// The sizes that the budgets admit where none are given: from one answer to n = 32, doubled each time.
const LEVELS: [usize; 6] = [1, 2, 4, 8, 16, 32];

/// What sizes of each series cost in computed tokens.
#[derive(Debug, Clone, PartialEq)]
pub struct Costs {
    /// For each series, the cost of sizes 1, 2, … at the same place, never falling.
    by_series: BTreeMap<Series, Vec<u64>>,
}

impl Costs {
    /// Asks the models for their worst cases.
    #[must_use]
    pub fn measure(
        prompt: &Arc<Prompt>,
        policy: &dyn Policy,
        prm: Option<&dyn Scorer>,
        forms: &Forms,
        series: &[Series],
        calibration: &Calibration,
        caps: Caps,
    ) -> Self {
        let of = |series: Series| {
            let scorer = prm.filter(|_| series.is_scored());
            let (until, cap) = if series.is_stepwise() {
                (Until::Boundary, caps.step.get())
            } else {
                (Until::End, caps.answer.get())
            };
            let worst = first_round(prompt, policy, scorer, until, cap);
            let mut sum = 0;
            let mut costs: Vec<u64> = worst
                .iter()
                .map(|one| {
                    sum += one.computed;
                    sum
                })
                .collect();
            if series.is_stepwise() {
                // What scoring multiplies a step's tokens by.
                let alone = first_round(prompt, policy, None, until, cap);
                let ratio = worst[1].computed as f64 / alone[1].computed.max(1) as f64;
                let step = calibration.step_mean.min(f64::from(cap)) * ratio;
                let rounds = f64::from(calibration.steps_p95.saturating_sub(1));
                let first = costs.clone();
                let worst_of = |steps: u32| first[steps as usize - 1];
                for (at, cost) in costs.iter_mut().enumerate() {
                    let typical = match (series, series.simulation()) {
                        (_, Some(steps)) => {
                            *cost = worst_of(steps);
                            at as f64 * f64::from(steps) * step
                        }
                        // Each candidate is rolled out by one step more.
                        (Series::Lookahead, None) => (2.0 * rounds + 1.0) * step * (at + 1) as f64,
                        (_, None) => rounds * step * (at + 1) as f64,
                    };
                    *cost += typical.ceil() as u64;
                    if series == Series::Gate {
                        *cost += u64::from(GATE_ANSWERS) * u64::from(caps.answer.get());
                    }
                }
            }
            if series.is_prompted() {
                let alone = first_round(prompt, policy, None, until, cap);
                let (worst, cap) = (&worst, f64::from(cap));
                let shown = calibration.step_mean * f64::from(calibration.steps_p95);
                // What scoring multiplies an answer's tokens by.
                let ratio = worst[1].computed as f64 / alone[1].computed.max(1) as f64;
                let answer = rewriting::Answer {
                    begins: worst[0].computed.saturating_sub(worst[1].computed),
                    worst: worst[1].computed,
                    typical: (shown.min(cap) * ratio).ceil() as u64,
                    shown: shown.min(cap).ceil() as u64,
                    words: rewriting::words(prompt, policy, forms),
                };
                costs = (1..=LARGEST).map(|size| answer.cost(series, size)).collect();
            }
            costs
        };
        Self { by_series: series.iter().map(|&series| (series, of(series))).collect() }
    }

    /// The cost of the cheapest cell.
    #[must_use]
    pub fn cheapest(&self) -> u64 {
        self.by_series.values().filter_map(|costs| costs.first().copied()).min().unwrap_or(0)
    }

    /// The budgets where none are given: those at which the dearest series has sizes 1, 2, 4, 8, 16 and
    /// 32, so that every series has a point at each, and all spend about the same. Lookahead, gates and
    /// graphs pay for more than their size says, so that they would push all others up: they do not count,
    /// and have no point at the smallest budgets.
    #[must_use]
    pub fn ladder(&self) -> Vec<u64> {
        let pays_more =
            |series: Series| matches!(series, Series::Lookahead | Series::Gate | Series::Graph);
        let all = self.by_series.keys().all(|&series| pays_more(series));
        let dearest = |size: usize| {
            let counted = self.by_series.iter().filter(|(series, _)| all || !pays_more(**series));
            counted.filter_map(|(_, costs)| costs.get(size - 1).copied()).max()
        };
        LEVELS.into_iter().filter_map(dearest).collect()
    }

    /// The largest size of a series whose cost `budget` admits; `None` where it admits none.
    #[must_use]
    pub fn largest(&self, series: Series, budget: u64) -> Option<u32> {
        let costs = self.by_series.get(&series)?;
        series.allowed(costs.partition_point(|&cost| cost <= budget) as u32)
    }
}

/// The worst cases of the samples of a first round, each with its scoring, as the driver admits them: the
/// first one pays for the whole prompt.
fn first_round(
    prompt: &Arc<Prompt>,
    policy: &dyn Policy,
    scorer: Option<&dyn Scorer>,
    until: Until,
    cap: u32,
) -> Vec<Spend> {
    let request = |child| Request {
        prefix: Arc::clone(&prompt.tokens),
        until,
        max_tokens: cap,
        stops: Arc::new(Stops::default()),
        sampling: Sampling::at(1.0),
        seed: Seed::run(child),
        retain: false,
    };
    let requests: Vec<Request> = (0..u64::from(LARGEST)).map(request).collect();
    let mut worst = policy.worst_case(&requests);
    if let Some(first) = worst.first_mut() {
        first.computed = first.computed.max(prompt.tokens.len() as u64 + u64::from(cap));
    }
    if let Some(scorer) = scorer {
        let bound = || ScoreBound { parent: Path::root(Arc::clone(prompt)), max_tokens: cap };
        let bounds: Vec<ScoreBound> = requests.iter().map(|_| bound()).collect();
        for (one, scoring) in worst.iter_mut().zip(scorer.worst_case(&bounds)) {
            *one += scoring;
        }
    }
    worst
}

#[cfg(test)]
mod tests {
    use espalier_core::{ModelError, ScoreAsk, Scored, Service, Ticket, toy::Letters};

    use super::*;

    fn prompt(tokens: u32) -> Arc<Prompt> {
        Arc::new(Prompt { problem: "p".to_owned(), tokens: (0..tokens).collect() })
    }

    fn costs(series: &[Series], prm: Option<&dyn Scorer>) -> Costs {
        let calibration =
            Calibration { answers: 10, answer_p95: 20, step_p95: 6, step_mean: 4.0, steps_p95: 5 };
        let max = std::num::NonZeroU32::new(64).unwrap();
        let caps = calibration.caps(None, None, max);
        let forms = Forms::default();
        Costs::measure(&prompt(10), &Letters::new(), prm, &forms, series, &calibration, caps)
    }

    #[test]
    fn answers_fit_by_their_worst_case() {
        // The first answer costs 10 + 30 tokens, each other 30.
        let costs = costs(&[Series::Majority], None);
        assert_eq!(costs.cheapest(), 40);
        let sizes = [39, 40, 69, 70, 100].map(|budget| costs.largest(Series::Majority, budget));
        assert_eq!(sizes, [None, Some(1), Some(1), Some(2), Some(3)]);
        assert_eq!(costs.largest(Series::Beam, 1000), None);
        assert_eq!(costs.ladder(), [1, 2, 4, 8, 16, 32].map(|n| 10 + 30 * n));
    }

    #[test]
    fn beams_fit_by_typical_rounds_and_one_at_its_worst() {
        // A candidate costs 9 tokens at worst, and four rounds of 4 tokens before that.
        let costs = costs(&[Series::Beam], None);
        assert_eq!(costs.cheapest(), 10 + 9 + 16);
        assert_eq!(costs.largest(Series::Beam, 34), None);
        assert_eq!(costs.largest(Series::Beam, 10 + 4 * 25), Some(4));
        assert_eq!(costs.largest(Series::Beam, 10 + 7 * 25), Some(4));
        assert_eq!(costs.largest(Series::Beam, 10 + 8 * 25), Some(8));
    }

    /// A scorer that computes all tokens of a step.
    struct Reads;

    impl Service for Reads {
        type Ask = ScoreAsk;
        type Reply = Scored;

        fn submit(&mut self, _: ScoreAsk) -> Ticket {
            Ticket(0)
        }

        fn poll(&mut self) -> Vec<(Ticket, Result<Scored, ModelError>)> {
            Vec::new()
        }

        fn cancel(&mut self, _: Ticket) {}
    }

    impl Scorer for Reads {
        fn worst_case(&self, asks: &[ScoreBound]) -> Vec<Spend> {
            let of = |bound: &ScoreBound| Spend {
                computed: bound.max_tokens.into(),
                ..Spend::default()
            };
            asks.iter().map(of).collect()
        }
    }

    #[test]
    fn scoring_counts_where_it_happens() {
        let costs = costs(&[Series::Majority, Series::BestOfN, Series::Beam], Some(&Reads));
        let sizes = [Series::Majority, Series::BestOfN].map(|series| costs.largest(series, 310));
        assert_eq!(sizes, [Some(10), Some(5)]);
        // Scored answers are the dearest: the budgets are theirs.
        assert_eq!(costs.ladder(), [1, 2, 4, 8, 16, 32].map(|n| 10 + 60 * n));
        // All rounds cost twice as much: 18 tokens at worst, four rounds of 8 before that.
        assert_eq!(costs.largest(Series::Beam, 10 + 4 * 50), Some(4));
        assert_eq!(costs.largest(Series::Beam, 10 + 3 * 50), Some(3));
    }
}
