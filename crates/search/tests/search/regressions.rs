//! Bugs that other frameworks ship, each shown not to be here. Named after project and bug; found by
//! reading their sources.

use espalier_core::{Aggregate, Budget, Draw, Event, Finish, NodeId, ScorerId, Stop};
use espalier_search::{
    Strategy, best, majority,
    visits::{Child, Leaf, Pucb, Ucb1, Visits},
    weighted,
};

use crate::{
    forms::LONGEST,
    laws::beside,
    selectors::tree,
    strategies::{MCTS, SHIPPED, STEPWISE, beam, lookahead, revision},
    toys::{LastLetter, World, asked},
};

/// search-and-learn reports 0 or −1 completion tokens for some methods.
#[test]
fn sal_token_counts_are_zero_or_minus_one() {
    for kind in SHIPPED {
        let out = World::new(kind, 3).run();
        let sampled = |id: &NodeId| out.tree.observed(*id).is_none();
        let steps = out.tree.ids().filter(sampled).filter_map(|id| out.tree.node(id).step.clone());
        let tokens: u64 = steps.map(|step| step.tokens.len() as u64).sum();
        assert!(tokens > 0);
        let judged: u64 = beside(&out).0.values().sum();
        assert_eq!(out.spent.generated, tokens + judged);
    }
}

/// search-and-learn takes an aggregation setting and votes by the last score whatever it says.
#[test]
fn sal_vote_ignores_the_aggregation() {
    let two = tree(&[
        (0, "x.", Some(0.125), Finish::Step),
        (1, "a!", Some(1.0), Finish::Eos),
        (0, "y.", Some(0.5), Finish::Step),
        (3, "b!", Some(0.5), Finish::Eos),
    ]);
    for select in [best, weighted] {
        let of = |how| select(&two, ScorerId(0), how, &LastLetter).unwrap().answer.0;
        assert_eq!((of(Aggregate::Last), of(Aggregate::Min)), ("a".to_owned(), "b".to_owned()));
    }
}

/// search-and-learn emits unfinished candidates as completions (issue 57), of DVTS in particular.
#[test]
fn sal_57_unfinished_candidates_are_answers() {
    for kind in STEPWISE {
        let out = World { eos: 0.0, ..World::new(kind, 1) }.run();
        assert!(out.tree.len() > 1);
        assert_eq!(best(&out.tree, ScorerId(0), Aggregate::Last, &LastLetter), None);
        assert_eq!(majority(&out.tree, &LastLetter), None);
    }
}

/// search-and-learn's beam pays for lookahead and ranks by scores that do not look ahead.
#[test]
fn sal_lookahead_is_paid_for_and_unused() {
    // The same first candidates: where they lead decides which of them grow.
    let grown = |strategy: Box<dyn Strategy>, seed| {
        let out = World { boundary: 0.4, eos: 0.02, ..World::new(0, seed) }.search(strategy);
        let sampled =
            |round: &Vec<(NodeId, u32, Draw)>| round.iter().any(|ask| ask.2 == Draw::Sampled);
        let second = asked(&out).into_iter().filter(sampled).nth(1)?;
        Some(second.into_iter().map(|ask| out.tree.tokens(ask.0)).collect::<Vec<_>>())
    };
    let changed = (0..20).filter(|&seed| {
        let beam = grown(beam(2, Some(8), 2, Aggregate::Last).unwrap(), seed);
        beam != grown(lookahead(2, Some(8), 2, 2).unwrap(), seed)
    });
    assert!(changed.count() > 10);
}

/// search-and-learn keeps the first n completions in the order they completed, so that early weak
/// answers crowd out late strong ones.
#[test]
fn sal_completions_are_cut_in_completion_order() {
    let late = tree(&[
        (0, "a!", Some(0.1), Finish::Eos),
        (0, "a!", Some(0.2), Finish::Eos),
        (0, "x.", Some(0.3), Finish::Step),
        (3, "b!", Some(0.9), Finish::Eos),
    ]);
    let chosen = best(&late, ScorerId(0), Aggregate::Last, &LastLetter).unwrap();
    assert_eq!(chosen.node, NodeId(4));
    // And nothing is dropped from what the search itself leaves.
    let (fast, slow) = (World::new(3, 9), World { at_once: 1, reversed: true, ..World::new(3, 9) });
    assert_eq!(fast.run().trace, slow.run().trace);
}

/// search-and-learn files a text cut at the token limit under completed answers.
#[test]
fn sal_a_length_cut_is_an_answer() {
    for kind in SHIPPED {
        let out = World { eos: 0.0, boundary: 0.0, ..World::new(kind, 1) }.run();
        let cut = |id| out.tree.node(id).finish() == Some(Finish::Length);
        assert!(out.tree.len() > 1 && out.tree.ids().skip(1).all(cut));
        assert_eq!(best(&out.tree, ScorerId(0), Aggregate::Last, &LastLetter), None);
        let total = out.ledger.total();
        assert_eq!((total.decode_kept, total.decode_wasted), (0, out.spent.generated));
    }
}

/// OpenR's beam raises `IndexError` when fewer candidates than beams are left.
#[test]
fn openr_a_shrinking_beam_raises_index_error() {
    for seed in 0..40 {
        let world = World { eos: 0.3, step: 3, ..World::new(0, seed) };
        let strategy = beam(4, None, 8, Aggregate::Last).unwrap();
        assert_eq!(world.search(strategy).stop, Stop::Done);
        for kind in STEPWISE {
            assert_eq!(World { kind, ..world.clone() }.run().stop, Stop::Done);
        }
    }
}

/// `OpenR`'s tree search, asked for one path at a time, returns one path.
#[test]
fn openr_tree_search_finds_one_path() {
    for kind in MCTS {
        let paths =
            |seed| World { eos: 0.3, ..World::new(kind, seed) }.run().tree.finished().count();
        assert!((0..20).filter(|&seed| paths(seed) > 1).count() > 10);
    }
}

/// rStar-Math calls UCT `puct`: no prior enters. And a child that was never visited has neither value nor
/// bonus, so that it is only visited where all others are worse than nothing.
#[test]
fn rstar_math_puct_has_no_prior_and_unvisited_children_no_bonus() {
    let mut visits = Visits::new();
    let child = |prior| Child { value: 0.5, prior, leaf: Leaf::Open };
    visits.expand(NodeId::ROOT, [child(0.2), child(0.3), child(0.5)]);
    assert_eq!(visits.descend(&Pucb { exploration: 1.0 }), Some(NodeId(3)));
    assert_eq!(visits.descend(&Ucb1 { exploration: 1.0 }), Some(NodeId(1)));
    for kind in MCTS {
        // Where all score the same, what was visited least is visited next: all first steps grow.
        let world = World { rule: (0.0, 0.5), boundary: 0.5, eos: 0.0, ..World::new(kind, 4) };
        let tree = world.run().tree;
        let text = |id: NodeId| tree.node(id).step.clone().unwrap().text.clone();
        // What says the same is the same step.
        let mut first: Vec<NodeId> = Vec::new();
        for &id in tree.children(NodeId::ROOT) {
            if first.iter().all(|&one| text(one) != text(id)) {
                first.push(id);
            }
        }
        assert!(first.len() > 1 && first.iter().all(|&id| !tree.children(id).is_empty()));
    }
}

/// The policy's log-probabilities are the prior: of equal scores, the likeliest step grows first.
#[test]
fn rstar_math_prior_is_the_policys() {
    let mut unlikely = 0;
    for seed in 0..40 {
        let world = World { rule: (0.0, 0.5), boundary: 0.4, eos: 0.0, ..World::new(9, seed) };
        let tree = world.run().tree;
        let first = tree.children(NodeId::ROOT).iter().copied().filter(|&id| tree.expandable(id));
        let likelihood = |id: NodeId| {
            let stats = &tree.node(id).step.as_ref().unwrap().stats;
            stats.iter().map(|stat| f64::from(stat.logprob)).sum::<f64>() / stats.len() as f64
        };
        let Some(likeliest) =
            first.reduce(|best, id| if likelihood(id) > likelihood(best) { id } else { best })
        else {
            continue;
        };
        let grew = tree.children(likeliest).first();
        assert!(grew.is_some_and(|child| child.0 == 4), "the second round grows it");
        unlikely += usize::from(likeliest != NodeId(1));
    }
    assert!(unlikely > 5, "not always the first");
}

/// optillm's tree search selects among the root's children alone.
#[test]
fn optillm_selection_is_not_recursive() {
    for kind in MCTS {
        let depth = |seed| {
            let out = World { eos: 0.0, boundary: 0.5, ..World::new(kind, seed) }.run();
            asked(&out).iter().flatten().map(|ask| out.tree.node(ask.0).depth).max()
        };
        assert!((0..20).filter(|&seed| depth(seed) >= Some(2)).count() > 10);
    }
}

/// `ThinkBooster` prefers a finished beam at the last step, however it scores.
#[test]
fn thinkbooster_finished_beams_are_preferred() {
    // A finished path that scores worse than the places there are leaves the beam, and an unfinished
    // one that scores better keeps growing: somewhere in these runs both happen.
    let (mut dropped, mut stayed) = (false, false);
    for seed in 0..40 {
        let out = World { eos: 0.15, ..World::new(3, seed) }.run();
        let first = out.tree.children(NodeId::ROOT);
        let rank = |id: NodeId| {
            let own = out.tree.aggregate(id, ScorerId(0), Aggregate::Last);
            let beats = |&&other: &&NodeId| {
                let score = out.tree.aggregate(other, ScorerId(0), Aggregate::Last);
                let cut = out.tree.node(other).finish() == Some(Finish::Length);
                !cut && (score > own || score == own && other < id)
            };
            first.iter().filter(beats).count()
        };
        let ended = |id: NodeId| out.tree.node(id).finish() == Some(Finish::Eos);
        for &id in first.iter().filter(|&&id| out.tree.expandable(id)) {
            let grew = !out.tree.children(id).is_empty();
            assert_eq!(grew, rank(id) < 2, "seed {seed}, node {id}");
            stayed |= grew && first.iter().any(|&other| ended(other) && rank(other) > rank(id));
        }
        dropped |= first.iter().any(|&id| ended(id) && rank(id) >= 2);
    }
    assert!(dropped && stayed);
}

/// LLM Reasoners' beam drops duplicates by a name that is not defined. Equal texts are two samples here:
/// none is dropped, and both vote.
#[test]
fn llmr_deduplication_loses_votes() {
    let twice = tree(&[
        (0, "b!", None, Finish::Eos),
        (0, "a!", None, Finish::Eos),
        (0, "a!", None, Finish::Eos),
    ]);
    assert_eq!(majority(&twice, &LastLetter).unwrap().node, NodeId(2));
}

/// `LiTS` evaluates the first terminal node it meets instead of the best.
#[test]
fn lits_the_first_terminal_node_is_the_answer() {
    let two = tree(&[(0, "a!", Some(0.1), Finish::Eos), (0, "b!", Some(0.9), Finish::Eos)]);
    let chosen = best(&two, ScorerId(0), Aggregate::Last, &LastLetter).unwrap();
    assert_eq!(chosen.node, NodeId(2));
}

/// `LiTS` lets one call run to 32,000 tokens.
#[test]
fn lits_generation_is_unlimited() {
    for kind in SHIPPED {
        let world = World { eos: 0.0, boundary: 0.0, ..World::new(kind, 1) };
        let out = world.run();
        assert!(out.tree.ids().all(|id| out.tree.node(id).below <= u64::from(world.path)));
        let replies = out.trace.iter().filter_map(|event| match event {
            Event::Proposed { tokens, .. } | Event::Judged { tokens, .. } => Some(tokens.len()),
            _ => None,
        });
        assert!(replies.into_iter().all(|len| len <= LONGEST as usize));
    }
}

/// Chains of revisions elsewhere answer with their last attempt. Here the best is taken, wherever in its
/// chain it stands.
#[test]
fn the_last_revision_is_not_the_answer() {
    let (mut last, mut earlier) = (0, 0);
    for seed in 0..40 {
        let world = World { eos: 0.4, boundary: 0.0, ..World::new(0, seed) };
        let tree = world.search(revision(1, 3).unwrap()).tree;
        if let Some(chosen) = best(&tree, ScorerId(0), Aggregate::Last, &LastLetter) {
            let newest = tree.finished().last();
            (last, earlier) =
                if newest == Some(chosen.node) { (last + 1, earlier) } else { (last, earlier + 1) };
        }
    }
    assert!(last > 3 && earlier > 3, "{last} {earlier}");
}

/// LLM Reasoners drops equal steps by a name that is not defined. Equal proposals are two steps here, as
/// equal samples are.
#[test]
fn llmr_equal_proposals_are_two_steps() {
    let twice = |prompt: &str| prompt.starts_with("propose ").then(|| "a.a.b!".to_owned());
    let world = World { knows: Some(twice), ..World::new(16, 1) };
    let tree = world.run().tree;
    let texts = tree.children(NodeId::ROOT).iter().map(|&id| tree.path(id).text());
    assert_eq!(texts.collect::<Vec<_>>(), ["a.", "a.", "b!"]);
}

/// `LiTS` and `ThinkMesh` do not count some model calls, or count a budget that nothing enforces.
#[test]
fn lits_and_thinkmesh_calls_and_budgets_are_not_counted() {
    let free = World::new(3, 2).run();
    let scores = free.tree.ids().filter(|&id| !free.tree.node(id).scores.is_empty()).count();
    assert_eq!(free.spent.calls as usize, free.tree.len() - 1 + scores);
    assert!(free.spent.scored > 0 && free.ledger.total().scorer_new == free.spent.scored);
    let budget = Budget { calls: Some(free.spent.calls - 1), ..Budget::default() };
    assert!(World { budget, ..World::new(3, 2) }.run().spent.calls < free.spent.calls);
}
