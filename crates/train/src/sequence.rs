//! Sequences: token ids, and what the network is to say after some of them.

use espalier_core::TokenId;
use espalier_eval::Voice;

/// One target: after token `at` of its sequence, the network is to say `id`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Target {
    /// Index of the token after which.
    pub at: u32,
    /// What is to be said.
    pub id: TokenId,
    /// How much it counts: the example's weight, or a part of it where alternatives or the two marks of
    /// a label share it.
    pub weight: f32,
}

/// One training example, tokenized.
///
/// Supervised examples have a target after every token before a completion's; reward examples one after
/// every step, and the target is a mark, which is never part of the sequence.
#[derive(Debug, Clone, PartialEq)]
pub struct Sequence {
    /// The token ids.
    pub tokens: Vec<TokenId>,
    /// The targets, by ascending place.
    pub targets: Vec<Target>,
    /// Where branches begin, ascending. Each sees what stands before the first branch, and itself, and
    /// is counted on from there: several continuations of one prompt, which is computed once. Empty for
    /// a plain sequence.
    pub branches: Vec<u32>,
}

impl Sequence {
    /// A supervised example: every token of `completion`, given what stands before it.
    #[must_use]
    pub fn completion(prompt: &[TokenId], completion: &[TokenId]) -> Self {
        let tokens: Vec<TokenId> = prompt.iter().chain(completion).copied().collect();
        let first = prompt.len().max(1);
        let targets = (first..tokens.len())
            .map(|at| Target { at: at as u32 - 1, id: tokens[at], weight: 1.0 })
            .collect();
        // The last token is only ever a target: nothing is said after it.
        let mut tokens = tokens;
        tokens.pop();
        Self { tokens, targets, branches: Vec::new() }
    }

    /// A supervised example of which parts are learned: every token of the policy's segments, given all
    /// that stands before it. What stands after the last of them is left out.
    #[must_use]
    pub fn interleaved(prompt: &[TokenId], segments: &[(Voice, Vec<TokenId>)]) -> Self {
        let (mut tokens, mut targets) = (prompt.to_vec(), Vec::new());
        for (role, segment) in segments {
            let first = tokens.len();
            tokens.extend(segment);
            if *role == Voice::Policy {
                let places = first.max(1)..tokens.len();
                let target = |at: usize| Target { at: at as u32 - 1, id: tokens[at], weight: 1.0 };
                targets.extend(places.map(target));
            }
        }
        // The last token is only ever a target.
        tokens.truncate(targets.last().map_or(0, |target| target.at as usize + 1));
        Self { tokens, targets, branches: Vec::new() }
    }

    /// A supervised example of several next steps of one prompt, each as good as the others: together
    /// they count as one, so that what is learned is a step drawn evenly from them.
    #[must_use]
    pub fn alternatives(prompt: &[TokenId], steps: &[Vec<TokenId>]) -> Self {
        let mut tokens = prompt.to_vec();
        let (mut targets, mut branches) = (Vec::new(), Vec::new());
        let fork = (prompt.len() as u32).saturating_sub(1);
        let weight = 1.0 / steps.len().max(1) as f32;
        let first = steps.iter().filter_map(|step| step.first());
        targets.extend(first.map(|&id| Target { at: fork, id, weight }));
        for step in steps {
            let start = tokens.len() as u32;
            branches.push(start);
            let after = step.iter().skip(1).zip(start..);
            targets.extend(after.map(|(&id, at)| Target { at, id, weight }));
            // The last token is only ever a target.
            tokens.extend(&step[..step.len().saturating_sub(1)]);
        }
        Self { tokens, targets, branches }
    }

    /// A reward example: after each step, its mark. A label is the probability that the step is good;
    /// between 0 and 1 it weighs both marks (soft labels).
    ///
    /// Source: Wang et al. 2023 (Math-Shepherd), <https://arxiv.org/abs/2312.08935>, equation 2,
    /// with the hard or soft estimates of section 3.3.
    #[must_use]
    pub fn marked(prompt: &[TokenId], steps: &[(Vec<TokenId>, f32)], marks: Marks) -> Self {
        let mut tokens = prompt.to_vec();
        let mut targets = Vec::with_capacity(steps.len());
        for (step, label) in steps {
            tokens.extend(step);
            let at = tokens.len() as u32 - 1;
            let both = [(marks.good, *label), (marks.bad, 1.0 - label)];
            let counted = both.into_iter().filter(|(_, weight)| *weight > 0.0);
            targets.extend(counted.map(|(id, weight)| Target { at, id, weight }));
        }
        Self { tokens, targets, branches: Vec::new() }
    }

    /// A reward example of several next steps of one prompt, each with its label.
    #[must_use]
    pub fn siblings(prompt: &[TokenId], steps: &[(Vec<TokenId>, f32)], marks: Marks) -> Self {
        let mut start = prompt.len() as u32;
        let branches = steps.iter().map(|(step, _)| {
            let at = start;
            start += step.len() as u32;
            at
        });
        let branches = branches.collect();
        Self { branches, ..Self::marked(prompt, steps, marks) }
    }

    /// The first token that the token at `at` sees beside the shared ones, and how many are shared.
    pub(crate) fn sight(&self, at: usize) -> (usize, usize) {
        let before = self.branches.partition_point(|start| *start as usize <= at);
        match before.checked_sub(1) {
            Some(branch) => (self.branches[branch] as usize, self.branches[0] as usize),
            None => (0, 0),
        }
    }

    /// The same with every target's weight multiplied.
    #[must_use]
    pub fn weighted(mut self, factor: f32) -> Self {
        self.targets.iter_mut().for_each(|target| target.weight *= factor);
        self
    }

    /// The weight of all its targets.
    #[must_use]
    pub fn weight(&self) -> f64 {
        self.targets.iter().map(|target| f64::from(target.weight)).sum()
    }
}

/// The tokens with which a reward model marks a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Marks {
    /// Of a good step.
    pub good: TokenId,
    /// Of a bad one.
    pub bad: TokenId,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn targets(sequence: &Sequence) -> Vec<(u32, TokenId, f32)> {
        sequence.targets.iter().map(|target| (target.at, target.id, target.weight)).collect()
    }

    #[test]
    fn every_token_of_a_completion_is_a_target_once() {
        let sequence = Sequence::completion(&[1, 2], &[3, 4, 5]);
        assert_eq!(sequence.tokens, [1, 2, 3, 4]);
        assert_eq!(targets(&sequence), [(1, 3, 1.0), (2, 4, 1.0), (3, 5, 1.0)]);
    }

    #[test]
    fn what_is_not_learned_is_read() {
        let (policy, tool) = (|ids| (Voice::Policy, ids), |ids| (Voice::Tool, ids));
        let segments = [policy(vec![3, 4]), tool(vec![5, 6]), policy(vec![7]), tool(vec![8])];
        let sequence = Sequence::interleaved(&[1, 2], &segments);
        assert_eq!(sequence.tokens, [1, 2, 3, 4, 5, 6]);
        assert_eq!(targets(&sequence), [(1, 3, 1.0), (2, 4, 1.0), (5, 7, 1.0)]);
        let all = Sequence::interleaved(&[1, 2], &[policy(vec![3, 4, 5])]);
        assert_eq!(all, Sequence::completion(&[1, 2], &[3, 4, 5]));
        assert!(Sequence::interleaved(&[1], &[tool(vec![2])]).targets.is_empty());
    }

    #[test]
    fn alternatives_share_their_prompt_and_say_their_first_tokens_after_it() {
        let sequence = Sequence::alternatives(&[1, 2], &[vec![3, 4, 5], vec![6, 7]]).weighted(4.0);
        assert_eq!(sequence.tokens, [1, 2, 3, 4, 6]);
        assert_eq!(sequence.branches, [2, 4]);
        let expected = [(1, 3, 2.0), (1, 6, 2.0), (2, 4, 2.0), (3, 5, 2.0), (4, 7, 2.0)];
        assert_eq!(targets(&sequence), expected);
        let sight: Vec<_> = (0..5).map(|at| sequence.sight(at)).collect();
        assert_eq!(sight, [(0, 0), (0, 0), (2, 2), (2, 2), (4, 2)]);
    }

    #[test]
    fn marks_are_said_after_steps_and_stand_nowhere() {
        let marks = Marks { good: 90, bad: 91 };
        let steps = [(vec![2, 3], 1.0), (vec![4], 0.0), (vec![5], 0.25)];
        let sequence = Sequence::marked(&[1], &steps, marks);
        assert_eq!(sequence.tokens, [1, 2, 3, 4, 5]);
        assert_eq!(targets(&sequence), [(2, 90, 1.0), (3, 91, 1.0), (4, 90, 0.25), (4, 91, 0.75)]);
        assert!((sequence.weight() - 3.0).abs() < 1e-9);
    }
}
