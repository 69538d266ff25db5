//! The strategies under test, by number, and one made up to use all the driver can do.

use espalier_core::{Account, Aggregate, Ask, NodeId, Retain, Round, ScorerId, Seed, Until};
use espalier_search::{BadStrategy, Beam, BestOfN, Greedy, SelfConsistency, Strategy, Tree};

/// How many there are.
pub(crate) const KINDS: usize = 6;
/// The rank strategies: only the order of scores matters to them.
pub(crate) const RANKING: [usize; 3] = [1, 3, 4];

pub(crate) fn of(kind: usize, seed: u64) -> Box<dyn Strategy> {
    let built: Result<Box<dyn Strategy>, BadStrategy> = match kind {
        0 => Ok(Box::new(Greedy)),
        1 => BestOfN::new(5, ScorerId(0)).map(|one| Box::new(one) as _),
        2 => SelfConsistency::new(4).map(|one| Box::new(one) as _),
        3 => beam(2, None, 6, Aggregate::Last),
        4 => beam(2, Some(6), 5, Aggregate::Min),
        _ => Ok(Box::new(Explorer { seed: Seed::run(seed), rounds: 0 })),
    };
    built.expect("these numbers are sound")
}

pub(crate) fn beam(
    width: u32,
    n: Option<u32>,
    depth: u32,
    how: Aggregate,
) -> Result<Box<dyn Strategy>, BadStrategy> {
    Beam::new(width, n, depth, ScorerId(0), how).map(|beam| Box::new(beam) as _)
}

/// Grows and scores at random: several asks of one parent, asks of nothing, every `Until`, scores of
/// old nodes.
struct Explorer {
    seed: Seed,
    rounds: u64,
}

impl Strategy for Explorer {
    fn next(&mut self, tree: &Tree, _: &Account) -> Round {
        self.rounds += 1;
        if self.rounds > 7 {
            return Round::end();
        }
        let seed = self.seed.fold(self.rounds);
        let open: Vec<NodeId> = tree.ids().filter(|&id| tree.expandable(id)).collect();
        let mut asks = Vec::new();
        for draw in 0..3 {
            let parent = open[(seed.uniform(draw) * open.len() as f64) as usize];
            let until = match seed.fold(draw).bits() % 3 {
                0 => Until::Boundary,
                1 => Until::End,
                _ => Until::Tokens(3),
            };
            asks.push(Ask::sample(parent, (seed.fold(draw).bits() % 4) as u32, until));
        }
        let unscored =
            |&id: &NodeId| id != NodeId::ROOT && tree.node(id).score(ScorerId(0)).is_none();
        if let Some(node) = tree.ids().find(unscored) {
            asks.insert(1, Ask::Score { node, scorer: ScorerId(0) });
        }
        let score = self.rounds.is_multiple_of(2).then_some(ScorerId(0));
        Round { asks, score, retain: Retain::All }
    }

    fn name(&self) -> &'static str {
        "explorer"
    }
}

/// Asks these rounds, then ends.
pub(crate) struct Script(pub(crate) Vec<Round>);

impl Strategy for Script {
    fn next(&mut self, _: &Tree, _: &Account) -> Round {
        if self.0.is_empty() { Round::end() } else { self.0.remove(0) }
    }

    fn name(&self) -> &'static str {
        "script"
    }
}

#[test]
fn numbers_that_make_no_sense_are_refused() {
    let error = |built: Result<Box<dyn Strategy>, BadStrategy>| match built {
        Ok(_) => panic!("built"),
        Err(error) => error.to_string(),
    };
    let last = Aggregate::Last;
    insta::assert_snapshot!(error(beam(0, None, 3, last)), @"`--width` is 0; give at least 1");
    insta::assert_snapshot!(error(beam(2, None, 0, last)), @"`--depth` is 0; give at least 1");
    insta::assert_snapshot!(error(beam(2, Some(0), 3, last)), @"`--n` is 0; give at least 1");
    insta::assert_snapshot!(error(beam(4, Some(6), 3, last)), @"`--n` 6 is not a multiple of `--width` 4; give 4, 8, … or leave `--n` out");
    insta::assert_snapshot!(error(beam(70_000, None, 3, last)), @"`--width` 70000 is too large: its square is the number of candidates; give `--n`");
    assert_eq!(BestOfN::new(0, ScorerId(0)).err(), Some(BadStrategy::Zero { flag: "--n" }));
    assert_eq!(SelfConsistency::new(0).err(), Some(BadStrategy::Zero { flag: "--n" }));
}
