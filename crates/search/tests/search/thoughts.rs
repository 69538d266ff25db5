//! Laws of the trees of thoughts, breadth first and depth first.

use std::collections::BTreeSet;

use espalier_core::{Aggregate, Ask, Event, Judgement, NodeId, Score};
use espalier_search::{
    Outcome, TotBfs, TotDfs, Tree,
    thoughts::{Evaluate, Generate},
};
use proptest::prelude::*;

use crate::{
    forms::{PROPOSE, VALUE, VOTE},
    laws::world,
    strategies::{JUDGE, SCORER, TOT, beam, boxed, tot_bfs, tot_dfs},
    toys::World,
};

/// The nodes that each round grew, and those that each round judged.
fn rounds(out: &Outcome) -> Vec<(Vec<NodeId>, Vec<NodeId>)> {
    let round = |event: &Event| {
        let Event::Round { asks, .. } = event else { return None };
        let (mut grown, mut judged) = (Vec::new(), Vec::new());
        for ask in asks {
            match ask {
                Ask::Sample { parent, .. } | Ask::Propose { parent, .. } => grown.push(*parent),
                Ask::Judge { what: Judgement::Value(nodes) | Judgement::Vote(nodes), .. } => {
                    judged.extend(nodes);
                }
                other => unreachable!("{}", other.name()),
            }
        }
        Some((grown, judged))
    };
    out.trace.iter().filter_map(round).collect()
}

fn generate() -> impl Strategy<Value = Generate> {
    prop_oneof![(1_u32..4).prop_map(Generate::Sample), Just(Generate::Propose(PROPOSE))]
}

fn evaluate() -> impl Strategy<Value = Evaluate> {
    let samples = 1_u32..4;
    (samples, any::<bool>()).prop_map(|(samples, value)| {
        if value { Evaluate::Value(VALUE, samples) } else { Evaluate::Vote(VOTE, samples) }
    })
}

fn worth(tree: &Tree, id: NodeId) -> Option<f32> {
    // A tree has scores of one of the two.
    tree.node(id).score(JUDGE).or(tree.node(id).score(SCORER)).map(Score::get)
}

/// Returns true if and only if the one is worth more, or as much and older.
fn beats(tree: &Tree, one: NodeId, other: NodeId) -> bool {
    let (this, that) = (worth(tree, one), worth(tree, other));
    this > that || (this == that && one < other)
}

/// The paper's recursion.
struct Dfs<'a> {
    tree: &'a Tree,
    left: u32,
    depth: u32,
    threshold: f64,
    order: Vec<NodeId>,
}
fn visit(dfs: &mut Dfs<'_>, at: NodeId) {
    if dfs.left == 0 {
        return;
    }
    dfs.left -= 1;
    dfs.order.push(at);
    let tree = dfs.tree;
    let mut next: Vec<NodeId> = tree
        .children(at)
        .iter()
        .copied()
        .filter(|&id| {
            let enough = worth(tree, id).is_none_or(|worth| f64::from(worth) > dfs.threshold);
            enough && tree.expandable(id) && tree.node(id).depth < dfs.depth
        })
        .collect();
    while !next.is_empty() {
        let best =
            next.iter().copied().reduce(|best, id| if beats(tree, id, best) { id } else { best });
        let best = best.expect("not empty");
        next.retain(|&id| id != best);
        visit(dfs, best);
    }
}

proptest! {
    /// An oracle: every level recomputed from the finished tree.
    #[test]
    fn breadth_keeps_what_is_judged_best(
        world in world(),
        breadth in 1_u32..4,
        depth in 1_u32..5,
        make in generate(),
        judge in evaluate(),
    ) {
        let out = world.search(tot_bfs(breadth, depth, make, judge).unwrap());
        let tree = &out.tree;
        let mut rounds = rounds(&out).into_iter().peekable();
        let mut growing = vec![NodeId::ROOT];
        let mut standing: Vec<NodeId> = Vec::new();
        for level in 1..=depth {
            if growing.is_empty() {
                break;
            }
            prop_assert_eq!(rounds.next(), Some((growing, vec![])));
            let fresh: Vec<NodeId> = tree
                .ids()
                .filter(|&id| tree.node(id).depth == level && tree.stands(id))
                .collect();
            if !fresh.is_empty() {
                prop_assert_eq!(rounds.next(), Some((vec![], fresh.clone())));
            }
            standing.extend(fresh);
            let all = standing.clone();
            standing.retain(|&id| all.iter().filter(|&&one| beats(tree, one, id)).count() < breadth as usize);
            let mut next: Vec<NodeId> = standing.iter().copied().filter(|&id| tree.expandable(id)).collect();
            next.sort_by(|&one, &other| beats(tree, other, one).cmp(&beats(tree, one, other)));
            standing.retain(|&id| tree.ended(id));
            growing = next;
        }
        prop_assert_eq!(rounds.next(), None);
    }

    /// An oracle: the paper's recursion, over the finished tree.
    #[test]
    fn depth_first_is_the_papers_recursion(
        world in world(),
        visits in 1_u32..9,
        depth in 1_u32..5,
        threshold in prop::sample::select(vec![-1.0, 0.2, 0.5, 1.0]),
        make in generate(),
        judge in evaluate(),
    ) {
        let out = world.search(tot_dfs(visits, depth, threshold, make, judge).unwrap());
        let tree = &out.tree;
        let mut dfs = Dfs { tree, left: visits, depth, threshold, order: Vec::new() };
        visit(&mut dfs, NodeId::ROOT);
        let grown: Vec<NodeId> = rounds(&out).into_iter().flat_map(|round| round.0).collect();
        prop_assert_eq!(grown, dfs.order);
        // What leads somewhere has been judged, and nothing else has.
        let judged: BTreeSet<NodeId> = rounds(&out).into_iter().flat_map(|round| round.1).collect();
        let standing: BTreeSet<NodeId> = tree.ids().skip(1).filter(|&id| tree.stands(id)).collect();
        prop_assert_eq!(judged, standing);
    }

    /// With a judge that knows, no step on the way to the answer is left behind: the answer is found
    /// whenever the steps that lead to it come up.
    #[test]
    fn a_perfect_judge_finds_what_can_be_found(seed: u64, breadth in 1_u32..4, depth_first: bool) {
        let world = World { boundary: 0.6, eos: 0.02, knows: Some(judge), path: 100, ..World::new(0, seed) };
        let value = Evaluate::Value(VALUE, 1);
        let out = world.search(if depth_first {
            tot_dfs(1000, 3, 0.5, Generate::Sample(4), value).unwrap()
        } else {
            tot_bfs(breadth, 3, Generate::Sample(4), value).unwrap()
        });
        let tree = &out.tree;
        let right = |id: NodeId| on_the_way(&tree.path(id).text());
        let found = tree.ids().skip(1).any(|id| tree.ended(id) && right(id));
        for depth in 1..3 {
            let good: Vec<NodeId> = tree.ids()
                .filter(|&id| tree.node(id).depth == depth && tree.expandable(id) && right(id))
                .collect();
            let grown = good.iter().filter(|&&id| !tree.children(id).is_empty()).count();
            if depth_first {
                prop_assert_eq!(grown, good.len());
            } else {
                prop_assert!(grown > 0 || good.is_empty() || found);
            }
        }
        if depth_first {
            let mut wrong = tree.ids().skip(1).filter(|&id| !right(id));
            prop_assert!(wrong.all(|id| tree.children(id).is_empty()));
        }
    }
}

/// Returns true if and only if the steps begin with `a`, `b` and `c` in turn.
pub(crate) fn on_the_way(steps: &str) -> bool {
    let letters = steps.split_inclusive(['.', '!']).map(|step| step.chars().next());
    letters.zip("abc".chars()).all(|(one, wanted)| one == Some(wanted))
}

/// The reply of a judge that knows: worth 2 or nothing.
fn judge(prompt: &str) -> Option<String> {
    let steps = prompt.strip_suffix('?')?.strip_prefix('q')?;
    Some(if on_the_way(steps) { "aa" } else { "cc" }.to_owned())
}

/// `LiTS` does not log what judging costs.
#[test]
fn lits_what_judges_cost_is_not_logged() {
    for kind in TOT {
        let out = World { boundary: 0.5, ..World::new(kind, 3) }.run();
        let judged = out.trace.iter().filter(|event| matches!(event, Event::Judged { .. })).count();
        let total = out.ledger.total();
        assert!(judged > 0 && total.judge > 0);
        assert_eq!(out.spent.generated, total.decode_kept + total.decode_wasted + total.judge);
        let calls: u64 = out.tree.ids().map(|id| out.ledger.node(id).calls).sum();
        assert_eq!(out.spent.calls, calls);
    }
}

/// The tree-of-thoughts code takes a judgement that it cannot read for worth nothing.
#[test]
fn tot_a_judgement_that_cannot_be_read_is_worth_nothing() {
    fn silent(prompt: &str) -> Option<String> {
        prompt.ends_with('?').then(|| "..".to_owned())
    }
    let world = World { boundary: 0.9, eos: 0.0, knows: Some(silent), ..World::new(0, 1) };
    let value = Evaluate::Value(VALUE, 2);
    let out = world.search(tot_dfs(4, 3, 0.5, Generate::Sample(2), value).unwrap());
    assert!(out.tree.ids().all(|id| worth(&out.tree, id).is_none()));
    assert_eq!(rounds(&out).iter().filter(|round| !round.0.is_empty()).count(), 4);
}

proptest! {
    /// Where a scorer judges, nothing is asked by prompts, and keeping one path is a beam that keeps one.
    #[test]
    fn thoughts_that_are_scored_are_a_beam(world in world(), n in 1_u32..4, depth in 1_u32..6) {
        let bfs = TotBfs::new(1, depth, Generate::Sample(n), Evaluate::Score, SCORER);
        let bfs = world.search(boxed(bfs).unwrap());
        let beam = world.search(beam(n, Some(n), depth, Aggregate::Last).unwrap());
        let steps = |out: &Outcome| -> Vec<_> {
            let of = |id| (out.tree.parent(id), out.tree.node(id).score(SCORER));
            out.tree.ids().skip(1).map(of).collect()
        };
        prop_assert_eq!(steps(&bfs), steps(&beam));
        prop_assert_eq!(bfs.spent, beam.spent);
        prop_assert!(rounds(&bfs).iter().all(|round| round.1.is_empty()));
    }

    /// Depth first, with a scorer: what is visited promises enough, and is visited before what promises less.
    #[test]
    fn scored_thoughts_below_the_threshold_are_not_visited(
        world in world(),
        visits in 1_u32..9,
        threshold in 0.0_f64..1.0,
    ) {
        let dfs = TotDfs::new(visits, 5, threshold, Generate::Sample(2), Evaluate::Score, SCORER);
        let out = world.search(boxed(dfs).unwrap());
        let grown: Vec<NodeId> = rounds(&out).into_iter().flat_map(|round| round.0).collect();
        prop_assert!(grown.len() <= visits as usize);
        for &id in grown.iter().skip(1) {
            let score = out.tree.node(id).score(SCORER).expect("scored as it was made");
            prop_assert!(f64::from(score.get()) > threshold);
        }
        let mut order = Dfs { tree: &out.tree, left: visits, depth: 5, threshold, order: Vec::new() };
        visit(&mut order, NodeId::ROOT);
        prop_assert_eq!(grown, order.order);
    }
}
