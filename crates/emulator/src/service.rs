//! The service itself: what it answers to a request, and what goes wrong. It knows no sockets.

use vod_aigc_signer::Received;

use crate::exchange::Exchange;
use crate::fault::Fault;
use crate::state::{State, locked};
use crate::{fault_injection, routes};

/// The faults of this request. Counts it, so this is asked once for each.
pub(crate) fn draw(state: &State, received: &Received<'_>) -> Vec<Fault> {
    match routes::target(received) {
        routes::Called::Service(target) => locked(&state.schedule).draw(target),
        routes::Called::Control => Vec::new(),
    }
}

/// What the client gets of its request with these faults.
pub(crate) fn exchange(state: &State, received: &Received<'_>, faults: &[Fault]) -> Exchange {
    if let Some(exchange) = fault_injection::early(faults) {
        return exchange;
    }
    let now = state.clock.now();
    fault_injection::deliver(routes::reply(state, received, now, faults), faults, now)
}

/// What the client gets of a request that is refused whatever its body is; `None` if the body has to be read.
pub(crate) fn refuse_head(state: &State, received: &Received<'_>, faults: &[Fault]) -> Option<Exchange> {
    let now = state.clock.now();
    let reply = faults.is_empty().then(|| routes::refuse_head(state, received, now))??;
    Some(fault_injection::deliver(reply, faults, now))
}

/// What the client gets of a request whose body is larger than [`largest_body`](routes::largest_body).
pub(crate) fn refuse_size(state: &State, received: &Received<'_>, faults: &[Fault]) -> Exchange {
    fault_injection::deliver(routes::refuse_size(state, received), faults, state.clock.now())
}
