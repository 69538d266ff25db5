//! Lookahead search: a beam whose candidates are scored by where they lead.

use std::cmp::Reverse;

use espalier_core::{Account, Ask, NodeId, Retain, Round, Score, ScorerId, Until};

use super::{BadStrategy, at_least_one, candidates};
use crate::{Strategy, Tree, ranking::one_step};

/// A beam search that rolls every candidate out by up to `lookahead` likeliest steps and ranks it by the
/// score at the end of its rollout. Without lookahead it is [`Beam`](super::Beam), ranked by the last
/// step.
///
/// Source: Snell et al. 2024, <https://arxiv.org/abs/2408.03314>, section 5.2.
///
/// Deviations, beside those of [`Beam`](super::Beam):
/// - A rollout is dropped once it has been scored, as in the paper, but an answer that ends it stays in
///   the tree, scored, and can be selected.
/// - A rollout that a length cap cuts is scored as it stands.
/// - Only ends of rollouts are scored, so answers are to be selected by the last step's score.
#[derive(Debug, Clone)]
pub struct Lookahead {
    n: u32,
    width: u32,
    depth: u32,
    /// Steps to roll candidates out.
    steps: u32,
    scorer: ScorerId,
    /// Rounds of candidates asked for.
    rounds: u32,
    /// Nodes seen; the others are the newest candidates or the newest ends of rollouts.
    seen: usize,
    /// Steps that the newest candidates were rolled out.
    ahead: u32,
    /// The newest candidates that lead somewhere.
    fresh: Vec<Candidate>,
    /// Kept paths that have ended.
    ended: Vec<Candidate>,
    /// Where rollouts of the paths under way ended: their KV holds what the scorer has read.
    anchors: Vec<NodeId>,
}

#[derive(Debug, Clone, Copy)]
struct Candidate {
    step: NodeId,
    /// The end of its rollout; the step itself where there is none.
    end: NodeId,
}

impl Lookahead {
    /// A beam of `n` candidates a round (`width`² where none is given), paths of at most `depth` steps,
    /// rollouts aside.
    ///
    /// # Errors
    ///
    /// [`BadStrategy`] where a number other than `lookahead` is 0 or `n` is not a multiple of `width`.
    pub fn new(
        width: u32,
        n: Option<u32>,
        depth: u32,
        lookahead: u32,
        scorer: ScorerId,
    ) -> Result<Self, BadStrategy> {
        let (width, n) = candidates(width, n)?;
        let depth = at_least_one("--depth", depth)?;
        let (steps, rounds, seen, ahead) = (lookahead, 0, 1, 0);
        let (fresh, ended, anchors) = (Vec::new(), Vec::new(), Vec::new());
        Ok(Self { n, width, depth, steps, scorer, rounds, seen, ahead, fresh, ended, anchors })
    }

    /// Takes in what the last round made: candidates, or a further step of each rollout.
    fn take(&mut self, tree: &Tree) {
        let new = tree.ids().skip(self.seen);
        if self.ahead == 0 {
            let standing = new.filter(|&id| tree.stands(id));
            self.fresh = standing.map(|id| Candidate { step: id, end: id }).collect();
        } else {
            let mut rolled = self.fresh.iter_mut();
            for id in new {
                // Rollouts go on in the candidates' order, so each is found after the one before it.
                let candidate = rolled.find(|candidate| Some(candidate.end) == tree.parent(id));
                candidate.expect("only rollouts were sampled").end = id;
            }
        }
        self.seen = tree.len();
    }

    /// Rolls the candidates out by one step; scores them with the last.
    fn roll(&mut self, tree: &Tree) -> Round {
        let ends = || self.fresh.iter().map(|candidate| candidate.end);
        let goes_on = ends().any(|end| tree.expandable(end));
        self.ahead = if goes_on { self.ahead + 1 } else { self.steps };
        let last = self.ahead == self.steps;
        let ask = |end| {
            if tree.expandable(end) {
                return Some(Ask::likeliest(end, Until::Boundary));
            }
            last.then_some(Ask::Score { node: end, scorer: self.scorer })
        };
        let asks = ends().filter_map(ask).collect();
        let steps = self.fresh.iter().map(|candidate| candidate.step);
        let retain = Retain::New(steps.chain(self.anchors.iter().copied()).collect());
        Round { asks, score: last.then_some(self.scorer), retain }
    }

    /// Keeps the best and asks for their continuations.
    fn keep(&mut self, tree: &Tree) -> Round {
        let rank = |kept: &Candidate| -> (Reverse<Option<Score>>, NodeId) {
            (Reverse(tree.node(kept.end).score(self.scorer)), kept.step)
        };
        let mut kept = std::mem::take(&mut self.ended);
        kept.append(&mut self.fresh);
        kept.sort_by_key(rank);
        kept.truncate((self.n / self.width) as usize);
        self.ended = kept.iter().copied().filter(|kept| tree.ended(kept.step)).collect();
        kept.retain(|kept| tree.expandable(kept.step));
        if kept.is_empty() || self.rounds == self.depth {
            return Round::end();
        }
        self.anchors =
            kept.iter().filter(|kept| kept.end != kept.step).map(|kept| kept.end).collect();
        self.sample(kept.iter().map(|kept| (kept.step, self.width)).collect())
    }

    fn sample(&mut self, growing: Vec<(NodeId, u32)>) -> Round {
        (self.rounds, self.ahead) = (self.rounds + 1, 0);
        Round {
            asks: one_step(growing),
            score: (self.steps == 0).then_some(self.scorer),
            retain: Retain::New(self.anchors.clone()),
        }
    }
}

impl Strategy for Lookahead {
    fn next(&mut self, tree: &Tree, _: &Account) -> Round {
        if self.rounds == 0 {
            return self.sample(vec![(NodeId::ROOT, self.n)]);
        }
        self.take(tree);
        if self.ahead < self.steps && !self.fresh.is_empty() {
            return self.roll(tree);
        }
        self.keep(tree)
    }

    fn name(&self) -> &'static str {
        "lookahead"
    }
}
