//! Services: models as queues. Asynchronous without `async`.

use std::collections::BTreeMap;

use crate::{ModelError, Ticket};

/// Something that takes requests and later answers them, each with one reply or one error.
///
/// Requests are submitted; [`poll`](Service::poll) returns within a bounded time with what has
/// completed since the last call. A local engine does a bounded amount of work in `poll`; a remote one
/// looks at its connections. Every ticket is answered exactly once unless it is cancelled.
pub trait Service {
    /// What is asked.
    type Ask;
    /// What comes back.
    type Reply;

    /// Queues `ask`. Nothing is computed yet; a bad request is answered with an error by `poll`.
    fn submit(&mut self, ask: Self::Ask) -> Ticket;

    /// Works for a bounded time and returns what has completed, in ticket order.
    ///
    /// An empty result means only that nothing has completed *yet*.
    fn poll(&mut self) -> Vec<(Ticket, Result<Self::Reply, ModelError>)>;

    /// Drops a request; its ticket is never answered. Unknown tickets are ignored.
    fn cancel(&mut self, ticket: Ticket);
}

/// Submits `asks` and polls until each has its reply; replies come in the order of `asks`.
///
/// For simple callers. Replies to tickets that others submitted are lost, so use it on a service you
/// own alone.
pub fn collect<S: Service + ?Sized>(
    service: &mut S,
    asks: impl IntoIterator<Item = S::Ask>,
) -> Vec<Result<S::Reply, ModelError>> {
    let tickets: Vec<Ticket> = asks.into_iter().map(|ask| service.submit(ask)).collect();
    let mut replies = BTreeMap::new();
    while tickets.iter().any(|ticket| !replies.contains_key(ticket)) {
        replies.extend(service.poll());
    }
    tickets.iter().filter_map(|ticket| replies.remove(ticket)).collect()
}
