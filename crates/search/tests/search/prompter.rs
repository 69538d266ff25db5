//! A strategy made up to use all that the driver can do with prompts.

use espalier_core::{
    Account, Ask, Judgement, NodeId, PolicyId, Retain, Round, ScorerId, Seed, Until,
};
use espalier_search::{Strategy, Tree};

use crate::forms;

/// Asks at random whatever needs a form, among samples and scores, and keeps KV at random.
pub(crate) struct Prompter {
    seed: Seed,
    rounds: u64,
}

impl Prompter {
    pub(crate) fn new(seed: u64) -> Self {
        Self { seed: Seed::run(seed), rounds: 0 }
    }

    fn pick(&self, draw: u64, nodes: &[NodeId]) -> Option<NodeId> {
        let place = self.seed.fold(self.rounds).uniform(draw) * nodes.len() as f64;
        nodes.get(place as usize).copied()
    }
}

impl Strategy for Prompter {
    fn next(&mut self, tree: &Tree, _: &Account) -> Round {
        self.rounds += 1;
        if self.rounds > 7 {
            return Round::end();
        }
        let seed = self.seed.fold(self.rounds);
        let policy = PolicyId::default();
        let steps: Vec<NodeId> = tree.ids().skip(1).collect();
        let open: Vec<NodeId> = tree.ids().filter(|&id| tree.expandable(id)).collect();
        let ended: Vec<NodeId> = tree.ids().filter(|&id| tree.ended(id)).collect();
        let unjudged = |scorer: u16| -> Vec<NodeId> {
            let score = |id: &&NodeId| tree.node(**id).score(ScorerId(scorer)).is_none();
            steps.iter().filter(score).copied().take(3).collect()
        };
        let samples = (seed.bits() % 3 + 1) as u32;
        let mut asks = Vec::new();
        if self.rounds == 1 {
            // From here on the search keeps books, so that it may let go of KV that others hold, too.
            asks.push(Ask::Propose { parent: NodeId::ROOT, policy, form: forms::PROPOSE });
        }
        for draw in 0..3 {
            let Some(parent) = self.pick(draw, &open) else { continue };
            match seed.fold(draw).bits() % 7 {
                0 | 1 => asks.push(Ask::Propose { parent, policy, form: forms::PROPOSE }),
                2 => asks.push(Ask::sample(parent, samples, Until::Boundary)),
                3 => asks.push(Ask::sample(parent, 1, Until::End)),
                4 => asks.extend(self.pick(draw + 9, &ended).map(|node| Ask::Revise {
                    node,
                    policy,
                    form: forms::REVISE,
                })),
                _ => {
                    let merged: Vec<NodeId> =
                        steps.iter().copied().filter(|&id| id != parent).take(2).collect();
                    if !merged.is_empty() {
                        asks.push(Ask::Merge { parent, merged, policy, form: forms::MERGE });
                    }
                }
            }
        }
        for (scorer, form) in [(1, forms::VALUE), (2, forms::VOTE)] {
            let nodes = unjudged(scorer);
            let scorer = ScorerId(scorer);
            if !nodes.is_empty() && seed.fold(scorer.index() as u64).bits().is_multiple_of(2) {
                let what = if form == forms::VALUE {
                    Judgement::Value(nodes)
                } else {
                    Judgement::Vote(nodes)
                };
                asks.insert(0, Ask::Judge { what, samples, scorer, policy, form });
            }
        }
        if asks.is_empty() {
            asks.extend(open.first().map(|&parent| Ask::sample(parent, 1, Until::Boundary)));
        }
        let score = self.rounds.is_multiple_of(2).then_some(ScorerId(0));
        let retain = match seed.fold(99).bits() % 4 {
            0 => Retain::Nothing,
            1 => Retain::New(steps.into_iter().step_by(2).collect()),
            _ => Retain::All,
        };
        Round { asks, score, retain }
    }

    fn name(&self) -> &'static str {
        "prompter"
    }
}
