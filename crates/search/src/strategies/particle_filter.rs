//! Particle filtering: paths are drawn again after every step, in proportion to exp(score).

use espalier_core::{Account, Aggregate, NodeId, Round, ScorerId, Seed};

use super::{BadStrategy, at_least_one, score_temperature};
use crate::{Strategy, Tree, allocation::resample, ranking::Ranking};

/// Sets the draws of resampling apart from those of the step whose seed they are derived from.
const RESAMPLING: u64 = u64::from_be_bytes(*b"resample");

/// Moves `n` particles on by one step at a time. Before each further step all of them are drawn anew, in
/// proportion to exp(score / temperature), until all that are drawn have ended or are `depth` steps long.
///
/// Source: Puri et al. 2025, <https://arxiv.org/abs/2502.01618>, algorithm 1.
///
/// Deviations:
/// - Particles are drawn systematically ([`resample`]); the paper draws each by itself, which varies
///   more and expects the same.
/// - A particle that has ended stays among those that are drawn, and is not continued. Where it is
///   drawn no more, its answer is still in the tree.
/// - A particle that a length cap has cut is not drawn; the others are drawn in its place.
/// - Scores are divided by a temperature. (The paper's code turns a score in (0, 1) into its logit first;
///   here a scorer's scores are taken as they are.)
/// - Any aggregate of the step scores weighs particles; the paper compares several.
#[derive(Debug, Clone)]
pub struct ParticleFilter {
    n: u32,
    temperature: f64,
    depth: u32,
    ranking: Ranking,
    /// Rounds asked for.
    rounds: u32,
    /// Nodes seen; the others are the newest particles.
    seen: usize,
    /// Particles that have ended, as often as they were drawn.
    ended: Vec<NodeId>,
}

impl ParticleFilter {
    /// `n` particles, drawn at this `temperature` of scores, paths of at most `depth` steps.
    ///
    /// # Errors
    ///
    /// [`BadStrategy`] where `n` or `depth` is 0, or `temperature` is not a finite number above 0.
    pub fn new(
        n: u32,
        temperature: f64,
        depth: u32,
        scorer: ScorerId,
        how: Aggregate,
    ) -> Result<Self, BadStrategy> {
        let n = at_least_one("--n", n)?;
        let depth = at_least_one("--depth", depth)?;
        let temperature = score_temperature(temperature)?;
        let ranking = Ranking { scorer, how };
        Ok(Self { n, temperature, depth, ranking, rounds: 0, seen: 1, ended: Vec::new() })
    }

    /// Draws all particles anew: those that go on, and how often each was drawn.
    fn draw(&mut self, tree: &Tree) -> Vec<(NodeId, u32)> {
        let mut particles = std::mem::take(&mut self.ended);
        particles.extend(tree.ids().skip(self.seen).filter(|&id| tree.stands(id)));
        let newest: Option<Seed> = tree.ids().rev().find_map(|id| tree.node(id).seed);
        let (false, Some(seed)) = (particles.is_empty(), newest) else { return Vec::new() };
        let weights = self.ranking.weights(tree, &particles, self.temperature);
        let counts = resample(&weights, self.n, seed.fold(RESAMPLING).uniform(0));
        let drawn = particles.into_iter().zip(counts).filter(|&(_, count)| count > 0);
        let (ended, growing): (Vec<_>, Vec<_>) = drawn.partition(|&(id, _)| tree.ended(id));
        let again = |(id, count)| std::iter::repeat_n(id, count as usize);
        self.ended = ended.into_iter().flat_map(again).collect();
        growing
    }
}

impl Strategy for ParticleFilter {
    fn next(&mut self, tree: &Tree, _: &Account) -> Round {
        let growing = if self.rounds == 0 { vec![(NodeId::ROOT, self.n)] } else { self.draw(tree) };
        self.seen = tree.len();
        if growing.is_empty() || self.rounds == self.depth {
            return Round::end();
        }
        self.rounds += 1;
        self.ranking.round(growing)
    }

    fn name(&self) -> &'static str {
        "particle-filter"
    }
}
