//! Laws of consensus: several members' voices, and what they answer together.

use std::collections::BTreeMap;

use espalier_core::{Answer, Answers, Finish, NodeId, PolicyId, Verdict};
use espalier_search::{Consensus, Validation, Voice, Weights, consensus, majority, voices};
use proptest::prelude::*;

use crate::{selectors::tree, toys::LastLetter};

/// Answers are the same if and only if they are spelled alike but for their case.
fn of(voices: &[Voice]) -> Option<Consensus> {
    consensus(voices, &LastLetter)
}

fn verdict() -> impl Strategy<Value = Verdict> {
    prop::sample::select(vec![Verdict::Pass, Verdict::Fail, Verdict::Unknown])
}

fn validation() -> impl Strategy<Value = Validation> {
    (verdict(), prop::collection::vec(verdict(), 0..5))
        .prop_map(|(answer, steps)| Validation { answer: Some(answer), steps })
}

/// Members' voices, each at a node of its own; composites by `weights`.
fn spoken(weights: Weights) -> impl Strategy<Value = Vec<Voice>> {
    let letter = prop::sample::select(vec!["a", "A", "b", "c", "C"]);
    prop::collection::vec((0_u16..4, letter, validation()), 0..12).prop_map(move |spoken| {
        let voice =
            |(index, (member, letter, validation)): (usize, (u16, &str, Validation))| Voice {
                member: PolicyId(member),
                node: NodeId(index as u32 + 1),
                answer: Answer(letter.to_owned()),
                weight: weights.composite(&validation),
            };
        spoken.into_iter().enumerate().map(voice).collect()
    })
}

/// How often each letter is answered, and the place of its first voice.
fn counts(voices: &[Voice]) -> BTreeMap<String, (usize, (PolicyId, NodeId))> {
    let mut counts: BTreeMap<String, (usize, (PolicyId, NodeId))> = BTreeMap::new();
    for voice in voices {
        let place = (voice.member, voice.node);
        let (count, first) = counts.entry(voice.answer.0.to_lowercase()).or_insert((0, place));
        *count += 1;
        *first = place.min(*first);
    }
    counts
}

proptest! {
    #[test]
    fn the_order_of_voices_changes_nothing(
        (voices, shuffled) in spoken(Weights::ANSWER_FIRST).prop_flat_map(|voices| {
            (Just(voices.clone()), Just(voices).prop_shuffle())
        }),
    ) {
        prop_assert_eq!(of(&voices), of(&shuffled));
    }

    /// Members renamed: their order matters where answers tie, and nowhere else.
    #[test]
    fn the_order_of_members_matters_in_ties_alone(voices in spoken(Weights::ANSWER_FIRST)) {
        let renamed: Vec<Voice> = voices
            .iter()
            .map(|voice| Voice { member: PolicyId(3 - voice.member.0), ..voice.clone() })
            .collect();
        let (Some(one), Some(other)) = (of(&voices), of(&renamed)) else { return Ok(()) };
        prop_assert_eq!((one.weight, one.voices), (other.weight, other.voices));
        let mut tied = BTreeMap::new();
        for letter in counts(&voices).keys() {
            let mut weights: Vec<f64> = voices
                .iter()
                .filter(|voice| voice.answer.0.to_lowercase() == *letter)
                .map(|voice| voice.weight)
                .collect();
            weights.sort_by(f64::total_cmp);
            *tied.entry((weights.iter().sum::<f64>().to_bits(), weights.len())).or_insert(0) += 1;
        }
        if tied[&(one.weight.to_bits(), one.voices)] == 1 {
            prop_assert!(LastLetter.same(&one.voice.answer, &other.voice.answer));
        }
    }

    #[test]
    fn constant_composites_are_a_majority_vote(
        voices in spoken(Weights::ANSWER_FIRST), constant in prop::sample::select(vec![0.0, 0.3, 1.0]),
    ) {
        let voices: Vec<Voice> =
            voices.into_iter().map(|voice| Voice { weight: constant, ..voice }).collect();
        let counts = counts(&voices);
        let wanted = counts.iter().max_by_key(|(_, (count, first))| (*count, std::cmp::Reverse(*first)));
        let found = of(&voices);
        prop_assert_eq!(
            found.as_ref().map(|found| found.voice.answer.0.to_lowercase()),
            wanted.map(|(letter, _)| letter.clone())
        );
        prop_assert_eq!(found.map(|found| found.voices), wanted.map(|(_, (count, _))| *count));
    }

    #[test]
    fn a_weight_of_one_leaves_the_answers_validation_alone(validation in validation(), steps in prop::collection::vec(verdict(), 0..5)) {
        let answer_alone = Weights::new(1.0, 0.0).unwrap();
        let other = Validation { steps, ..validation.clone() };
        prop_assert_eq!(answer_alone.composite(&validation).to_bits(), answer_alone.composite(&other).to_bits());
        let wanted: f64 = match validation.answer.unwrap() {
            Verdict::Pass => 1.0,
            Verdict::Fail => 0.0,
            Verdict::Unknown => 0.5,
        };
        prop_assert_eq!(answer_alone.composite(&validation).to_bits(), wanted.to_bits());
    }

    #[test]
    fn composites_grow_with_what_is_supported(weight in 0.0_f64..=1.0, validation in validation()) {
        let weights = Weights::new(weight, 1.0 - weight).unwrap();
        let of = |validation: &Validation| weights.composite(validation);
        let before = of(&validation);
        prop_assert!((0.0..=1.0 + 1e-12).contains(&before));
        let answered = Validation { answer: Some(Verdict::Pass), ..validation.clone() };
        prop_assert!(of(&answered) >= before);
        let mut more = validation.clone();
        more.steps.push(Verdict::Unknown);
        prop_assert_eq!(of(&more).to_bits(), before.to_bits(), "a step with nothing to check is left out");
        more.steps.push(Verdict::Fail);
        prop_assert!(of(&more) <= before + 1e-12);
    }
}

#[test]
fn one_members_voices_are_its_ended_answers() {
    let tree = tree(&[
        (0, "b!", None, Finish::Eos),
        (0, "a!", None, Finish::Eos),
        (0, "a", None, Finish::Length),
        (0, "!", None, Finish::Eos),
        (0, "A!", None, Finish::Eos),
    ]);
    let voices = voices(PolicyId(2), &tree, &LastLetter, |_| 1.0);
    assert_eq!(voices.iter().map(|voice| voice.node.0).collect::<Vec<_>>(), [1, 2, 5]);
    let found = of(&voices).unwrap();
    let alone = majority(&tree, &LastLetter).unwrap();
    assert_eq!((found.voice.node, &found.voice.answer), (alone.node, &alone.answer));
    assert_eq!((found.voices, found.agreeing), (2, vec![PolicyId(2)]));
    assert_eq!(of(&[]), None);
}

#[test]
fn the_heaviest_voice_speaks_for_its_answer_and_members_agree_by_their_own_majority() {
    let voice = |member, node, answer: &str, weight| Voice {
        member: PolicyId(member),
        node: NodeId(node),
        answer: Answer(answer.to_owned()),
        weight,
    };
    let voices = [
        voice(0, 1, "a", 0.3),
        voice(0, 2, "a", 0.6),
        voice(1, 1, "b", 0.0),
        voice(1, 2, "b", 0.0),
        voice(1, 3, "A", 0.6),
        voice(2, 1, "a", 0.1),
    ];
    let found = of(&voices).unwrap();
    assert_eq!(
        (found.voice.member, found.voice.node),
        (PolicyId(0), NodeId(2)),
        "the lowest of equal ones"
    );
    assert_eq!(found.agreeing, [PolicyId(0), PolicyId(2)], "member 1 would answer `b` alone");
    assert_eq!(found.voices, 4);
}
