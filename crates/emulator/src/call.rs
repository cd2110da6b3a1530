//! One call of an action: the request, and the state that its handler works on.

use std::sync::{Mutex, MutexGuard};
use std::time::SystemTime;

use serde::de::DeserializeOwned;
use serde_json::Value;
use vod_aigc_core::Action;

use crate::behaviour::Behaviour;
use crate::fault::Fault;
use crate::identifiers::Identifiers;
use crate::refusal::{Refusal, read};
use crate::state::locked;
use crate::store::Store;
use crate::target::Target;
use crate::tasks::{LedgerEntry, Timing};

/// One call of an action, which has come through the checks that all share.
pub(crate) struct Call<'a> {
    pub(crate) target: Target,
    pub(crate) body: &'a [u8],
    pub(crate) request_id: &'a str,
    pub(crate) now: SystemTime,
    pub(crate) faults: &'a [Fault],
    pub(crate) behaviour: &'a Behaviour,
    pub(crate) timing: &'a Timing,
    pub(crate) identifiers: &'a Identifiers,
    /// Where files are served, for example `http://127.0.0.1:4000`.
    pub(crate) endpoint: &'a str,
    pub(crate) store: &'a Mutex<Store>,
}

impl<'a> Call<'a> {
    pub(crate) fn store(&self) -> MutexGuard<'a, Store> {
        locked(self.store)
    }

    /// The name of the action.
    pub(crate) fn action(&self) -> &'static str {
        self.target.action().map_or("", |action| action.name)
    }

    pub(crate) fn is_paid(&self) -> bool {
        self.target.is_paid()
    }

    /// The ledger entry of something that was made without a task.
    pub(crate) fn paid(&self, id: &str, sub_app_id: u64) -> LedgerEntry {
        LedgerEntry {
            action: self.action(),
            task_id: id.to_owned(),
            session_id: None,
            session_context: None,
            request_id: self.request_id.to_owned(),
            model: String::new(),
            sub_app_id,
            time: self.now,
            failure: None,
            billed: self.is_paid(),
        }
    }

    /// The request, as its type and as JSON.
    pub(crate) fn request<R: Action + DeserializeOwned>(&self) -> Result<(R, Value), Refusal> {
        read(self.body)
    }
}
