//! Revision: answers are revised one after the other, in several chains side by side.

use espalier_core::{Account, Ask, FormId, NodeId, PolicyId, Retain, Round, ScorerId, Until};

use super::{BadStrategy, at_least_one};
use crate::{Strategy, Tree};

/// Samples `chains` answers and revises each `revisions` times in turn: with one chain, sequential
/// revision; with no revisions, best-of-N; otherwise the hybrid of both. Every answer is scored, so that
/// [`best`](crate::select::best) takes the best of all chains wherever in its chain it stands.
///
/// Source: Snell et al. 2024, <https://arxiv.org/abs/2408.03314>, section 6 and appendix I.
///
/// Deviations:
/// - The form is given the whole chain, and how much of it the policy sees is the form's to say. (The
///   paper's revision model sees the last four answers, and was trained to.)
/// - An attempt that was cut by a length cap is no answer: the one before is revised once more. A chain
///   whose first answer was cut is over.
/// - Best of each chain and then best of all, as in the paper, is the best of all answers; its weighted
///   vote within and then over chains is [`weighted`](crate::select::weighted) over all answers here.
#[derive(Debug, Clone)]
pub struct Revision {
    chains: u32,
    revisions: u32,
    form: FormId,
    scorer: ScorerId,
    /// Rounds asked for.
    rounds: u32,
    /// Nodes seen; the others are the newest answers, in the order of `tips`.
    seen: usize,
    /// The newest finished answer of each chain that goes on.
    tips: Vec<NodeId>,
}

impl Revision {
    /// `chains` answers, each revised `revisions` times by a form that revises, scored by `scorer`.
    ///
    /// # Errors
    ///
    /// [`BadStrategy::Zero`] for no chains.
    pub fn new(
        chains: u32,
        revisions: u32,
        form: FormId,
        scorer: ScorerId,
    ) -> Result<Self, BadStrategy> {
        let chains = at_least_one("--chains", chains)?;
        Ok(Self { chains, revisions, form, scorer, rounds: 0, seen: 1, tips: Vec::new() })
    }
}

impl Strategy for Revision {
    fn next(&mut self, tree: &Tree, _: &Account) -> Round {
        let fresh = tree.ids().skip(self.seen);
        match self.rounds {
            0 => {}
            1 => self.tips = fresh.filter(|&id| tree.ended(id)).collect(),
            _ => {
                for (tip, id) in self.tips.iter_mut().zip(fresh) {
                    *tip = if tree.ended(id) { id } else { *tip };
                }
            }
        }
        self.seen = tree.len();
        let asks = if self.rounds == 0 {
            vec![Ask::sample(NodeId::ROOT, self.chains, Until::End)]
        } else if self.rounds <= self.revisions {
            let (policy, form) = (PolicyId::default(), self.form);
            self.tips.iter().map(|&node| Ask::Revise { node, policy, form }).collect()
        } else {
            Vec::new()
        };
        self.rounds += 1;
        Round { asks, score: Some(self.scorer), retain: Retain::All }
    }

    fn name(&self) -> &'static str {
        "revision"
    }
}
