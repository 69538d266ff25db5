//! Gates: an easy problem is answered by a vote, a hard one is searched.

use std::sync::Arc;

use espalier_core::{Account, Answers, Ask, NodeId, Retain, Round, Until};

use super::{BadStrategy, Beam, at_least_one, share};
use crate::{Strategy, Tree, agreement::Reader};

/// Samples `n` answers. Where at least the share `agreement` of them says the same, the problem is easy
/// and the search is over; otherwise it is hard, and a beam search follows in the same tree.
///
/// The first answers are not scored. So [`best`](crate::select::best) finds an answer of the beam's
/// where there is one, and [`majority`](crate::select::majority) is for where it finds none: take the
/// one, or else the other.
///
/// Source: Snell et al. 2024, <https://arxiv.org/abs/2408.03314>, section 3.2: which strategy is best
/// depends on how hard a problem is for the policy.
///
/// Deviations:
/// - A problem is hard where the policy's first answers differ. (The paper bins problems by the
///   policy's pass rate, or by the verifier's mean score of many answers.)
/// - There are two strategies and one threshold; the paper picks from a table learned on other problems.
/// - An answer that cannot be read agrees with none.
#[derive(Debug, Clone)]
pub struct Gate {
    n: u32,
    agreement: f64,
    answers: Reader,
    beam: Beam,
    state: State,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    New,
    Probing,
    Hard,
}

impl Gate {
    /// `n` first answers, of which the share `agreement` makes a problem easy; `beam` for hard ones.
    ///
    /// # Errors
    ///
    /// [`BadStrategy`] where `n` is 0, or `agreement` is not above 0 and at most 1.
    pub fn new(
        n: u32,
        agreement: f64,
        answers: Arc<dyn Answers>,
        beam: Beam,
    ) -> Result<Self, BadStrategy> {
        let n = at_least_one("--n", n)?;
        let agreement = share("--agreement", agreement)?;
        Ok(Self { n, agreement, answers: Reader(answers), beam, state: State::New })
    }
}

impl Strategy for Gate {
    fn next(&mut self, tree: &Tree, account: &Account) -> Round {
        match self.state {
            State::New => {
                self.state = State::Probing;
                let asks = vec![Ask::sample(NodeId::ROOT, self.n, Until::End)];
                // The beam starts from the prompt, whose KV the first answer's holds.
                Round { asks, score: None, retain: Retain::New(vec![NodeId(1)]) }
            }
            State::Probing => {
                let (first, _) = self.answers.leaders(tree);
                if f64::from(first) >= self.agreement * f64::from(self.n) {
                    return Round::end();
                }
                self.state = State::Hard;
                let round = self.beam.next(tree, account);
                // Else the prompt would be computed again for the first steps.
                Round { retain: Retain::New(vec![NodeId(1)]), ..round }
            }
            State::Hard => self.beam.next(tree, account),
        }
    }

    fn name(&self) -> &'static str {
        "gate"
    }
}
