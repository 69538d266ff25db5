//! A strategy made up to use all that the driver can do with tools.

use espalier_core::{Account, Ask, NodeId, Retain, Round, ScorerId, Seed, Until};
use espalier_search::{Strategy, Tree};

use crate::strategies::{ABACUS, ENDING, marks};

/// Samples, scores and calls at random in the same rounds, with both tools.
pub(crate) struct Caller {
    seed: Seed,
    rounds: u64,
}

impl Caller {
    pub(crate) fn new(seed: u64) -> Self {
        Self { seed: Seed::run(seed), rounds: 0 }
    }
}

impl Strategy for Caller {
    fn next(&mut self, tree: &Tree, _: &Account) -> Round {
        self.rounds += 1;
        if self.rounds > 7 {
            return Round::end();
        }
        let seed = self.seed.fold(self.rounds);
        let open: Vec<NodeId> = tree.ids().filter(|&id| tree.expandable(id)).collect();
        let mut asks = Vec::new();
        for draw in 0..2 {
            let parent = open[(seed.uniform(draw) * open.len() as f64) as usize];
            asks.push(Ask::sample(
                parent,
                (seed.fold(draw).bits() % 3) as u32 + 1,
                Until::Boundary,
            ));
        }
        let calls = |&id: &NodeId| {
            let step = tree.node(id).step.as_ref().filter(|step| step.observed.is_none());
            let call = step.and_then(|step| marks().call(step));
            call.is_some() && tree.observation(id).is_none()
        };
        for (place, node) in tree.ids().filter(calls).enumerate().take(3) {
            let tool =
                if seed.fold(place as u64).bits().is_multiple_of(3) { ENDING } else { ABACUS };
            asks.insert(place % 2, Ask::Tool { node, tool });
        }
        let unscored = |&id: &NodeId| {
            let seen = tree.observed(id).is_some();
            id != NodeId::ROOT && !seen && tree.node(id).score(ScorerId(0)).is_none()
        };
        if let Some(node) = tree.ids().find(unscored) {
            asks.insert(1, Ask::Score { node, scorer: ScorerId(0) });
        }
        let score = self.rounds.is_multiple_of(2).then_some(ScorerId(0));
        Round { asks, score, retain: Retain::All }
    }

    fn name(&self) -> &'static str {
        "caller"
    }
}
