//! Pooling: one record made of the members' searches of one problem.

use std::sync::Arc;

use espalier_core::{Entry, Event, PolicyId, Prompt, Spend, Stop, ToolError};
use espalier_search::{BadTrace, Consensus, Voice, Weights, consensus, replay, voices};

use super::{Pooled, Spoken};
use crate::answers::Votes;
use crate::dataset::DatasetKind;
use crate::problem::Item;
use crate::record::{Outcome, Record};
use crate::validation::validate;

/// Why members' searches cannot be pooled.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PoolError {
    /// A trace cannot be told again.
    #[error("the trace of member {member} of problem `{id}` is of no use")]
    Trace {
        /// The member, from 1.
        member: usize,
        /// The problem.
        id: String,
        /// What is wrong.
        source: BadTrace,
    },
    /// A path could not be checked.
    #[error(transparent)]
    Validation(#[from] ToolError),
}

/// The ensemble's record of a problem: what each member recorded, with the trace of its search.
///
/// What was spent and done is the sum over the members; where a budget ended the search of one, it ended the
/// ensemble's. A member that failed has no voice; where all did, so has the ensemble.
///
/// # Errors
///
/// [`PoolError`].
pub fn pool(
    kind: DatasetKind,
    item: &Item,
    weights: Weights,
    members: &[(&Record, Vec<Event>)],
) -> Result<Record, PoolError> {
    let votes = Votes::of(kind, &item.problem.question);
    let prompt = Prompt { problem: item.problem.question.clone(), tokens: Arc::new([]) };
    let prompt = Arc::new(prompt);
    let (mut spoken, mut trees, mut failed) = (Vec::new(), Vec::new(), Vec::new());
    for (index, (record, events)) in members.iter().enumerate() {
        let member = index + 1;
        if let Some(error) = &record.error {
            failed.push((member, error.clone()));
            continue;
        }
        let tree = replay(Arc::clone(&prompt), u64::MAX, events)
            .map_err(|source| PoolError::Trace { member, id: item.problem.id.clone(), source })?;
        for voice in voices(PolicyId(index as u16), &tree, &votes, |_| 0.0) {
            let text = tree.path(voice.node).text();
            let validation = validate(kind, &item.problem, &text)?;
            let composite = weights.composite(&validation);
            let Voice { node, answer, .. } = voice;
            spoken.push(Spoken { member, node, answer, validation, composite });
        }
        trees.push((member, tree));
    }
    let (mut spend, mut ledger) = (Spend::default(), Entry::default());
    for (record, _) in members {
        spend += record.spend;
        ledger += record.ledger;
    }
    if failed.len() == members.len() {
        let errors: Vec<String> =
            failed.iter().map(|(member, error)| format!("member {member}: {error}")).collect();
        return Ok(Record::failed(item, errors.join("; "), spend, ledger));
    }
    let found = agree(&spoken, &votes);
    let chosen = found.as_ref().map(|found| (found.voice.member.index() + 1, found.voice.node));
    // A path without an answer is still worth reading.
    let chosen = chosen.or_else(|| {
        trees.iter().find_map(|(member, tree)| tree.finished().next().map(|node| (*member, node)))
    });
    let text = chosen.and_then(|(member, node)| {
        let (_, tree) = trees.iter().find(|(of, _)| *of == member)?;
        Some(tree.path(node).text())
    });
    let sum = |of: fn(&Record) -> u64| members.iter().map(|(record, _)| of(record)).sum::<u64>();
    let outcome = Outcome {
        stop: stop(members),
        spend,
        ledger,
        nodes: sum(|record| record.nodes),
        rounds: sum(|record| record.rounds.into()) as u32,
        node: chosen.map(|(_, node)| node),
        text,
        wall_s: members.iter().map(|(record, _)| record.wall_s).sum(),
        modulo: None,
    };
    let mut record = Record::graded(kind, item, outcome);
    record.pooled = Some(Pooled {
        member: chosen.map(|(member, _)| member),
        agreeing: found.as_ref().map_or(0, |found| found.agreeing.len()),
        members: members.len(),
        weight: found.map(|found| found.weight),
        voices: spoken,
        failed,
    });
    Ok(record)
}

fn agree(spoken: &[Spoken], votes: &Votes) -> Option<Consensus> {
    let voice = |one: &Spoken| Voice {
        member: PolicyId((one.member - 1) as u16),
        node: one.node,
        answer: one.answer.clone(),
        weight: one.composite,
    };
    consensus(&spoken.iter().map(voice).collect::<Vec<_>>(), votes)
}

/// Why the ensemble's search ended: the first reason of a member that is not its strategy's.
fn stop(members: &[(&Record, Vec<Event>)]) -> Stop {
    let stops = members.iter().filter_map(|(record, _)| record.stop);
    stops.into_iter().find(|stop| *stop != Stop::Done).unwrap_or(Stop::Done)
}
