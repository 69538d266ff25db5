//! Laws of the tree search that draws whether to go wider or deeper.

use std::collections::BTreeSet;

use espalier_core::{Frozen, Immediate, ModelError, NodeId, Path, PathScorer, Score, Scorer};
use espalier_search::{
    Models, Tree,
    belief::{Belief, Draws, Prior},
    search,
};
use proptest::prelude::*;
use rand_distr::{Beta, Distribution, StudentT};

use crate::{
    laws::world,
    reading::{Affine, Reading},
    strategies::{SCORER, THOMPSON, ab_mcts},
    thoughts::on_the_way,
    toys::{World, asked, task},
};

/// The mean drawn after these observations, by the textbook's sums.
fn drawn(seen: &[f64], prior: Prior, draws: &mut Draws) -> f64 {
    let n = seen.len() as f64;
    let mean = if seen.is_empty() { 0.0 } else { seen.iter().sum::<f64>() / n };
    match prior {
        Prior::Gaussian { mean: m, kappa, nu, tau_square } => {
            let spread: f64 = seen.iter().map(|one| (one - mean) * (one - mean)).sum();
            let scale = (nu * tau_square + spread + n * kappa * (m - mean).powi(2) / (kappa + n))
                / (nu + n);
            let t = StudentT::new(nu + n).expect("positive").sample(draws);
            (kappa * m + n * mean) / (kappa + n) + (scale / (kappa + n)).sqrt() * t
        }
        Prior::Beta { a, b } => {
            let wins: f64 = seen.iter().sum();
            Beta::new(a + wins, b + n - wins).expect("positive").sample(draws)
        }
    }
}

/// The scores of the steps below `id` among the first `known` nodes, its children's apart.
fn below(tree: &Tree, id: NodeId, known: usize) -> (Vec<f64>, Vec<f64>) {
    let counts =
        |&node: &NodeId| tree.stands(node) && tree.ancestors(node).skip(1).any(|up| up == id);
    let nodes = tree.ids().take(known).filter(counts);
    let (children, deeper): (Vec<NodeId>, Vec<NodeId>) =
        nodes.partition(|&node| tree.parent(node) == Some(id));
    let scores = |nodes: Vec<NodeId>| {
        let score =
            |id: NodeId| f64::from(tree.node(id).score(SCORER).expect("all are scored").get());
        nodes.into_iter().map(score).collect()
    };
    (scores(children), scores(deeper))
}

fn prior() -> impl Strategy<Value = Prior> {
    prop::sample::select(vec![
        Prior::GAUSSIAN,
        Prior::JEFFREYS,
        Prior::Gaussian { mean: 0.5, kappa: 2.0, nu: 3.0, tau_square: 0.05 },
        Prior::Beta { a: 2.0, b: 1.0 },
    ])
}

proptest! {
    /// An oracle: every decision, with nothing backed up and all beliefs formed anew. Scores are in
    /// 64ths, so that both sums are the same to the last bit but for rounding of means.
    #[test]
    fn goes_where_the_draws_say(world in world(), n in 1_u32..20, depth in 1_u32..6, prior in prior()) {
        let out = world.search(ab_mcts(n, depth, prior).unwrap());
        let tree = &out.tree;
        let rounds = asked(&out);
        prop_assert_eq!(rounds.len(), n as usize);
        for (known, round) in rounds.iter().enumerate().map(|(index, round)| (index + 1, round)) {
            let newest = NodeId(known as u32 - 1);
            let thompson = u64::from_be_bytes(*b"thompson");
            let seed = tree.node(newest).seed.unwrap_or(espalier_core::Seed::run(thompson));
            let mut draws = Draws::new(seed.fold(thompson));
            let mut at = NodeId::ROOT;
            let mut close = false;
            loop {
                let grows = |&id: &NodeId| tree.expandable(id) && tree.node(id).depth < depth;
                let made = tree.children(at).iter().copied().filter(|id| id.index() < known);
                let children: Vec<NodeId> = made.filter(grows).collect();
                let (near, far) = below(tree, at, known);
                if children.is_empty() {
                    break;
                }
                let (wider, deeper) = (drawn(&near, prior, &mut draws), drawn(&far, prior, &mut draws));
                close |= (wider - deeper).abs() < 1e-9;
                if wider >= deeper {
                    break;
                }
                let mut best: Option<(f64, NodeId)> = None;
                for id in children {
                    let (near, far) = below(tree, id, known);
                    let itself = f64::from(tree.node(id).score(SCORER).expect("scored").get());
                    let value = drawn(&[vec![itself], near, far].concat(), prior, &mut draws);
                    close |= best.is_some_and(|best| (best.0 - value).abs() < 1e-9);
                    if best.is_none_or(|best| value > best.0) {
                        best = Some((value, id));
                    }
                }
                at = best.unwrap().1;
            }
            let parents: Vec<(NodeId, u32)> = round.iter().map(|ask| (ask.0, ask.1)).collect();
            prop_assert!(close || parents == vec![(at, 1)], "{parents:?}, not {at}");
        }
    }

    /// Many draws are distributed as the posterior: their mean and spread.
    #[test]
    fn draws_have_the_posteriors_moments(seed: u64, seen in prop::collection::vec(0.0_f64..1.0, 3..12)) {
        let mut belief = Belief::default();
        for &one in &seen {
            belief.observe(one);
        }
        let mut draws = Draws::new(espalier_core::Seed::run(seed));
        let Prior::Beta { a, b } = belief.posterior(Prior::JEFFREYS) else { unreachable!() };
        let many: Vec<f64> = (0..4000).map(|_| belief.draw(Prior::JEFFREYS, &mut draws)).collect();
        let mean = many.iter().sum::<f64>() / 4000.0;
        let deviation = (a * b / (a + b).powi(2) / (a + b + 1.0)).sqrt();
        prop_assert!((mean - a / (a + b)).abs() < 5.0 * deviation / 4000_f64.sqrt());
        let Prior::Gaussian { mean: m, kappa, tau_square, nu } = belief.posterior(Prior::GAUSSIAN) else { unreachable!() };
        let many: Vec<f64> = (0..4000).map(|_| belief.draw(Prior::GAUSSIAN, &mut draws)).collect();
        let mean = many.iter().sum::<f64>() / 4000.0;
        let deviation = (tau_square / kappa * nu / (nu - 2.0)).sqrt();
        prop_assert!((mean - m).abs() < 5.0 * deviation / 4000_f64.sqrt());
        prop_assert_eq!(belief.count() as usize, seen.len());
    }
}

/// Both happen: wider at the root, and deeper below it.
#[test]
fn goes_wider_and_deeper() {
    for kind in THOMPSON {
        let mut depths = BTreeSet::new();
        let mut widths = BTreeSet::new();
        for seed in 0..20 {
            let tree = World { eos: 0.05, boundary: 0.5, ..World::new(kind, seed) }.run().tree;
            depths.extend(tree.ids().map(|id| tree.node(id).depth));
            widths.insert(tree.children(NodeId::ROOT).len());
        }
        assert!(
            depths.contains(&3) && widths.iter().any(|&width| width > 4),
            "{depths:?} {widths:?}"
        );
    }
}

/// Scores how many of the first steps are right, of three: what cannot be lost by a wrong one after it.
struct Perfect;

impl PathScorer for Perfect {
    fn score(&self, path: &Path) -> Result<Score, ModelError> {
        let text = path.text();
        let ends = text.match_indices('.').map(|(at, _)| at + 1).take(3);
        let right = ends.take_while(|&end| on_the_way(&text[..end])).count();
        Ok(Score::new(right as f32 / 3.0)?)
    }
}

/// With a scorer that knows, what leads to the answer grows: three right steps are found in more than
/// twice as many searches as where the scorer says nothing.
#[test]
fn a_perfect_scorer_leads_to_the_answer() {
    let found = |prior, knows: bool| {
        let found = (0..40).filter(|&seed| {
            let world = World { boundary: 0.4, eos: 0.0, path: 100, ..World::new(0, seed) };
            let (mut engine, mut perfect) = (world.engine(), Immediate::new(Perfect));
            let mut blind = Reading::new(Affine(0.0, 0.5));
            let scorer: &mut dyn Scorer = if knows { &mut perfect } else { &mut blind };
            let mut models =
                Models { policy: &mut engine, scorers: vec![scorer], tools: Vec::new() };
            let strategy = ab_mcts(100, 3, prior).expect("sound");
            let out = search(task("q", seed, strategy), &mut models, &world.config(), &Frozen);
            let right = |id: NodeId| on_the_way(&out.tree.path(id).text());
            out.tree.ids().any(|id| out.tree.node(id).depth == 3 && right(id))
        });
        found.count()
    };
    for prior in [Prior::GAUSSIAN, Prior::JEFFREYS] {
        let (with, without) = (found(prior, true), found(prior, false));
        assert!(with > 2 * without + 4, "{with} with, {without} without");
    }
}
