//! What the emulator remembers: tasks, the SessionIds they have used, and the ledger.

use std::collections::{BTreeMap, HashMap};
use std::time::{Duration, SystemTime};

use serde::{Deserialize, Serialize, Serializer};
use serde_json::Value;

use crate::behaviour::seconds;
use crate::clock::{iso, later};
use crate::kind::Kind;
use crate::product::Product;

/// The `ErrCodeExt` of a task that was stopped (official description).
pub(crate) const CANCELED: &str = "OperationCanceled";

/// How long a task takes, by the emulator's clock. In JSON: `{"waiting_seconds": 1, "processing_seconds": 3}`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[expect(clippy::exhaustive_structs, reason = "callers make values of it")]
pub struct Timing {
    /// From its acceptance until work on it begins.
    #[serde(rename = "waiting_seconds", deserialize_with = "seconds")]
    pub waiting: Duration,
    /// From then until it ends.
    #[serde(rename = "processing_seconds", deserialize_with = "seconds")]
    pub processing: Duration,
}

impl Default for Timing {
    /// One second, then three.
    fn default() -> Self {
        Self { waiting: Duration::from_secs(1), processing: Duration::from_secs(3) }
    }
}

/// One accepted create.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct LedgerEntry {
    /// The action that was called.
    pub action: &'static str,
    /// The task that it started, or the id of what it made at once.
    pub task_id: String,
    /// The SessionId that it carried, if it carried one.
    pub session_id: Option<String>,
    /// The SessionContext that it carried, by which a caller can recognise its own task.
    pub session_context: Option<String>,
    /// The RequestId of the reply that accepted it.
    pub request_id: String,
    /// The model, as `Kling:2.1`; where a request names none, what it names instead, such as its scene, or nothing.
    pub model: String,
    /// The sub-application that owns the task.
    pub sub_app_id: u64,
    /// When it was accepted, by the emulator's clock.
    #[serde(serialize_with = "as_iso")]
    pub time: SystemTime,
    /// The `ErrCodeExt` that its task ends with, now or in time, if it fails.
    pub failure: Option<String>,
    /// Whether the real service would bill it. It is not known whether a task that fails is billed, so this is false
    /// only for an action that costs nothing, and for a task that never ran: it was beyond the concurrency limit, or
    /// stopped in time.
    pub billed: bool,
}

/// What the real service would bill, and what a client tried in vain.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
#[non_exhaustive]
pub struct Bill {
    /// How many creates were accepted.
    pub accepted: u64,
    /// How many of them are billed.
    pub billed: u64,
    /// How many were refused because of their SessionId.
    pub duplicates_refused: u64,
    /// How many calls were refused because there had been too many of their action within a second.
    pub calls_refused: u64,
    /// The billed ones by action.
    pub by_action: BTreeMap<&'static str, u64>,
    /// The billed ones by SessionId; those without one are left out.
    pub by_session_id: BTreeMap<String, u64>,
}

impl Bill {
    pub(crate) fn of(entries: &[&LedgerEntry], tasks: &Tasks) -> Self {
        let mut bill = Self {
            accepted: entries.len() as u64,
            duplicates_refused: tasks.duplicates_refused,
            calls_refused: tasks.calls_refused,
            ..Self::default()
        };
        for entry in entries.iter().filter(|entry| entry.billed) {
            bill.billed += 1;
            *bill.by_action.entry(entry.action).or_default() += 1;
            if let Some(session_id) = &entry.session_id {
                *bill.by_session_id.entry(session_id.clone()).or_default() += 1;
            }
        }
        bill
    }
}

fn as_iso<S: Serializer>(time: &SystemTime, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&iso(*time))
}

/// A task and its effect, which is settled when it is accepted: every later state follows from the
/// clock.
pub(crate) struct Task {
    pub(crate) entry: LedgerEntry,
    pub(crate) kind: Kind,
    /// What of the request its details repeat, without the bytes of its files.
    pub(crate) input: Value,
    pub(crate) product: Product,
    pub(crate) begins: SystemTime,
    pub(crate) ends: SystemTime,
    pub(crate) is_aborted: bool,
    pub(crate) event: Event,
}

/// Where the event of a task's end is, once there is one.
#[derive(Default)]
pub(crate) struct Event {
    /// Its last handle, and until when that confirms it and hides it from others.
    pub(crate) pulled: Option<(String, SystemTime)>,
    pub(crate) confirmed: bool,
    pub(crate) posting: Posting,
}

/// How far the callback of a task's end is.
#[derive(Clone, Copy, Default)]
pub(crate) enum Posting {
    /// Not posted yet.
    #[default]
    New,
    /// Being posted: when the first try was, and how many there were before.
    UnderWay { first: SystemTime, failed: u32 },
    /// To be posted again.
    Retry { first: SystemTime, failed: u32, next: SystemTime },
    /// Taken, given up, or not to be posted.
    Over,
}

/// How far a task is.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stage<'a> {
    Waiting,
    /// With the percentage done, 0 to 99.
    Processing(u8),
    Finished,
    /// With its `ErrCodeExt`.
    Failed(&'a str),
    Aborted,
}

impl Stage<'_> {
    /// The outer status of the official description.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Waiting => "WAITING",
            Self::Processing(_) => "PROCESSING",
            Self::Finished | Self::Failed(_) => "FINISH",
            Self::Aborted => "ABORTED",
        }
    }
}

impl Task {
    pub(crate) fn stage(&self, now: SystemTime) -> Stage<'_> {
        if now < self.begins {
            return Stage::Waiting;
        }
        if let Ok(left) = self.ends.duration_since(now)
            && !left.is_zero()
        {
            let whole = self.ends.duration_since(self.begins).unwrap_or(left);
            let done = 1.0 - left.as_secs_f64() / whole.as_secs_f64();
            return Stage::Processing((100.0 * done) as u8);
        }
        match &self.entry.failure {
            _ if self.is_aborted => Stage::Aborted,
            Some(code) => Stage::Failed(code),
            None => Stage::Finished,
        }
    }

    /// Whether its files are kept for good; else their addresses end after [`TEMPORARY`](crate::files::TEMPORARY).
    pub(crate) fn is_stored(&self) -> bool {
        self.input["OutputConfig"]["StorageMode"] == "Permanent"
    }

    /// Whether the service answers for it, from `lag` after its acceptance until `kept` after it.
    pub(crate) fn is_visible(&self, now: SystemTime, lag: Duration, kept: Duration) -> bool {
        (later(self.entry.time, lag)..later(self.entry.time, kept)).contains(&now)
    }

    pub(crate) fn has_ended(&self, now: SystemTime) -> bool {
        !matches!(self.stage(now), Stage::Waiting | Stage::Processing(_))
    }

    /// Ends the task now with `code`, unless it has ended already.
    fn fail(&mut self, now: SystemTime, code: String) -> Failing {
        if self.has_ended(now) {
            return Failing::HasEnded;
        }
        self.begins = self.begins.min(now);
        self.ends = now;
        self.entry.failure = Some(code);
        Failing::Done
    }
}

/// What came of asking a task to stop.
pub(crate) enum Aborting {
    Done,
    HasBegun,
    Unknown,
}

/// What came of asking a task to fail.
#[derive(PartialEq, Eq)]
pub(crate) enum Failing {
    Done,
    HasEnded,
    Unknown,
}

/// All tasks since the start.
#[derive(Default)]
pub(crate) struct Tasks {
    /// In the order of their acceptance.
    all: Vec<Task>,
    by_id: HashMap<String, usize>,
    /// When a sub-application last used a SessionId up.
    sessions: HashMap<(u64, String), SystemTime>,
    pub(crate) duplicates_refused: u64,
    pub(crate) calls_refused: u64,
}

impl Tasks {
    /// Whether a SessionId was used up within `window`.
    pub(crate) fn is_used(&self, session: &(u64, String), now: SystemTime, window: Duration) -> bool {
        self.sessions.get(session).is_some_and(|used| now < later(*used, window))
    }

    pub(crate) fn use_up(&mut self, session: (u64, String), now: SystemTime) {
        self.sessions.insert(session, now);
    }

    pub(crate) fn accept(&mut self, task: Task) {
        self.by_id.insert(task.entry.task_id.clone(), self.all.len());
        self.all.push(task);
    }

    pub(crate) fn find(&self, task_id: &str) -> Option<&Task> {
        self.by_id.get(task_id).map(|index| &self.all[*index])
    }

    pub(crate) fn find_mut(&mut self, task_id: &str) -> Option<&mut Task> {
        self.by_id.get(task_id).map(|index| &mut self.all[*index])
    }

    pub(crate) fn all(&self) -> &[Task] {
        &self.all
    }

    pub(crate) fn all_mut(&mut self) -> &mut [Task] {
        &mut self.all
    }

    pub(crate) fn fail(&mut self, task_id: &str, now: SystemTime, code: String) -> Failing {
        match self.by_id.get(task_id) {
            None => Failing::Unknown,
            Some(index) => self.all[*index].fail(now, code),
        }
    }

    /// Stops a task that is there and waits.
    pub(crate) fn abort(&mut self, task_id: &str, now: SystemTime, is_there: impl FnOnce(&Task) -> bool) -> Aborting {
        let index = self.by_id.get(task_id).filter(|index| is_there(&self.all[**index]));
        let Some(task) = index.map(|index| &mut self.all[*index]) else { return Aborting::Unknown };
        if task.stage(now) != Stage::Waiting {
            return Aborting::HasBegun;
        }
        (task.begins, task.ends) = (now, now);
        task.is_aborted = true;
        task.entry.failure = Some(CANCELED.to_owned());
        task.entry.billed = false;
        Aborting::Done
    }
}
