//! Beam search over steps: keep the best paths, continue each.

use espalier_core::{Account, Aggregate, Ask, FormId, NodeId, Retain, Round, ScorerId};

use super::{BadStrategy, at_least_one, candidates};
use crate::{
    Strategy, Tree,
    candidates::Candidates,
    coding::{Coding, is_due, onward},
    ranking::Ranking,
};

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
/// - With [code](Self::with_code), a kept path whose step ends with a call goes on from what that left.
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
    coding: Option<Coding>,
    /// Paths that go on when their calls are answered.
    calling: Option<Vec<NodeId>>,
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
        let (rounds, coding, calling) = (0, None, None);
        Ok(Self { n, width, depth, ranking, form, rounds, ended, candidates, coding, calling })
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

    /// Runs the code with which the steps of kept paths end.
    #[must_use]
    pub fn with_code(mut self, coding: Coding) -> Self {
        self.coding = Some(coding);
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
        let growing: Vec<(NodeId, u32)> = if self.rounds == 0 {
            vec![(NodeId::ROOT, self.n)]
        } else if let Some(kept) = self.calling.take() {
            let onward = kept.into_iter().map(|id| onward(tree, id));
            onward.filter(|&id| tree.expandable(id)).map(|id| (id, self.width)).collect()
        } else {
            self.candidates.take(tree);
            if let Some(missing) = self.candidates.missing() {
                return self.grow(missing, self.candidates.fresh.clone());
            }
            let mut kept = std::mem::take(&mut self.ended);
            kept.append(&mut self.candidates.fresh);
            kept.sort_by_key(|&id| self.ranking.key(tree, id));
            kept.truncate((self.n / self.width) as usize);
            let (due, rest): (Vec<NodeId>, Vec<NodeId>) =
                kept.iter().partition(|&&id| is_due(self.coding.as_ref(), tree, id));
            self.ended = rest.into_iter().filter(|&id| tree.ended(id)).collect();
            kept.retain(|&id| tree.expandable(id) || due.contains(&id));
            if let Some(coding) = self.coding.as_ref().filter(|_| self.rounds < self.depth)
                && !due.is_empty()
            {
                let asks = due.into_iter().map(|id| coding.ask(id)).collect();
                let retain = Retain::New(kept.clone());
                self.calling = Some(kept);
                return Round { asks, score: None, retain };
            }
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
