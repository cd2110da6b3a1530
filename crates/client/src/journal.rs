//! What is written down of each job before it is acted on, so that a process that dies loses nothing.

#[cfg(feature = "journal")]
mod sqlite;

use std::fmt::{self, Debug};
use std::path::PathBuf;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use vod_aigc_core::{Action as _, CreateAigcVideoTaskRequest};

#[cfg(feature = "journal")]
pub use sqlite::SqliteJournal;

/// A store of jobs. Each method is durable when it returns.
///
/// Several processes may use one store at a time: [`save`](Journal::save) refuses a record that another process has changed
/// since it was read.
pub trait Journal: Debug + Send + Sync {
    /// Writes a new job down, or returns the one that stands under its key already. One step: of two processes that plan
    /// the same key, one gets the other's record.
    ///
    /// # Errors
    /// When the store cannot be read or written.
    fn plan(&self, job: &JobRecord) -> Result<JobRecord, JournalError>;

    /// Replaces the job of this key and gives the new revision. Its body is what was planned, and need not be written again.
    ///
    /// # Errors
    /// [`JournalError::Changed`] where the store holds another revision than the record's; nothing is written then.
    fn save(&self, job: &JobRecord) -> Result<u64, JournalError>;

    /// The job of this key.
    ///
    /// # Errors
    /// When the store cannot be read.
    fn load(&self, key: &str) -> Result<Option<JobRecord>, JournalError>;

    /// Every job, oldest first.
    ///
    /// # Errors
    /// When the store cannot be read.
    fn jobs(&self) -> Result<Vec<JobRecord>, JournalError>;
}

/// All that is known of one job. Holds no secret and no presigned URL.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct JobRecord {
    /// What the job is known by.
    pub key: String,
    /// The action that starts its task.
    #[serde(default = "video")]
    pub action: String,
    /// Whether others may submit the same job: its key or its `SessionId` is the caller's.
    pub shared: bool,
    /// SHA-256 of the request without its `SessionId`.
    pub digest: String,
    /// The part of the `SessionId` that all its sends share; none where the action takes no `SessionId`, so that the
    /// service cannot tell a repeated request from a new one.
    pub session: Option<String>,
    /// Which `SessionId` it has come to; a new one is taken only where the old one is known to have started nothing.
    pub attempt: u8,
    /// The server that it goes to.
    pub endpoint: String,
    /// The sub-application that owns the task.
    pub sub_app_id: u64,
    /// The model, as [`Model`](vod_aigc_core::Model) prints it; the action's name where its request names no model.
    pub model: String,
    /// Whether the request lets the task wait for off-peak hours.
    #[serde(default)]
    pub off_peak: bool,
    /// The request without its `SessionId`; none where it holds a URL that may be presigned.
    pub body: Option<Arc<String>>,
    /// Where the result is to go.
    pub output: Option<PathBuf>,
    /// How far it is.
    pub state: JobState,
    /// When it was first sent, in seconds since 1970-01-01 UTC by the service's clock.
    pub first_sent: Option<u64>,
    /// When it was last sent.
    pub last_sent: Option<u64>,
    /// Whether a send under the present `SessionId` was refused, which may have used the id up.
    pub refused_before: bool,
    /// The service's id of the last request that it answered.
    pub request_id: Option<String>,
    /// Counts the changes; the store's own.
    pub revision: u64,
}

/// How far a job is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "snake_case")]
#[non_exhaustive]
pub enum JobState {
    /// Nothing has been sent, or all that was sent is known to have started nothing.
    Planned,
    /// It is being sent, or was when the process died: the outcome is unknown until the service is asked.
    Sending,
    /// The outcome is unknown and could not be found out; a person or a later [`resume`](crate::Client::resume_job) goes on.
    Held {
        /// Why.
        reason: String,
    },
    /// The service refused it; nothing was started.
    Refused {
        /// The service's code.
        code: String,
    },
    /// A task was started.
    Accepted {
        /// Its id.
        task_id: String,
    },
    /// The task ended without a result.
    Failed {
        /// Its id.
        task_id: String,
        /// Why.
        reason: String,
    },
    /// The task has made its result.
    Done {
        /// Its id.
        task_id: String,
    },
    /// The result is on the disk.
    Downloaded {
        /// The task's id.
        task_id: String,
        /// Where it is.
        path: PathBuf,
    },
}

impl JobState {
    /// Whether there is nothing left to do: refused, failed or downloaded.
    pub fn is_final(&self) -> bool {
        matches!(self, Self::Refused { .. } | Self::Failed { .. } | Self::Downloaded { .. })
    }

    /// The task that was started, once it is known.
    pub fn task_id(&self) -> Option<&str> {
        match self {
            Self::Accepted { task_id }
            | Self::Failed { task_id, .. }
            | Self::Done { task_id }
            | Self::Downloaded { task_id, .. } => Some(task_id),
            _ => None,
        }
    }
}

impl fmt::Display for JobState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Planned => write!(f, "planned"),
            Self::Sending => write!(f, "outcome unknown"),
            Self::Held { reason } => write!(f, "held: {reason}"),
            Self::Refused { code } => write!(f, "refused: {code}"),
            Self::Accepted { .. } => write!(f, "accepted"),
            Self::Failed { reason, .. } => write!(f, "failed: {reason}"),
            Self::Done { .. } => write!(f, "done"),
            Self::Downloaded { path, .. } => write!(f, "downloaded: {}", path.display()),
        }
    }
}

impl JobRecord {
    /// Two digits number the attempts.
    pub(crate) const LAST_ATTEMPT: u8 = 99;

    /// Whether both stand for the same request to the same place.
    pub(crate) fn is_same_job(&self, other: &Self) -> bool {
        fn identity(it: &JobRecord) -> (&str, &str, u64, &str) {
            (&it.action, &it.digest, it.sub_app_id, &it.endpoint)
        }
        identity(self) == identity(other)
    }

    /// The `SessionId` of its present attempt, if its action takes one.
    pub fn session_id(&self) -> Option<String> {
        let session = self.session.as_deref()?;
        Some(match session.strip_prefix("va2-") {
            Some(_) => format!("{session}-{:02}", self.attempt),
            // The caller's own id goes out as it is.
            None => session.to_owned(),
        })
    }

    /// Whether a task of this `SessionId` is one of this job's, of any attempt.
    pub fn owns(&self, session_id: &str) -> bool {
        let Some(session) = self.session.as_deref() else {
            return false;
        };
        match session.strip_prefix("va2-") {
            Some(_) => session_id.strip_prefix(session).is_some_and(|rest| rest.starts_with('-')),
            None => session_id == session,
        }
    }
}

/// The action of records that were written before there was any other.
fn video() -> String {
    CreateAigcVideoTaskRequest::NAME.to_owned()
}

/// Why a journal could not be read or written.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum JournalError {
    /// The store failed.
    Store(String),
    /// Another process has changed the job.
    Changed,
}

impl fmt::Display for JournalError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Store(problem) => write!(f, "the journal cannot be used: {problem}"),
            Self::Changed => write!(f, "another process has changed the job in the journal"),
        }
    }
}

impl std::error::Error for JournalError {}
