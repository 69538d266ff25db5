//! Routes: whose request each ticket is.

use std::collections::BTreeMap;

use espalier_core::{ScorerId, Ticket, ToolId};

use crate::Models;

/// Who was asked: the policy, one of the scorers, or one of the tools.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Asked {
    Policy,
    Scorer(ScorerId),
    Tool(ToolId),
}

/// A unit of a round, and which of the nodes it makes.
pub(crate) type Part = (usize, usize);

/// A problem, by its index, and a part of its round.
pub(crate) type Place = (usize, Part);

/// Whose request each outstanding ticket is.
#[derive(Debug, Default)]
pub(crate) struct Routes(BTreeMap<(Asked, Ticket), Place>);

impl Routes {
    pub(crate) fn add(&mut self, asked: Asked, ticket: Ticket, place: Place) {
        self.0.insert((asked, ticket), place);
    }

    /// The place a reply belongs to, once; `None` for tickets that were cancelled or never ours.
    pub(crate) fn take(&mut self, asked: Asked, ticket: Ticket) -> Option<Place> {
        self.0.remove(&(asked, ticket))
    }

    /// Returns true if and only if a reply of this service is outstanding.
    pub(crate) fn waits_for(&self, asked: Asked) -> bool {
        self.0.range((asked, Ticket(0))..=(asked, Ticket(u64::MAX))).next().is_some()
    }

    /// Cancels every outstanding request of one problem.
    pub(crate) fn cancel(&mut self, problem: usize, models: &mut Models<'_>) {
        self.0.retain(|&(asked, ticket), place| {
            let ours = place.0 == problem;
            match asked {
                _ if !ours => {}
                Asked::Policy => models.policy.cancel(ticket),
                Asked::Scorer(scorer) => models.scorers[scorer.index()].cancel(ticket),
                Asked::Tool(tool) => models.tools[tool.index()].tool.calls().cancel(ticket),
            }
            !ours
        });
    }
}
