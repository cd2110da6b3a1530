//! The service itself: what it answers to a request, and what goes wrong. It knows no sockets.

use vod_aigc_signer::Received;

use crate::exchange::Exchange;
use crate::fault::Fault;
use crate::state::{State, locked};
use crate::{routes, spoil};

/// The faults of this request. Counts it, so this is asked once for each.
pub(crate) fn draw(state: &State, received: &Received<'_>) -> Vec<Fault> {
    match routes::target(received) {
        routes::Called::Service(target) => locked(&state.schedule).draw(target),
        routes::Called::Control => Vec::new(),
    }
}

/// What the client gets of its request with these faults.
pub(crate) fn exchange(state: &State, received: &Received<'_>, faults: &[Fault]) -> Exchange {
    if let Some(exchange) = spoil::early(faults) {
        return exchange;
    }
    let now = state.clock.now();
    spoil::deliver(routes::reply(state, received, now, faults), faults, now)
}
