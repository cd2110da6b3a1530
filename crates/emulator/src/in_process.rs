//! The emulator without sockets: one call is one exchange.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use vod_aigc_signer::{Credential, Received};

use crate::clock::Clock;
use crate::exchange::Exchange;
use crate::fault::FaultRule;
use crate::state::{State, locked};
use crate::tasks::{Bill, Failing, LedgerEntry};
use crate::upload::Upload;
use crate::{api, service};

/// An emulator without sockets, for tests that play thousands of schedules: the same service, behaviour and faults as
/// those of an [`Emulator`](crate::Emulator), of which this is the inside. It needs no runtime and starts no thread.
///
/// Clones are the same one.
///
/// ```
/// use vod_aigc_emulator::{Emulator, Exchange, Received};
///
/// let service = Emulator::builder().in_process();
/// let health = Received { method: "GET", path: "/_emulator/health", query: "", headers: &[], body: &[] };
/// let Exchange::Reply(reply) = service.exchange(&health) else { panic!("no fault was asked for") };
/// assert_eq!(reply.status, 200);
/// ```
#[derive(Clone)]
pub struct InProcess {
    pub(crate) state: Arc<State>,
    pub(crate) credential: Credential,
}

impl InProcess {
    /// What a client gets for a request: the bytes of the reply, or what became of the connection. The Host header may
    /// be any that was signed.
    #[must_use]
    pub fn exchange(&self, request: &Received<'_>) -> Exchange {
        let faults = service::draw(&self.state, request);
        service::exchange(&self.state, request, &faults).joined()
    }

    /// What the addresses of files begin with: `http://localhost`, or where the emulator listens.
    #[must_use]
    pub fn endpoint(&self) -> &str {
        &self.state.endpoint
    }

    /// The first of the key pairs that it accepts.
    #[must_use]
    pub fn credential(&self) -> &Credential {
        &self.credential
    }

    /// Its clock.
    #[must_use]
    pub fn clock(&self) -> &Clock {
        &self.state.clock
    }

    /// Moves its clock forward, and every task with it.
    pub fn advance(&self, by: Duration) {
        self.state.clock.advance(by);
    }

    /// Every create that was accepted, oldest first.
    #[must_use]
    pub fn ledger(&self) -> Vec<LedgerEntry> {
        api::settle(&self.state, self.state.clock.now());
        locked(&self.state.store).ledger()
    }

    /// What the real service would bill.
    #[must_use]
    pub fn bill(&self) -> Bill {
        api::settle(&self.state, self.state.clock.now());
        locked(&self.state.store).bill()
    }

    /// Every upload that was applied for, oldest first.
    #[must_use]
    pub fn uploads(&self) -> Vec<Upload> {
        locked(&self.state.store).uploads.all()
    }

    /// Ends a running task now with `code` as its `ErrCodeExt`. False if there is no such task or
    /// it has ended.
    pub fn fail_task(&self, task_id: &str, code: &str) -> bool {
        api::fail_task(&self.state, task_id, code.to_owned()) == Failing::Done
    }

    /// Lets something go wrong from now on.
    pub fn inject(&self, rule: FaultRule) {
        locked(&self.state.schedule).add(rule);
    }

    /// Lets nothing go wrong any more, except what has begun.
    pub fn clear_faults(&self) {
        locked(&self.state.schedule).clear();
    }
}

impl fmt::Debug for InProcess {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("InProcess")
            .field("endpoint", &self.state.endpoint)
            .field("credential", &self.credential)
            .finish_non_exhaustive()
    }
}
