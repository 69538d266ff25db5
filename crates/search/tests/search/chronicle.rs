//! Chronicles say of a search what its outcome says, and are written down and read back whole.

use std::collections::BTreeSet;

use espalier_core::{Entry, Event, NodeId, Retain, TokenId};
use espalier_search::{
    BadTrace, Chronicle, NodeChronicle, chronicle, dot,
    trace::{Reply, ReplyKind},
};

use crate::{strategies::KINDS, toys::World};

fn worlds() -> impl Iterator<Item = World> {
    (0..KINDS).flat_map(|kind| (0..6).map(move |seed| World { eos: 0.1, ..World::new(kind, seed) }))
}

#[test]
fn a_chronicle_says_what_the_outcome_says() {
    for world in worlds() {
        let out = world.run();
        let told = chronicle(&out.trace, Some(10)).unwrap();
        assert_eq!((told.nodes.len(), told.stop), (out.tree.len(), out.stop));
        for node in &told.nodes {
            let known = out.tree.node(node.id);
            assert_eq!(node.parent, out.tree.parent(node.id));
            assert_eq!((&node.merged, &node.scores), (&known.merged, &known.scores));
            assert_eq!(
                (node.seed, node.finish, node.depth),
                (known.seed, known.finish(), known.depth)
            );
            assert_eq!(node.cost, out.ledger.node(node.id));
            let Some(step) = &known.step else { continue };
            assert_eq!((&node.text, &node.tokens[..]), (&step.text, &step.tokens[..]));
            assert_eq!(node.kv_bytes, Some(10 * step.tokens.len() as u64));
            let logprob: f64 = step.stats.iter().map(|stat| f64::from(stat.logprob)).sum();
            assert_eq!(
                (node.observed, node.logprob.is_none()),
                (step.observed, step.observed.is_some())
            );
            assert!((node.logprob.unwrap_or(0.0) - logprob).abs() < 1e-9);
        }
        let mut rounds = Entry::default();
        for round in &told.rounds {
            rounds += round.cost;
        }
        assert_eq!(rounds.spend(), out.ledger.total().spend());
        let made: u32 = told.rounds.iter().map(|round| round.made).sum();
        assert_eq!(made as usize + 1, told.nodes.len());
        let replies = |event: &&Event| matches!(event, Event::Proposed { .. });
        let proposed = out.trace.iter().filter(replies).count();
        let replies = told.nodes.iter().flat_map(|node| &node.replies);
        assert_eq!(replies.filter(|reply| reply.nodes.is_empty()).count(), proposed);
    }
}

#[test]
fn a_chronicle_is_written_and_read_back_whole() {
    for world in worlds() {
        let told = chronicle(&world.run().trace, None).unwrap();
        let text = serde_json::to_string(&told).unwrap();
        assert_eq!(serde_json::from_str::<Chronicle>(&text).unwrap(), told);
    }
}

#[test]
fn tokens_held_are_those_of_the_nodes_held_each_once() {
    for world in worlds() {
        let told = chronicle(&world.run().trace, None).unwrap();
        let mut paths: Vec<Vec<TokenId>> = Vec::new();
        for node in &told.nodes {
            let above = node.parent.map_or_else(Vec::new, |id| paths[id.index()].clone());
            paths.push([above, node.tokens.clone()].concat());
        }
        // Every run of tokens from the prompt on that ends in one of these nodes.
        let runs = |nodes: &[&NodeChronicle]| {
            let mut runs = BTreeSet::new();
            for node in nodes {
                let path = &paths[node.id.index()];
                runs.extend(
                    (path.len() - node.tokens.len() + 1..=path.len()).map(|end| &path[..end]),
                );
            }
            let prompt = nodes.iter().any(|node| node.parent.is_none());
            runs.len() as u64 + if prompt { told.prompt_tokens } else { 0 }
        };
        let all = told.rounds.iter().all(|round| round.retain == Retain::All);
        let forms = |node: &NodeChronicle| !node.merged.is_empty() || !node.replies.is_empty();
        for round in &told.rounds {
            let during = |node: &&NodeChronicle| {
                node.held.iter().any(|range| (range.0..=range.1).contains(&round.round))
            };
            let held: Vec<_> = told.nodes.iter().filter(during).collect();
            assert_eq!(round.kv_tokens_peak, runs(&held), "round {}", round.round);
            assert!(round.kv_tokens_after <= round.kv_tokens_peak);
            if round.retain == Retain::Nothing {
                assert_eq!(round.kv_tokens_after, 0);
            }
            // Nothing was ever let go of where every round retains all.
            if all && !told.nodes.iter().any(forms) {
                let there = |node: &&NodeChronicle| node.round <= Some(round.round);
                // An observation is computed when the path goes on from it.
                let computed = |node: &&NodeChronicle| {
                    let mut next = told.nodes.iter().filter(there);
                    node.observed.is_none() || next.any(|next| next.parent == Some(node.id))
                };
                let made: Vec<_> = told.nodes.iter().filter(there).filter(computed).collect();
                assert_eq!(round.kv_tokens_after, runs(&made));
            }
        }
    }
}

#[test]
fn only_paths_that_were_sampled_are_held() {
    for world in worlds() {
        let told = chronicle(&world.run().trace, None).unwrap();
        // Steps of one reply share its seed.
        let proposed = |node: &NodeChronicle| {
            let parent = node.parent.map(|id| &told.nodes[id.index()].replies);
            let of =
                |reply: &Reply| reply.kind == ReplyKind::Proposed && Some(reply.seed) == node.seed;
            parent.is_some_and(|replies| replies.iter().any(of))
        };
        let mut on_path = vec![false; told.nodes.len()];
        for node in told.nodes.iter().rev() {
            let sampled = node.parent.is_some()
                && node.merged.is_empty()
                && node.observed.is_none()
                && !proposed(node);
            if sampled {
                let round = node.round.unwrap();
                assert!(node.held.iter().any(|range| (range.0..=range.1).contains(&round)));
            }
            let held = sampled || on_path[node.id.index()];
            assert_eq!(!node.held.is_empty(), held, "node {}", node.id);
            if let (true, Some(parent)) = (held, node.parent) {
                on_path[parent.index()] = true;
            }
        }
    }
}

#[test]
fn a_beam_holds_what_it_keeps_and_no_more() {
    let told = chronicle(&World { eos: 0.08, ..World::new(3, 8) }.run().trace, None).unwrap();
    let held: Vec<(u64, u64)> =
        told.rounds.iter().map(|round| (round.kv_tokens_peak, round.kv_tokens_after)).collect();
    // The prompt's 5 and the steps of the tree in `snapshots::beam`, what begins alike once: 13 of the
    // first round's 15; then nodes 2 and 4, which share their first letter, and 13 of 14 new.
    assert_eq!(held, [(18, 18), (29, 29), (30, 30), (46, 46), (48, 48), (35, 35)]);
    let rounds = |node: usize| &told.nodes[node].held[..];
    assert_eq!((rounds(0), rounds(1), rounds(4)), (&[(0, 5)][..], &[(0, 0)][..], &[(0, 5)][..]));
}

#[test]
fn damaged_traces_are_refused_with_what_is_wrong() {
    let trace = World { eos: 0.08, ..World::new(3, 8) }.run().trace;
    let refused = |events: &[Event]| chronicle(events, None).unwrap_err();
    assert!(matches!(refused(&[]), BadTrace::NoStart));
    assert!(matches!(refused(&trace[1..]), BadTrace::NoStart));
    assert!(matches!(refused(&trace[..trace.len() - 1]), BadTrace::NoEnd));
    let without = |gone: usize| [&trace[..gone], &trace[gone + 1..]].concat();
    let first = |is: fn(&Event) -> bool| trace.iter().position(is).unwrap();
    let round = first(|event| matches!(event, Event::Round { round: 1, .. }));
    let error = refused(&without(round)).to_string();
    assert!(error.contains("is round `2` out of turn"), "{error}");
    let node = first(|event| matches!(event, Event::Node { node: NodeId(2), .. }));
    let error = refused(&without(node)).to_string();
    assert!(error.contains("does not fit node `2`"), "{error}");
    // Without its first round, nothing has a round to be charged to.
    assert!(matches!(refused(&without(1)), BadTrace::OutOfTurn { event: 1, .. }));
}

#[test]
fn a_beam_as_graphviz_draws_it() {
    let told = chronicle(&World { eos: 0.3, ..World::new(3, 8) }.run().trace, None).unwrap();
    insta::assert_snapshot!(dot(&told), @r#"
    digraph {
        0 [ label = "0 root" shape="box"]
        1 [ label = "1, round 0\l\"a!\"\l0.625  2 tokens\l" shape="box" peripheries="2"]
        2 [ label = "2, round 0\l\".\"\l0.219  1 token\l" shape="box"]
        3 [ label = "3, round 0\l\"!\"\l0.219  1 token\l" shape="box" peripheries="2"]
        4 [ label = "4, round 0\l\".\"\l0.219  1 token\l" shape="box" color="gray60" fontcolor="gray40"]
        5 [ label = "5, round 1\l\"!\"\l0.219  1 token\l" shape="box" peripheries="2"]
        6 [ label = "6, round 1\l\".\"\l0.219  1 token\l" shape="box" color="gray60" fontcolor="gray40"]
        0 -> 1 [ ]
        0 -> 2 [ ]
        0 -> 3 [ ]
        0 -> 4 [ ]
        2 -> 5 [ ]
        2 -> 6 [ ]
    }
    "#);
}

#[test]
fn merges_are_dashed_edges_and_text_stays_in_its_label() {
    let mut told = chronicle(&World { eos: 0.08, ..World::new(19, 8) }.run().trace, None).unwrap();
    told.nodes.truncate(8);
    told.nodes[1].text = "\"]; evil [\\\n</script>".to_owned();
    insta::assert_snapshot!(dot(&told), @r#"
    digraph {
        0 [ label = "0 root" shape="box"]
        1 [ label = "1, round 0\l\"\\\"]; evil [\\\\\\n</script>\"\l0.766  6 tokens\l" shape="box" peripheries="2"]
        2 [ label = "2, round 0\l\"acbba.bc!\"\l0.828  9 tokens\l" shape="box" peripheries="2"]
        3 [ label = "3, round 0\l\"!\"\l0.219  1 token\l" shape="box" peripheries="2"]
        4 [ label = "4, round 0\l\"abacc.!\"\l0.984  7 tokens\l" shape="box" peripheries="2"]
        5 [ label = "5, round 0\l\"bccabbb.!\"\l0.562  9 tokens\l" shape="box" peripheries="2"]
        6 [ label = "6, round 1\l\".\"\l0.219  1 token\l" shape="box" color="gray60" fontcolor="gray40"]
        7 [ label = "7, round 1\l\"cb!\"\l0.312  3 tokens\l" shape="box" peripheries="2"]
        0 -> 1 [ ]
        0 -> 2 [ ]
        0 -> 3 [ ]
        0 -> 4 [ ]
        0 -> 5 [ ]
        0 -> 6 [ ]
        1 -> 6 [ style="dashed"]
        2 -> 6 [ style="dashed"]
        0 -> 7 [ ]
        1 -> 7 [ style="dashed"]
        2 -> 7 [ style="dashed"]
    }
    "#);
}
