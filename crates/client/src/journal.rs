//! What is written down of each job before it is acted on, so that a process that dies loses nothing.

#[cfg(feature = "journal")]
mod sqlite;

use std::fmt::{self, Debug};
use std::path::PathBuf;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use vod_aigc_core::{Action as _, CreateAigcVideoTaskRequest};
use vod_aigc_transport::Billed;

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
    /// When it was first sent, in seconds since 1970-01-01 UTC: the timestamp of the signature. The service refuses one that
    /// is more than 300 s from its own clock, so the time of a send that it accepted is right to within that.
    pub first_sent: Option<u64>,
    /// When it was last sent.
    pub last_sent: Option<u64>,
    /// Whether every send under the present `SessionId` that was answered before [`used_up_by`](Self::used_up_by) was
    /// refused, and there was one.
    pub refused_before: bool,
    /// A time, by the service's clock, at which the present `SessionId` was certainly used up: the service has said that it
    /// knows the id. Nothing can start under it any more, so nothing is sent with it again.
    #[serde(default)]
    pub used_up_by: Option<u64>,
    /// The task that the service named in its answer, until `DescribeTaskDetail` shows that it is this job's.
    #[serde(default)]
    pub claimed_task: Option<String>,
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
        /// Whether it ended for lack of capacity before it ran, which is not billed. A submit under the same key then
        /// starts another task.
        #[serde(default)]
        unbilled: bool,
    },
    /// A person has given it up: see [`forget_job`].
    Forgotten {
        /// How far it was.
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
    /// Whether there is nothing left to do: refused, failed, downloaded or forgotten.
    pub fn is_final(&self) -> bool {
        matches!(self, Self::Refused { .. } | Self::Failed { .. } | Self::Downloaded { .. } | Self::Forgotten { .. })
    }

    /// Whether the job was billed, as far as it is known.
    pub fn billed(&self) -> Billed {
        match self {
            Self::Planned | Self::Refused { .. } | Self::Failed { unbilled: true, .. } => Billed::No,
            Self::Accepted { .. } | Self::Done { .. } | Self::Downloaded { .. } => Billed::Yes,
            // The documentation does not say whether a task that failed is billed.
            Self::Sending | Self::Held { .. } | Self::Forgotten { .. } | Self::Failed { .. } => Billed::Unknown,
        }
    }

    /// How far a state is on the way from a task's acceptance to its file. A job's state only moves forward on it.
    fn progress_of_task(&self) -> u8 {
        match self {
            Self::Accepted { .. } => 1,
            Self::Failed { .. } => 2,
            Self::Done { .. } => 3,
            Self::Downloaded { .. } => 4,
            Self::Planned | Self::Sending | Self::Held { .. } | Self::Refused { .. } | Self::Forgotten { .. } => 0,
        }
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
            Self::Forgotten { reason } => write!(f, "forgotten: {reason}"),
            Self::Done { .. } => write!(f, "done"),
            Self::Downloaded { path, .. } => write!(f, "downloaded: {}", path.display()),
        }
    }
}

impl JobRecord {
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
        Some(match self.has_own_session_id() {
            true => session.to_owned(),
            false => format!("{session}-{:02}", self.attempt),
        })
    }

    /// Whether a task of this `SessionId` is one of this job's, of any attempt.
    pub fn owns(&self, session_id: &str) -> bool {
        self.attempt_of(session_id).is_some()
    }

    /// The attempt of this job that a `SessionId` belongs to; none where it is not this job's.
    pub(crate) fn attempt_of(&self, session_id: &str) -> Option<u8> {
        let session = self.session.as_deref()?;
        if self.has_own_session_id() {
            return (session_id == session).then_some(self.attempt);
        }
        session_id.strip_prefix(session)?.strip_prefix('-')?.parse().ok()
    }

    /// Whether its `SessionId` is the caller's, so that it goes out as it is and no other can take its place.
    fn has_own_session_id(&self) -> bool {
        self.session.as_deref().is_some_and(|session| !session.starts_with(DERIVED))
    }

    /// The job's next attempt, under a new `SessionId`. None where there is no other: the `SessionId` is the caller's, or two
    /// digits do not number more attempts.
    pub(crate) fn next_attempt(&self) -> Option<Self> {
        const LAST: u8 = 99;
        if self.session.is_none() || self.has_own_session_id() || self.attempt >= LAST {
            return None;
        }
        Some(Self {
            attempt: self.attempt + 1,
            state: JobState::Planned,
            first_sent: None,
            last_sent: None,
            refused_before: false,
            used_up_by: None,
            claimed_task: None,
            request_id: None,
            ..self.clone()
        })
    }

    /// Takes over what became of a task, unless the record is further on, or the task is not that of its present attempt.
    pub(crate) fn follow(&mut self, session_id: Option<&str>, state: &JobState) -> bool {
        let forward = match self.state.task_id() {
            Some(task_id) => {
                Some(task_id) == state.task_id() && state.progress_of_task() > self.state.progress_of_task()
            }
            None => session_id.is_some() && session_id == self.session_id().as_deref(),
        };
        if forward {
            self.state = state.clone();
        }
        forward
    }
}

/// What a `SessionId` that this client derives begins with.
pub(crate) const DERIVED: &str = "va2-";

/// Gives a job up on a person's word, and returns what was known of it until now; [`JobState::billed`] says whether it was
/// billed. Nothing is sent, and a task that was started is not stopped. A later submit of the same request under the same
/// key is a new job, `KEY~2`, and is billed.
///
/// # Errors
/// [`ForgetError`]; nothing is written then.
pub fn forget_job(journal: &dyn Journal, key: &str) -> Result<JobRecord, ForgetError> {
    loop {
        let job = journal.load(key).map_err(ForgetError::Journal)?.ok_or(ForgetError::Unknown)?;
        if let JobState::Refused { .. } | JobState::Downloaded { .. } | JobState::Forgotten { .. } = &job.state {
            return Err(ForgetError::NothingToForget(job.state));
        }
        let reason = match job.state.task_id() {
            Some(task_id) => format!("{}, task {task_id}", job.state),
            None => job.state.to_string(),
        };
        let forgotten = JobRecord { state: JobState::Forgotten { reason }, ..job.clone() };
        match journal.save(&forgotten) {
            // Another process has just written down more: what it wrote decides.
            Err(JournalError::Changed) => {}
            Err(error) => return Err(ForgetError::Journal(error)),
            Ok(_) => return Ok(job),
        }
    }
}

/// Why a job was not forgotten.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum ForgetError {
    /// The journal has no job of this key.
    Unknown,
    /// The job has ended, so that there is nothing to give up.
    NothingToForget(JobState),
    /// The journal failed.
    Journal(JournalError),
}

impl fmt::Display for ForgetError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unknown => write!(f, "the journal has no job of this key; `vod-aigc task list` shows all"),
            Self::NothingToForget(state) => write!(f, "there is nothing to forget: the job is {state}"),
            Self::Journal(error) => write!(f, "{error}"),
        }
    }
}

impl std::error::Error for ForgetError {}

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

#[cfg(test)]
mod tests {
    use vod_aigc_core::{Kling, video};
    use vod_aigc_transport::testing::SeededRandom;

    use super::*;
    use crate::Job;

    fn planned() -> JobRecord {
        let job = Job::new(video!(Kling::V2_1, prompt = "a panda")).prepare(1, "", &SeededRandom::new(1));
        job.expect("it is in order").into_parts().0
    }

    fn with(state: JobState) -> JobRecord {
        JobRecord { state, ..planned() }
    }

    fn accepted(task_id: &str) -> JobState {
        JobState::Accepted { task_id: task_id.to_owned() }
    }

    fn failed(task_id: &str) -> JobState {
        JobState::Failed { task_id: task_id.to_owned(), reason: "r".to_owned(), unbilled: false }
    }

    #[test]
    fn the_next_attempt_keeps_nothing_of_the_sends_before() {
        let used = JobRecord {
            state: failed("t"),
            first_sent: Some(1),
            last_sent: Some(2),
            refused_before: true,
            used_up_by: Some(3),
            claimed_task: Some("t".to_owned()),
            request_id: Some("r".to_owned()),
            ..planned()
        };
        assert_eq!(used.next_attempt(), Some(JobRecord { attempt: 1, ..planned() }));
    }

    #[test]
    fn there_are_a_hundred_attempts_and_none_but_one_under_a_session_id_of_the_callers() {
        assert!(JobRecord { attempt: 98, ..planned() }.next_attempt().is_some());
        assert!(JobRecord { attempt: 99, ..planned() }.next_attempt().is_none());
        assert!(JobRecord { session: None, ..planned() }.next_attempt().is_none());
        assert!(JobRecord { session: Some("own".to_owned()), ..planned() }.next_attempt().is_none());
    }

    #[test]
    fn what_became_of_a_task_is_taken_over_only_forward_and_only_of_the_same_attempt() {
        let own = planned().session_id();
        let done = JobState::Done { task_id: "t".to_owned() };
        for (from, session_id, to, moves) in [
            (accepted("t"), None, failed("t"), true),
            (accepted("t"), None, failed("other"), false),
            (accepted("t"), None, accepted("t"), false),
            (failed("t"), None, done.clone(), true),
            (done.clone(), None, failed("t"), false),
            (done.clone(), None, done.clone(), false),
            (JobState::Sending, own.as_deref(), done.clone(), true),
            (JobState::Sending, Some("other"), done.clone(), false),
            (JobState::Sending, None, done.clone(), false),
        ] {
            let mut record = with(from.clone());
            assert_eq!(record.follow(session_id, &to), moves, "{from:?} {session_id:?} {to:?}");
            assert_eq!(record.state, if moves { to } else { from });
        }
        // Without a SessionId nothing tells that the task is this job's.
        let mut record = JobRecord { session: None, ..with(JobState::Sending) };
        assert!(!record.follow(None, &done));
    }

    #[test]
    fn a_task_that_may_still_bring_something_is_not_final() {
        let done = JobState::Done { task_id: "t".to_owned() };
        let held = JobState::Held { reason: "r".to_owned() };
        for state in [JobState::Planned, JobState::Sending, held, accepted("t"), done] {
            assert!(!state.is_final(), "{state}");
        }
        assert!(failed("t").is_final());
        assert!(JobState::Refused { code: "c".to_owned() }.is_final());
    }

    #[test]
    fn errors_say_what_is_wrong() {
        assert!(JournalError::Store("disk full".to_owned()).to_string().contains("disk full"));
        assert!(JournalError::Changed.to_string().contains("another process"));
        assert!(ForgetError::Unknown.to_string().contains("no job of this key"));
        assert!(ForgetError::NothingToForget(accepted("t")).to_string().contains("the job is accepted"));
        assert!(ForgetError::Journal(JournalError::Changed).to_string().contains("another process"));
    }
}
