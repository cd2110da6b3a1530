//! All that requests work on, and nothing that answers them.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

use tokio::sync::Notify;
use vod_aigc_signer::{Credential, Received};

use crate::behaviour::Behaviour;
use crate::clock::Clock;
use crate::identifiers::Identifiers;
use crate::rates::Rates;
use crate::schedule::Schedule;
use crate::store::Store;
use crate::tasks::Timing;
use crate::timeouts::Timeouts;

/// What every connection works on.
pub(crate) struct State {
    pub(crate) credentials: HashMap<String, Credential>,
    pub(crate) clock: Clock,
    pub(crate) timing: Timing,
    pub(crate) behaviour: Behaviour,
    /// Where this service is reached, for example `http://127.0.0.1:4000`.
    pub(crate) endpoint: String,
    /// Notified of every call that may have changed the tasks.
    pub(crate) changed: Notify,
    pub(crate) timeouts: Timeouts,
    /// The addresses that it listens on.
    pub(crate) listening: Mutex<Vec<SocketAddr>>,
    /// The further names by which its control surface may be reached.
    pub(crate) hosts: Vec<String>,
    pub(crate) identifiers: Identifiers,
    pub(crate) store: Mutex<Store>,
    pub(crate) schedule: Mutex<Schedule>,
    pub(crate) rates: Mutex<Rates>,
    pub(crate) delayed: Mutex<Vec<Delayed>>,
}

/// A request that takes effect later than it came.
pub(crate) struct Delayed {
    pub(crate) due: SystemTime,
    pub(crate) request_id: String,
    pub(crate) method: String,
    pub(crate) path: String,
    pub(crate) query: String,
    pub(crate) headers: Vec<(String, Vec<u8>)>,
    pub(crate) body: Vec<u8>,
}

impl Delayed {
    pub(crate) fn new(due: SystemTime, request_id: &str, received: &Received<'_>) -> Self {
        Self {
            due,
            request_id: request_id.to_owned(),
            method: received.method.to_owned(),
            path: received.path.to_owned(),
            query: received.query.to_owned(),
            headers: received.headers.iter().map(|(name, value)| ((*name).to_owned(), value.to_vec())).collect(),
            body: received.body.to_vec(),
        }
    }
}

/// What a mutex holds, even where an earlier holder panicked.
pub(crate) fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
