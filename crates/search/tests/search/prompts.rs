//! Laws of asks that need a form: proposals, judgements, revisions and merges.

use std::{error::Error as _, num::NonZeroU32, ops::Range, sync::Arc};

use espalier_core::{
    Ask, Axis, Draw, Event, Finish, Form, Frozen, Judgement, ModelError, NodeId, Path, Policy,
    PolicyId, Proposed, Proposing, Query, Retain, Round, Score, ScorerId, Step, Stop, Stops,
    TokenId, Until, Voting, toy,
};
use espalier_search::{Models, Outcome, SearchError, search};
use proptest::prelude::*;

use crate::{
    budget::bounded,
    forms::{LONGEST, MERGE, MOST, PROPOSE, REVISE, VALUE, VOTE},
    laws::world,
    reading::{Affine, Reading},
    strategies::{PROMPTED, SCORER, Script},
    toys::{World, task},
};

const POLICY: PolicyId = PolicyId(0);
const VALUES: ScorerId = ScorerId(1);

fn keep(asks: Vec<Ask>) -> Round {
    Round { asks, ..Round::default() }
}

pub(crate) fn scored(asks: Vec<Ask>) -> Round {
    Round { score: Some(SCORER), ..keep(asks) }
}

fn propose(parent: NodeId) -> Ask {
    Ask::Propose { parent, policy: POLICY, form: PROPOSE }
}

fn value(nodes: Vec<NodeId>, samples: u32) -> Ask {
    let what = Judgement::Value(nodes);
    Ask::Judge { what, samples, scorer: VALUES, policy: POLICY, form: VALUE }
}

fn run(world: &World, rounds: Vec<Round>) -> Outcome {
    world.search(Box::new(Script(rounds)))
}

/// What judges have said, by the nodes they were asked about.
fn said(out: &Outcome) -> Vec<(Vec<NodeId>, String)> {
    let judged = |event: &Event| match event {
        Event::Judged { nodes, text, .. } => Some((nodes.clone(), text.clone())),
        _ => None,
    };
    out.trace.iter().filter_map(judged).collect()
}

proptest! {
    /// An oracle: the reply, read once more.
    #[test]
    fn proposed_steps_are_pieces_of_the_reply(world in world()) {
        let out = run(&world, vec![scored(vec![propose(NodeId::ROOT)])]);
        let Some(Event::Proposed { tokens, made, seed, .. }) =
            out.trace.iter().find(|event| matches!(event, Event::Proposed { .. }))
        else { panic!("nothing was proposed") };
        let longest = world.step.min(world.path) as usize;
        let mut wanted = Vec::new();
        let pieces: Vec<&[TokenId]> =
            tokens.split_inclusive(|&token| token == toy::BOUNDARY || token == toy::EOS).collect();
        for (index, piece) in pieces.iter().enumerate() {
            if piece[0] == u32::from(b'c') {
                continue;
            }
            let whole = tokens.last() == Some(&toy::EOS);
            let cut = piece.len() > longest || (index + 1 == pieces.len() && !whole);
            let finish = match piece.last() {
                _ if cut => Finish::Length,
                Some(&toy::EOS) => Finish::Eos,
                _ => Finish::Step,
            };
            wanted.push((piece[..piece.len().min(longest)].to_vec(), finish));
        }
        wanted.truncate(MOST as usize);
        let made_steps: Vec<(Vec<TokenId>, Finish)> = out
            .tree
            .children(NodeId::ROOT)
            .iter()
            .map(|&id| {
                let step = out.tree.node(id).step.clone().unwrap();
                assert_eq!(step.text.len(), step.tokens.len());
                assert_eq!(step.stats.len(), step.tokens.len());
                assert_eq!(out.tree.node(id).seed, Some(*seed));
                (step.tokens.to_vec(), step.finish)
            })
            .collect();
        prop_assert_eq!(*made as usize, made_steps.len());
        prop_assert_eq!(made_steps, wanted);
        prop_assert!(out.tree.ids().skip(1).all(|id| out.tree.node(id).score(SCORER).is_some()));
        prop_assert!(tokens.len() <= LONGEST as usize);
    }

    /// An oracle: the mean of what can be read in the trace.
    #[test]
    fn a_value_is_the_mean_of_what_could_be_read(world in world(), samples in 1_u32..6, count in 1_u32..4) {
        let nodes: Vec<NodeId> = (1..=count).map(NodeId).collect();
        let grow = keep(vec![Ask::sample(NodeId::ROOT, count, Until::Boundary)]);
        let out = run(&world, vec![grow, keep(vec![value(nodes.clone(), samples)])]);
        for node in nodes {
            let replies: Vec<String> = said(&out)
                .into_iter()
                .filter_map(|(nodes, text)| (nodes == [node]).then_some(text))
                .collect();
            prop_assert_eq!(replies.len() as u32, samples);
            let read: Vec<f32> = replies
                .iter()
                .filter(|text| text.starts_with(|c: char| c.is_ascii_lowercase()))
                .map(|text| text.chars().map(|c| match c { 'a' => 1.0, 'b' => 0.5, _ => 0.0 }).sum())
                .collect();
            let score = out.tree.node(node).score(VALUES).map(Score::get);
            let mean = (!read.is_empty()).then(|| read.iter().sum::<f32>() / read.len() as f32);
            prop_assert!(score.zip(mean).is_some_and(|(one, other)| (one - other).abs() < 1e-6) || score == mean);
        }
    }

    #[test]
    fn votes_are_shares_of_those_that_could_be_read(world in world(), samples in 1_u32..9) {
        let nodes: Vec<NodeId> = (1..=2).map(NodeId).collect();
        let grow = keep(vec![Ask::sample(NodeId::ROOT, 2, Until::Boundary)]);
        let what = Judgement::Vote(nodes);
        let vote = Ask::Judge { what, samples, scorer: VALUES, policy: POLICY, form: VOTE };
        let out = run(&world, vec![grow, keep(vec![vote])]);
        let replies = said(&out);
        prop_assert_eq!(replies.len() as u32, samples);
        let count = |letter| replies.iter().filter(|one| one.1 == letter).count() as f32;
        let read = count("a") + count("b");
        for (node, letter) in [(NodeId(1), "a"), (NodeId(2), "b")] {
            let score = out.tree.node(node).score(VALUES).map(Score::get);
            let share = (read > 0.0).then(|| count(letter) / read);
            prop_assert!(score.zip(share).is_some_and(|(one, other)| (one - other).abs() < 1e-6) || score == share);
        }
        // The first node pays for all of them.
        prop_assert_eq!(out.ledger.node(NodeId(1)).judge, u64::from(samples));
        prop_assert_eq!(out.ledger.node(NodeId(2)).judge, 0);
    }

    /// A score of fewer judgements than were asked for would be another score.
    #[test]
    fn judgements_that_are_cut_short_are_no_score(world in world(), calls in 2_u64..8) {
        let grow = keep(vec![Ask::sample(NodeId::ROOT, 2, Until::Boundary)]);
        let nodes = vec![NodeId(1), NodeId(2)];
        let world = World { budget: bounded(Axis::Calls, calls), ..world };
        let out = run(&world, vec![grow, keep(vec![value(nodes.clone(), 2)])]);
        let replies = said(&out);
        prop_assert_eq!(replies.len() as u64, (calls - 2).min(4));
        for node in nodes {
            let all = replies.iter().filter(|one| one.0 == [node]).count() == 2;
            prop_assert!(all || out.tree.node(node).score(VALUES).is_none());
        }
    }

    #[test]
    fn judging_does_not_change_what_grows(world in world()) {
        let world = World { boundary: 0.9, eos: 0.0, step: 20, path: 100, ..world };
        let grow = |parent| keep(vec![Ask::sample(NodeId(parent), 2, Until::Boundary)]);
        let judge = keep(vec![value(vec![NodeId(1), NodeId(2)], 2)]);
        let with = run(&world, vec![grow(0), judge, grow(1)]);
        let without = run(&world, vec![grow(0), grow(1)]);
        for id in without.tree.ids() {
            prop_assert_eq!(with.tree.tokens(id), without.tree.tokens(id));
        }
        prop_assert_eq!(with.tree.len(), 5);
    }

    #[test]
    fn a_revision_is_a_whole_answer_and_knows_what_it_revises(world in world()) {
        let world = World { eos: 0.4, ..world };
        let revise = |node| keep(vec![Ask::Revise { node: NodeId(node), policy: POLICY, form: REVISE }]);
        let grow = keep(vec![Ask::sample(NodeId::ROOT, 1, Until::End)]);
        let out = run(&world, vec![grow, revise(1), revise(2)]);
        let tree = &out.tree;
        for id in tree.ids().skip(2) {
            let before = NodeId(id.0 - 1);
            prop_assert_eq!(tree.parent(id), Some(NodeId::ROOT));
            prop_assert_eq!(&tree.node(id).merged, &vec![before]);
            prop_assert_eq!(tree.merged_into(before), vec![id]);
        }
        // What cannot be revised is refused: what was cut is no answer.
        let cut = tree.ids().skip(1).any(|id| !tree.ended(id));
        prop_assert_eq!(out.error.is_some(), cut && tree.len() < 4);
        // All that was revised in turn is in the prompt: with its answers, the prompt grows.
        if tree.len() == 4 {
            let len = |node| {
                let entry = out.ledger.node(NodeId(node));
                entry.prefill_new + entry.prefill_cached
            };
            let first = tree.node(NodeId(1)).below;
            let second = tree.node(NodeId(2)).below;
            prop_assert_eq!(len(2), "revise q;".len() as u64 + first);
            prop_assert_eq!(len(3), "revise q;;".len() as u64 + first + second);
        }
    }

    #[test]
    fn a_merged_node_has_one_parent_and_refers_to_the_rest(world in world()) {
        let world = World { kind: 0, boundary: 0.6, eos: 0.0, path: 40, ..world };
        let merged = vec![NodeId(1), NodeId(2)];
        let grow = keep(vec![Ask::sample(NodeId::ROOT, 2, Until::Boundary)]);
        let merge = Ask::Merge { parent: NodeId::ROOT, merged: merged.clone(), policy: POLICY, form: MERGE };
        let out = run(&world, vec![grow, scored(vec![merge])]);
        let tree = &out.tree;
        let node = NodeId(3);
        prop_assert_eq!((tree.parent(node), &tree.node(node).merged), (Some(NodeId::ROOT), &merged));
        prop_assert_eq!(tree.merged_into(NodeId(2)), vec![node]);
        prop_assert!(tree.node(node).score(SCORER).is_some());
        // Its prompt is prefill: what is new of it are the marks and the texts merged.
        let texts = tree.node(NodeId(1)).below + tree.node(NodeId(2)).below;
        let entry = out.ledger.node(node);
        prop_assert_eq!((entry.prefill_new, entry.prefill_cached), (texts + 2, 1));
    }

    /// Where an engine has let go of what it leased, the ledger tells what was computed again (worlds
    /// check that), and the budget holds.
    #[test]
    fn what_is_computed_again_is_paid(world in world(), axis in prop::sample::select(Axis::ALL[..6].to_vec()), bound in 0_u64..900) {
        for kind in PROMPTED {
            let world = World { kind, forgets: true, ..world.clone() };
            let free = world.run();
            prop_assert!(free.error.is_none());
            let budget = bounded(axis, bound);
            let out = World { budget, ..world }.run();
            prop_assert_eq!(budget.exceeded(&out.spent), None);
        }
    }
}

/// What was merged or revised into an answer has led to it.
#[test]
fn what_was_merged_into_an_answer_is_kept() {
    let world = World { boundary: 0.5, eos: 0.0, path: 40, ..World::new(0, 3) };
    let world =
        World { knows: Some(|prompt| prompt.contains('+').then(|| "ab!".to_owned())), ..world };
    let grow = keep(vec![Ask::sample(NodeId::ROOT, 3, Until::Boundary)]);
    let merged = vec![NodeId(1), NodeId(3)];
    let merge = Ask::Merge { parent: NodeId::ROOT, merged, policy: POLICY, form: MERGE };
    let out = run(&world, vec![grow, keep(vec![merge])]);
    assert!(out.tree.ended(NodeId(4)));
    let kept = |node| out.ledger.node(NodeId(node)).decode_kept > 0;
    assert_eq!([1, 2, 3, 4].map(kept), [true, false, true, true]);
    insta::assert_snapshot!(espalier_search::render(&out.tree), @r#"
    0 "q" root
    1   "bbc." -
    2   "." -
    3   "." -
    4   "ab!" - eos from 1 3
    "#);
}

/// Prompts of one form begin alike, and a search pays for the beginning once, whatever others hold.
#[test]
fn the_beginning_that_prompts_share_is_paid_once() {
    let world = World { boundary: 0.5, eos: 0.0, path: 40, tasks: 2, ..World::new(0, 1) };
    let grow = || keep(vec![Ask::sample(NodeId::ROOT, 2, Until::Boundary)]);
    let rounds = || vec![grow(), keep(vec![propose(NodeId(1))]), keep(vec![propose(NodeId(2))])];
    let tasks = ["one", "two"].map(|prompt| task(prompt, 7, Box::new(Script(rounds()))));
    let (done, _) = World { in_flight: 2, ..world }.run_tasks(tasks);
    for out in done.values() {
        let [first, second] = [1, 2].map(|node| out.ledger.node(NodeId(node)));
        let (head, own) = ("propose one;".len() as u64, "one".len() as u64);
        assert_eq!(first.prefill_new, head + out.tree.node(NodeId(1)).below);
        let shared = second.prefill_cached;
        assert!(shared >= own + head, "{shared}");
        assert_eq!(second.prefill_new + shared, own + head + out.tree.node(NodeId(2)).below);
    }
}

/// The problem's prompt is paid by the root in the round that first goes on from it, and not before.
#[test]
fn the_problems_prompt_is_paid_when_it_is_first_used() {
    let world = World { boundary: 0.5, eos: 0.0, path: 40, ..World::new(0, 1) };
    let never = run(&world, vec![keep(vec![propose(NodeId::ROOT)])]);
    assert_eq!(never.ledger.node(NodeId::ROOT).prefill_new, "propose q;".len() as u64);
    assert!(!never.trace.iter().any(|event| matches!(event, Event::Prompt { .. })));
    let judge = |node| keep(vec![value(vec![NodeId(node)], 1)]);
    let later = run(&world, vec![keep(vec![propose(NodeId::ROOT)]), judge(1), judge(2)]);
    assert!(later.error.is_none(), "{:?}", later.error);
    assert_eq!(later.ledger.node(NodeId::ROOT).prefill_new, "propose q;q".len() as u64);
    let prompts = later.trace.iter().filter(|event| matches!(event, Event::Prompt { .. }));
    assert_eq!(prompts.count(), 1);
}

/// A form that makes what it is told to.
struct Bad {
    prompt: usize,
    reads: Vec<Range<usize>>,
}

impl Proposing for Bad {
    fn query(&self, _: &Path, _: &dyn Policy) -> Result<Query, ModelError> {
        if self.prompt == usize::MAX {
            return Err(ModelError::BadRequest { reason: "no such template".to_owned() });
        }
        let tokens = vec![TokenId::from(b'x'); self.prompt].into();
        let max_tokens = NonZeroU32::new(5).expect("positive");
        let (until, stops) = (Until::Tokens(5), Arc::new(Stops::default()));
        Ok(Query { tokens, until, stops, max_tokens })
    }

    fn most(&self) -> NonZeroU32 {
        NonZeroU32::new(9).expect("positive")
    }

    fn read(&self, _: &Step, _: &dyn Policy) -> Vec<Proposed> {
        let step =
            |tokens: &Range<usize>| Proposed { tokens: tokens.clone(), finish: Finish::Step };
        self.reads.iter().map(step).collect()
    }
}

impl Voting for Bad {
    fn query(&self, paths: &[Path], policy: &dyn Policy) -> Result<Query, ModelError> {
        Proposing::query(self, &paths[0], policy)
    }

    fn read(&self, _: &Step, paths: usize) -> Option<usize> {
        Some(paths)
    }
}

/// Searches one problem with one form, whose policy holds 50 tokens.
fn with_form(form: Form, ask: Ask) -> Outcome {
    let world = World { eos: 0.0, ..World::new(0, 1) };
    let (mut engine, mut scorer) = (world.engine(), Reading::new(Affine(1.0, 0.0)));
    engine.letters.context = 50;
    let mut models = Models { policy: &mut engine, scorers: vec![&mut scorer], tools: Vec::new() };
    let mut config = world.config();
    config.forms = espalier_core::Forms::default();
    config.forms.add(form);
    let grow = Round {
        retain: Retain::Nothing,
        ..keep(vec![Ask::sample(NodeId::ROOT, 2, Until::Tokens(3))])
    };
    let script = Script(vec![grow, Round { retain: Retain::Nothing, ..keep(vec![ask]) }]);
    let out = search(task("q", 1, Box::new(script)), &mut models, &config, &Frozen);
    assert_eq!(engine.leases(), 0);
    assert_eq!(engine.letters.in_flight(), 0);
    out
}

#[test]
fn a_form_that_fails_ends_the_problem_and_leaves_no_partial_round() {
    let failed = |form, ask| {
        let out = with_form(form, ask);
        assert_eq!((out.stop, out.tree.len()), (Stop::Failed, 3));
        assert_eq!(out.spent, out.ledger.total().spend());
        assert!(!out.trace.iter().any(|event| matches!(event, Event::Round { round: 1, .. })));
        let error = out.error.expect("the form is bad");
        assert!(matches!(error, SearchError::Failed { round: 1, .. }));
        format!("{error}: {}", error.source().expect("there is a cause"))
    };
    let proposing = |prompt, reads: &[Range<usize>]| {
        let reads = reads.to_vec();
        failed(Form::Propose(Arc::new(Bad { prompt, reads })), propose(NodeId::ROOT))
    };
    let (backwards, overlapping, outside) = ([3..5, 0..2], [0..3, 2..4], [0..1, 4..6]);
    insta::assert_snapshot!(proposing(usize::MAX, &[]), @"ask `propose` failed in round 1: bad request: no such template");
    insta::assert_snapshot!(proposing(50, &[]), @"ask `propose` failed in round 1: prompt of 50 tokens does not fit the context of `policy`: 50 tokens, one of them to generate; shorten the prompt or take a model with a longer context");
    insta::assert_snapshot!(proposing(0, &[]), @"ask `propose` failed in round 1: bad request: the form makes no prompt, or asks for no token; both need at least one");
    insta::assert_snapshot!(proposing(9, &backwards), @"ask `propose` failed in round 1: bad request: the form read a step at tokens `0..2` of 5; steps are not empty and follow one another");
    insta::assert_snapshot!(proposing(9, &overlapping), @"ask `propose` failed in round 1: bad request: the form read a step at tokens `2..4` of 5; steps are not empty and follow one another");
    insta::assert_snapshot!(proposing(9, &outside), @"ask `propose` failed in round 1: bad request: the form read a step at tokens `4..6` of 5; steps are not empty and follow one another");
    insta::assert_snapshot!(proposing(9, std::slice::from_ref(&(2..2))), @"ask `propose` failed in round 1: bad request: the form read a step at tokens `2..2` of 5; steps are not empty and follow one another");
    let what = Judgement::Vote(vec![NodeId(1), NodeId(2)]);
    let form = espalier_core::FormId(1);
    let vote = Ask::Judge { what, samples: 1, scorer: VALUES, policy: POLICY, form };
    let bad = Bad { prompt: 9, reads: Vec::new() };
    insta::assert_snapshot!(failed(Form::Vote(Arc::new(bad)), vote), @"ask `judge` failed in round 1: bad request: the form read a vote for `2` of 2 paths; let it read `None`");
}

/// Each reply to a prompt that samples gives its first step, and no two replies have the same seed.
#[test]
fn a_prompted_sample_is_the_first_step_of_each_reply() {
    let world = World { boundary: 0.3, eos: 0.0, ..World::new(0, 3) };
    let (parent, count) = (NodeId::ROOT, 6);
    let ask = |draw| {
        let (until, policy, form) = (Until::Boundary, POLICY, PROPOSE);
        Ask::Sample { parent, count, until, draw, policy, form }
    };
    let out = run(&world, vec![scored(vec![ask(Draw::Sampled)])]);
    let replies: Vec<(&[TokenId], u32)> = out
        .trace
        .iter()
        .filter_map(|event| match event {
            Event::Proposed { tokens, made, .. } => Some((&tokens[..], *made)),
            _ => None,
        })
        .collect();
    assert_eq!(replies.len(), count as usize);
    let mut made = out.tree.ids().skip(1);
    for (reply, n) in &replies {
        // The form leaves out steps that begin with `c`.
        let mut pieces = reply.split_inclusive(|&token| token == toy::BOUNDARY);
        let first = pieces.find(|piece| piece[0] != u32::from(b'c'));
        assert_eq!(*n, u32::from(first.is_some()));
        if let Some(first) = first {
            let step = out.tree.node(made.next().expect("a node")).step.as_ref().expect("a step");
            assert!(first.starts_with(&step.tokens), "{:?} of {first:?}", step.tokens);
        }
    }
    assert_eq!(made.next(), None);
    let distinct: std::collections::BTreeSet<_> = replies.iter().map(|reply| reply.0).collect();
    assert!(distinct.len() > 3, "{replies:?}");
    assert!(out.tree.ids().skip(1).all(|id| out.tree.node(id).score(SCORER).is_some()));
    let out = run(&world, vec![keep(vec![ask(Draw::Likeliest)])]);
    assert_eq!(out.ledger.total().calls, u64::from(count));
}

/// A reply without a step makes no node and costs what it cost.
#[test]
fn a_reply_that_proposes_nothing_is_paid_all_the_same() {
    let bad = Bad { prompt: 9, reads: Vec::new() };
    let out = with_form(Form::Propose(Arc::new(bad)), propose(NodeId(1)));
    assert_eq!((out.stop, out.tree.len()), (Stop::Done, 3));
    let entry = out.ledger.node(NodeId(1));
    assert_eq!((entry.calls, entry.decode_wasted), (2, 3 + 5));
}

#[test]
fn judgements_are_drawn_each_by_itself() {
    let differ = |seed| {
        let world = World { boundary: 0.1, eos: 0.0, ..World::new(0, seed) };
        let grow = keep(vec![Ask::sample(NodeId::ROOT, 1, Until::Boundary)]);
        let out = run(&world, vec![grow, keep(vec![value(vec![NodeId(1)], 2)])]);
        let replies = said(&out);
        replies[0].1 != replies[1].1
    };
    assert!((0..20).filter(|&seed| differ(seed)).count() > 10);
}

/// What a prompt goes on from is kept until it has.
#[test]
fn the_kv_that_a_prompt_goes_on_from_is_kept() {
    let let_go = |asks| Round { retain: Retain::New(Vec::new()), ..keep(asks) };
    let grow = let_go(vec![Ask::sample(NodeId::ROOT, 1, Until::Boundary)]);
    let judge = let_go(vec![value(vec![NodeId(1)], 1)]);
    let world = World { boundary: 0.5, eos: 0.0, thrifty: true, ..World::new(0, 1) };
    let out = run(&world, vec![grow, judge]);
    assert_eq!(out.ledger.node(NodeId(1)).prefill_new, 1, "the question mark");
}

/// Where another problem's prompts have computed what a form's prompts begin with, the model does less;
/// the problem may spend no more.
#[test]
fn company_does_not_stretch_a_budget_of_prompts() {
    let world = World { in_flight: 2, at_once: 1, ..World::new(0, 1) };
    // The first fits exactly; the second is one token longer.
    let tokens = "propose q;".len() as u64 + u64::from(LONGEST);
    let cost = world.engine().cost();
    for budget in
        [bounded(Axis::Computed, tokens), bounded(Axis::Flops, cost.forward(0, tokens) as u64)]
    {
        let tasks = ["q", "qq"].map(|prompt| {
            task(prompt, 7, Box::new(Script(vec![keep(vec![propose(NodeId::ROOT)])])))
        });
        let (done, _) = World { budget, ..world.clone() }.run_tasks(tasks);
        assert_eq!(done[&0].stop, Stop::Done);
        assert!(matches!(done[&1].stop, Stop::Exhausted(_)), "{:?}", done[&1].stop);
    }
}
