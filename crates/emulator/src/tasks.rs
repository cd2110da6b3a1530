//! What the emulator remembers: tasks, the SessionIds they have used, and the ledger.

use std::collections::HashMap;
use std::time::{Duration, SystemTime};

use serde::{Serialize, Serializer};
use serde_json::Value;

use crate::clock::{iso, later};
use crate::media::Size;

/// How long the service remembers a SessionId, and a task (official API description).
pub(crate) const MEMORY: Duration = Duration::from_secs(3 * 24 * 60 * 60);

/// How long a task takes, by the emulator's clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timing {
    /// From its acceptance until work on it begins.
    pub waiting: Duration,
    /// From then until it ends.
    pub processing: Duration,
}

impl Default for Timing {
    /// One second, then three.
    fn default() -> Self {
        Self { waiting: Duration::from_secs(1), processing: Duration::from_secs(3) }
    }
}

/// One accepted create, which the real service would bill.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct LedgerEntry {
    /// The task that it started.
    pub task_id: String,
    /// The SessionId that it carried, if it carried one.
    pub session_id: Option<String>,
    /// The RequestId of the reply that accepted it.
    pub request_id: String,
    /// The model, as `Kling:2.1`.
    pub model: String,
    /// The sub-application that owns the task.
    pub sub_app_id: u64,
    /// When it was accepted, by the emulator's clock.
    #[serde(serialize_with = "as_iso")]
    pub time: SystemTime,
}

fn as_iso<S: Serializer>(time: &SystemTime, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&iso(*time))
}

/// A task and its fate, which is settled when it is accepted: every later state follows from the
/// clock.
pub(crate) struct Task {
    pub(crate) entry: LedgerEntry,
    /// The request as it came, without the bytes of its files.
    pub(crate) request: Value,
    pub(crate) size: Size,
    pub(crate) length: Duration,
    pub(crate) begins: SystemTime,
    pub(crate) ends: SystemTime,
    /// The `ErrCodeExt` that it ends with, if it is to fail.
    pub(crate) failure: Option<String>,
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
        match &self.failure {
            Some(code) => Stage::Failed(code),
            None => Stage::Finished,
        }
    }

    /// Whether its video is kept for good; else its address ends after [`TEMPORARY`](crate::files::TEMPORARY).
    pub(crate) fn is_stored(&self) -> bool {
        self.request["OutputConfig"]["StorageMode"] == "Permanent"
    }

    /// Whether the service still answers for it.
    fn is_visible(&self, now: SystemTime) -> bool {
        now < later(self.entry.time, MEMORY)
    }

    /// Ends the task now with `code`, unless it has ended already.
    fn fail(&mut self, now: SystemTime, code: String) -> Failing {
        if matches!(self.stage(now), Stage::Finished | Stage::Failed(_)) {
            return Failing::HasEnded;
        }
        self.begins = self.begins.min(now);
        self.ends = now;
        self.failure = Some(code);
        Failing::Done
    }
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
    by_id: HashMap<String, Task>,
    ledger: Vec<LedgerEntry>,
    /// When a sub-application last had a SessionId accepted.
    sessions: HashMap<(u64, String), SystemTime>,
}

impl Tasks {
    /// Takes a task in, unless its SessionId was accepted within [`MEMORY`]; false then.
    pub(crate) fn accept(&mut self, task: Task) -> bool {
        let entry = &task.entry;
        if let Some(session_id) = &entry.session_id {
            let session = (entry.sub_app_id, session_id.clone());
            if let Some(before) = self.sessions.get(&session)
                && entry.time < later(*before, MEMORY)
            {
                return false;
            }
            self.sessions.insert(session, entry.time);
        }
        self.ledger.push(entry.clone());
        self.by_id.insert(entry.task_id.clone(), task);
        true
    }

    /// The task, while the service still answers for it.
    pub(crate) fn find(&self, task_id: &str, now: SystemTime) -> Option<&Task> {
        self.by_id.get(task_id).filter(|task| task.is_visible(now))
    }

    /// The task, however old it is.
    pub(crate) fn find_any(&self, task_id: &str) -> Option<&Task> {
        self.by_id.get(task_id)
    }

    pub(crate) fn fail(&mut self, task_id: &str, now: SystemTime, code: String) -> Failing {
        match self.by_id.get_mut(task_id) {
            None => Failing::Unknown,
            Some(task) => task.fail(now, code),
        }
    }

    /// Every accepted create, oldest first.
    pub(crate) fn ledger(&self) -> &[LedgerEntry] {
        &self.ledger
    }
}
