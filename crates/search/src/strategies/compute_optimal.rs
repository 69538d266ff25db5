//! Compute-optimal choice: first answers say how hard a problem is, and that says how it is searched.

use std::fmt;

use espalier_core::{Account, Ask, NodeId, Retain, Round, ScorerId, Until};

use super::{BadStrategy, at_least_one};
use crate::{
    Strategy, Tree,
    difficulty::{bin, mean_score},
};

/// Samples `first` answers and scores each. Their mean score says how hard the problem is, and the bin of
/// problems that are as hard says what follows in the same tree: a search, or nothing.
///
/// Source: Snell et al. 2024, <https://arxiv.org/abs/2408.03314>, section 3: bins of predicted difficulty,
/// and for each the strategy that did best on other problems.
///
/// Deviations:
/// - The answers that predict the difficulty are of use: they are paid for, and compete with what the
///   search finds. (The paper samples 2048 for that and leaves their cost out.)
/// - A bin may hold that the first answers are enough.
/// - Answers without a score do not count; a problem none of whose answers has one is of the hardest bin.
#[derive(Debug)]
pub struct ComputeOptimal {
    first: u32,
    scorer: ScorerId,
    bins: Vec<Bin>,
    state: State,
}

/// Problems that are about as hard, and how they are searched.
pub struct Bin {
    /// The bound below which mean scores are of this bin, where they are of none before; `None` for the
    /// last bin, the easiest.
    pub below: Option<f64>,
    /// What goes on once there are first answers, in a tree that holds them, as [`Beam`](super::Beam),
    /// [`Dvts`](super::Dvts) and [`BestOfN`](super::BestOfN) can; `None` where they are enough.
    pub then: Option<Box<dyn Strategy>>,
}

impl fmt::Debug for Bin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let then = self.then.as_ref().map(|strategy| strategy.name());
        f.debug_struct("Bin").field("below", &self.below).field("then", &then).finish()
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    New,
    Probing,
    /// The place of the problem's bin.
    Binned(usize),
}

impl ComputeOptimal {
    /// `first` answers scored by `scorer`, then what the problem's bin says; `bins` from the hardest on.
    ///
    /// # Errors
    ///
    /// [`BadStrategy`] where `first` is 0, or the bins' bounds are not finite, do not ascend, or leave
    /// problems without a bin.
    pub fn new(first: u32, scorer: ScorerId, bins: Vec<Bin>) -> Result<Self, BadStrategy> {
        let first = at_least_one("--first", first)?;
        let mut least = f64::NEG_INFINITY;
        for (index, bin) in bins.iter().enumerate() {
            let last = index + 1 == bins.len();
            match bin.below {
                Some(bound) if !last && bound.is_finite() && bound > least => least = bound,
                None if last => {}
                below => return Err(BadStrategy::Bin { number: index + 1, below }),
            }
        }
        if bins.is_empty() {
            return Err(BadStrategy::Zero { flag: "--table" });
        }
        Ok(Self { first, scorer, bins, state: State::New })
    }

    /// The next round of what the problem's bin says. The first answers' KV is kept throughout: it holds
    /// the prompt, and steps that say what they say are not scored anew.
    fn go_on(&mut self, place: usize, tree: &Tree, account: &Account) -> Round {
        let Some(then) = &mut self.bins[place].then else { return Round::end() };
        let round = then.next(tree, account);
        let first = (1..=self.first).map(NodeId);
        let retain = match round.retain {
            Retain::All => Retain::All,
            Retain::New(kept) => Retain::New(kept.into_iter().chain(first).collect()),
            Retain::Nothing => Retain::New(first.collect()),
        };
        Round { retain, ..round }
    }
}

impl Strategy for ComputeOptimal {
    fn next(&mut self, tree: &Tree, account: &Account) -> Round {
        match self.state {
            State::New => {
                self.state = State::Probing;
                let asks = vec![Ask::sample(NodeId::ROOT, self.first, Until::End)];
                Round { asks, score: Some(self.scorer), retain: Retain::New(Vec::new()) }
            }
            State::Probing => {
                let bounds: Vec<f64> = self.bins.iter().filter_map(|bin| bin.below).collect();
                let place = bin(&bounds, mean_score(tree, self.scorer));
                self.state = State::Binned(place);
                self.go_on(place, tree, account)
            }
            State::Binned(place) => self.go_on(place, tree, account),
        }
    }

    fn name(&self) -> &'static str {
        "compute-optimal"
    }
}
