//! What answers cost that are made from answers: revisions and merges.
//!
//! A prompt that shows answers is computed but for what it shares with what was computed before. How that
//! is, is the form's and the chat template's to say: where nothing but the answers themselves stands
//! behind the question, an answer that was just sampled there is shared; where words stand around them,
//! these and the newest answer are computed again for each prompt.

use espalier_core::{Form, Forms, Path, Policy, Prompt};

use super::super::series::{ATTEMPTS, CHAINS, GROUP, Series};
use crate::forms::{REVISE, SHOWN};

use std::sync::Arc;

/// One answer, in computed tokens.
#[derive(Debug, Clone, Copy)]
pub(super) struct Answer {
    /// What the first of all costs beyond the others: prompts.
    pub begins: u64,
    /// Sampled and scored, at worst.
    pub worst: u64,
    /// Sampled and scored, as is usual.
    pub typical: u64,
    /// Shown in a prompt, as is usual: its tokens.
    pub shown: u64,
    /// Words around the answers of a prompt; `None` where nothing but answers stands behind the question.
    pub words: Option<u64>,
}

impl Answer {
    /// What `size` answers of a series cost, the last round of them at its worst.
    pub(super) fn cost(&self, series: Series, size: u32) -> u64 {
        let chains = u64::from(if series == Series::Hybrid { size.clamp(1, CHAINS) } else { 1 });
        let size = u64::from(size);
        let whole = self.begins;
        match series {
            Series::Graph if size > 1 => {
                let (group, attempts) = (u64::from(GROUP), u64::from(ATTEMPTS));
                let read = match self.words {
                    // The first of them was sampled where it is shown.
                    None => (group - 1) * self.shown,
                    Some(words) => group * self.shown + words,
                };
                let (merges, at_first) = ((size - 1).div_ceil(group - 1), size / group);
                // Each attempt is admitted as if it had to read what it merges.
                let first = at_first * attempts * (self.worst + read);
                let rest = merges.saturating_sub(at_first) * (attempts * self.typical + read);
                whole + size * self.typical + first + rest
            }
            _ => {
                let rounds = (size - 1) / chains;
                let read = |round: u64| match self.words {
                    _ if round == 0 => 0,
                    // The window of answers begins with another one: all of them are new there.
                    words if round > SHOWN as u64 => SHOWN as u64 * self.shown + words.unwrap_or(0),
                    None => 0,
                    Some(words) => self.shown + words,
                };
                let before: u64 = (0..rounds).map(|round| self.typical + read(round)).sum();
                whole + chains * (before + self.worst + read(rounds))
            }
        }
    }
}

/// Tokens of the words with which a prompt asks for a revision; `None` where there is nothing but the task,
/// or no such form.
pub(super) fn words(prompt: &Arc<Prompt>, policy: &dyn Policy, forms: &Forms) -> Option<u64> {
    let Some(Form::Revise(form)) = forms.get(REVISE) else { return None };
    let query = form.query(&[Path::root(Arc::clone(prompt))], policy).ok()?;
    let words = query.tokens.len().saturating_sub(prompt.tokens.len()) as u64;
    (words > 0).then_some(words)
}

#[cfg(test)]
mod tests {
    use super::*;

    const BARE: Answer = Answer { begins: 10, worst: 30, typical: 20, shown: 15, words: None };

    #[test]
    fn a_chain_costs_its_answers_and_what_it_shows_anew() {
        let worded = Answer { words: Some(40), ..BARE };
        // One answer at its worst; then usual ones before it.
        assert_eq!([1, 2, 3].map(|n| BARE.cost(Series::Revision, n)), [40, 60, 80]);
        assert_eq!([1, 2, 3].map(|n| worded.cost(Series::Revision, n)), [40, 60 + 55, 80 + 110]);
        // The fifth revision sees answers 2 to 5, which begin anew.
        assert_eq!(BARE.cost(Series::Revision, 5), 10 + 4 * 20 + 30);
        assert_eq!(BARE.cost(Series::Revision, 6), 10 + 5 * 20 + 30 + 4 * 15);
        assert_eq!(BARE.cost(Series::Revision, 7), 10 + 6 * 20 + 30 + 2 * 4 * 15);
    }

    #[test]
    fn chains_side_by_side_end_together() {
        assert_eq!(BARE.cost(Series::Hybrid, 4), 10 + 4 * 30);
        assert_eq!(BARE.cost(Series::Hybrid, 8), 10 + 4 * (20 + 30));
        assert_eq!(BARE.cost(Series::Hybrid, 3), 10 + 3 * 30);
    }

    #[test]
    fn a_graph_pays_for_its_merges() {
        assert_eq!(BARE.cost(Series::Graph, 1), 40);
        // Two answers, and two attempts to make one of them.
        assert_eq!(BARE.cost(Series::Graph, 2), 10 + 2 * 20 + 2 * (30 + 15));
        // Two merges at their worst, and one of what they made.
        assert_eq!(BARE.cost(Series::Graph, 4), 10 + 4 * 20 + 4 * (30 + 15) + 2 * 20 + 15);
        let worded = Answer { words: Some(40), ..BARE };
        assert_eq!(worded.cost(Series::Graph, 2), 10 + 2 * 20 + 2 * (30 + 2 * 15 + 40));
    }
}
