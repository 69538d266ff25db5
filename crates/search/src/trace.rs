//! Traces on disk and on screen: JSON lines, the tree they tell of, its chronicle, and pictures of it.

mod chronicle;
mod dot;
mod held;

use std::{
    fmt::Write as _,
    io::{self, BufRead, Write},
    sync::Arc,
};

use espalier_core::{Entry, Event, Finish, NodeId, ObservationStatus, Prompt, Step};

use crate::{Node, Tree};

pub use chronicle::{Chronicle, NodeChronicle, Reply, ReplyKind, RoundChronicle, chronicle};
pub use dot::dot;

/// A trace could not be read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BadTrace {
    /// The source cannot be read.
    #[error("cannot read line {line} of the trace")]
    Unreadable {
        /// Line number, from 1.
        line: usize,
        /// The cause.
        #[source]
        source: io::Error,
    },
    /// A line is not an event.
    #[error("line {line} of the trace is not an event; the file is damaged or of another version")]
    Malformed {
        /// Line number, from 1.
        line: usize,
        /// The cause.
        #[source]
        source: serde_json::Error,
    },
    /// An event speaks of a node that no earlier event made, or makes one out of turn.
    #[error("event {event} of the trace does not fit node `{node}`; the trace is incomplete")]
    OutOfTurn {
        /// Position in the trace, from 0.
        event: usize,
        /// The node.
        node: NodeId,
    },
    /// A round does not have the next number.
    #[error("event {event} of the trace is round `{round}` out of turn; the trace is incomplete")]
    RoundOutOfTurn {
        /// Position in the trace, from 0.
        event: usize,
        /// The round.
        round: u32,
    },
    /// The first event is not the start of a search.
    #[error("the trace does not begin with a `start` event; it is empty, damaged or no trace")]
    NoStart,
    /// The last event is not the end of a search.
    #[error("the trace does not end with an `end` event; it was cut off")]
    NoEnd,
}

/// Writes one JSON object a line.
///
/// # Errors
///
/// Those of `out`.
pub fn write(events: &[Event], out: &mut dyn Write) -> io::Result<()> {
    for event in events {
        serde_json::to_writer(&mut *out, event)?;
        out.write_all(b"\n")?;
    }
    Ok(())
}

/// Reads what [`write()`] wrote.
///
/// # Errors
///
/// [`BadTrace`], with the line's number.
pub fn read(source: impl BufRead) -> Result<Vec<Event>, BadTrace> {
    let event = |(index, line): (usize, io::Result<String>)| {
        let number = index + 1;
        let line = line.map_err(|source| BadTrace::Unreadable { line: number, source })?;
        serde_json::from_str(&line).map_err(|source| BadTrace::Malformed { line: number, source })
    };
    source.lines().enumerate().map(event).collect()
}

/// The tree a trace tells of, without a model. Steps carry what the trace does: tokens, text and
/// finish, but no per-token statistics. `room` is what paths could hold below the prompt, in tokens.
///
/// # Errors
///
/// [`BadTrace::OutOfTurn`].
pub fn replay(prompt: Arc<Prompt>, room: u64, events: &[Event]) -> Result<Tree, BadTrace> {
    retell(prompt, room, events, &mut |_, _| {})
}

/// The same as [`replay`], and tells `after` each round what the tree was and what had been spent by then.
///
/// # Errors
///
/// [`BadTrace::OutOfTurn`].
pub fn retell(
    prompt: Arc<Prompt>,
    room: u64,
    events: &[Event],
    after: &mut dyn FnMut(&Tree, &Entry),
) -> Result<Tree, BadTrace> {
    let mut tree = Tree::new(prompt, room);
    let (mut spent, mut in_round) = (Entry::default(), false);
    for (index, event) in events.iter().enumerate() {
        if matches!(event, Event::Round { .. } | Event::End { .. }) {
            if in_round {
                after(&tree, &spent);
            }
            in_round = matches!(event, Event::Round { .. });
        }
        if let Event::Proposed { cost, .. }
        | Event::Judged { cost, .. }
        | Event::Prompt { cost }
        | Event::Node { cost, .. }
        | Event::Scored { cost, .. } = event
        {
            spent += *cost;
        }
        let out_of_turn = |node| BadTrace::OutOfTurn { event: index, node };
        match event {
            Event::Node { node, parent, merged, observed, seed, tokens, text, finish, .. } => {
                let mut sources = merged.iter().chain([parent]);
                if node.index() != tree.len() || !sources.all(|&id| tree.contains(id)) {
                    return Err(out_of_turn(*node));
                }
                let step = Step {
                    tokens: tokens.as_slice().into(),
                    text: text.clone(),
                    stats: Vec::new(),
                    alternatives: Vec::new(),
                    observed: *observed,
                    finish: *finish,
                };
                tree.add(*parent, Arc::new(step), *seed, merged.clone());
            }
            Event::Scored { node, scorer, score, .. } => {
                if !tree.contains(*node) || tree.node(*node).score(*scorer).is_some() {
                    return Err(out_of_turn(*node));
                }
                tree.set_score(*node, *scorer, *score);
            }
            _ => {}
        }
    }
    Ok(tree)
}

/// Draws a tree, a line a node in depth-first order: id, indent by depth, start of the text, scores to
/// three digits by scorer, `-` where there is none, how the step finished, and what it was made from.
#[must_use]
pub fn render(tree: &Tree) -> String {
    let mut drawn = String::new();
    let mut next = vec![NodeId::ROOT];
    while let Some(id) = next.pop() {
        let node = tree.node(id);
        let indent = "  ".repeat(node.depth as usize);
        let text = node.step.as_ref().map_or(tree.prompt().problem.as_str(), |step| &step.text);
        let _ = write!(drawn, "{:>3} {indent}{} {}", id.0, snippet(text), marks(node));
        for (place, from) in node.merged.iter().enumerate() {
            let _ = write!(drawn, "{} {from}", if place == 0 { " from" } else { "" });
        }
        drawn.push('\n');
        next.extend(tree.children(id).iter().rev());
    }
    drawn
}

fn marks(node: &Node) -> String {
    let scores: Vec<String> =
        node.scores.values().map(|score| format!("{:.3}", score.get())).collect();
    let scores = if scores.is_empty() { "-".to_owned() } else { scores.join(" ") };
    match node.finish() {
        None => "root".to_owned(),
        Some(_) if node.observed().is_some() => observed(node),
        Some(Finish::Step) => scores,
        Some(Finish::Eos) => format!("{scores} eos"),
        Some(Finish::Length) => format!("{scores} length"),
    }
}

/// What a tool left, in words.
fn observed(node: &Node) -> String {
    let how = match node.observed().map(|observed| observed.status) {
        None | Some(ObservationStatus::Ok) => "observed",
        Some(ObservationStatus::Timeout) => "observed, timeout",
        Some(ObservationStatus::OutOfMemory) => "observed, out of memory",
        Some(ObservationStatus::OutputLimit) => "observed, too much output",
        Some(_) => "observed, failed",
    };
    let end = match node.finish() {
        Some(Finish::Eos) => " eos",
        Some(Finish::Length) => " length",
        _ => "",
    };
    format!("{how}{end}")
}

fn snippet(text: &str) -> String {
    const LONGEST: usize = 40;
    let mut chars = text.chars();
    let start: String = chars.by_ref().take(LONGEST).collect();
    let more = if chars.next().is_some() { "…" } else { "" };
    format!("{start:?}{more}")
}
