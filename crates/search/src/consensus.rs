//! Consensus: the answer that several policies' finished trees give together.
//!
//! Members of an ensemble may have different tokenizers and chat templates, so each searches a tree of its own.
//! What they share is their answers: a [`Voice`] for each ended path that holds one, and the answer whose voices
//! weigh most. Nothing here knows a gold answer.

use std::cmp::Reverse;
use std::collections::BTreeSet;

use espalier_core::{Answer, Answers, NodeId, PolicyId};

use crate::Tree;

/// One finished path of one member: what it answers, and what its answer weighs.
#[derive(Debug, Clone, PartialEq)]
pub struct Voice {
    /// Whose tree it is in.
    pub member: PolicyId,
    /// The end of the path.
    pub node: NodeId,
    /// What the path answers.
    pub answer: Answer,
    /// What it weighs: finite and not negative, such as [`Weights::composite`](crate::Weights::composite).
    pub weight: f64,
}

/// The voices of one member's tree, in creation order; `weight` says what an ended path with an answer weighs.
#[must_use]
pub fn voices(
    member: PolicyId,
    tree: &Tree,
    answers: &dyn Answers,
    mut weight: impl FnMut(NodeId) -> f64,
) -> Vec<Voice> {
    let voice = |node| {
        let answer = answers.extract(&tree.path(node).text())?;
        Some(Voice { member, node, answer, weight: weight(node) })
    };
    tree.finished().filter_map(voice).collect()
}

/// What an ensemble answers.
#[derive(Debug, Clone, PartialEq)]
pub struct Consensus {
    /// The heaviest voice for the answer; of equal ones, that of the lowest member, then node.
    pub voice: Voice,
    /// The sum of the weights of all voices for it.
    pub weight: f64,
    /// How many voices it has.
    pub voices: usize,
    /// The members most of whose voices are for it: those that would answer so alone, ascending.
    pub agreeing: Vec<PolicyId>,
}

/// The answer whose voices have the largest sum of weights.
///
/// Answers are pooled where [`Answers::same`] says that they are the same. Of equal sums the answer with more
/// voices wins, so that constant weights, zero included, are a majority vote; of those, the one that holds the
/// lowest member and node. Sums are taken in ascending order of weights: the order of `voices` changes nothing,
/// as far as `same` is an equivalence.
///
/// `None` without voices.
///
/// Source: Li et al. 2022, <https://arxiv.org/abs/2206.02336>, the voting verifier: an answer is worth
/// Σ f(voice) over its voices. Deviations: the voices are of several models, and f is not learned.
///
/// # Complexity
///
/// Voices × different answers comparisons of answers.
///
/// ```
/// use espalier_core::{Answer, Answers, NodeId, PolicyId};
/// use espalier_search::{Voice, consensus};
///
/// struct Exact;
/// impl Answers for Exact {
///     fn extract(&self, text: &str) -> Option<Answer> {
///         Some(Answer(text.to_owned()))
///     }
///     fn same(&self, one: &Answer, other: &Answer) -> bool {
///         one == other
///     }
/// }
/// let voice = |member, node, answer: &str, weight| Voice {
///     member: PolicyId(member),
///     node: NodeId(node),
///     answer: Answer(answer.to_owned()),
///     weight,
/// };
/// let voices = [voice(0, 1, "7", 0.3), voice(0, 2, "7", 0.3), voice(1, 1, "8", 1.0)];
/// let found = consensus(&voices, &Exact).unwrap();
/// assert_eq!((found.voice.answer.0.as_str(), found.weight, found.voices), ("8", 1.0, 1)); // 0.3 + 0.3 < 1
/// assert_eq!(found.agreeing, [PolicyId(1)]);
/// ```
#[must_use]
pub fn consensus(voices: &[Voice], answers: &dyn Answers) -> Option<Consensus> {
    let best = pool(voices, answers).into_iter().min_by(Pool::rank)?;
    let members: BTreeSet<PolicyId> = voices.iter().map(|voice| voice.member).collect();
    let agrees = |member: &PolicyId| {
        let own = voices.iter().filter(|voice| voice.member == *member).cloned();
        // A vote: each voice weighs the same.
        let own: Vec<Voice> = own.map(|voice| Voice { weight: 1.0, ..voice }).collect();
        let alone = pool(&own, answers).into_iter().min_by(Pool::rank);
        alone.is_some_and(|alone| answers.same(&alone.voices[0].answer, &best.voices[0].answer))
    };
    let agreeing = members.into_iter().filter(agrees).collect();
    let heaviest = best.voices.iter().copied().min_by(|one, other| {
        other.weight.total_cmp(&one.weight).then_with(|| place(one).cmp(&place(other)))
    })?;
    Some(Consensus {
        voice: heaviest.clone(),
        weight: best.weight,
        voices: best.voices.len(),
        agreeing,
    })
}

/// The voices for one answer, by member and node, and the sum of their weights.
struct Pool<'a> {
    voices: Vec<&'a Voice>,
    weight: f64,
}

impl Pool<'_> {
    /// Which of two pools wins: the lesser.
    fn rank(&self, other: &Self) -> std::cmp::Ordering {
        other
            .weight
            .total_cmp(&self.weight)
            .then_with(|| Reverse(self.voices.len()).cmp(&Reverse(other.voices.len())))
            .then_with(|| place(self.voices[0]).cmp(&place(other.voices[0])))
    }
}

fn place(voice: &Voice) -> (PolicyId, NodeId) {
    (voice.member, voice.node)
}

fn pool<'a>(voices: &'a [Voice], answers: &dyn Answers) -> Vec<Pool<'a>> {
    let mut sorted: Vec<&Voice> = voices.iter().collect();
    sorted.sort_by_key(|voice| place(voice));
    let mut pools: Vec<Pool<'_>> = Vec::new();
    for voice in sorted {
        let same = |pool: &&mut Pool<'_>| answers.same(&pool.voices[0].answer, &voice.answer);
        match pools.iter_mut().find(same) {
            Some(pool) => pool.voices.push(voice),
            None => pools.push(Pool { voices: vec![voice], weight: 0.0 }),
        }
    }
    for pool in &mut pools {
        let mut weights: Vec<f64> = pool.voices.iter().map(|voice| voice.weight).collect();
        weights.sort_by(f64::total_cmp);
        pool.weight = weights.iter().sum();
    }
    pools
}
