//! DOT: the tree of a chronicle as Graphviz draws it.

use std::fmt::Write as _;

use espalier_core::Finish;
use petgraph::{
    dot::{Config, Dot},
    graph::{DiGraph, NodeIndex},
    visit::EdgeRef,
};

use super::{Chronicle, NodeChronicle, snippet};

/// Writes the tree in Graphviz' language, for `dot -Tsvg`.
///
/// A box a node: id and round, the start of its text, and a line of scores (three digits, by scorer) and
/// tokens. Ended answers have a double border, steps that a length cap has cut a dashed one, and paths
/// that lead to no answer are grey. What a tool left is a note. Dashed edges come from what a node was made from beside its parent.
#[must_use]
pub fn dot(chronicle: &Chronicle) -> String {
    let mut graph = DiGraph::new();
    for node in &chronicle.nodes {
        graph.add_node(node);
    }
    let at = |id: espalier_core::NodeId| NodeIndex::<u32>::new(id.index());
    for node in &chronicle.nodes {
        if let Some(parent) = node.parent {
            graph.add_edge(at(parent), at(node.id), "");
        }
        for &from in &node.merged {
            graph.add_edge(at(from), at(node.id), r#"style="dashed""#);
        }
    }
    let drawn = graph.map(|_, node| label(node), |_, _| "");
    let edge = |_, edge: petgraph::graph::EdgeReference<'_, &str>| {
        graph.edge_weight(edge.id()).copied().unwrap_or_default().to_owned()
    };
    let node = |_, (index, _): (NodeIndex<u32>, &String)| style(graph[index]);
    let config = [Config::EdgeNoLabel];
    let dot = Dot::with_attr_getters(&drawn, &config, &edge, &node);
    format!("{dot}")
}

fn label(node: &NodeChronicle) -> String {
    let mut label = node.id.to_string();
    let Some(finish) = node.finish else { return format!("{label} root") };
    if let Some(round) = node.round {
        let _ = write!(label, ", round {round}");
    }
    let _ = write!(label, "\n{}\n", snippet(&node.text));
    if node.observed.is_some() {
        label.push_str("observation  ");
    }
    for score in node.scores.values() {
        let _ = write!(label, "{:.3}  ", score.get());
    }
    let tokens = node.tokens.len();
    let _ = write!(label, "{tokens} token{}", if tokens == 1 { "" } else { "s" });
    if finish == Finish::Length {
        label.push_str(", cut");
    }
    label.push('\n');
    label
}

fn style(node: &NodeChronicle) -> String {
    let shape = if node.observed.is_some() { "note" } else { "box" };
    let mut style = format!("shape=\"{shape}\"");
    match node.finish {
        Some(Finish::Eos) => style.push_str(" peripheries=\"2\""),
        Some(Finish::Length) => style.push_str(" style=\"dashed\""),
        _ => {}
    }
    if !node.kept {
        style.push_str(" color=\"gray60\" fontcolor=\"gray40\"");
    }
    style
}
