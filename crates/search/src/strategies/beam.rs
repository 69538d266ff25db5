//! Beam search over steps: keep the best paths, continue each.

use espalier_core::{Account, Aggregate, Ask, FormId, NodeId, Retain, Round, ScorerId};

use super::{BadStrategy, at_least_one, candidates};
use crate::{Strategy, Tree, candidates::Candidates, ranking::Ranking};

/// Keeps the best n / `width` paths by score and gives each `width` continuations of one step, until
/// every kept path has ended or is `depth` steps long.
///
/// Source: Snell et al. 2024, <https://arxiv.org/abs/2408.03314>, section 5.2.
///
/// Deviations:
/// - Paths that have ended stay, hold a place and compete with the unfinished; they are not refilled.
///   (The paper does not say.)
/// - A step cut by a length cap, or one that fills its path, leads nowhere and is no candidate.
/// - With [redraws](Self::with_redraws), a step that says the same as a sibling is no candidate and is drawn
///   anew. (search-and-learn's recipes leave duplicates out, `filter_duplicates`, and draw none anew.)
/// - Any aggregate of the step scores ranks paths; the paper's is the last step's.
/// - With [a form](Self::with_form), each next step answers a prompt of its own.
#[derive(Debug, Clone)]
pub struct Beam {
    n: u32,
    width: u32,
    depth: u32,
    ranking: Ranking,
    /// How a path becomes a prompt.
    form: FormId,
    /// Rounds asked for.
    rounds: u32,
    /// Kept paths that have ended.
    ended: Vec<NodeId>,
    candidates: Candidates,
}

impl Beam {
    /// A beam of `n` candidates a round (`width`² where none is given), paths of at most `depth` steps.
    ///
    /// # Errors
    ///
    /// [`BadStrategy`] where a number is 0 or `n` is not a multiple of `width`.
    pub fn new(
        width: u32,
        n: Option<u32>,
        depth: u32,
        scorer: ScorerId,
        how: Aggregate,
    ) -> Result<Self, BadStrategy> {
        let (width, n) = candidates(width, n)?;
        let depth = at_least_one("--depth", depth)?;
        let ranking = Ranking { scorer, how };
        let (form, ended, candidates) = (FormId::CONTINUE, Vec::new(), Candidates::default());
        Ok(Self { n, width, depth, ranking, form, rounds: 0, ended, candidates })
    }

    /// Leaves out candidates that say the same as a sibling, and draws as many anew, up to `redraws` times
    /// a round, so that the beam keeps paths that differ; 0 keeps duplicates, as without this.
    #[must_use]
    pub fn with_redraws(mut self, redraws: u32) -> Self {
        self.candidates.redraws = redraws;
        self
    }

    /// Makes next steps by this propose prompt, the first step of each reply, instead of continuing paths as
    /// they stand.
    #[must_use]
    pub fn with_form(mut self, form: FormId) -> Self {
        self.form = form;
        self
    }

    /// The round that continues each path so many times.
    fn grow(&self, growing: Vec<(NodeId, u32)>, kept: Vec<NodeId>) -> Round {
        let mut round = self.ranking.round(growing);
        round.retain = Retain::New(kept);
        if self.form != FormId::CONTINUE {
            round.retain = Retain::All; // prompts begin alike
        }
        for ask in &mut round.asks {
            if let Ask::Sample { form, .. } = ask {
                *form = self.form;
            }
        }
        round
    }
}

impl Strategy for Beam {
    fn next(&mut self, tree: &Tree, _: &Account) -> Round {
        let growing = if self.rounds == 0 {
            vec![(NodeId::ROOT, self.n)]
        } else {
            self.candidates.take(tree);
            if let Some(missing) = self.candidates.missing() {
                return self.grow(missing, self.candidates.fresh.clone());
            }
            let mut kept = std::mem::take(&mut self.ended);
            kept.append(&mut self.candidates.fresh);
            kept.sort_by_key(|&id| self.ranking.key(tree, id));
            kept.truncate((self.n / self.width) as usize);
            self.ended = kept.iter().copied().filter(|&id| tree.ended(id)).collect();
            kept.retain(|&id| tree.expandable(id));
            kept.into_iter().map(|id| (id, self.width)).collect()
        };
        if growing.is_empty() || self.rounds == self.depth {
            return Round::end();
        }
        self.rounds += 1;
        self.candidates.begin(tree, &growing);
        self.grow(growing, Vec::new())
    }

    fn name(&self) -> &'static str {
        "beam"
    }
}
